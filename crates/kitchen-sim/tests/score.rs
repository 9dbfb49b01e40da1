//! Tables: read, predicted, scored.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::Constants;
use kitchen_sim::table::{Measured, Score, TableError, predictions, read_tables, score};

const HEAD: &str = "table,row_id,scored,model_label,layers,hidden,heads,kv_heads,head_dim,ffn,activation,vocab,tied_embeddings,seq_len,experts,experts_active,moe_ffn,accelerator,device_mem_gb,device_mem_bw_gbs,device_tdp_w,n_devices,devices_per_node,internode_gbps_per_node,tp,sp,cp,pp,vp,dp,ep,sharding,recompute,precision,attention,compile,stack,stack_year,micro_batch,global_batch,overlap,tp_overlap,step_s,tokens_per_s_per_device,primary,peak_mem_gib,source\n";

/// A row of a table: its name, whether it counts, the stack, seconds, what was published, memory.
fn row(
    table: &str,
    id: &str,
    scored: u8,
    stack: &str,
    step: f64,
    primary: &str,
    gib: &str,
) -> String {
    format!(
        "{table},{id},{scored},any,32,4096,32,8,128,14336,swiglu,128256,0,8192,0,0,0,H100 SXM 80GB,,,,64,8,3200,4,1,1,1,1,16,1,dist-opt,none,bf16,flash3,0,{stack},2025,1,128,1,unknown,{step},1,{primary},{gib},made up\n"
    )
}

/// The rows below the head.
fn read(rows: &str) -> Result<Vec<Measured>, TableError> {
    read_tables(&[("steps.csv".to_owned(), HEAD.to_owned() + rows)])
}

fn scored(rows: &[Measured]) -> Score {
    score(rows, &Constants::bundled().unwrap())
}

#[test]
fn errors_are_those_of_what_was_published() {
    let one = read(&row("a", "x", 1, "s-2025", 1.0, "step_s", "")).unwrap();
    let predicted = scored(&one).rows[0].pred_step_s.unwrap();
    // 25 % too slow as a time is 20 % too few tokens.
    let measured = predicted / 1.25;
    let text = row("a", "x", 1, "s-2025", measured, "step_s", "")
        + &row("b", "y", 1, "s-2025", measured, "tokens_per_s", "")
        + &row("b", "z", 0, "s-2025", measured, "step_s", "");
    let found = scored(&read(&text).unwrap());
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
    near(found.tables["a"].mape, 25.0);
    near(found.tables["a"].bias, 25.0);
    near(found.tables["b"].mape, 20.0);
    near(found.tables["b"].bias, 25.0);
    near(found.balanced_mape.unwrap(), 22.5);
    assert_eq!((found.tables["b"].rows, found.rows.len()), (1, 3));
    assert_eq!(found.balanced_memory_mape, None);
}

#[test]
fn quantiles_lie_between_neighbours() {
    let text: String = (1..=11)
        .map(|at| {
            row(
                "a",
                &format!("r{at}"),
                1,
                "s",
                f64::from(at),
                "step_s",
                "40",
            )
        })
        .collect();
    let found = scored(&read(&text).unwrap());
    let mut errors: Vec<f64> = found.rows.iter().filter_map(|row| row.ape).collect();
    errors.sort_by(f64::total_cmp);
    assert_eq!(found.tables["a"].p90, errors[9]);
    assert_eq!(found.tables["a"].worst, errors[10]);
    assert!(found.balanced_memory_mape.is_some());
}

#[test]
fn names_and_order_change_nothing() {
    let rows = [
        row("a", "x", 1, "megatron-2025", 1.0, "step_s", ""),
        row("b", "y", 1, "another-2025", 2.0, "step_s", ""),
    ];
    let (there, back) = (rows.concat(), rows[1].clone() + &rows[0]);
    let predict = |text: &str| {
        let found = scored(&read(text).unwrap());
        let mut all: Vec<_> = found
            .rows
            .into_iter()
            .map(|row| (row.row_id, row.pred_step_s))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    };
    assert_eq!(predict(&there), predict(&back));
    assert_eq!(predict(&there)[0].1, predict(&there)[1].1);
}

#[test]
fn predictions_are_a_table() {
    let good = row("a", "x", 1, "s", 1.0, "step_s", "");
    let unmeasured = good.replace(",unknown,1,", ",unknown,,");
    let text = good.clone()
        + &unmeasured.replace("a,x,1,", "a,y,1,")
        + &unmeasured.replace("a,x,1,", "a,z,0,")
        + &good.replace("a,x,1,", "a,w,1,").replace("H100 SXM", "H900");
    let found = scored(&read(&text).unwrap());
    let row = &found.rows[0];
    let cells = format!(
        "{},{}",
        row.pred_step_s.unwrap(),
        row.pred_peak_mem_gib.unwrap()
    );
    // One job, measured or not; and one that nothing is known of.
    let expected =
        format!("row_id,pred_step_s,pred_peak_mem_gib\nx,{cells}\ny,{cells}\nz,{cells}\nw,,\n");
    assert_eq!(predictions(&found).unwrap(), expected);
}

#[test]
fn what_is_no_table_is_refused_with_its_line() {
    let refused = |text: String| read(&text).unwrap_err().to_string();
    let good = row("a", "x", 1, "s", 1.0, "step_s", "");
    assert_eq!(
        refused(good.clone() + &good),
        "steps.csv: row_id `x` occurs twice"
    );
    for (bad, why) in [
        (good.replace(",unknown,1,", ",unknown,soon,"), "float"),
        (good.replace(",8192,", ",long,"), "digit"),
        (good.replace(",8192,", ","), "fields"),
    ] {
        let said = refused(row("a", "w", 1, "s", 1.0, "step_s", "") + &bad);
        assert!(
            said.starts_with("steps.csv: the table cannot be read"),
            "{said}"
        );
        assert!(said.contains("line: 3") && said.contains(why), "{said}");
        assert!(said.ends_with("described in docs/simulation.md"), "{said}");
    }
}

