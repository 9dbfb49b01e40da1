//! One step, operation by operation, against the analytic step.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::Constants;
use kitchen_sim::cost::times;
use kitchen_sim::input::{Accelerator, Attention, Batch, Job, Layout, Model, Sharding, Software};
use kitchen_sim::trace::{Direction, trace};

/// Llama-3 405B on `dp` replicas of 128 devices.
fn llama(dp: u32, vp: u32) -> Job {
    let h100 = Accelerator::named("H100 SXM 80GB").unwrap().unwrap();
    let plain = Job::plain(Model::named("llama3-405b").unwrap(), h100, 128 * dp);
    Job {
        layout: Layout {
            tp: 8,
            pp: 16,
            vp,
            dp,
            sp: true,
            sharding: Sharding::DistOpt,
            ..plain.layout
        },
        software: Software {
            attention: Attention::Flash3,
            tp_overlap: true,
            ..plain.software
        },
        batch: Batch {
            seq_len: 8192,
            global_batch: 16 * dp,
        },
        ..plain
    }
}

#[test]
fn agrees_with_the_analytic_step() {
    let constants = Constants::bundled().unwrap();
    for vp in [1, 2, 4, 8] {
        let job = llama(2, vp);
        let traced = trace(&job, &constants, |_, _| 1.0).unwrap().seconds;
        let analytic = times(&job, &constants).seconds();
        assert!(
            (traced / analytic - 1.0).abs() < 0.05,
            "vp {vp}: {traced}, {analytic}"
        );
    }
}

#[test]
fn a_slow_device_holds_up_all() {
    let constants = Constants::bundled().unwrap();
    let job = llama(4, 1);
    let healthy = trace(&job, &constants, |_, _| 1.0).unwrap();
    let slow = |replica, stage| if (replica, stage) == (2, 5) { 1.5 } else { 1.0 };
    let held = trace(&job, &constants, slow).unwrap();
    assert_eq!(held.replica, 2);
    // It is half as slow again, but would have waited for a third of the step.
    let share = held.seconds / healthy.seconds;
    assert!((1.05..1.3).contains(&share), "{share}");
    assert_eq!(held.ends[0], healthy.ends[0]);
}

#[test]
fn no_stage_does_two_things_at_once() {
    let constants = Constants::bundled().unwrap();
    let traced = trace(&llama(1, 4), &constants, |_, _| 1.0).unwrap();
    for pair in traced.operations.windows(2) {
        assert!(pair[0].stage != pair[1].stage || pair[0].end <= pair[1].start);
    }
    let forward = traced
        .operations
        .iter()
        .filter(|one| one.pass == Direction::Forward);
    assert_eq!(forward.count(), 16 * 4 * 16);
    assert!(traced.operations.iter().all(|one| one.end > one.start));
}

#[test]
fn interleaving_needs_whole_rounds() {
    let constants = Constants::bundled().unwrap();
    let mut job = llama(1, 2);
    job.batch.global_batch = 17;
    let refusal = trace(&job, &constants, |_, _| 1.0).unwrap_err().to_string();
    assert_eq!(
        refusal,
        "micro-steps (17) is not a multiple of pp (16); the nearest that is: 32"
    );
}
