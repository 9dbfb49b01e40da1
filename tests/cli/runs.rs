//! What can be done with a run once it is there.

use kitchen_tests::{Kitchen, Said};
use serde_json::Value;

/// The tensors that a safetensors file names, read as its format is written down: eight bytes of
/// length, little-endian, then that much JSON, then the numbers.
fn header(bytes: &[u8]) -> serde_json::Map<String, Value> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut header = header.as_object().unwrap().clone();
    assert_eq!(header.remove("__metadata__").unwrap()["format"], "pt");
    let ends = header
        .values()
        .map(|tensor| tensor["data_offsets"][1].as_u64().unwrap());
    assert_eq!(ends.max().unwrap() as usize, bytes.len() - 8 - length);
    header
}

#[test]
fn a_model_is_evaluated_and_exported() {
    let kitchen = Kitchen::new().unwrap();
    let ran = kitchen
        .json_lines("run digits steps=60 model.hidden=[32,16] --json --name mine")
        .unwrap();
    let summary = &ran.last().unwrap()["summary"];

    let measured = kitchen.json("evaluate mine --json").unwrap();
    assert_eq!(measured["step"], 60);
    assert_eq!(measured["samples"], 359);
    assert_eq!(measured["loss"], summary["metrics"]["validation.loss"]);
    assert_eq!(measured["confusion"].as_array().unwrap().len(), 10);
    assert!(
        kitchen
            .ok("evaluate")
            .unwrap()
            .contains("what it was taken for")
    );

    let shown = kitchen.json("runs show mine --json").unwrap();
    assert_eq!(shown["metrics"], summary["metrics"]);
    assert!(
        kitchen
            .ok("runs show")
            .unwrap()
            .starts_with("mine is done: 60 steps")
    );

    kitchen
        .ok("export mine --to out/model.safetensors")
        .unwrap();
    let weights = kitchen.read("out/model.safetensors").unwrap();
    assert_eq!(
        weights,
        kitchen.read("runs/mine/export/model.safetensors").unwrap()
    );
    // A linear layer of PyTorch holds `[outputs, inputs]`; digits are 64 numbers and 10 classes.
    let table: &[(&str, &[u64])] = &[
        ("layers.0.weight", &[32, 64]),
        ("layers.0.bias", &[32]),
        ("layers.1.weight", &[16, 32]),
        ("layers.1.bias", &[16]),
        ("layers.2.weight", &[10, 16]),
        ("layers.2.bias", &[10]),
    ];
    let tensors = header(&weights);
    assert_eq!(tensors.len(), table.len(), "{:?}", tensors.keys());
    for (name, shape) in table {
        let tensor = &tensors
            .get(*name)
            .unwrap_or_else(|| panic!("{:?}", tensors.keys()));
        assert_eq!(tensor["dtype"], "F32", "{name}");
        assert_eq!(tensor["shape"], serde_json::json!(shape), "{name}");
    }
    let numbers: u64 = table
        .iter()
        .map(|(_, shape)| shape.iter().product::<u64>())
        .sum();

    let card: Value = serde_json::from_slice(&kitchen.read("out/model.json").unwrap()).unwrap();
    assert_eq!(card["parameters"], numbers);
    assert_eq!(card["run"], "mine");
    assert_eq!(
        card["config"]["model"]["mlp"]["hidden"],
        serde_json::json!([32, 16])
    );
}

#[test]
fn a_model_that_writes_writes_the_same_from_the_same_seed() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .ok("run names steps=100 model.width=16 model.layers=1 --quiet --name mine")
        .unwrap();
    let line = "sample mine --prompt a --tokens 8 --seed 5 --json";
    let first = kitchen.json_lines(line).unwrap();
    assert_eq!(first, kitchen.json_lines(line).unwrap());
    assert!(!first.is_empty());
    for sample in &first {
        assert_eq!(
            (&sample["prompt"], &sample["seed"]),
            (&"a".into(), &5.into())
        );
        assert!(sample["text"].as_str().unwrap().chars().count() <= 8);
    }
    let refused = kitchen.say("sample mine --prompt \u{1f600}").unwrap();
    assert_eq!(refused.code, Some(1), "{}", refused.err);
}

