//! How layers lie over each other.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::super::{ConfigSource, Layers, check, diff, leaves, recipe_named_in, to_toml};
use super::{layers, outcome};

fn check_arguments(arguments: &[&str], expected: Expect) {
    expected.assert_eq(&outcome(layers().arguments(arguments).resolve()));
}

#[test]
fn a_recipe_alone() {
    check_arguments(
        &[],
        expect![[r#"
        batch = 16 (recipe text)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        model chosen (recipe text)
        model.gpt.layers = 2 (recipe text)
        recipe = "text" (recipe text)
    "#]],
    );
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let resolved = layers()
        .file("run.toml", "batch = 20\nlr = 0.5\nseed = 7\n")
        .environment([
            ("KITCHEN__LR".into(), "0.25".into()),
            ("KITCHEN__SEED".into(), "8".into()),
            ("KITCHEN_RUNS_DIR".into(), "elsewhere".into()),
        ])
        .arguments(&["seed=9"])
        .resolve();
    expect![[r#"
        batch = 20 (run.toml:1)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        lr = 0.25 (environment variable KITCHEN__LR)
        model chosen (recipe text)
        model.gpt.layers = 2 (recipe text)
        recipe = "text" (recipe text)
        seed = 9 (argument `seed=9`)
    "#]]
    .assert_eq(&outcome(resolved));
}

#[test]
fn a_value_that_equals_the_default_still_wins() {
    let resolved = layers()
        .file("run.yaml", "lr: 0.5\n")
        .arguments(&["lr=0.001"])
        .resolve()
        .unwrap();
    assert_eq!(resolved.config.lr, 0.001);
    assert_eq!(
        resolved.provenance.of("lr"),
        ConfigSource::Argument("lr=0.001".into())
    );
    assert_eq!(resolved.provenance.of("seed"), ConfigSource::BuiltIn);
}

#[test]
fn another_variant_replaces_the_old_one_with_all_its_fields() {
    check_arguments(
        &["model=rnn"],
        expect![[r#"
        batch = 16 (recipe text)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        model chosen (argument `model=rnn`)
        recipe = "text" (recipe text)
    "#]],
    );
    check_arguments(
        &["model.rnn.width=32"],
        expect![[r#"
        batch = 16 (recipe text)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        model chosen (argument `model.rnn.width=32`)
        model.rnn.width = 32 (argument `model.rnn.width=32`)
        recipe = "text" (recipe text)
    "#]],
    );
}

#[test]
fn the_active_variant_may_be_left_out_and_named_again() {
    check_arguments(
        &[
            "model.layers=6",
            "data.tokenizer.bpe.vocabulary=300",
            "model=gpt",
        ],
        expect![[r#"
        batch = 16 (recipe text)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        data.text.tokenizer chosen (argument `data.tokenizer.bpe.vocabulary=300`)
        data.text.tokenizer.bpe.vocabulary = 300 (argument `data.tokenizer.bpe.vocabulary=300`)
        model chosen (argument `model=gpt`)
        model.gpt.layers = 6 (argument `model.layers=6`)
        recipe = "text" (recipe text)
    "#]],
    );
}

#[test]
fn files_may_leave_the_variant_out_too() {
    let resolved = layers()
        .file("run.json", "{\"model\": {\"layers\": 3},\n \"loss\": \"auto\", \"optimizer\": {\"algorithm\": \"sgd\"}}")
        .file("more.yml", "optimizer:\n  algorithm:\n    momentum: 0.9\n    adamw:\n")
        .resolve();
    expect![[r#"
        more.yml:3: there is no key `momentum` in `optimizer.algorithm.adamw`; it is a key elsewhere: `optimizer.algorithm.sgd.momentum`, `optimizer.algorithm.muon.momentum`; here its keys are `beta1`, `beta2`, `epsilon`, `weight_decay`
    "#]].assert_eq(&outcome(resolved));
}

#[test]
fn variants_win_over_fields_of_the_same_name() {
    // Muon has a field `adamw`; in full it is reached, in short the name is the other algorithm.
    check_arguments(
        &[
            "optimizer.algorithm=muon",
            "optimizer.algorithm.muon.adamw.beta1=0.8",
        ],
        expect![[r#"
            batch = 16 (recipe text)
            data chosen (recipe text)
            data.text.path = "a.txt" (recipe text)
            model chosen (recipe text)
            model.gpt.layers = 2 (recipe text)
            optimizer.algorithm chosen (argument `optimizer.algorithm.muon.adamw.beta1=0.8`)
            optimizer.algorithm.muon.adamw.beta1 = 0.8 (argument `optimizer.algorithm.muon.adamw.beta1=0.8`)
            recipe = "text" (recipe text)
        "#]],
    );
    check_arguments(
        &[
            "optimizer.algorithm=muon",
            "optimizer.algorithm.adamw.beta1=0.8",
        ],
        expect![[r#"
            batch = 16 (recipe text)
            data chosen (recipe text)
            data.text.path = "a.txt" (recipe text)
            model chosen (recipe text)
            model.gpt.layers = 2 (recipe text)
            optimizer.algorithm chosen (argument `optimizer.algorithm.adamw.beta1=0.8`)
            optimizer.algorithm.adamw.beta1 = 0.8 (argument `optimizer.algorithm.adamw.beta1=0.8`)
            recipe = "text" (recipe text)
        "#]],
    );
}

#[test]
fn values_are_toml_or_else_text() {
    let images = |arguments: &[&str]| {
        let images = Layers::new("images", "[data.images]\npath = \"x\"\n[model.mlp]\n");
        images
            .arguments(arguments)
            .resolve()
            .map(|resolved| leaves(&resolved.config))
    };
    let table: &[(&str, &str, Value)] = &[
        ("device=cpu", "device", json!("cpu")),
        ("steps=20 epochs", "steps", json!("20 epochs")),
        ("steps=\"20 epochs\"", "steps", json!("20 epochs")),
        ("steps=2_000", "steps", json!(2000)),
        ("steps=1e4", "steps", json!(10_000)),
        ("lr=3e-4", "lr", json!(3e-4)),
        ("lr=1", "lr", json!(1.0)),
        ("model.hidden=[64, 32]", "model.mlp.hidden", json!([64, 32])),
        ("model.hidden=[]", "model.mlp.hidden", json!([])),
        ("+model.hidden=16", "model.mlp.hidden", json!([128, 64, 16])),
        (
            "+model.hidden=[16, 8]",
            "model.mlp.hidden",
            json!([128, 64, 16, 8]),
        ),
        ("model.hidden.1=7", "model.mlp.hidden", json!([128, 7])),
        ("+seed=3", "seed", json!(3)),
        ("data.path=2024", "data.images.path", json!("2024")),
        ("data.path=a b=c", "data.images.path", json!("a b=c")),
        ("data.path='quoted'", "data.images.path", json!("quoted")),
        ("data.gray=false", "data.images.gray", json!(false)),
        ("sample.prompt=", "sample.prompt", json!("")),
        ("sample.prompt=true", "sample.prompt", json!("true")),
        (
            "data={images={path='q', size=9}}",
            "data.images.size",
            json!(9),
        ),
    ];
    for (argument, path, expected) in table {
        let leaves =
            images(&[argument]).unwrap_or_else(|problems| panic!("{argument}: {problems:?}"));
        assert_eq!(leaves.get(*path), Some(expected), "{argument}");
    }
}

#[test]
fn problems_are_told_together_with_what_could_be_meant() {
    check_arguments(
        &[
            "model.layer=6",
            "modle=gpt",
            "device=tpu",
            "batch=2.5",
            "lr=fast",
            "steps=20 hours",
            "model.hidden=[1]",
            "model=[1]",
            "loss=5",
            "batch",
            "a..b=1",
            "batch.size=1",
            "sample.prompt=[1]",
            "data=text=x",
            "recipe=digits",
            "~model.nothing",
            "~lr.x",
        ],
        expect![[r#"
            argument `model.layer=6`: there is no key `layer` in `model.gpt`; did you mean `layers`? its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
            argument `modle=gpt`: there is no key `modle` in the configuration; did you mean `model`? its keys are `batch`, `checkpoint`, `cluster`, `curriculum`, `data`, `device`, `early_stopping`, `evaluate`, `faults`, `guard`, `loss`, `lr`, `model`, `optimizer`, `recipe`, `sample`, `schedule`, `seed`, `steps`, `supervisor`
            argument `device=tpu`: `device` cannot be `tpu`; it is one of `auto`, `gpu`, `cpu`, `cluster`
            argument `batch=2.5`: `batch` is `2.5`, expected a whole number, 0 or more
            argument `lr=fast`: `lr` is the text "fast", expected a finite number
            argument `steps=20 hours`: `steps` is the text "20 hours", expected a number of steps such as `2000`, or a text such as `"20 epochs"`
            argument `model.hidden=[1]`: there is no key `hidden` in `model.gpt`; it is a key elsewhere: `model.mlp.hidden`, `model.cnn.hidden`; here its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
            argument `model=[1]`: `model` is a list, expected one of `mlp`, `cnn`, `gpt`, `rnn`
            argument `loss=5`: `loss` is `5`, expected one of `auto`, `cross_entropy`, `mean_squared_error`, `binary_cross_entropy`
            argument `batch`: this is not a setting; write `key=value`, `+key=value` to append to a list, or `~key` for the default
            argument `a..b=1`: `a..b` is not a path of keys; write it as `model.gpt.layers`
            argument `batch.size=1`: `batch` is a table, expected a whole number, 0 or more
            argument `data=text=x`: `data` cannot be `text=x`; did you mean `text`? it is one of `digits`, `table`, `playground`, `sequence`, `words`, `text`, `csv`, `idx`, `images`, `jsonl`, `hub`, `mixture`
            argument `~model.nothing`: there is no key `nothing` in `model.gpt`; its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
            argument `~lr.x`: `lr` holds no `x` that could be put back to its default
            argument `recipe=digits`: `recipe` is `digits`, and this run builds on `text`; the recipe is chosen first, as in `run digits`
        "#]],
    );
}

#[test]
fn environment_names_are_paths() {
    let resolved = layers()
        .environment([
            ("KITCHEN__MODEL__WIDTH".into(), "64".into()),
            ("KITCHEN__MODEL".into(), "rnn".into()),
            ("KITCHEN__MODEL__HEAD".into(), "4".into()),
            ("KITCHEN__DEVICE".into(), "gpu".into()),
        ])
        .resolve();
    expect![[r#"
        environment variable KITCHEN__MODEL__HEAD: there is no key `head` in `model.rnn`; its keys are `cell`, `dropout`, `layers`, `width`
    "#]].assert_eq(&outcome(resolved));
}

#[test]
fn what_has_no_default_must_be_given() {
    check_arguments(
        &["schedule.shape=exponential", "data.tokenizer=bpe"],
        expect![[r#"
            argument `data.tokenizer=bpe`: `data.text.tokenizer.bpe.vocabulary` is missing, and has no default; set it
            argument `schedule.shape=exponential`: `schedule.shape.exponential.end` is missing, and has no default; set it
        "#]],
    );
    check_arguments(
        &["data.mixture.domains=[{name='a'}]"],
        expect![[r#"
            argument `data.mixture.domains=[{name='a'}]`: `data.mixture.domains.0.data` is missing, and has no default; set it
            argument `data.mixture.domains=[{name='a'}]`: `data.mixture.domains.0.weight` is missing, and has no default; set it
        "#]],
    );
    check_arguments(
        &[
            "data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]",
        ],
        expect![[r#"
            batch = 16 (recipe text)
            data chosen (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains chosen (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.0.data chosen (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.0.name = "a" (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.0.weight = 1.0 (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.1.data chosen (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.1.name = "b" (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            data.mixture.domains.1.weight = 2.0 (argument `data.mixture.domains=[{name='a', weight=1, data={words={}}}, {name='b', weight=2, data='sequence'}]`)
            model chosen (recipe text)
            model.gpt.layers = 2 (recipe text)
            recipe = "text" (recipe text)
        "#]],
    );
}

#[test]
fn entries_of_a_list_of_tables_can_be_changed() {
    check_arguments(
        &[
            "data.mixture.domains=[{name='a', weight=1, data='words'}]",
            "+data.mixture.domains={name='b', weight=2, data='words'}",
            "data.mixture.domains.1.weight=3",
            "data.domains.0.data.validation=0.5",
            "data.domains.2.weight=1",
        ],
        expect![[r#"
            argument `data.domains.2.weight=1`: `data.mixture.domains` has 2 entries, counted from 0, and none is 2
        "#]],
    );
}

#[test]
fn a_later_variant_shows_where_it_came_from() {
    let resolved = layers().arguments(&["model=rnn", "~model"]).resolve();
    expect![[r#"
        batch = 16 (recipe text)
        data chosen (recipe text)
        data.text.path = "a.txt" (recipe text)
        model chosen (recipe text)
        model.gpt.layers = 2 (recipe text)
        recipe = "text" (recipe text)
    "#]]
    .assert_eq(&outcome(resolved));
}

#[test]
fn canonical_text_reads_back() {
    for arguments in [
        &[][..],
        &[
            "model=rnn",
            "optimizer.algorithm=muon",
            "schedule.shape.cosine.end=0.1",
        ],
        &[
            "data.tokenizer.bpe.vocabulary=300",
            "loss.cross_entropy.label_smoothing=0.1",
        ],
        &[
            "data.mixture.domains=[{name='a', weight=1, data='words'}]",
            "lr=1e-300",
        ],
    ] {
        let config = layers().arguments(arguments).resolve().unwrap().config;
        let text = to_toml(&config).unwrap();
        let again = Layers::new("text", "")
            .file("again.toml", &text)
            .resolve()
            .unwrap()
            .config;
        assert_eq!(again, config, "{text}");
        assert_eq!(
            toml::from_str::<kitchen_types::RunConfig>(&text).unwrap(),
            config
        );
    }
}

#[test]
fn differences_are_told_by_path() {
    let old = layers().resolve().unwrap().config;
    let new = layers()
        .arguments(&["model=rnn", "lr=0.5"])
        .resolve()
        .unwrap()
        .config;
    assert_eq!(diff(&old, &old), []);
    let text: Vec<_> = diff(&old, &new)
        .into_iter()
        .map(|one| {
            let word = |value: Option<Value>| value.map_or("-".to_owned(), |v| v.to_string());
            format!("{}: {} -> {}", one.path, word(one.old), word(one.new))
        })
        .collect();
    expect![[r#"
        lr: 0.001 -> 0.5
        model.gpt.bias: false -> -
        model.gpt.dropout: 0.0 -> -
        model.gpt.feed_forward: "gelu" -> -
        model.gpt.heads: 4 -> -
        model.gpt.kv_heads: 0 -> -
        model.gpt.layers: 2 -> -
        model.gpt.norm: "layer" -> -
        model.gpt.positions: "learned" -> -
        model.gpt.tied: true -> -
        model.gpt.width: 128 -> -
        model.rnn.cell: - -> "lstm"
        model.rnn.dropout: - -> 0.0
        model.rnn.layers: - -> 1
        model.rnn.width: - -> 128"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn a_file_may_name_its_recipe() {
    assert_eq!(
        recipe_named_in("a.toml", "recipe = 'text'"),
        Ok(Some("text".into()))
    );
    assert_eq!(recipe_named_in("a.toml", "lr = 1"), Ok(None));
    assert!(recipe_named_in("a.toml", "lr = ").is_err());
}

#[test]
fn the_default_configuration_makes_sense() {
    assert_eq!(check(&kitchen_types::RunConfig::default()), []);
}
