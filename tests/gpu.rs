//! Recipes learn the same on a GPU as on the CPU. A software adapter counts.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

use kitchen_tests::Kitchen;
use serde_json::Value;

/// Losses of single precision, added up in another order: they may differ by this share.
const TOLERANCE: f64 = 2e-3;

fn losses(kitchen: &Kitchen, recipe: &str, device: &str) -> Vec<f64> {
    let lines = kitchen
        .json_lines(&format!("run {recipe} steps=3 --json --device {device}"))
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

#[test]
fn losses_agree_on_gpu_and_cpu() {
    let kitchen = Kitchen::new().unwrap();
    let found = kitchen.json("doctor --json").unwrap();
    let gpu = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["what"] == "gpu")
        .unwrap();
    if gpu["works"] != true {
        eprintln!("skipped: no GPU adapter ({})", gpu["found"]);
        return;
    }
    eprintln!("on {}", gpu["found"]);

    let text = "to be or not to be, that is the question\n".repeat(40);
    kitchen.write("text.txt", text).unwrap();
    let small =
        "model.layers=1 model.heads=2 model.width=16 batch=4 evaluate.samples=8 sample.tokens=1";
    let recipes = [
        // A device draws its own dropout.
        "digits model.dropout=0".to_owned(),
        "playground".to_owned(),
        format!("text data.path=text.txt data.context=16 {small}"),
        format!("addition data.samples=200 {small}"),
    ];
    for recipe in recipes {
        let (cpu, gpu) = (
            losses(&kitchen, &recipe, "cpu"),
            losses(&kitchen, &recipe, "gpu"),
        );
        assert_eq!((cpu.len(), gpu.len()), (4, 4), "{recipe}");
        for (cpu_loss, gpu_loss) in cpu.iter().zip(&gpu) {
            let share = (cpu_loss - gpu_loss).abs() / cpu_loss;
            assert!(share < TOLERANCE, "{recipe}: {cpu:?} and {gpu:?}");
        }
    }
}
