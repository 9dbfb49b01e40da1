//! Runs that go on elsewhere, branch off, and are run again.

use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::json_lines;
use serde_json::Value;

/// 40 steps with a checkpoint after every tenth.
const SMALL: &str = "run digits steps=40 schedule.warmup=0 checkpoint.every=10 \
    checkpoint.keep=9 evaluate.every=20 model.hidden=[8] --quiet";

fn record(kitchen: &Kitchen, run: &str) -> Vec<Value> {
    let bytes = kitchen.read(&format!("runs/{run}/events.jsonl")).unwrap();
    json_lines(std::str::from_utf8(&bytes).unwrap()).unwrap()
}

fn steps(record: &[Value]) -> Vec<u64> {
    let steps = record
        .iter()
        .filter_map(|line| line.pointer("/event/stepped/step"));
    steps.filter_map(Value::as_u64).collect()
}

#[test]
fn a_run_goes_on_from_a_file_as_it_would_have_at_home() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.ok(&format!("{SMALL} --name home")).unwrap();
    let said = kitchen.ok("export home --resumable --step 20").unwrap();
    assert!(said.contains("`resume home.safetensors`"), "{said}");

    kitchen.ok("resume home.safetensors --quiet").unwrap();
    let record = record(&kitchen, "home-2");
    assert!(record.iter().zip(0..).all(|(line, seq)| line["seq"] == seq));
    assert!(record.iter().all(|line| line["run"] == "home-2"));
    assert_eq!(steps(&record), (1..=40).collect::<Vec<_>>());
    let weights = |run| {
        let name = format!("runs/{run}/export/model.safetensors");
        kitchen.read(&name).unwrap()
    };
    assert!(weights("home") == weights("home-2"), "the weights differ");

    // Once it is there, it is a run like any other.
    let again = kitchen.say("resume home-2").unwrap();
    assert!(again.err.contains("home-2 is complete"), "{}", again.err);
    kitchen.ok("runs rm home home-2").unwrap();
    kitchen.ok("resume home.safetensors --quiet").unwrap();
    assert!(kitchen.path("runs/home/config.toml").is_file());
}

#[test]
fn files_that_do_not_bring_a_run_are_refused_and_leave_nothing() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.ok(&format!("{SMALL} --name home")).unwrap();
    kitchen.ok("export home --to plain.safetensors").unwrap();
    kitchen.ok("export home --resumable").unwrap();
    let mut bytes = kitchen.read("home.safetensors").unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    kitchen.write("damaged.safetensors", &bytes).unwrap();
    kitchen.write("cut.safetensors", &bytes[..last]).unwrap();
    for (line, part) in [
        ("resume plain.safetensors", "holds weights only"),
        ("resume damaged.safetensors", "does not match its checksum"),
        ("resume cut.safetensors", "not a whole safetensors file"),
        ("resume gone.safetensors", "gone.safetensors"),
        (
            "export home --resumable --to a.bin",
            "must end in .safetensors",
        ),
    ] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(1), "{line}: {}", said.err);
        assert!(said.err.contains(part), "{line}: {}", said.err);
    }
    let runs = kitchen.json("runs ls --json").unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

#[test]
fn a_branch_goes_its_own_way() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.ok(&format!("{SMALL} --name trunk")).unwrap();
    let said = kitchen
        .ok("runs fork trunk --step 20 lr=0.02 batch=64 steps=50 --name branch")
        .unwrap();
    assert!(
        said.starts_with("branch branches off from trunk at step 20"),
        "{said}"
    );
    let shown = kitchen.ok("runs show branch").unwrap();
    for part in [
        "branch waits at step 20.",
        "branch of     trunk, from step 20 on",
    ] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    kitchen.ok("resume branch --quiet").unwrap();
    let shown = kitchen.json("runs show branch --json").unwrap();
    assert_eq!(
        (&shown["steps"], &shown["status"]),
        (&50.into(), &"completed".into())
    );
    assert_eq!(
        shown["forked"],
        serde_json::json!({ "run": "trunk", "step": 20 })
    );
    let (branch, trunk) = (record(&kitchen, "branch"), record(&kitchen, "trunk"));
    assert_eq!(steps(&branch), (1..=50).collect::<Vec<_>>());
    let losses = |record: &[Value]| -> Vec<Value> {
        let steps = record
            .iter()
            .filter_map(|line| line.pointer("/event/stepped"));
        steps.map(|step| step["loss"].clone()).collect()
    };
    assert_eq!(losses(&branch)[..20], losses(&trunk)[..20]);
    assert_ne!(losses(&branch)[20..40], losses(&trunk)[20..40]);

    let told = kitchen.ok("runs history branch").unwrap();
    let mut lines = told.lines();
    for part in [
        "branch   of trunk, at step 20",
        "went on from step-",
        "ended    completed",
    ] {
        assert!(
            lines.any(|line| line.contains(part)),
            "no `{part}` in {told}"
        );
    }
    let moments = kitchen.json("runs history branch --json").unwrap();
    let kept = |moment: &&Value| moment["checkpoint"].is_string();
    assert_eq!(
        moments.as_array().unwrap().iter().rfind(kept).unwrap()["step"],
        50
    );

    // The next one is numbered; a name that is taken is not taken again.
    let said = kitchen.ok("runs fork trunk --best steps=60").unwrap();
    assert!(said.starts_with("trunk-2 branches off"), "{said}");
    for (line, code, part) in [
        (
            "runs fork trunk model.hidden=[9] steps=50",
            1,
            "cannot change in a branch",
        ),
        ("runs fork trunk", 1, "nothing would be left to train"),
        (
            "runs fork trunk steps=50 --name branch",
            1,
            "there is a run called `branch`",
        ),
        (
            "runs fork trunk learning=1",
            2,
            "there is no key `learning`",
        ),
    ] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(code), "{line}: {}", said.err);
        assert!(said.err.contains(part), "{line}: {}", said.err);
    }
    let runs = kitchen.json("runs ls --json").unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 3);
}

