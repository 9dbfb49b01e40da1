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

/// The words of the output stay; measured numbers, and the steps that there was time to report,
/// depend on the machine.
fn shape(text: &str) -> String {
    let is_step = |line: &&str| line.starts_with("  ") && line.contains(" %  ");
    let lines = text.lines().filter(|line| !is_step(line));
    lines
        .map(|line| {
            line.split_once(" steps in ")
                .map_or(line, |(before, _)| before)
        })
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

/// `#` in the place of a decimal number, or of the hash in a checkpoint's name.
fn word(word: &str) -> String {
    let number = word.trim_matches(|c: char| !c.is_ascii_digit());
    if number.contains('.') && number.parse::<f64>().is_ok() {
        return word.replace(number, "#");
    }
    match word
        .strip_prefix("step-")
        .and_then(|rest| rest.split_once('-'))
    {
        Some((step, _)) => format!("step-{step}-#"),
        None => word.to_owned(),
    }
}

#[test]
fn plain_lines_tell_what_happens() {
    let kitchen = Kitchen::new().unwrap();
    let out = kitchen
        .ok("run digits steps=60 evaluate.every=100 checkpoint.every=100 model.hidden=[8] --name mine")
        .unwrap();
    expect![[r#"
        run      mine (digits)
        data     1,797 handwritten digits of 8x8 pixels (UCI), built in: 1,438 to train on, 359 held out
        plan     60 steps, 44 an epoch
        device   cpu: it was asked for
        model    610 parameters
            step  epoch       loss  accuracy         lr  samples/s  left
              60  validation loss #, accuracy # % (the best so far)
              60  saved step-000000060-# (# kB, the best so far)
        weights  export/model.safetensors (# kB)
        weights  export/card.json (# kB)

        mine is done: 60

          it can        tell # % of 359 held-out examples rightly (loss #)
          expected      at least 97 % of held-out digits right (guessing gives 10 %)
          where         runs/mine, with 1 checkpoint
          weights       runs/mine/export/model.safetensors
          model card    runs/mine/export/card.json

          try next      kitchen-native run digits model=cnn
                            a convolutional network sees neighbouring pixels together
                        kitchen-native run digits 'model.hidden=[]'
                            a linear model: how far do straight lines get?
                        kitchen-native run fashion-mnist
                            the same question on 60,000 photos of clothes
                        kitchen-native evaluate mine
                            what this model can do
    "#]].assert_eq(&shape(&out));
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
        "1,320 steps",
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
        let line = format!("run digits steps=60 seed={seed} --quiet --name {name}");
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
