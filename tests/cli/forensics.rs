//! A step of the past, explained.

use kitchen_tests::Kitchen;
use serde_json::{Value, json};

/// The losses of the steps that a run recorded, by step.
fn recorded(kitchen: &Kitchen, run: &str) -> Vec<Value> {
    let lines = kitchen.read(&format!("runs/{run}/events.jsonl")).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let events = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events
        .filter_map(|line| Some(line.pointer("/event/stepped/loss")?.clone()))
        .collect()
}

#[test]
fn a_step_is_done_again_and_explained() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .ok("run digits steps=30 checkpoint.every=10 model.hidden=[16] model.dropout=0.2 --quiet --name mine")
        .unwrap();
    let losses = recorded(&kitchen, "mine");
    for (step, from) in [(7, 0), (11, 10), (25, 20)] {
        let line = format!("forensics mine --step {step} --json");
        let report = kitchen.json(&line).unwrap();
        assert_eq!(report["run"], "mine");
        assert_eq!(
            (&report["step"], &report["from_step"]),
            (&json!(step), &json!(from))
        );
        assert_eq!(report["recorded_loss"], losses[step - 1]);
        assert_eq!(report["replayed_loss"], losses[step - 1], "step {step}");
        let measured = &report["measured"];
        for what in ["ids", "losses", "grad_norms"] {
            assert_eq!(measured[what].as_array().unwrap().len(), 32, "{what}");
        }
        let norms = measured["grad_norms"].as_array().unwrap();
        let highest = norms.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
        assert_eq!(report["diagnosis"]["grad_norms"]["max"], json!(highest));
        assert_eq!(report["device"], "cpu");
    }

    let told = kitchen.ok("forensics --show 2").unwrap();
    for part in [
        "mine at step 30: ",
        "Done again from the checkpoint of step 20, on the cpu; its loss is ",
        ", and was then.",
        "Gradient norms of all 32 examples:",
        "of the median",
    ] {
        assert!(told.contains(part), "{part:?} is missing:\n{told}");
    }
    assert_eq!(
        told.matches("\nexample ").count(),
        3,
        "a table and two examples:\n{told}"
    );
}

/// Flats of two to five rooms, of which one costs a thousand times too much.
#[test]
fn the_row_with_a_typing_error_is_named() {
    let kitchen = Kitchen::new().unwrap();
    let mut table = String::from("rooms,area,price\n");
    for row in 0..120 {
        let (rooms, area) = (2 + row % 4, 40 + row * 7 % 60);
        let price = if row == 50 {
            250_000_000
        } else {
            1000 * area + 5000 * rooms
        };
        // Fractions tell prices from classes.
        table.push_str(&format!("{rooms},{area},{price}.5\n"));
    }
    kitchen.write("flats.csv", table).unwrap();
    kitchen
        .ok(
            "run table data=csv data.path=flats.csv data.target=price data.validation=0.1 \
             steps=4 batch=54 --quiet --name flats",
        )
        .unwrap();
    // Two steps meet every row once.
    let losses = recorded(&kitchen, "flats");
    let loss = |step: usize| losses[step - 1].as_f64().unwrap();
    let step = if loss(1) > loss(2) { 1 } else { 2 };
    let report = kitchen
        .json(&format!("forensics flats --step {step} --json"))
        .unwrap();
    let worst = &report["diagnosis"]["outliers"][0];
    let because = worst["because"].as_array().unwrap();
    assert!(because.contains(&json!("score")), "{worst}");
    // The JSON has its id, and the screen shows the row.
    assert!(!report.to_string().contains("2499999"));
    let told = kitchen
        .ok(&format!("forensics flats --step {step} --show 1"))
        .unwrap();
    assert!(!told.contains("no example stands out"), "{told}");
    assert!(
        told.contains(&format!("\nexample {}:\n", worst["id"])),
        "{told}"
    );
    // As single precision keeps it.
    assert!(told.contains("price 2499999"), "{told}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let kitchen = Kitchen::new().unwrap();
    kitchen
        .ok("run playground steps=8 checkpoint.every=4 --quiet --name trunk")
        .unwrap();
    kitchen
        .ok("runs fork trunk --step 4 steps=10 --name branch")
        .unwrap();
    kitchen.ok("resume branch --quiet").unwrap();
    for (line, expected) in [
        (
            "forensics trunk --step 9",
            "the record has no step 9; it tells of steps 1 to 8",
        ),
        (
            "forensics branch --step 3",
            "step 3 was taken by trunk before branch branched off at step 4",
        ),
        ("forensics nobody", "there is no run `nobody`"),
    ] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(1), "{line}: {}", said.out);
        assert!(said.err.contains(expected), "{line}: {}", said.err);
    }
    // After the branch, the branch itself is explained.
    let report = kitchen.json("forensics branch --step 6 --json").unwrap();
    assert_eq!(
        (&report["from_step"], &report["run"]),
        (&json!(4), &json!("branch"))
    );
    assert_eq!(report["replayed_loss"], report["recorded_loss"]);
}
