//! `sim`: runs to watch, layouts to search, and tables in, errors and predictions out.

use kitchen_tests::Kitchen;
use serde_json::Value;

const HEAD: &str = "table,row_id,scored,layers,hidden,heads,activation,vocab,seq_len,accelerator,\
                    n_devices,tp,pp,dp,sharding,recompute,precision,attention,stack_year,\
                    micro_batch,global_batch,step_s,primary\n";

/// Llama-3 8B on 64 H100.
fn row(table: &str, id: &str, scored: u8, step_s: &str) -> String {
    format!(
        "{table},{id},{scored},32,4096,32,swiglu,128256,8192,H100 SXM 80GB,64,4,1,16,dist-opt,\
         none,bf16,flash3,2025,1,128,{step_s},step_s\n"
    )
}

#[test]
fn errors_are_those_of_the_predictions() {
    let kitchen = Kitchen::new().unwrap();
    let text = HEAD.to_owned()
        + &row("one", "a", 1, "2.0")
        + &row("two", "b", 1, "4.0")
        + &row("two", "c", 0, "");
    kitchen.write("steps.csv", text).unwrap();
    let line = "sim score --table steps.csv --predictions out.csv";
    let found = kitchen.json(&format!("{line} --json")).unwrap();

    let written = String::from_utf8(kitchen.read("out.csv").unwrap()).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], "row_id,pred_step_s,pred_peak_mem_gib");
    let seconds: Vec<f64> = lines[1..]
        .iter()
        .map(|line| line.split(',').nth(1).unwrap().parse().unwrap())
        .collect();
    // One job, whatever was measured of it, if anything was.
    assert_eq!(seconds, [seconds[0]; 3]);

    let error = |measured: f64| 100.0 * (seconds[0] / measured - 1.0).abs();
    let number = |pointer: &str| found.pointer(pointer).unwrap().as_f64().unwrap();
    let near = |pointer: &str, expected: f64| {
        assert!((number(pointer) - expected).abs() < 1e-9, "{pointer}");
    };
    near("/tables/one/mape", error(2.0));
    near("/tables/two/worst", error(4.0));
    near("/balanced_mape", (error(2.0) + error(4.0)) / 2.0);
    assert_eq!(number("/tables/two/rows"), 1.0);

    let said = kitchen.say(line).unwrap();
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("table-balanced error of the step:"));
}

/// A row that cannot be scored costs itself, and no other.
#[test]
fn what_cannot_be_scored_is_left_out() {
    let kitchen = Kitchen::new().unwrap();
    let strange = row("one", "strange", 1, "2.0").replace("H100", "H900");
    let text = HEAD.to_owned() + &row("one", "a", 1, "2.0") + &row("one", "b", 1, "") + &strange;
    kitchen.write("steps.csv", text).unwrap();
    let line = "sim score --table steps.csv --predictions out.csv";
    let found = kitchen.json(&format!("{line} --json")).unwrap();
    assert_eq!(found["tables"]["one"]["rows"], 1);
    assert_eq!(found["balanced_mape"], found["tables"]["one"]["mape"]);
    let left_out = found["left_out"].as_array().unwrap();
    assert_eq!(left_out.len(), 2);
    assert_eq!(left_out[1]["table"], "one");
    assert_eq!(left_out[1]["row_id"], "strange");
    let reason = "no accelerator is called `H900 SXM 80GB`";
    assert_eq!(left_out[1]["reason"], reason);
    let written = String::from_utf8(kitchen.read("out.csv").unwrap()).unwrap();
    assert!(written.ends_with("\nstrange,,\n"), "{written}");

    let said = kitchen.say(line).unwrap();
    assert!(said.out.contains("scored rows left out: 2"), "{}", said.out);
    let told = format!("row `strange` of one: {reason}");
    assert!(said.out.contains(&told), "{}", said.out);
}

