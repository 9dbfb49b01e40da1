#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use kitchen_types::config::{Seconds, Trouble};

use super::*;
use crate::cost::Matrix;
use crate::run::DAY;

fn order(incidents: Vec<(f64, Trouble)>) -> Order {
    let matrix = Matrix {
        inputs: 64.0,
        outputs: 10.0,
        uses: 1.0,
    };
    Order {
        work: Work::Network(Network {
            matrices: vec![matrix],
            parameters: 650.0,
            batch: 32,
        }),
        cluster: ClusterSpec {
            gpus: 16,
            ..ClusterSpec::default()
        },
        failures_per_day: 0.0,
        incidents: (incidents.into_iter())
            .map(|(at, what)| Incident {
                at: Seconds(at),
                what,
            })
            .collect(),
        seed: 1,
    }
}

fn clock(incidents: Vec<(f64, Trouble)>) -> Clock {
    Clock::new(&order(incidents)).unwrap()
}

fn straggler(lasts: f64) -> Trouble {
    Trouble::Straggler {
        node: 1,
        slowness: 1.0,
        lasts: Seconds(lasts),
    }
}

#[test]
fn healthy_steps_take_what_was_forecast() {
    let mut clock = clock(Vec::new());
    let step = clock.forecast().step;
    for _ in 0..100 {
        clock.step().unwrap();
    }
    assert!((clock.at() / (100.0 * step) - 1.0).abs() < 1e-12);
    let before = clock.at();
    clock.save().unwrap();
    assert_eq!(clock.at() - before, clock.forecast().save);
    clock.look(3.0).unwrap();
    assert!((clock.at() - before - clock.forecast().save - step).abs() < 1e-9);
}

#[test]
fn a_straggler_makes_steps_longer_while_it_is_there() {
    let step = clock(Vec::new()).forecast().step;
    // From the middle of the second step for two steps of the clock: one step's work.
    let mut clock = clock(vec![(1.5 * step, straggler(2.0 * step))]);
    for _ in 0..3 {
        clock.step().unwrap();
    }
    assert!((clock.at() / step - 4.0).abs() < 1e-9, "{}", clock.at());
}

#[test]
fn a_failure_stops_the_run_and_a_partition_only_holds_it_up() {
    let mut failing = clock(vec![(0.0, Trouble::GpuFailure { node: 1, gpu: 3 })]);
    let stopped = failing.step().unwrap_err();
    assert_eq!(
        stopped,
        Interruption {
            at: 0.0,
            cause: "faulty gpu",
            node: 1,
            gpu: Some(3),
            down: 420.0
        }
    );
    assert_eq!(failing.at(), 420.0);
    failing.step().unwrap();

    let cut = Trouble::NetworkPartition {
        node: 0,
        nodes: 1,
        lasts: Seconds(60.0),
    };
    let mut waiting = clock(vec![(0.0, cut)]);
    waiting.step().unwrap();
    let step = waiting.forecast().step;
    assert!((waiting.at() - 60.0 - step).abs() < 1e-9);
}

#[test]
fn storage_is_slow_while_it_is() {
    let slow = Trouble::SlowStorage {
        factor: 10.0,
        lasts: Seconds(5.0),
    };
    let mut clock = clock(vec![(0.0, slow)]);
    clock.step().unwrap();
    let (before, save) = (clock.at(), clock.forecast().save);
    clock.save().unwrap();
    assert!((clock.at() - before - 10.0 * save).abs() < 1e-9);
    let before = clock.at();
    clock.save().unwrap();
    assert!((clock.at() - before - save).abs() < 1e-9);
}

#[test]
fn failures_come_as_often_as_they_should_and_a_clock_that_is_set_goes_on_alike() {
    let mut often = order(Vec::new());
    often.failures_per_day = 12.0;
    let mut clock = Clock::new(&often).unwrap();
    let mut seen = Vec::new();
    while clock.at() < 100.0 * DAY {
        // A quarter of an hour at once.
        if let Err(stopped) = clock.look(3.0 * 900.0 / clock.forecast().step) {
            seen.push(stopped);
        }
    }
    // Two nodes, 12 a day each, but for the seven minutes after each.
    let expected = 100.0 * 24.0 * (1.0 - 420.0 / (3600.0 + 420.0));
    assert!(
        (seen.len() as f64 / expected - 1.0).abs() < 0.06,
        "{}, not {expected}",
        seen.len()
    );

    let middle = seen.len() / 2;
    let mut again = Clock::new(&often).unwrap();
    again.set(seen[middle - 1].at + seen[middle - 1].down);
    let next = loop {
        if let Err(stopped) = again.look(3.0 * 900.0 / again.forecast().step) {
            break stopped;
        }
    };
    assert_eq!(
        (next.cause, next.node, next.gpu),
        (seen[middle].cause, seen[middle].node, seen[middle].gpu)
    );
    assert_eq!(next.at, seen[middle].at);
}

/// A network that is cut off for longer than there are records: nobody counts what would have
/// failed meanwhile.
#[test]
fn times_far_away_are_as_near_as_others() {
    let cut = Trouble::NetworkPartition {
        node: 0,
        nodes: 1,
        lasts: Seconds(1e15),
    };
    let mut far = order(vec![(0.0, cut)]);
    far.failures_per_day = 1.0;
    let mut clock = Clock::new(&far).unwrap();
    let stopped = clock.step().unwrap_err();
    assert_eq!(
        (stopped.cause, stopped.at),
        ("nccl watchdog timeouts", 600.0)
    );
    assert_eq!(clock.at(), 1e15 + 300.0);
    clock.step().unwrap();
}

#[test]
fn what_fails_all_the_time_fails_at_every_step() {
    let mut often = order(Vec::new());
    often.failures_per_day = 1e12;
    let mut clock = Clock::new(&often).unwrap();
    for _ in 0..1000 {
        assert!(clock.step().is_err());
    }
}

#[test]
fn what_is_not_there_cannot_fail() {
    let error = Clock::new(&order(vec![(1.0, Trouble::NodeFailure { node: 2 })]));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the node failure at 1s concerns node 2, but there are 2, from 0"
    );
    let mut unknown = order(Vec::new());
    unknown.cluster.accelerator = "abacus".into();
    let error = Clock::new(&unknown).unwrap_err().to_string();
    assert!(
        error.starts_with("there is no accelerator `abacus`"),
        "{error}"
    );
}

#[test]
fn a_transformer_is_spread_as_fits() {
    let mut large = order(Vec::new());
    large.cluster.gpus = 64;
    let batch = Batch {
        seq_len: 8192,
        global_batch: 512,
    };
    large.work = Work::Transformer(Model::named("llama3-8b").unwrap(), batch);
    let clock = Clock::new(&large).unwrap();
    let found = clock.forecast();
    let (needed, has) = found.memory_gib.unwrap();
    assert!(needed < has);
    assert_eq!(found.layout.devices(), 64);
    assert!((0.2..0.7).contains(&found.mfu), "{found:?}");
}
