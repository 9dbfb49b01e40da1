//! What holds of all runs, and what each scenario is for.

use kitchen_sim::story::{
    ClusterSpec, Event, Incident, Moment, SCENARIOS, Seconds, Setting, Spec, Story, Trouble,
};
use kitchen_types::config::ClusterConfig;

use crate::{first, picked, spec, story, take};

/// Front ends fall back to it.
#[test]
fn the_specification_that_says_nothing_is_a_run() {
    assert!(Story::of(Spec::default()).unwrap().count() > 100);
}

#[test]
fn every_line_of_json_has_80_columns_and_is_read_again() {
    for scenario in SCENARIOS {
        let mut at = 0.0;
        for moment in story(scenario.name) {
            let line = serde_json::to_string(&moment).unwrap();
            assert!(line.len() <= 80, "{}: {line}", scenario.name);
            assert_eq!(serde_json::from_str::<Moment>(&line).unwrap(), moment);
            assert!(moment.at >= at, "{line}");
            at = moment.at;
        }
    }
}

fn lines(spec: Spec) -> Vec<String> {
    let story = Story::of(spec).unwrap();
    story
        .map(|moment| serde_json::to_string(&moment).unwrap())
        .collect()
}

/// FNV-1a, 64 bits.
fn fnv(lines: &[String]) -> u64 {
    let bytes = lines.iter().flat_map(|line| line.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_same_seed_tells_the_same_bytes_everywhere() {
    // Computed on x86-64.
    let sums = [1, 2, 3].map(|seed| {
        let mut spec = spec("bad-day");
        spec.seed = seed;
        format!("{:016x}", fnv(&lines(spec)))
    });
    assert_eq!(
        sums,
        ["8d5a304e101042f2", "16661811f3eb6576", "665e8d5dca81eb65"]
    );
}

#[test]
fn another_name_changes_nothing_else() {
    let before = spec("ecc-storm");
    let mut after = before.clone();
    after.name = "renamed".to_owned();
    after.about = "another".to_owned();
    after.data.name = "other".to_owned();
    // Llama-3 8B by its dimensions.
    after.model = toml::from_str(
        "layers = 32\nhidden = 4096\nheads = 32\nkv_heads = 8\nffn = 14336\nvocab = 128256",
    )
    .unwrap();
    let unnamed = |spec: Spec| -> Vec<String> {
        let lines = lines(spec);
        let is_name = |line: &String| {
            ["\"began\"", "\"model\"", "\"dataset\"", "runs/"]
                .iter()
                .any(|part| line.contains(part))
        };
        lines.into_iter().filter(|line| !is_name(line)).collect()
    };
    assert_eq!(unnamed(before), unnamed(after));
}

#[test]
fn what_breaks_later_leaves_the_past_alone() {
    let before = spec("calm");
    let mut after = before.clone();
    after.incidents.push(Incident {
        at: Seconds(1234.5),
        what: Trouble::GpuFailure { node: 2, gpu: 1 },
    });
    let at = 1234.5 + Story::of(before.clone()).unwrap().setting().setup.seconds();
    let mut changed = Story::of(after.clone()).unwrap();
    let past = |spec: Spec| -> Vec<Moment> {
        let story = Story::of(spec).unwrap();
        story.take_while(|moment| moment.at < at).collect()
    };
    assert_eq!(past(before), past(after.clone()));
    // And whoever comes later misses nothing.
    let whole = Story::of(after).unwrap();
    let later: Vec<Moment> = whole.filter(|moment| moment.at >= at).collect();
    changed.skip_to(at);
    assert_eq!(changed.collect::<Vec<_>>(), later);
}

#[test]
fn scenarios_are_what_their_names_say() {
    let told = |name: &str, wanted: &str| {
        let all: Vec<Moment> = story(name).collect();
        let lines = all
            .iter()
            .map(|moment| serde_json::to_string(moment).unwrap());
        assert!(
            lines.into_iter().any(|line| line.contains(wanted)),
            "{name}: {wanted}"
        );
    };
    told("node-failure", "power supply");
    told("network-partition", "nccl watchdog");
    told("straggler", "straggler");
    told("ecc-storm", "\"corrected\"");
    told("loss-spike", "rolled_back");
    told("thermal-event", "gpu thermal interface");
    told("bad-day", "\"hot\"");
    told("llama3-405b", "\"hot\"");
    told("slow-storage", "slow storage");
    for scenario in SCENARIOS {
        let spec = scenario.spec().unwrap();
        assert_eq!(spec.name, scenario.name);
        assert!((10..=61).contains(&spec.about.len()), "{}", spec.about);
    }
}

#[test]
fn thermal_events_slow_steps_down_and_then_switch_off() {
    let all: Vec<Moment> = story("thermal-event").collect();
    let clocks = picked(&all, take!(Hot { celsius, clock }));
    assert!(clocks.iter().all(|(celsius, _)| *celsius > 80.0));
    assert!(clocks.iter().any(|(_, clock)| *clock < 0.95));
    let steps = picked(&all, take!(Rate { step_s }));
    assert!(steps.iter().any(|step| *step > 1.02 * steps[0]));
    let failed = first(&all, take!(Failed { node }));
    assert_eq!(failed, 4, "the first node of rack 1");
}

#[test]
fn a_loss_spike_is_seen_and_passes() {
    let all: Vec<Moment> = story("loss-spike").collect();
    let losses = picked(&all, take!(Step { loss }));
    let most = |from: usize| losses[from..from + 30].iter().copied().fold(0.0, f64::max);
    // 40 minutes are 375 steps or so.
    let jump = (350..400).map(most).fold(0.0, f64::max);
    assert!(jump > 3.8, "{jump}");
    assert!(losses.last().unwrap() < &2.8);
}

/// The node and the network of a cluster, as a specification says in TOML.
fn node(text: &str) -> (u32, f64) {
    let spec = Spec::parse(&format!("[cluster]\n{text}")).unwrap();
    let cluster = Setting::job_of(&spec).unwrap().cluster;
    (cluster.devices_per_node, cluster.node_gbps)
}

#[test]
fn who_names_an_accelerator_means_its_nodes_and_network() {
    assert_eq!(node(""), (8, 3200.0));
    assert_eq!(node("accelerator = 'A100 SXM 80GB'"), (8, 1600.0));
    assert_eq!(node("accelerator = 'B300 SXM'"), (8, 6400.0));
    let tray = "accelerator = 'GB200 NVL72 (per GPU)'";
    assert_eq!(node(tray), (4, 1600.0));
    // What is named holds; a node of another size has as many adapters as devices.
    assert_eq!(node(&format!("{tray}\ngpus_per_node = 8")), (8, 3200.0));
    assert_eq!(node(&format!("{tray}\nnode_gbps = 100")), (4, 100.0));
    // Nobody sells nodes of these.
    assert_eq!(node("accelerator = 'RTX 4090'"), (8, 3200.0));
    // The configuration of a run names both, whatever the accelerator.
    let config = ClusterConfig {
        accelerator: "A100 SXM 80GB".to_owned(),
        ..ClusterConfig::default()
    };
    let named = ClusterSpec::from(&config);
    assert_eq!(
        (named.gpus_per_node, named.node_gbps),
        (Some(8), Some(3200.0))
    );
}

#[test]
fn the_size_of_nodes_decides_which_there_are() {
    let refused = |at: u32| {
        let text = format!(
            "[cluster]\naccelerator = 'GB200 NVL72 (per GPU)'\n[[incidents]]\nat = '1h'\n\
             what.gpu_failure = {{ node = 15, gpu = {at} }}"
        );
        Spec::parse(&text)
            .and_then(|spec| Setting::job_of(&spec))
            .err()
    };
    assert!(refused(3).is_none());
    let error = refused(4).unwrap().to_string();
    assert!(error.contains("GPU 4, but there are 4, from 0"), "{error}");
}

#[test]
fn a_layout_that_does_not_work_names_the_nearest_that_does() {
    let refusal = |layout: &str| {
        let text = format!("[layout]\n{layout}");
        let found = Spec::parse(&text).and_then(Setting::of);
        found.err().map(|error| error.to_string())
    };
    let remedy = "; the nearest layout that works: ";
    for layout in [
        "tp = 3",
        "sharding = 'none'",
        "micro_batch = 7",
        "tp = 8\npp = 3\nmicro_batch = 2",
        "tp = 2\nsp = false\nsharding = 'zero1'\nmicro_batch = 16",
    ] {
        let said = refusal(layout).unwrap();
        let (_, nearest) = said.split_once(remedy).unwrap();
        // What is named takes the place of what was asked for, and works.
        let key = |line: &str| line.split(' ').next().unwrap().to_owned();
        let changes: Vec<&str> = nearest.split(", ").collect();
        let is_changed = |line: &&str| changes.iter().any(|change| key(change) == key(line));
        let kept = layout.lines().filter(|line| !is_changed(line));
        let whole: Vec<&str> = kept.chain(changes.iter().copied()).collect();
        assert_eq!(refusal(&whole.join("\n")), None, "{layout}: {said}");
    }
    assert_eq!(
        refusal("tp = 3").unwrap().split_once(remedy).unwrap().1,
        "tp = 4"
    );
    // Nothing works for a model that is too large.
    let text = "[model]\npreset = 'llama3-405b'\n[cluster]\ngpus = 8\n[layout]\ntp = 8";
    let error = Spec::parse(text).and_then(Setting::of).unwrap_err();
    assert!(!error.to_string().contains(remedy), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_remedy() {
    let table = [
        ("seeds = 1", "unknown field `seeds`"),
        (
            "[model]\npreset = 'llama9'",
            "there is no model `llama9`; there are gpt2-124m",
        ),
        (
            "[model]\nlayers = 4",
            "the model has no `hidden`; name it, or a `preset`",
        ),
        (
            "[cluster]\naccelerator = 'H100'",
            "there is no accelerator `H100`; there are V100",
        ),
        (
            "[cluster]\ngpus = 0",
            "`cluster.gpus` is 0; it must be from 1 to 131072",
        ),
        ("[cluster]\ngpus = 1", "none of"),
        ("[layout]\ntp = 3", "is not a multiple of"),
        ("[layout]\nsharding = 'none'", "use sharding = dist-opt"),
        (
            "[schedule]\npeak_lr = nan",
            "`schedule.peak_lr` is NaN; it must be from",
        ),
        ("[software]\nprecison = 'fp8'", "unknown field `precison`"),
        (
            "name = '../up'",
            "`name` is \"../up\"; it must be up to 20 letters",
        ),
        (
            "[[incidents]]\nat = 'soon'\nwhat.node_failure = { node = 1 }",
            "`soon` is no length of time; write one like 90s",
        ),
        (
            "[[incidents]]\nat = '1h'\nwhat.node_failure = { node = 8 }",
            "the node failure at 3600s concerns node 8, but there are 8, from 0",
        ),
        (
            "[[incidents]]\nat = '1h'\nwhat.earthquake = { node = 8 }",
            "unknown variant `earthquake`",
        ),
        (
            "[[incidents]]\nat = '1h'\nwhat.node_failure = { node = 1, nod = 2 }",
            "unexpected keys in table: nod",
        ),
        (
            "[schedule]\nsteps = 1000000000",
            "a run takes ten years at most",
        ),
        (
            "[schedule]\nsteps = 2000000\n[every]\nvalidation = 1",
            "a million checkpoints or validations are enough",
        ),
        (
            "[schedule]\nanneal = { cosine = 2.0 }",
            "`schedule.anneal` is 2; it must be from 0 to 1",
        ),
        ("[data]\nseq_len = 0", "`data.seq_len` is 0"),
    ];
    for (text, part) in table {
        let error = Spec::parse(text)
            .and_then(Story::of)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
