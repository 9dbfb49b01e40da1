//! Recipes learn the same on a GPU as on the CPU. A software adapter counts.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

use kitchen_tests::{Kitchen, Said, words};
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

const TEXT: &str = "text data.path=text.txt data.context=16 sample.tokens=1";

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
    check(&format!("{TEXT} {SMALL}"));
}

#[test]
fn text_as_llama_has_it() {
    check(&format!(
        "{TEXT} {SMALL} model.norm=rms model.positions=rotary model.feed_forward=swi_glu \
         model.kv_heads=1"
    ));
}

#[test]
fn text_with_an_lstm() {
    check(&format!(
        "{TEXT} model=rnn model.cell=lstm model.layers=1 model.width=16 batch=4 evaluate.samples=8"
    ));
}

#[test]
fn addition() {
    check(&format!("addition data.samples=200 {SMALL}"));
}

#[test]
fn launches_are_counted() {
    let kitchen = Kitchen::new().unwrap();
    if !has_gpu(&kitchen) {
        return;
    }
    let reports = kitchen
        .json_lines("bench mlp-784 --device gpu --steps 3 --bare --json")
        .unwrap();
    let launches = |report: &Value| report["launches_per_step"].as_f64().unwrap();
    let [kitchen, bare] = reports.as_slice() else {
        panic!("{reports:?}");
    };
    // Three layers are eight products of matrices: the first needs no gradient of its input.
    assert!(launches(bare) >= 8.0, "{bare}");
    assert!(launches(kitchen) >= 8.0, "{kitchen}");
    // On top of the same work, ours counts the right answers.
    assert!(launches(kitchen) <= launches(bare) + 6.0, "{reports:?}");
    // Every step is like every other.
    assert_eq!(launches(kitchen).fract(), 0.0, "{kitchen}");
}

/// A machine without a driver, and one without Vulkan's loader: there an empty file stands where
/// the system looks first.
#[test]
#[cfg(target_os = "linux")]
fn without_a_gpu_the_cpu_is_used_and_the_reason_is_told() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.write("libvulkan.so.1", "").unwrap();
    let folder = kitchen.path("");
    let machines = [
        ("VK_DRIVER_FILES", kitchen.path("no driver")),
        ("LD_LIBRARY_PATH", folder),
    ];
    for (variable, value) in machines {
        let say = |line: &str| {
            let mut command = kitchen.command(words(line).unwrap()).unwrap();
            command.env(variable, &value);
            Said::of(command).unwrap()
        };
        let short = "run digits steps=2 schedule.warmup=0";
        let asked = say(&format!("{short} --device gpu"));
        assert_eq!(asked.code, Some(1), "{variable}: {asked:?}");
        for part in ["GPU", "use `device=cpu`"] {
            assert!(asked.out.contains(part), "{variable}: {asked:?}");
        }
        let auto = say(&format!("{short} --device auto"));
        assert_eq!(auto.code, Some(0), "{variable}: {auto:?}");
        assert!(
            auto.out.contains("it is the only device here"),
            "{variable}: {auto:?}"
        );
        assert_eq!(say("doctor").code, Some(0), "{variable}");
    }
}
