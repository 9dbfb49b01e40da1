//! The loss over time, against the ends of published training curves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::loss::{Anneal, LossLaw, Schedule, score_loss, stretches};

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

#[test]
fn a_table_is_scored_by_curve() {
    let head = "model_label,n_params,schedule,batch_tokens,step,lr,loss\n";
    let rows = "25M,25000000,constant,524288,23936,0.0003,3.3473\n";
    let found = score_loss(&(head.to_owned() + rows)).unwrap();
    assert!(found.curves["25M constant"] < 0.01, "{found:?}");
    assert_eq!(found.mean_abs_error, found.curves["25M constant"]);
    assert_eq!(
        score_loss(head).unwrap_err().to_string(),
        "the table of losses is empty"
    );
}