/// The errors of losses, with or without those of steps.
#[test]
fn losses_are_scored_by_curve() {
    let kitchen = Kitchen::new().unwrap();
    let losses = "model_label,n_params,schedule,batch_tokens,step,lr,loss\n\
                  25M,25000000,constant,524288,23936,0.0003,3.3473\n";
    kitchen.write("losses.csv", losses).unwrap();
    let steps = HEAD.to_owned() + &row("one", "a", 1, "2.0");
    kitchen.write("steps.csv", steps).unwrap();
    let found = kitchen
        .json("sim score --table losses.csv --table steps.csv --json")
        .unwrap();
    let error = found["loss"]["curves"]["25M constant"].as_f64().unwrap();
    assert!(error < 0.01, "{error}");
    assert_eq!(found["loss"]["mean_abs_error"], error);
    assert_eq!(found["tables"]["one"]["rows"], 1);

    let said = kitchen.ok("sim score --table losses.csv").unwrap();
    let words = format!("mean absolute error of the loss: {error:.4} nats");
    assert!(said.contains(&words), "{said}");
}

#[test]
fn a_table_that_is_none_is_refused() {
    let kitchen = Kitchen::new().unwrap();
    kitchen.write("words.csv", "some,words\n1,2\n").unwrap();
    let text = HEAD.to_owned() + &row("one", "a", 1, "soon");
    kitchen.write("soon.csv", text).unwrap();
    let text = HEAD.to_owned() + &row("one", "a", 1, "0");
    kitchen.write("zero.csv", text).unwrap();
    for (file, words) in [
        ("gone.csv", "gone.csv cannot be read"),
        ("words.csv", "words.csv: the table cannot be read"),
        ("soon.csv", "soon.csv: the table cannot be read"),
        ("zero.csv", "no row can be scored"),
        ("zero.csv", "row `a` of one: `step_s` is empty, or nothing"),
    ] {
        let said = kitchen.say(&format!("sim score --table {file}")).unwrap();
        assert_eq!(said.code, Some(1), "{file}");
        assert!(said.err.contains(words), "{file}: {}", said.err);
    }
}

/// What is in the lines of a run, by requirement.
#[test]
fn a_run_is_told_in_plain_lines() {
    let kitchen = Kitchen::new().unwrap();
    let said = kitchen.say("sim").unwrap();
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for (requirement, part) in [
        ("INIT-01", "model     llama3-8b, 8,029,995,008 parameters"),
        (
            "INIT-01",
            "32 layers, hidden 4,096, 32 heads, vocabulary 128,256",
        ),
        (
            "INIT-02",
            "tokenizer [##########----------] 50.0 % of 128,256 tokens",
        ),
        ("INIT-03", "data      web text: 262,144 samples"),
        ("INIT-04", "nccl      64 of 64 ranks connected, on 8 nodes"),
        ("INIT-05", "gpus      64 of 64 found"),
        ("TRAIN-01", "] 50.0 %, epoch 1 of 2"),
        ("TRAIN-02", "step     loss"),
        ("TRAIN-04", "tokens/s   seq/s"),
        ("TRAIN-05", "elapsed      left"),
        ("TRAIN-06", "all-reduce"),
        ("GPU-01", "of 80 GiB"),
        ("GPU-02", "busy"),
        ("GPU-03", " \u{b0}C"),
        ("VAL-01", "validation begins: 1,024 samples"),
        ("VAL-02", "[##########----------] 50.0 %"),
        ("VAL-03", "validation loss 2."),
        ("CKPT-01", "saving a checkpoint"),
        ("CKPT-02", "saved 112.4 GB in 16.1 s"),
        ("CKPT-02", "as runs/first-night/step-00000128"),
        ("EXPORT-01", "export    to safetensors in 16 bits, 4 shards"),
        ("EXPORT-01", "model-00004-of-00004.safetensors (4.0 GB)"),
        ("EXPORT-02", "summary   1,024 of 1,024 steps in 2:"),
        (
            "ENH-01",
            "schedule  lr up to 0.0003 over 64 steps, then down to 0.00003",
        ),
        ("ENH-02", "gradient "),
        (
            "ENH-03",
            "precision mixed: bf16 in linear layers, fp32 in the optimizer",
        ),
        ("ENH-04", "sharding  zero2, over 64 ranks"),
        ("ADV-02", "resumed   at step 640"),
        ("ADV-03", "failed    node 5, GPU 3: 96 steps lost"),
    ] {
        assert!(
            said.out.contains(part),
            "{requirement}: {part}\n{}",
            said.out
        );
    }
    for line in said.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(
        kitchen.ok("sim first-night --format plain").unwrap(),
        said.out
    );
}

