//! A run that is killed in the middle, wherever that is, goes on as if nothing had happened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::json_lines;
use serde_json::Value;

/// Dropout, evaluations and saves at steps that do not fall together.
const SETTINGS: &str =
    "digits steps=400 evaluate.every=70 checkpoint.every=30 model.hidden=[64,32] model.dropout=0.2";
const STEPS: u64 = 400;

fn recorded(kitchen: &Kitchen, run: &str) -> Vec<Value> {
    let record = kitchen.read(&format!("runs/{run}/events.jsonl")).unwrap();
    json_lines(std::str::from_utf8(&record).unwrap()).unwrap()
}

/// What a crash in the middle of a write leaves behind.
fn tear_the_record(kitchen: &Kitchen, run: &str) {
    let path = kitchen.path(format!("runs/{run}/events.jsonl"));
    let mut record = OpenOptions::new().append(true).open(path).unwrap();
    record.write_all(br#"{"run":"killed","seq":99"#).unwrap();
}

#[test]
fn killed_three_times_it_ends_with_the_same_weights() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .ok(&format!("run {SETTINGS} --quiet --name whole"))
        .unwrap();

    // Before the first save; in the middle; soon after going on.
    let mut run = kitchen
        .start(&format!("run {SETTINGS} --json --name killed"))
        .unwrap();
    run.lines(12).unwrap();
    run.kill().unwrap();
    for lines in [180, 45] {
        tear_the_record(&kitchen, "killed");
        let mut run = kitchen.start("resume killed --json").unwrap();
        run.lines(lines).unwrap();
        run.kill().unwrap();
    }
    let last = kitchen.json_lines("resume killed --json").unwrap();
    let summary = &last.last().unwrap()["summary"];
    assert_eq!(
        (&summary["status"], &summary["steps"]),
        (&"completed".into(), &STEPS.into())
    );

    let weights = |run| {
        kitchen
            .read(&format!("runs/{run}/export/model.safetensors"))
            .unwrap()
    };
    assert!(weights("killed") == weights("whole"), "the weights differ");

    let envelopes = recorded(&kitchen, "killed");
    for (envelope, seq) in envelopes.iter().zip(0..) {
        assert_eq!(envelope["seq"], seq, "a gap in the record");
    }
    let began = |line: &&Value| line.pointer("/event/run_started").is_some();
    assert_eq!(envelopes.iter().filter(began).count(), 4);
    check_steps(&envelopes, &recorded(&kitchen, "whole"));
}

/// Every step is in the record; one that was taken twice gave the same loss both times, which is
/// that of the run that nobody killed.
fn check_steps(killed: &[Value], whole: &[Value]) {
    let losses = |envelopes: &[Value]| -> BTreeSet<(u64, String)> {
        let steps = envelopes
            .iter()
            .filter_map(|line| line.pointer("/event/stepped"));
        let pairs = steps.map(|step| (step["step"].as_u64().unwrap(), step["loss"].to_string()));
        pairs.collect()
    };
    let (killed, whole) = (losses(killed), losses(whole));
    let numbers: Vec<u64> = killed.iter().map(|(step, _)| *step).collect();
    assert_eq!(numbers, (1..=STEPS).collect::<Vec<_>>());
    assert_eq!(killed, whole);
}

/// What is on disk does not wait for a reader who does not keep up.
#[test]
fn the_record_keeps_up_with_checkpoints_while_nobody_reads() {
    let kitchen = Kitchen::new().unwrap();
    let line = "run digits steps=1500 checkpoint.every=500 evaluate.every=1500 --json --name mine";
    let mut run = kitchen.start(line).unwrap();
    run.line().unwrap();
    // By then it has said far more than a pipe holds.
    let saved = || fs::read_dir(kitchen.path("runs/mine/checkpoints")).map_or(0, Iterator::count);
    while saved() < 2 {
        thread::sleep(Duration::from_millis(20));
    }
    run.kill().unwrap();
    kitchen.ok("resume mine --quiet").unwrap();
    let envelopes = recorded(&kitchen, "mine");
    let steps = envelopes
        .iter()
        .filter_map(|line| line.pointer("/event/stepped/step"));
    let steps: BTreeSet<u64> = steps.filter_map(Value::as_u64).collect();
    assert_eq!(steps, (1..=1500).collect());
}

#[test]
fn a_run_belongs_to_one_process() {
    let kitchen = Kitchen::new().unwrap();
    let mut run = kitchen
        .start("run digits steps=100000 checkpoint.every=50000 --json --name mine")
        .unwrap();
    run.event("stepped").unwrap();
    for line in ["resume mine", "runs rm mine"] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(1), "{line}: {}", said.out);
        assert!(said.err.contains("another process"), "{line}: {}", said.err);
    }
    let listed = kitchen.ok("runs ls").unwrap();
    assert!(listed.contains("running"), "{listed}");
    run.kill().unwrap();
    assert!(kitchen.ok("runs ls").unwrap().contains("cut off"));
    assert_eq!(kitchen.ok("runs rm mine").unwrap(), "removed mine\n");
}

/// How often the supervised run is killed. `KITCHEN_KILLS=1000` makes a soak of it.
fn kills() -> u64 {
    match std::env::var("KITCHEN_KILLS") {
        Ok(kills) => kills.parse().unwrap(),
        Err(_) => 50,
    }
}

/// Spoilt examples, a NaN, repairs, and a crash at any moment: what comes out is what comes out
/// without the crashes.
#[test]
fn killed_again_and_again_a_supervised_run_ends_the_same() {
    let kills = kills();
    let kitchen = Kitchen::new().unwrap();
    // So many that it does not end before the last kill.
    let settings = format!("night-shift steps={} checkpoint.every=10", 200 * kills);
    kitchen
        .ok(&format!("run {settings} --quiet --name whole"))
        .unwrap();
    let mut line = format!("run {settings} --json --name killed");
    for kill in 0..kills {
        let mut run = kitchen.start(&line).unwrap();
        run.event("stepped").unwrap();
        // Another moment each time; the first are the most eventful.
        thread::sleep(Duration::from_millis(kill * 7 % 40));
        run.kill().unwrap();
        line = "resume killed --json".into();
    }
    kitchen.ok("resume killed --quiet").unwrap();
    for file in ["export/model.safetensors", "supervisor.json"] {
        let read = |run| kitchen.read(&format!("runs/{run}/{file}")).unwrap();
        assert!(read("killed") == read("whole"), "{file} differs");
    }
    let envelopes = recorded(&kitchen, "killed");
    for (envelope, seq) in envelopes.iter().zip(0..) {
        assert_eq!(envelope["seq"], seq, "a gap in the record");
    }
    let began = |line: &&Value| line.pointer("/event/run_started").is_some();
    assert_eq!(envelopes.iter().filter(began).count() as u64, kills + 1);
}
