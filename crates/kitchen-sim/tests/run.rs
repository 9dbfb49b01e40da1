//! Weeks on a large cluster: against what was reported of one, and the same each time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kitchen_sim::reliability::{CAUSES, FailureRates};
use kitchen_sim::run::{
    Act, Cue, Doing, Happening, Plan, Record, Script, Span, Validation, perform, run,
};

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
            _ => {}
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

/// What nothing disturbs but the script.
fn quiet() -> Plan {
    let mut plan = llama(1);
    plan.rates.per_node_day = 0.0;
    plan.rates.bad_share = 0.0;
    plan.slow_share = 0.0;
    plan.diurnal = 0.0;
    plan
}

/// What was done until a run of `steps` ended, as text: seconds and what for.
fn told(plan: &Plan, steps: u64, validation: Option<Validation>, acts: &[(f64, Act)]) -> String {
    let script = Script {
        steps: Some(steps),
        validation,
        cues: acts.iter().map(|&(at, act)| Cue { at, act }).collect(),
    };
    let performance = perform(plan, &script).unwrap();
    let spans = &performance.spans;
    assert!(spans.windows(2).all(|pair| pair[0].until == pair[1].from));
    let end = spans.last().unwrap().until;
    assert!((performance.record.seconds() - end).abs() < 1e-6);
    let one = |span: &Span| {
        let seconds = (10.0 * (span.until - span.from)).round() / 10.0;
        match span.doing {
            Doing::Training { first, last, .. } => format!("{seconds}: {first:.1} to {last:.1}"),
            Doing::Validating { step } => format!("{seconds}: look at {step}"),
            Doing::Saving { step } => format!("{seconds}: save {step}"),
            Doing::Down => format!("{seconds}: down"),
        }
    };
    spans.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Steps, looks at held-out data, what the script does, and what is done then.
type Case<'a> = (u64, Option<Validation>, &'a [(f64, Act)], &'a str);

#[test]
fn a_script_is_followed() {
    // Steps of 5 s, a checkpoint of 5 s after each 66 of them, 420 s to come back.
    let plan = quiet();
    let cause = *CAUSES.first().unwrap();
    let fail = |until| Act::Fail {
        node: 3,
        device: None,
        cause,
        replaced: true,
        until,
    };
    let look = Some(Validation {
        every: 50,
        seconds: 7.0,
    });
    let slow = |share| Act::Slow {
        share,
        until: 150.0,
    };
    let table: &[Case] = &[
        (
            100,
            None,
            &[],
            "330: 0.0 to 66.0, 5: save 66, 170: 66.0 to 100.0, 5: save 100",
        ),
        (
            66,
            look,
            &[],
            "250: 0.0 to 50.0, 7: look at 50, 80: 50.0 to 66.0, 5: save 66",
        ),
        (50, look, &[], "250: 0.0 to 50.0, 7: look at 50, 5: save 50"),
        (
            20,
            None,
            &[(50.0, slow(1.0)), (50.0, slow(0.5))],
            "50: 0.0 to 10.0, 100: 10.0 to 20.0, 5: save 20",
        ),
        (
            20,
            None,
            &[(52.0, Act::Stall { until: 60.0 })],
            "52: 0.0 to 10.4, 8: down, 48: 10.4 to 20.0, 5: save 20",
        ),
        (
            70,
            None,
            &[(340.0, fail(0.0))],
            "330: 0.0 to 66.0, 5: save 66, 5: 66.0 to 67.0, 420: down, 20: 66.0 to 70.0, 5: save 70",
        ),
        (
            20,
            None,
            &[(52.0, fail(1052.0))],
            "52: 0.0 to 10.4, 1000: down, 100: 0.0 to 20.0, 5: save 20",
        ),
        (
            20,
            None,
            &[(52.0, Act::RollBack)],
            "52: 0.0 to 10.4, 300: down, 100: 0.0 to 20.0, 5: save 20",
        ),
        (
            66,
            None,
            &[(
                0.0,
                Act::SlowSaves {
                    factor: 10.0,
                    until: 400.0,
                },
            )],
            "330: 0.0 to 66.0, 50: save 66",
        ),
    ];
    for (steps, validation, acts, expected) in table {
        assert_eq!(told(&plan, *steps, *validation, acts), *expected);
    }
}

#[test]
fn the_end_of_the_plan_cuts_what_is_being_done() {
    let mut plan = quiet();
    plan.seconds = 332.0;
    let performance = perform(&plan, &Script::default()).unwrap();
    assert_eq!(performance.record.steps, 66);
    assert_eq!(performance.record.saving, 2.0);
    assert!(performance.record.events.is_empty());
}
