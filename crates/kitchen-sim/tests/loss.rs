//! The loss over time, against the ends of published training curves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::loss::{
    Anneal, LossLaw, LossScore, LossTableError, Schedule, is_loss_table, score_loss, stretches,
};

/// The last sample of each curve of github.com/thu-yao-01-luo/MultiPowerLaw (Luo et al. 2025):
/// parameters, how the learning rate falls and from which step on, the step, the loss.
const ENDS: [(f64, Anneal, u64, f64, f64); 9] = [
    (25e6, Anneal::Constant, 0, 23_936.0, 3.3473),
    (25e6, Anneal::Cosine(0.1), 0, 23_920.0, 3.3044),
    (25e6, Anneal::Drop(0.3), 8000, 14_144.0, 3.3901),
    (100e6, Anneal::Constant, 0, 23_936.0, 3.0354),
    (100e6, Anneal::Cosine(0.1), 0, 23_920.0, 2.9791),
    (100e6, Anneal::Drop(0.3), 8000, 15_936.0, 3.0588),
    (400e6, Anneal::Constant, 0, 23_936.0, 2.8167),
    (400e6, Anneal::Cosine(0.1), 0, 23_920.0, 2.7396),
    (400e6, Anneal::Drop(0.3), 8000, 15_936.0, 2.83),
];

/// The schedule of those curves that fall along a cosine.
const COSINE: Schedule = Schedule {
    peak: 3e-4,
    warmup: 2160,
    stable: 0,
    steps: 24_000,
    anneal: Anneal::Cosine(0.1),
};

#[test]
fn curves_end_where_they_ended() {
    let mut sum = 0.0;
    for (parameters, anneal, stable, step, measured) in ENDS {
        let schedule = Schedule {
            stable,
            anneal,
            ..COSINE
        };
        let found = LossLaw::of(parameters).loss(&stretches(&schedule, step, 512));
        let error = (found - measured).abs();
        assert!(
            error < 0.02,
            "{parameters:e}, {anneal:?}: {found}, not {measured}"
        );
        sum += error;
    }
    // Ends are the hardest: over whole curves the mean error is 0.0043 nats.
    assert!(sum / 9.0 < 0.01, "{}", sum / 9.0);
}

#[test]
fn finer_stretches_change_little() {
    let loss = |count| LossLaw::of(100e6).loss(&stretches(&COSINE, 24_000.0, count));
    assert!(
        (loss(64) - loss(4096)).abs() < 1e-3,
        "{} {}",
        loss(64),
        loss(4096)
    );
}

const HEAD: &str = "model_label,n_params,schedule,batch_tokens,step,lr,loss\n";

fn scored(rows: &str) -> Result<LossScore, LossTableError> {
    score_loss(&[("losses.csv".to_owned(), HEAD.to_owned() + rows)])
}

#[test]
fn a_table_is_scored_by_curve() {
    let constant = "25M,25000000,constant,524288,23936,0.0003,3.3473\n";
    let found = scored(constant).unwrap();
    assert!(found.curves["25M constant"] < 0.01, "{found:?}");
    assert_eq!(found.mean_abs_error, found.curves["25M constant"]);
    // Each curve counts once, whatever its samples; one without a loss counts only for its learning
    // rate.
    let two = constant.to_owned()
        + "25M,25000000,cosine,524288,10000,0.0002,\n"
        + "25M,25000000,cosine,524288,20000,0.0001,5\n"
        + "25M,25000000,cosine,524288,20001,0.0001,5\n";
    let both = scored(&two).unwrap();
    let cosine = both.curves["25M cosine"];
    assert!(cosine > 1.0, "{both:?}");
    assert_eq!(both.mean_abs_error, (found.mean_abs_error + cosine) / 2.0);
    let other = two.replace("10000,0.0002", "10000,0.0003");
    assert_ne!(scored(&other).unwrap().curves["25M cosine"], cosine);
}

#[test]
fn what_is_wrong_with_a_table_of_losses_is_said() {
    let refused = |rows: &str| scored(rows).unwrap_err().to_string();
    let empty = "losses.csv: the table of losses is empty";
    assert_eq!(refused(""), empty);
    assert_eq!(
        refused("25M,25000000,constant,524288,23936,0.0003,\n"),
        empty
    );
    assert!(
        refused("25M,25000000,constant,524288,soon,0.0003,3\n").contains("line: 2"),
        "the line is told"
    );
    let senseless = "losses.csv: curve `25M constant`: after step ";
    for (row, column) in [
        ("25M,0,constant,524288,200,0.0003,3\n", "0, `n_params` is 0"),
        ("25M,1e6,constant,524288,200,NaN,3\n", "0, `lr` is NaN"),
        (
            "25M,1e6,constant,524288,200,0.0003,3\n25M,1e6,constant,524288,100,0.0003,3\n",
            "200, `step` is 100",
        ),
    ] {
        let said = refused(row);
        assert!(said.starts_with(&format!("{senseless}{column};")), "{said}");
    }
    let text = HEAD.to_owned() + "25M,1e6,constant,524288,200,0.0003,3\n";
    let twice = ["a.csv", "b.csv"].map(|name| (name.to_owned(), text.clone()));
    assert_eq!(
        score_loss(&twice).unwrap_err().to_string(),
        "b.csv: curve `25M constant` stands in another table too"
    );
}

#[test]
fn tables_of_losses_are_known_by_their_columns() {
    assert!(is_loss_table(HEAD));
    assert!(is_loss_table("loss,step,lr\n1,2,3\n"));
    assert!(!is_loss_table("table,row_id,scored,step_s\n"));
    assert!(!is_loss_table(""));
}
