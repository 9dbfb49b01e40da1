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
    let predicted = scored(&one).rows[0].pred_step_s;
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
    let mut errors: Vec<f64> = found.rows.iter().map(|row| row.ape).collect();
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
    let text = row("a", "x", 1, "s", 1.0, "step_s", "");
    let found = scored(&read(&text).unwrap());
    let row = &found.rows[0];
    let expected = format!(
        "row_id,pred_step_s,pred_peak_mem_gib\nx,{},{}\n",
        row.pred_step_s, row.pred_peak_mem_gib
    );
    assert_eq!(predictions(&found).unwrap(), expected);
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let refused = |text: String| read(&text).unwrap_err().to_string();
    let good = row("a", "x", 1, "s", 1.0, "step_s", "");
    assert_eq!(
        refused(good.clone() + &good),
        "steps.csv: row_id `x` occurs twice"
    );
    assert_eq!(
        refused(good.replace("H100 SXM 80GB", "H900")),
        "steps.csv: row `x`: no accelerator is called `H900`"
    );
    assert_eq!(
        refused(good.replace(",8192,", ",,")),
        "steps.csv: row `x` is scored, but `seq_len` is empty, or no number that makes sense"
    );
    for step in ["", "0", "-1", "NaN", "inf"] {
        let text = good.replace(",unknown,1,", &format!(",unknown,{step},"));
        assert_eq!(
            refused(text),
            "steps.csv: row `x` is scored, but `step_s` is empty, or no number that makes sense"
        );
    }
}

#[test]
fn an_unscored_row_may_lack_an_input() {
    let bad = row("a", "x", 0, "s", 1.0, "step_s", "").replace("dist-opt", "");
    let rows = read(&bad).unwrap();
    assert!(rows[0].job.is_none() && scored(&rows).rows.is_empty());
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
            let job = rows[0].job.as_ref().unwrap();
            let _ = job.check();
            let found = scored(&rows);
            assert!(!found.rows[0].pred_step_s.is_nan(), "{line}");
        }
    }
}