#[test]
fn lines_of_json_are_the_same_for_the_same_seed() {
    let kitchen = Kitchen::new().unwrap();
    let line = "sim bad-day --format jsonl --seed 7";
    let out = kitchen.ok(line).unwrap();
    for line in out.lines() {
        assert!(line.len() <= 80, "{line}");
        let moment: Value = serde_json::from_str(line).unwrap();
        assert!(moment["at"].is_number() && moment.as_object().unwrap().len() == 2);
    }
    assert!(out.lines().next().unwrap().contains("\"seed\":7"));
    assert_eq!(kitchen.ok(line).unwrap(), out);
    assert_ne!(
        kitchen.ok("sim bad-day --format jsonl --seed 8").unwrap(),
        out
    );
}

#[test]
fn a_scenario_becomes_a_file_of_ones_own() {
    let kitchen = Kitchen::new().unwrap();
    let listed = kitchen.ok("sim --list").unwrap();
    assert!(listed.lines().count() > 8 && listed.contains("thermal-event"));
    assert!(listed.lines().all(|line| line.len() <= 80), "{listed}");
    let shown = kitchen.ok("sim straggler --show").unwrap();
    kitchen.write("mine.toml", &shown).unwrap();
    let told = |line: &str| kitchen.ok(&format!("{line} --format jsonl")).unwrap();
    assert_eq!(told("sim mine.toml"), told("sim straggler"));
    let shorter = shown.replace("epochs = 2", "steps = 20");
    kitchen.write("short.toml", shorter).unwrap();
    let twice = kitchen.json_lines("sim short.toml calm --exit-after-runs 3 --format jsonl");
    let begun: Vec<(String, u64)> = twice
        .unwrap()
        .iter()
        .filter_map(|moment| moment.get("began"))
        .map(|began| {
            let seed = began["seed"].as_u64().unwrap();
            (began["run"].as_str().unwrap().to_owned(), seed)
        })
        .collect();
    let expected = [("straggler", 1), ("calm", 1), ("straggler", 2)];
    assert_eq!(begun, expected.map(|(run, seed)| (run.to_owned(), seed)));
}

#[test]
fn a_run_keeps_its_pace_and_its_limits() {
    let kitchen = Kitchen::new().unwrap();
    // The GPUs are found after four simulated seconds, and the first step ends after nine.
    let line = "sim small --speed-factor 2 --exit-after-time 3s";
    let out = kitchen.ok(line).unwrap();
    assert!(out.contains("gpus      8 of 8 found"), "{out}");
    assert!(!out.contains("loss"), "{out}");
    let out = kitchen
        .ok(&format!("{line} --instant-print-lines 60"))
        .unwrap();
    assert!(out.lines().count() >= 60, "{out}");
    assert!(!out.contains("summary"));
}

#[test]
fn a_screen_without_a_terminal_is_lines() {
    let kitchen = Kitchen::new().unwrap();
    let said = kitchen.say("sim small --format tty").unwrap();
    assert_eq!(said.code, Some(0));
    assert!(said.err.contains("standard output is no terminal"));
    assert!(said.out.contains("summary"));
}

