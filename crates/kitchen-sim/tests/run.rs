//! Weeks on a large cluster: against what was reported of one, and the same each time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::reliability::FailureRates;
use kitchen_sim::run::{Happening, Plan, Record, run};

/// Llama-3 405B: 2,048 nodes for 54 days.
fn llama(seed: u64) -> Plan {
    Plan {
        seed,
        nodes: 2048,
        devices_per_node: 8,
        seconds: 54.0 * 86_400.0,
        step: 5.0,
        save: 5.0,
        interval: 330.0,
        detect: 120.0,
        restart: 300.0,
        rates: FailureRates::LLAMA3,
        slow_share: 0.005,
        slowness: 0.1,
        slow_for: 3600.0,
        diurnal: 0.01,
    }
}

#[test]
fn llama_3_was_interrupted_419_times() {
    let records: Vec<Record> = (0..200).map(|seed| run(&llama(seed)).unwrap()).collect();
    let mean = |of: fn(&Record) -> f64| records.iter().map(of).sum::<f64>() / 200.0;
    let interruptions = mean(|record| f64::from(record.interruptions));
    assert!(
        (interruptions / 419.0 - 1.0).abs() < 0.05,
        "{interruptions}"
    );
    let effective = mean(Record::effective);
    assert!((0.90..0.97).contains(&effective), "{effective}");
}

#[test]
fn every_second_has_its_place() {
    let plan = llama(3);
    let record = run(&plan).unwrap();
    assert!((record.seconds() - plan.seconds).abs() < 1e-3);
    let steps = record.productive / plan.step;
    assert!(
        (steps - record.steps as f64).abs() < 2.0 + steps * 1e-9,
        "{steps}"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(&llama(7)).unwrap(), run(&llama(7)).unwrap());
    assert_ne!(run(&llama(7)).unwrap(), run(&llama(8)).unwrap());
}

#[test]
fn events_are_told_in_order() {
    let record = run(&llama(1)).unwrap();
    assert!(
        record
            .events
            .windows(2)
            .all(|pair| pair[0].at <= pair[1].at)
    );
}

#[test]
fn a_run_resumes_at_the_step_it_saved() {
    let mut saved = 0;
    for told in run(&llama(5)).unwrap().events {
        match told.what {
            Happening::Saved { step } => saved = step,
            Happening::Resumed { step } => assert_eq!(step, saved),
            Happening::Failed { .. } | Happening::Replaced { .. } => {}
        }
    }
}

#[test]
fn nothing_fails_where_nothing_can() {
    let mut plan = llama(1);
    plan.rates = FailureRates {
        per_node_day: 0.0,
        bad_share: 0.0,
        ..plan.rates
    };
    let record = run(&plan).unwrap();
    assert_eq!(
        (record.interruptions, record.down, record.lost),
        (0, 0.0, 0.0)
    );
}

#[test]
fn nonsense_is_refused() {
    let refused = |change: fn(&mut Plan)| {
        let mut plan = llama(1);
        change(&mut plan);
        run(&plan).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|plan| plan.step = 0.0),
        "`step` is 0; it must be positive"
    );
    assert_eq!(
        refused(|plan| plan.save = f64::NAN),
        "`save` is NaN; it must be 0 or more"
    );
    assert_eq!(
        refused(|plan| plan.slow_share = 2.0),
        "`slow_share` is 2; it must be from 0 to 1"
    );
}
