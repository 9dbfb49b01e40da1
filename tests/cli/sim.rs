//! `sim score`: a table in, errors and predictions out.

use kitchen_tests::Kitchen;

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
    // One job, whatever was measured of it.
    assert_eq!(seconds.len(), 2);
    assert_eq!(seconds[0], seconds[1]);

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
        ("zero.csv", "zero.csv: row `a` is scored, but `step_s` is"),
    ] {
        let said = kitchen.say(&format!("sim score --table {file}")).unwrap();
        assert_eq!(said.code, Some(1), "{file}");
        assert!(said.err.contains(words), "{file}: {}", said.err);
    }
}
