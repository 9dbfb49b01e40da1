//! Everything in `examples/` runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use kitchen_tests::{Kitchen, Said, repository};
use serde_json::Value;

fn example(name: &str) -> String {
    fs::read_to_string(repository::root().join("examples").join(name)).unwrap()
}

#[test]
fn programs_run() {
    let table = [
        ("loop", "epoch 20  loss "),
        ("custom_stage", "good enough after "),
    ];
    for (name, part) in table {
        let said = Said::of(repository::program(&format!("examples/{name}")).unwrap()).unwrap();
        assert_eq!(said.code, Some(0), "{name}: {}", said.err);
        assert!(said.out.contains(part), "{name}: {}", said.out);
    }
}

#[test]
fn configurations_run() {
    let kitchen = Kitchen::new().unwrap();
    let scenes = (0..400).map(|n| format!("Scene {n}: the king, and {} lords.\n", n * n % 97));
    kitchen
        .write("plays.txt", scenes.collect::<String>())
        .unwrap();
    let table = [
        ("digits.toml", "steps=60"),
        (
            "text.toml",
            "data.path=plays.txt steps=3 schedule.warmup=0 sample.tokens=4 evaluate.samples=16",
        ),
    ];
    for (name, short) in table {
        kitchen.write(name, example(name)).unwrap();
        let out = kitchen.ok(&format!("run {name} {short} --quiet")).unwrap();
        assert!(out.contains(" is done: "), "{name}: {out}");
    }
}

#[test]
fn the_workflow_is_that_of_the_recipes() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .write("flow.toml", example("workflows/supervised.toml"))
        .unwrap();
    kitchen.ok("validate flow.toml").unwrap();
    let written: Value = toml::from_str(&example("workflows/supervised.toml")).unwrap();
    assert_eq!(written, kitchen.json("describe supervised --json").unwrap());
}