/// A row that cannot be scored costs itself, and no other.
#[test]
fn what_cannot_be_scored_is_left_out_with_its_reason() {
    let good = row("a", "x", 1, "s", 1.0, "step_s", "");
    let other = row("a", "good", 1, "s", 2.0, "step_s", "");
    let alone = scored(&read(&other).unwrap());
    let no_column = |column: &str| format!("`{column}` is empty, or nothing that makes sense");
    let mut cases = vec![
        (
            good.replace("H100 SXM 80GB", "H900"),
            "no accelerator is called `H900`".to_owned(),
        ),
        (good.replace(",8192,", ",,"), no_column("seq_len")),
        (good.replace("flash3", "flash9"), no_column("attention")),
        (
            good.replace(",4,1,1,1,1,16,", ",3,1,1,1,1,16,"),
            "heads (32) is not a multiple of tp (3); the nearest that is: 33".to_owned(),
        ),
        (
            good.replace(",4,1,1,1,1,16,", ",4,1,1,1,1,8,"),
            "tp·cp·pp·dp is 32, but the cluster has 64 devices".to_owned(),
        ),
        (
            good.replace("H100", "A100").replace("bf16", "fp8"),
            "A100 SXM 80GB has no fp8 arithmetic; use bf16".to_owned(),
        ),
    ];
    for step in ["", "0", "-1", "NaN", "inf"] {
        let text = good.replace(",unknown,1,", &format!(",unknown,{step},"));
        cases.push((text, no_column("step_s")));
    }
    for (bad, reason) in cases {
        let found = scored(&read(&(bad.clone() + &other)).unwrap());
        let left_out: Vec<_> = found.left_out.iter().collect();
        assert_eq!(left_out.len(), 1, "{bad}");
        let (table, row_id) = (&left_out[0].table, &left_out[0].row_id);
        assert_eq!((table.as_str(), row_id.as_str()), ("a", "x"));
        assert_eq!(left_out[0].reason, reason);
        assert_eq!(found.tables, alone.tables, "{reason}");
        assert_eq!(found.balanced_mape, alone.balanced_mape);
        // What does not count is no reason to complain.
        let found = scored(&read(&bad.replace("a,x,1,", "a,x,0,")).unwrap());
        assert_eq!((found.left_out, found.balanced_mape), (vec![], None));
    }
}

#[test]
fn what_was_measured_may_be_missing_as_columns() {
    let names: Vec<&str> = HEAD.trim_end().split(',').collect();
    let measured = [
        "step_s",
        "tokens_per_s_per_device",
        "primary",
        "peak_mem_gib",
    ];
    let without = |line: &str| {
        let cells = names.iter().zip(line.trim_end().split(','));
        let kept = cells.filter(|(name, _)| !measured.contains(name));
        kept.map(|(_, cell)| cell).collect::<Vec<_>>().join(",") + "\n"
    };
    let line = row("a", "x", 1, "s", 1.0, "step_s", "");
    let text = without(HEAD) + &without(&line);
    let found = scored(&read_tables(&[("steps.csv".to_owned(), text)]).unwrap());
    let whole = scored(&read(&line).unwrap());
    assert_eq!(found.rows[0].pred_step_s, whole.rows[0].pred_step_s);
    assert_eq!((found.left_out.len(), found.balanced_mape), (1, None));
}

/// Memory is scored by itself: it may be all that was published.
#[test]
fn memory_counts_without_a_step() {
    let line = row("a", "x", 1, "s", 1.0, "step_s", "40").replace(",unknown,1,", ",unknown,,");
    let found = scored(&read(&line).unwrap());
    assert_eq!((found.memory["a"].rows, found.balanced_mape), (1, None));
    let nonsense = line.replace("step_s,40", "step_s,0");
    assert_eq!(scored(&read(&nonsense).unwrap()).balanced_memory_mape, None);
}

#[test]
fn no_scored_row_is_no_score() {
    let rows = read(&row("a", "x", 0, "s", 1.0, "step_s", "")).unwrap();
    let found = scored(&rows);
    assert_eq!((found.rows.len(), found.balanced_mape), (1, None));
}

/// Counts at the edge of what is taken: sums and products of them leave 32 bits.
#[test]
fn huge_counts_do_no_harm() {
    let huge = (1_u32 << 30).to_string();
    let good = row("a", "x", 1, "s", 1.0, "step_s", "");
    let names: Vec<&str> = HEAD.trim_end().split(',').collect();
    let good: Vec<&str> = good.trim_end().split(',').collect();
    let degrees = ["tp", "cp", "pp", "vp", "dp", "micro_batch"];
    let is_count = |at: usize| good[at].parse().is_ok_and(|count: u32| count > 1);
    for at in (0..names.len()).filter(|&at| is_count(at)) {
        let mut edited = good.clone();
        edited[at] = &huge;
        let alone = edited.join(",");
        for (name, column) in names.iter().zip(&mut edited) {
            if degrees.contains(name) {
                *column = &huge;
            }
        }
        for line in [alone, edited.join(",")] {
            let rows = read(&(line.clone() + "\n")).unwrap();
            let found = scored(&rows);
            match found.rows[0].pred_step_s {
                Some(seconds) => assert!(!seconds.is_nan(), "{line}"),
                None => assert!(rows[0].job.is_err(), "{line}"),
            }
        }
    }
}
