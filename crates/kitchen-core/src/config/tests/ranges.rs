//! What must hold beyond types, one rule at a time.

use super::super::Layers;
use super::outcome;

/// A mixture of two domains.
const TWO: &str = "data.mixture.domains=[\
    {name='a', weight=1, data.playground.shape='moons'},\
    {name='b', weight=1, data.playground.shape='xor'}]";

/// Arguments over defaults, and what is said of them; nothing is said of what makes sense.
const TABLE: &[(&[&str], &str)] = &[
    (
        &["batch=0"],
        "argument `batch=0`: `batch` is 0, and must be from 1 to 1048576",
    ),
    (&["batch=1"], ""),
    (
        &["lr=0"],
        "argument `lr=0`: `lr` is 0, and must be above 0; 0.001 is a good start",
    ),
    (
        &["lr=-1"],
        "argument `lr=-1`: `lr` is -1, and must be above 0; 0.001 is a good start",
    ),
    (&["lr=1e-300"], ""),
    (
        &["steps=0"],
        "argument `steps=0`: `steps` is 0 steps, and must be from 1 to 2^53",
    ),
    (&["steps=1"], ""),
    (
        &["supervisor=on", "supervisor.window=9"],
        "argument `supervisor.window=9`: `supervisor.on.window` is 9, and must be from 10 to 100000",
    ),
    (
        &["supervisor=on", "supervisor.lr_factor=1"],
        "argument `supervisor.lr_factor=1`: `supervisor.on.lr_factor` is 1, and must be above 0 and below 1",
    ),
    (
        &["supervisor=on", "supervisor.confirm=6"],
        "argument `supervisor.confirm=6`: `supervisor.on.confirm` is 6, and must be from 1 to 5",
    ),
    (&["supervisor=on", "supervisor.max_retries=0"], ""),
    (
        &["guard=skip_step", "guard.window=3"],
        "argument `guard.window=3`: `guard.skip_step.window` is 3, and must be from 4 to 100000",
    ),
    (
        &["guard=zclip", "guard.alpha=1"],
        "argument `guard.alpha=1`: `guard.zclip.alpha` is 1, and must be at least 0 and below 1",
    ),
    (&["guard=zclip", "guard.max_norm=0"], ""),
    (&["guard=adagc", "guard.warmup=0"], ""),
    (
        &["guard=adagc", "guard.lambda_rel=0"],
        "argument `guard.lambda_rel=0`: `guard.adagc.lambda_rel` is 0, and must be above 0",
    ),
    (&["guard=spam", "optimizer.algorithm=adam"], ""),
    (
        &["guard=spam", "optimizer.algorithm=sgd"],
        "argument `guard=spam`: `guard=spam` looks after the moments of Adam, which this optimizer does not have; use `optimizer.algorithm=adam` or another guard",
    ),
    (
        &["curriculum=odm"],
        "argument `curriculum=odm`: `curriculum` chooses between the domains of a mixture, and `data` has fewer than two; use `data=mixture` with several, or `curriculum=off`",
    ),
    (&[TWO, "curriculum=odm"], ""),
    (
        &["data.mixture.domains=[{name='a', weight=1, from=9, data.playground={}}]"],
        "argument `data.mixture.domains=[{name='a', weight=1, from=9, data.playground={}}]`: no domain of `data.mixture.domains` comes from the beginning; leave `from` out of one",
    ),
    (
        &[
            "data.mixture.domains=[{name='a', weight=1, data.playground={}}, {name='a', weight=2, data.playground={}}]",
        ],
        "argument `data.mixture.domains=[{name='a', weight=1, data.playground={}}, {name='a', weight=2, data.playground={}}]`: `data.mixture.domains.1.name` is `a`, which is no name of its own; give every domain another",
    ),
    (
        &[TWO, "curriculum=doremi"],
        "argument `curriculum=doremi`: `curriculum.doremi.reference` has 0 numbers in a row, and there are 2 domains; name one for each, in their order",
    ),
    (
        &[TWO, "curriculum=doremi", "curriculum.reference=[1.0, 2.0]"],
        "",
    ),
    (
        &[TWO, "curriculum=skill_it", "curriculum.graph=[[1.0, 0.5]]"],
        "argument `curriculum.graph=[[1.0, 0.5]]`: `curriculum.skill_it.graph` has 1 numbers in a row, and there are 2 domains; name one for each, in their order",
    ),
    (
        &[TWO, "curriculum=replay", "curriculum.floor=0.6"],
        "argument `curriculum.floor=0.6`: `curriculum.replay.floor` is 0.6, and must be from 0 to 0.5",
    ),
    (
        &["faults.scale=0"],
        "argument `faults.scale=0`: `faults.scale` is 0, and must be above 0",
    ),
    (
        &["cluster.gpus=0"],
        "argument `cluster.gpus=0`: `cluster.gpus` is 0, and must be from 1 to 131072",
    ),
    (
        &["cluster.failures_per_day=1e9"],
        "argument `cluster.failures_per_day=1e9`: `cluster.failures_per_day` is 1000000000, and must be from 0 to 1000000",
    ),
    (
        &["cluster.speed=-1"],
        "argument `cluster.speed=-1`: `cluster.speed` is -1, and must be 0 or more",
    ),
    (
        &["cluster.incidents=[{at='1h',what={loss_spike={height=1,steps=2,rolls_back=false}}}]"],
        "argument `cluster.incidents=[{at='1h',what={loss_spike={height=1,steps=2,rolls_back=false}}}]`: `cluster.incidents` has a loss spike, and losses are not simulated here; plant a fault with `faults.nan_at` or `faults.samples`",
    ),
    (
        &["cluster.incidents=[{at='90s',what={straggler={node=0,slowness=0.5,lasts='2min'}}}]"],
        "",
    ),
    (
        &["seed=9007199254740993"],
        "argument `seed=9007199254740993`: `seed` is 9007199254740993, and can be at most 2^53",
    ),
    (
        &["model.dropout=1.0"],
        "argument `model.dropout=1.0`: `model.mlp.dropout` is 1, and must be at least 0 and below 1",
    ),
    (
        &["model.dropout=-0.1"],
        "argument `model.dropout=-0.1`: `model.mlp.dropout` is -0.1, and must be at least 0 and below 1",
    ),
    (
        &["model.hidden=[0]"],
        "argument `model.hidden=[0]`: `model.mlp.hidden` has a layer of width 0; each must be from 1 to 65536",
    ),
    (&["model.hidden=[]"], ""),
    (
        &["model=cnn", "model.channels=[]"],
        "argument `model.channels=[]`: `model.cnn.channels` is empty; give each convolution its channels, as in `[16, 32]`, or use `model=mlp`",
    ),
    (
        &["data.validation=0.0"],
        "argument `data.validation=0.0`: `data.digits.validation` is 0, and must be above 0 and below 1; 0.2 holds out a fifth",
    ),
    (
        &["data.validation=1.0"],
        "argument `data.validation=1.0`: `data.digits.validation` is 1, and must be above 0 and below 1; 0.2 holds out a fifth",
    ),
    (&["data.idx.path=x", "data.idx.validation=0.0"], ""),
    (
        &["data=words", "model=gpt", "model.heads=3"],
        "argument `model.heads=3`: `model.gpt.heads` is 3, which does not divide `model.gpt.width`, 128",
    ),
    (
        &["data=words", "model=gpt", "model.width=130"],
        "argument `model.width=130`: `model.gpt.heads` is 4, which does not divide `model.gpt.width`, 130",
    ),
    (
        &["data=words", "model=gpt", "model.heads=0"],
        "argument `model.heads=0`: `model.gpt.heads` is 0, and must be from 1 to 65536",
    ),
    (
        &["data=words", "model=gpt", "model.kv_heads=3"],
        "argument `model.kv_heads=3`: `model.gpt.kv_heads` is 3, which does not divide `model.gpt.heads`, 4",
    ),
    (&["data=words", "model=gpt", "model.kv_heads=2"], ""),
    (
        &[
            "data=words",
            "model=gpt",
            "model.width=20",
            "model.positions=rotary",
        ],
        "argument `model.positions=rotary`: each head is 5 wide, and rotary positions turn pairs of numbers; make `model.gpt.width` / `model.gpt.heads` even",
    ),
    (
        &["optimizer.accumulate=0"],
        "argument `optimizer.accumulate=0`: `optimizer.accumulate` is 0, and must be from 1 to 1048576",
    ),
    (
        &["optimizer.clip_norm=-1.0"],
        "argument `optimizer.clip_norm=-1.0`: `optimizer.clip_norm` is -1, and must be 0 or more",
    ),
    (
        &["optimizer.algorithm.sgd.nesterov=true"],
        "argument `optimizer.algorithm.sgd.nesterov=true`: Nesterov's momentum needs momentum; set `optimizer.algorithm.sgd.momentum`, usually 0.9",
    ),
    (
        &["optimizer.algorithm.beta2=1.0"],
        "argument `optimizer.algorithm.beta2=1.0`: `optimizer.algorithm.adamw.beta2` is 1, and must be at least 0 and below 1",
    ),
    (
        &["optimizer.algorithm.epsilon=0.0"],
        "argument `optimizer.algorithm.epsilon=0.0`: `optimizer.algorithm.adamw.epsilon` is 0, and must be above 0; 1e-8 is usual",
    ),
    (
        &["checkpoint.keep=1"],
        "argument `checkpoint.keep=1`: `checkpoint.keep` is 1, and must be from 2 to 1000000",
    ),
    (
        &["loss.cross_entropy.label_smoothing=1.0"],
        "argument `loss.cross_entropy.label_smoothing=1.0`: `loss.cross_entropy.label_smoothing` is 1, and must be at least 0 and below 1",
    ),
    (
        &["sample.temperature=-0.1"],
        "argument `sample.temperature=-0.1`: `sample.temperature` is -0.1, and must be 0 or more",
    ),
    (
        &["sample.top_p=0.0"],
        "argument `sample.top_p=0.0`: `sample.top_p` is 0, and must be above 0 and at most 1",
    ),
    (
        &["schedule.shape.exponential.end=0.0"],
        "argument `schedule.shape.exponential.end=0.0`: `schedule.shape.exponential.end` is 0, which a geometric fall never reaches; 0.01 is a good end",
    ),
    (
        &["schedule.shape.linear.end=1.5"],
        "argument `schedule.shape.linear.end=1.5`: `schedule.shape.linear.end` is 1.5, and must be from 0 to 1",
    ),
    (&["steps=10", "schedule.warmup=11"], ""),
    (
        &["data=csv"],
        "built in: `data.csv.path` is empty; name a CSV file: `data.csv.path=...`",
    ),
    (
        &["model=gpt"],
        "argument `model=gpt`: `model` is `gpt`, which does not take images; use `model=cnn` or `model=mlp`",
    ),
    (
        &["data=words"],
        "argument `data=words`: `model` is `mlp`, which does not take sequences of tokens; use `model=gpt` or `model=rnn`",
    ),
    (
        &["data=playground", "model=cnn"],
        "argument `model=cnn`: `model` is `cnn`, which does not take tables or points; use `model=mlp`",
    ),
    (&["data=hub", "model=gpt"], ""),
    (
        &["data=words", "model=rnn", "loss=mean_squared_error"],
        "argument `loss=mean_squared_error`: tokens are classes, and only `cross_entropy` measures those; leave `loss` at `auto`",
    ),
    (
        &["data=mixture"],
        "built in: `data.mixture.domains` is 0, and must be from 1 to 8191",
    ),
    (
        &["data.mixture.domains=[{name='a',weight=0,data='digits'}]"],
        "argument `data.mixture.domains=[{name='a',weight=0,data='digits'}]`: `data.mixture.domains.0.weight` is 0, and must be above 0",
    ),
    (
        &[
            "data.mixture.domains=[{name='a',weight=1,data='digits'},{name='b',weight=1,data='words'}]",
        ],
        "argument `data.mixture.domains=[{name='a',weight=1,data='digits'},{name='b',weight=1,data='words'}]`: the sources of `data.mixture.domains` differ in kind; mix texts with texts, images with images, tables with tables",
    ),
];

#[test]
fn each_rule_speaks_and_is_silent() {
    for (arguments, expected) in TABLE {
        let result = Layers::new("empty", "").arguments(arguments).resolve();
        let said = match result {
            Ok(_) => String::new(),
            Err(problems) => outcome(Err(problems)),
        };
        assert_eq!(said.trim_end(), *expected, "{arguments:?}");
    }
}