#[test]
fn a_receipt_is_verified_and_a_false_one_found_out() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.ok(&format!("{SMALL} --name told")).unwrap();
    let said = kitchen.ok("receipt make told").unwrap();
    assert!(
        said.starts_with("told in told.receipt.json: measures of"),
        "{said}"
    );
    let said = kitchen.ok("receipt verify told.receipt.json").unwrap();
    assert!(said.contains("it matches exactly"), "{said}");
    assert!(
        said.contains("the weights are the same to the bit"),
        "{said}"
    );
    assert_eq!(
        kitchen
            .json("runs ls --json")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let link = kitchen.ok("receipt make told --link").unwrap();
    kitchen.write("link.txt", &link).unwrap();
    let verdict = kitchen.json("receipt verify link.txt --json").unwrap();
    assert_eq!(verdict["agreement"], "exact");

    let bytes = kitchen.read("told.receipt.json").unwrap();
    let mut receipt: Value = serde_json::from_slice(&bytes).unwrap();
    let points = receipt["points"].as_array().unwrap();
    let at = points.iter().position(|point| point["step"] == 20).unwrap();
    let loss = receipt["points"][at]["validation_loss"].as_f64().unwrap();
    receipt["points"][at]["validation_loss"] = (loss * 1.001).into();
    kitchen.write("false.json", receipt.to_string()).unwrap();
    let said = kitchen.say("receipt verify false.json").unwrap();
    assert_eq!(said.code, Some(3), "{}", said.err);
    let expected = "it drifted first at step 20: the loss of held-out examples";
    assert!(said.out.contains(expected), "{}", said.out);

    receipt["data_fingerprint"] = "other".into();
    kitchen.write("other.json", receipt.to_string()).unwrap();
    kitchen.write("none.json", "{\"version\": 9}").unwrap();
    for (line, part) in [
        (
            "receipt verify other.json",
            "the data are not those of the receipt",
        ),
        ("receipt verify none.json", "its version is 9"),
        ("receipt verify gone.json", "gone.json"),
        (
            "receipt verify runs/told/config.toml",
            "this is not a whole receipt",
        ),
    ] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(1), "{line}: {}", said.err);
        assert!(said.err.contains(part), "{line}: {}", said.err);
    }
}

#[test]
fn moved_data_are_found_where_the_person_says() {
    let kitchen = Kitchen::new().unwrap();
    let rows = (0..60).map(|row| format!("{row},{},{}\n", row % 7, ["a", "b"][row % 2]));
    let table = format!("x,y,class\n{}", rows.collect::<String>());
    kitchen.write("old/table.csv", &table).unwrap();
    kitchen
        .ok(
            "run table data=csv data.path=old/table.csv data.target=class steps=40 \
             checkpoint.every=20 schedule.warmup=0 --name home --quiet",
        )
        .unwrap();
    kitchen
        .ok("export home --resumable --step 20 --to moved.safetensors")
        .unwrap();
    std::fs::rename(kitchen.path("old"), kitchen.path("new")).unwrap();

    let lost = kitchen.say("resume moved.safetensors --quiet").unwrap();
    assert_eq!(lost.code, Some(1), "{}", lost.err);
    kitchen
        .ok("resume home-2 --data new/table.csv --quiet")
        .unwrap();
    // From here on it knows.
    let config = String::from_utf8(kitchen.read("runs/home-2/config.toml").unwrap()).unwrap();
    assert!(config.contains("new/table.csv"), "{config}");
}