#[test]
fn runs_that_cannot_be_are_refused() {
    let kitchen = Kitchen::new().unwrap();
    let files = [
        ("torn.toml", "[model"),
        ("odd.toml", "[model]\nlayrs = 3\n"),
        ("small.toml", "[cluster]\ngpus = 1\n"),
        (
            "far.toml",
            "[[incidents]]\nat = '1h'\nwhat.node_failure = { node = 9 }\n",
        ),
    ];
    for (name, text) in files {
        kitchen.write(name, text).unwrap();
    }
    for (line, code, part) in [
        (
            "sim nothing",
            1,
            "there is no scenario `nothing`; there are first-night",
        ),
        ("sim gone.toml", 1, "gone.toml"),
        ("sim torn.toml", 1, "torn.toml is not the file of a run"),
        ("sim odd.toml", 1, "unknown field `layrs`"),
        ("sim small.toml", 1, "use more GPUs, or a smaller model"),
        (
            "sim far.toml",
            1,
            "concerns node 9, but there are 8, from 0",
        ),
        ("sim --exit-after-time soon", 2, "write one like 90s"),
        (
            "sim --speed-factor 0",
            2,
            "write a number above 0, or `max`",
        ),
        ("sim --exit-after-runs 0", 2, "--exit-after-runs"),
        (
            "sim --format svg",
            2,
            "[possible values: tty, plain, jsonl]",
        ),
        ("sim search --model llama9", 1, "there is no model `llama9`"),
        (
            "sim search --accelerator H1",
            1,
            "there is no accelerator `H1`",
        ),
        ("sim search --memory 1", 1, "layouts needs at most 1 GiB"),
        (
            "sim search --price 0",
            1,
            "--price is 0; it must be above 0",
        ),
    ] {
        let said = kitchen.say(line).unwrap();
        assert_eq!(said.code, Some(code), "{line}: {}{}", said.out, said.err);
        assert!(said.err.contains(part), "{line}: {}", said.err);
    }
}

#[test]
fn the_best_layout_is_found() {
    let kitchen = Kitchen::new().unwrap();
    let line = "sim search --model llama3-8b --gpus 16 --memory 60 --price 2";
    let found = kitchen.json(&format!("{line} --json")).unwrap();
    let frontier = found["frontier"].as_array().unwrap();
    assert_eq!(found["best"], frontier[0]);
    let number = |point: &Value, name: &str| point[name].as_f64().unwrap();
    for pair in frontier.windows(2) {
        assert!(number(&pair[0], "step_s") <= number(&pair[1], "step_s"));
        assert!(number(&pair[0], "memory_gib") > number(&pair[1], "memory_gib"));
    }
    for point in frontier {
        assert!(number(point, "memory_gib") <= 60.0);
        let hours = 16.0 * 1e9 / number(point, "tokens_per_s") / 3600.0;
        assert!((number(point, "cost_per_billion") / (2.0 * hours) - 1.0).abs() < 1e-9);
    }
    assert!(found["layouts_per_s"].as_f64().unwrap() > 0.0);
    let text = kitchen.ok(line).unwrap();
    assert!(text.contains("best: tp ") && text.contains(" a second; ") && text.contains('*'));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

/// A stand-in for the system's own helper, which notes what it is asked.
#[cfg(target_os = "linux")]
#[test]
fn the_machine_is_kept_awake_where_that_can_be() {
    use std::os::unix::fs::PermissionsExt;

    let kitchen = Kitchen::new().unwrap();
    let helper = "bin/systemd-inhibit";
    let script = "#!/bin/sh\necho \"$@\" > \"${0%/*}/asked\"\nexec /bin/sleep 60\n";
    kitchen.write(helper, script).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(kitchen.path(helper), executable).unwrap();
    let line = "sim small --inhibit --format plain --exit-after-runs 1";
    let said = |path: &str| {
        let mut command = kitchen.command(line.split(' ')).unwrap();
        command.env("PATH", kitchen.path(path)).output().unwrap()
    };

    let awake = said("bin");
    assert!(awake.status.success());
    assert_eq!(String::from_utf8_lossy(&awake.stderr), "");
    let asked = String::from_utf8(kitchen.read("bin/asked").unwrap()).unwrap();
    assert!(
        asked.starts_with("--what=idle:sleep --who=Kitchen"),
        "{asked}"
    );

    let asleep = said("elsewhere");
    assert!(asleep.status.success());
    let remark = String::from_utf8_lossy(&asleep.stderr).into_owned();
    assert_eq!(
        remark.trim_end(),
        "the machine may fall asleep: `systemd-inhibit`, which would see to it, is not here"
    );
}
