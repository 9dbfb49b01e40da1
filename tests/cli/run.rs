//! `run`: its output for people, for scripts, and for nobody.

use expect_test::expect;
use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::json_lines;
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

/// Scripts rely on these names.
#[test]
fn json_is_envelopes_and_then_a_summary() {
    let kitchen = Kitchen::new().unwrap();
    let lines = kitchen
        .json_lines("run digits steps=200 --json --name mine")
        .unwrap();
    let (last, envelopes) = lines.split_last().unwrap();

    for (envelope, seq) in envelopes.iter().zip(0..) {
        assert_eq!(keys(envelope), ["at_ms", "event", "run", "seq"]);
        assert_eq!(envelope["run"], "mine");
        assert_eq!(envelope["seq"], seq);
    }
    let steps = envelopes
        .iter()
        .filter_map(|line| line.pointer("/event/stepped/step"));
    let steps: Vec<u64> = steps.filter_map(Value::as_u64).collect();
    assert_eq!(steps, (1..=200).collect::<Vec<_>>());

    assert_eq!(keys(last), ["summary"]);
    let summary = &last["summary"];
    assert_eq!(
        keys(summary),
        [
            "device",
            "duration_s",
            "metrics",
            "reason",
            "recipe",
            "run",
            "run_dir",
            "status",
            "steps",
        ]
    );
    assert_eq!(
        keys(&summary["metrics"]),
        [
            "best.step",
            "best.validation.accuracy",
            "best.validation.loss",
            "train.accuracy",
            "train.loss",
            "validation.accuracy",
            "validation.loss",
        ]
    );
    assert_eq!(
        (
            &summary["run"],
            &summary["status"],
            &summary["steps"],
            &summary["device"]
        ),
        (
            &"mine".into(),
            &"completed".into(),
            &200.into(),
            &"cpu".into()
        )
    );
    assert!(kitchen.path(summary["run_dir"].as_str().unwrap()).is_dir());
    assert!(summary["duration_s"].as_f64().unwrap() > 0.0);
    // Guessing gets a tenth of the digits right.
    assert!(summary["metrics"]["validation.accuracy"].as_f64().unwrap() > 0.5);

    // What was printed is what was recorded.
    let record = String::from_utf8(kitchen.read("runs/mine/events.jsonl").unwrap()).unwrap();
    assert_eq!(json_lines(&record).unwrap(), envelopes);
}

/// The words of the output stay; numbers that depend on the machine, and the steps that it had time
/// to report, do not.
fn shape(text: &str) -> String {
    let is_step =
        |line: &&str| line.ends_with(" s") && line.starts_with("  ") && line.contains(" %");
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !is_step(line)) {
        let words = line.split(' ').map(|word| match word.parse::<f64>() {
            Ok(_) if word.contains('.') => "#",
            _ => word,
        });
        lines.push(words.collect::<Vec<_>>().join(" ") + "\n");
    }
    lines.concat()
}

#[test]
fn plain_lines_tell_what_happens() {
    let kitchen = Kitchen::new().unwrap();
    let out = kitchen
        .ok("run digits steps=60 evaluate.every=30 checkpoint.every=50 model.hidden=[8] --name mine")
        .unwrap();
    expect![[""]].assert_eq(&shape(&out));
}

#[test]
fn quiet_only_says_how_it_ended() {
    let kitchen = Kitchen::new().unwrap();
    let out = kitchen.ok("run table steps=5 --quiet --name mine").unwrap();
    assert!(out.starts_with("mine is done: 5 steps in "), "{out}");
}

#[test]
fn nothing_is_coloured_where_nobody_asked() {
    let kitchen = Kitchen::new().unwrap();
    for line in ["run table steps=5", "doctor", "list", "--help"] {
        let mut command = kitchen.command(line.split(' ')).unwrap();
        command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0");
        let said = kitchen_tests::Said::of(command).unwrap();
        assert_eq!(said.code, Some(0), "{line}: {}", said.err);
        assert!(
            !said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'),
            "{line}"
        );
    }
}

#[test]
fn a_dry_run_shows_the_plan_and_leaves_nothing() {
    let kitchen = Kitchen::new().unwrap();
    let out = kitchen.ok("run digits --dry-run").unwrap();
    for part in [
        "recipe    digits",
        "1,350 steps",
        "batches of 32",
        "forward_backward",
    ] {
        assert!(out.contains(part), "no `{part}` in {out}");
    }
    assert!(!kitchen.path("runs").exists());
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let kitchen = Kitchen::new().unwrap();
    for (name, seed) in [("a", 7), ("b", 7), ("c", 8)] {
        let line = format!("run digits steps=20 seed={seed} --quiet --name {name}");
        kitchen.ok(&line).unwrap();
    }
    let weights = |name| {
        kitchen
            .read(&format!("runs/{name}/export/model.safetensors"))
            .unwrap()
    };
    assert!(
        weights("a") == weights("b"),
        "equal seeds gave other weights"
    );
    assert!(
        weights("a") != weights("c"),
        "another seed gave the same weights"
    );
}
