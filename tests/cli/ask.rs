//! Questions that the program answers without training.

use kitchen_tests::Kitchen;
use serde_json::Value;

/// Each line with what its answer holds.
#[test]
fn questions_are_answered() {
    let kitchen = Kitchen::new().unwrap();
    let table = [
        ("--version", "kitchen-native 0.1.0"),
        ("list", "tell handwritten digits apart"),
        ("describe digits", "teaches  classification"),
        ("describe supervised", "forward_backward"),
        ("describe optimizer_step", "reads"),
        ("data ls", "fashion-mnist"),
        (
            "data show iris --examples 2",
            "120 examples to train on, 30 held out",
        ),
        ("data show addition", "="),
        ("config show playground", "shape = \"spirals\""),
        ("config schema", "\"$schema\""),
        ("config validate digits lr=0.1", "nothing is wrong"),
        ("completions bash", "complete -F _kitchen"),
        ("completions zsh", "#compdef kitchen-native"),
        ("man", ".TH kitchen-native"),
    ];
    for (line, part) in table {
        let out = kitchen.ok(line).unwrap();
        assert!(out.contains(part), "{line}: no `{part}` in {out}");
    }
}

#[test]
fn answers_are_json_for_those_who_ask() {
    let kitchen = Kitchen::new().unwrap();
    let table = [
        ("list --json", "/recipes/0/name", "digits"),
        ("describe digits --json", "/name", "digits"),
        ("describe supervised --json", "/name", "supervised"),
        ("describe evaluate --json", "/name", "evaluate"),
        ("data ls --json", "/0/name", "digits"),
        (
            "data show iris --json",
            "/source",
            "150 iris flowers by four lengths (Fisher 1936), built in",
        ),
        ("config show digits --json", "/recipe", "digits"),
        (
            "config show digits lr=0.5 --provenance --json",
            "/lr/origin/argument",
            "lr=0.5",
        ),
        ("doctor --json", "/findings/0/what", "cpu"),
        ("config schema", "/title", "RunConfig"),
    ];
    for (line, pointer, expected) in table {
        let answer = kitchen.json(line).unwrap();
        let found = answer.pointer(pointer).and_then(Value::as_str);
        assert_eq!(found, Some(expected), "{line}{pointer}");
    }
}

#[test]
fn where_each_setting_came_from_is_told() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .write("my.toml", "recipe = 'playground'\nbatch = 16\n")
        .unwrap();
    let mut command = kitchen
        .command(["config", "show", "my.toml", "lr=0.5", "--provenance"])
        .unwrap();
    command.env("KITCHEN__SEED", "9");
    let out = kitchen_tests::Said::of(command).unwrap().out;
    let table = [
        ("lr", "0.5", "argument `lr=0.5`"),
        ("batch", "16", "my.toml:2"),
        ("seed", "9", "environment variable KITCHEN__SEED"),
        ("data.playground.shape", "\"spirals\"", "recipe playground"),
        ("optimizer.clip_norm", "0.0", "built in"),
    ];
    for (path, value, origin) in table {
        let line = out
            .lines()
            .find(|line| line.split(' ').next() == Some(path))
            .unwrap();
        let (before, after) = line.split_once(value).unwrap();
        assert_eq!((before.trim(), after.trim()), (path, origin));
    }
}

#[test]
fn doctor_finds_a_machine_that_works() {
    let kitchen = Kitchen::new().unwrap();
    let found = kitchen.json("doctor --json").unwrap();
    let findings = found["findings"].as_array().unwrap();
    let what: Vec<_> = findings.iter().map(|one| &one["what"]).collect();
    assert_eq!(
        what,
        ["cpu", "gpu", "runs", "cache", "downloads", "terminal"]
    );
    assert!(
        findings.iter().all(|one| one["works"] != false),
        "{findings:?}"
    );
    // Looking leaves no traces.
    assert!(!kitchen.path("runs").exists() && !kitchen.path("cache").exists());

    kitchen.write("file", "").unwrap();
    let said = kitchen.say("doctor --runs-dir file/runs").unwrap();
    assert_eq!(said.code, Some(3), "{}", said.out);
    assert!(said.out.contains("PROBLEM"), "{}", said.out);
}
