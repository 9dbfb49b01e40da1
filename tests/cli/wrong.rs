//! What is wrong, where, and what to do: and the exit code that says so to scripts.

use kitchen_tests::Kitchen;

/// Each line with its exit code and what standard error or output says.
#[test]
fn mistakes_are_told_with_a_remedy() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.write("bad.toml", "lr = 0.1\nbtach = 3\n").unwrap();
    kitchen.write("torn.toml", "lr = \n").unwrap();
    kitchen.write("good.yaml", "lr: 0.1\n").unwrap();
    kitchen.write("bad.csv", "a,b\n1,2\n3\n").unwrap();
    kitchen
        .write("flow.toml", "name = 'x'\n[[steps]]\ndo.stage = 'evalute'\n")
        .unwrap();
    let table = [
        ("run digits learning_rate=1", 2, "did you mean `lr`?"),
        ("run digits btach=1", 2, "did you mean `batch`?"),
        ("run digits model.hiden=[8]", 2, "did you mean `hidden`?"),
        (
            "run digits model=resnet",
            2,
            "it is one of `mlp`, `cnn`, `gpt`, `rnn`",
        ),
        ("run digits lr=-1", 2, "lr"),
        ("run digits steps=soon", 2, "steps"),
        (
            "run digit",
            2,
            "there is no recipe `digit`; there are digits, night-shift, playground",
        ),
        ("run gone.toml", 2, "gone.toml: the file cannot be read"),
        ("run bad.toml", 2, "bad.toml:2: there is no key `btach`"),
        ("run torn.toml", 2, "torn.toml"),
        ("run text", 2, "name a text file: `data.text.path=...`"),
        ("run digits model=gpt", 2, "gpt"),
        (
            "run --device tpu",
            2,
            "[possible values: auto, gpu, cpu, cluster]",
        ),
        ("walk", 2, "unrecognized subcommand 'walk'"),
        (
            "evaluate",
            1,
            "there is no run in runs; start one with `run`",
        ),
        ("run table data=csv data.path=gone.csv", 1, "gone.csv"),
        (
            "run table data=csv data.path=bad.csv",
            1,
            "bad.csv:3: has 1 value for 2 columns",
        ),
        ("run digits --name ../x", 1, "cannot name a run"),
        ("resume nothing", 1, "there is no run `nothing`"),
        ("describe nothing", 1, "there is nothing called `nothing`"),
        ("data get nothing", 1, "there is no data set `nothing`"),
        ("validate bad.toml", 3, "did you mean `batch`?"),
        ("validate gone.toml", 3, "gone.toml"),
        ("validate flow.toml", 3, "evalute"),
        ("config validate digits lr=-1", 3, "lr"),
        ("validate good.yaml", 0, "nothing is wrong"),
    ];
    for (line, code, part) in table {
        let said = kitchen.say(line).unwrap();
        let text = format!("{}{}", said.out, said.err);
        assert_eq!(said.code, Some(code), "{line}: {text}");
        assert!(text.contains(part), "{line}: no `{part}` in {text}");
        assert!(!text.contains("panicked"), "{line}: {text}");
    }
}

#[test]
fn what_was_asked_wrongly_leaves_no_run() {
    let kitchen = Kitchen::new().unwrap();
    for line in ["run digits btach=1", "run digit", "run text"] {
        assert_eq!(kitchen.say(line).unwrap().code, Some(2), "{line}");
    }
    assert!(!kitchen.path("runs").exists());
}

#[test]
fn training_that_diverges_fails_and_says_so() {
    let kitchen = Kitchen::new().unwrap();
    let said = kitchen
        .say("run table data.name=diabetes steps=200 lr=1e6 optimizer.algorithm=sgd schedule.shape=constant --json")
        .unwrap();
    assert_eq!(said.code, Some(1), "{}", said.err);
    let last = said.out.lines().next_back().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["summary"]["status"], "failed");
    let reason = last["summary"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("training has diverged; lower lr"),
        "{reason}"
    );
}

#[test]
fn a_name_is_given_once() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.ok("run table steps=2 --quiet --name mine").unwrap();
    let said = kitchen
        .say("run table steps=2 --quiet --name mine")
        .unwrap();
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("there is a run called `mine` already"),
        "{}",
        said.err
    );
}