#[test]
fn runs_are_listed_compared_and_removed() {
    let kitchen = Kitchen::new().unwrap();
    assert!(
        kitchen
            .ok("runs ls")
            .unwrap()
            .starts_with("no run in runs yet")
    );
    for (name, lr) in [("first", 0.01), ("second", 0.02)] {
        let line = format!("run table steps=10 lr={lr} --quiet --name {name}");
        kitchen.ok(&line).unwrap();
    }

    let listed = kitchen.json("runs ls --json").unwrap();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["run"])
        .collect();
    assert_eq!(names, ["second", "first"]);
    let table = kitchen.ok("runs ls").unwrap();
    assert!(table.starts_with("run     status     steps"), "{table}");

    let compared = kitchen.json("runs diff first second --json").unwrap();
    let change = serde_json::json!([{ "path": "lr", "old": 0.01, "new": 0.02 }]);
    assert_eq!(compared["settings"], change);
    assert!(
        kitchen
            .ok("runs diff first")
            .unwrap()
            .contains("validation.loss")
    );

    let vague = kitchen.say("runs rm fir").unwrap();
    assert_eq!(vague.code, Some(1));
    assert!(
        vague
            .err
            .contains("not the full name of a run; write `first`"),
        "{}",
        vague.err
    );
    assert_eq!(kitchen.ok("runs rm first").unwrap(), "removed first\n");
    assert!(!kitchen.path("runs/first").exists() && kitchen.path("runs/second").exists());
}

#[test]
fn the_best_checkpoint_and_any_step_can_be_had() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .ok("run digits steps=40 schedule.warmup=0 checkpoint.every=10 evaluate.every=10 checkpoint.keep=9 model.hidden=[8] --quiet --name mine")
        .unwrap();
    for (which, step) in [("newest", 40), ("10", 10), ("25", 20)] {
        let line = format!("evaluate mine --checkpoint {which} --json");
        assert_eq!(kitchen.json(&line).unwrap()["step"], step, "{which}");
    }
    let best = kitchen
        .json("evaluate mine --checkpoint best --json")
        .unwrap();
    let shown = kitchen.json("runs show mine --json").unwrap();
    assert_eq!(
        best["step"].as_f64(),
        shown["metrics"]["best.step"].as_f64()
    );
}

/// What TensorBoard's own reader makes of a folder: the steps of each curve, and the last value.
const READ_TENSORBOARD: &str = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
curves = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
print(json.dumps({tag: [[it.step for it in all], all[-1].value] for tag, all in curves.items()}))
"#;

#[test]
fn tensorboard_reads_what_is_written_for_it() {
    let Some(python) = std::env::var_os("KITCHEN_PYTHON") else {
        eprintln!("skipped: KITCHEN_PYTHON names no Python that has TensorBoard");
        return;
    };
    let kitchen = Kitchen::new().unwrap();
    let settings = "steps=900 checkpoint.every=20 evaluate.every=30 model.hidden=[16]";
    // Cut off after a checkpoint, it takes some steps twice, and writes a second file.
    let mut run = kitchen
        .start(&format!(
            "run digits {settings} --tensorboard --json --name live"
        ))
        .unwrap();
    run.event("checkpoint_saved").unwrap();
    run.kill().unwrap();
    let told = kitchen
        .json_lines("resume live --tensorboard --json")
        .unwrap();
    kitchen.ok("runs tensorboard live --out later").unwrap();

    let metrics = &told.last().unwrap()["summary"]["metrics"];
    for folder in ["runs/live/tensorboard", "later"] {
        let mut command = std::process::Command::new(&python);
        command
            .args(["-c", READ_TENSORBOARD])
            .arg(kitchen.path(folder));
        let said = Said::of(command).unwrap();
        let curves: Value = serde_json::from_str(&said.out).expect(&said.err);
        for (curve, every, metric) in [
            ("train/loss", 1, "train.loss"),
            ("validation/loss", 30, "validation.loss"),
        ] {
            let steps: Vec<u64> = (1..=900 / every).map(|step| step * every).collect();
            assert_eq!(
                curves[curve][0],
                serde_json::json!(steps),
                "{folder}: {curve}"
            );
            let (read, told) = (&curves[curve][1], &metrics[metric]);
            let differs = (read.as_f64().unwrap() - told.as_f64().unwrap()).abs();
            assert!(differs < 1e-6, "{folder}: {read} is not {told}");
        }
    }
}
