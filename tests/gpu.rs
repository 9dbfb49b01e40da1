//! Recipes learn the same on a GPU as on the CPU. A software adapter counts.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

use kitchen_tests::Kitchen;
use serde_json::Value;

/// Losses of single precision, added up in another order: they may differ by this share. Mesa's
/// software adapter stays below 1e-7; hardware takes shorter cuts.
const TOLERANCE: f64 = 1e-4;

fn losses(kitchen: &Kitchen, recipe: &str, device: &str) -> Vec<f64> {
    let lines = kitchen
        .json_lines(&format!(
            "run {recipe} steps=3 schedule.warmup=0 --json --device {device}"
        ))
        .unwrap();
    let steps = lines
        .iter()
        .filter_map(|line| line.pointer("/event/stepped/loss"));
    let mut losses: Vec<f64> = steps.filter_map(Value::as_f64).collect();
    let evaluated = lines
        .iter()
        .rev()
        .find_map(|line| line.pointer("/event/evaluated/loss"));
    losses.extend(evaluated.and_then(Value::as_f64));
    losses
}

/// Whether there is a GPU; says so if there is none.
fn has_gpu(kitchen: &Kitchen) -> bool {
    let found = kitchen.json("doctor --json").unwrap();
    let mut findings = found["findings"].as_array().unwrap().iter();
    let gpu = findings.find(|one| one["what"] == "gpu").unwrap();
    let works = gpu["works"] == true;
    if !works {
        eprintln!("skipped: no GPU adapter ({})", gpu["found"]);
    }
    works
}

fn check(recipe: &str) {
    let kitchen = Kitchen::new().unwrap();
    if !has_gpu(&kitchen) {
        return;
    }
    let text = "to be or not to be, that is the question\n".repeat(40);
    kitchen.write("text.txt", text).unwrap();
    let cpu = losses(&kitchen, recipe, "cpu");
    let gpu = losses(&kitchen, recipe, "gpu");
    assert_eq!((cpu.len(), gpu.len()), (4, 4), "{recipe}");
    for (cpu_loss, gpu_loss) in cpu.iter().zip(&gpu) {
        let share = (cpu_loss - gpu_loss).abs() / cpu_loss;
        assert!(share < TOLERANCE, "{recipe}: {cpu:?} and {gpu:?}");
    }
}

/// A transformer whose kernels compile in seconds, and little to measure.
const SMALL: &str = "model.layers=1 model.heads=2 model.width=16 batch=4 evaluate.samples=8";

#[test]
fn digits() {
    // A device draws its own dropout.
    check("digits model.dropout=0");
}

#[test]
fn playground() {
    check("playground");
}

#[test]
fn text() {
    check(&format!(
        "text data.path=text.txt data.context=16 sample.tokens=1 {SMALL}"
    ));
}

#[test]
fn addition() {
    check(&format!("addition data.samples=200 {SMALL}"));
}
