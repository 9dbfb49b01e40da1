//! How often the detectors find what is there, and see what is not: 300 traces with one injected
//! fault each, and 300 without; and as many that stop falling, or do not. `docs/supervision.md`
//! reports the figures.

use kitchen_types::config::Supervision;
use kitchen_types::random::{Generator, Key};
use kitchen_types::supervision::{MonitorState, PlateauState};
use kitchen_watch::{Finding, Measured, observe, plateau};

const TRACES: u64 = 300;
/// The thresholds were chosen on the traces of seeds below this; these are judged.
const FIRST_SEED: u64 = 1000;
const STEPS: u64 = 500;
/// A fault must be found within so many steps: a slow divergence takes 50 to be believed, and about
/// as many before it has risen far enough.
const SOON: u64 = 150;
/// A harmless high loss so many steps before may be taken for its beginning.
const BEFORE: u64 = 5;

/// A loss that falls from `first` to a floor with log-normal noise; in one step of a hundred a hard
/// batch adds to it. The gradient norm follows the loss, with noise of its own.
fn clean(draw: &mut Generator) -> Vec<Measured> {
    let first = between(draw, 0.5, 11.0);
    let floor = first * between(draw, 0.001, 0.6);
    let falls_in = between(draw, 10.0, 400.0);
    let noise = between(draw, 0.01, 0.2);
    let gradient = between(draw, 0.1, 20.0);
    let step = |step| {
        let trend = floor + (first - floor) * (-(step as f64) / falls_in).exp();
        let is_hard = draw.uniform() < 0.01;
        let hard = match is_hard {
            true => 0.05 * first * -(1.0 - draw.uniform()).ln(),
            false => 0.0,
        };
        let loss = trend * (noise * draw.normal()).exp() + hard;
        let norm = gradient * (loss / first).sqrt() * (0.3 * draw.normal()).exp();
        Measured {
            step,
            loss,
            grad_norm: Some(if is_hard { 3.0 * norm } else { norm }),
        }
    };
    (1..=STEPS).map(step).collect()
}

fn between(draw: &mut Generator, low: f64, high: f64) -> f64 {
    low + (high - low) * draw.uniform()
}

const FAULTS: [&str; 6] = [
    "a loss that is NaN",
    "a gradient that is infinite",
    "one bad batch",
    "a spike that lasts",
    "an exploding gradient",
    "a slow divergence",
];

/// Spoils a trace from a drawn step on; says which.
fn spoil(trace: &mut [Measured], fault: usize, draw: &mut Generator) -> u64 {
    let at = between(draw, 60.0, 340.0) as u64;
    let first = trace[0].loss;
    let size = draw.uniform();
    for measured in trace.iter_mut().skip(at as usize - 1) {
        let since = (measured.step - at) as f64;
        let norm = measured.grad_norm.unwrap_or_default();
        match fault {
            0 => measured.loss = f64::NAN,
            1 => measured.grad_norm = Some(f64::INFINITY),
            2 if since == 0.0 => {
                measured.loss += first * (1.0 + 20.0 * size);
                measured.grad_norm = Some(norm + 100.0 * (1.0 + 10.0 * size));
            }
            3 => measured.loss += first * (0.6 + 3.0 * size) * (-since / 30.0).exp(),
            4 => measured.grad_norm = Some(1e4 * (1.1 + 100.0 * size)),
            5 => measured.loss += first * (0.01 + 0.05 * size) * since,
            _ => {}
        }
    }
    at
}

fn seeds() -> std::ops::Range<u64> {
    FIRST_SEED..FIRST_SEED + TRACES
}

/// The first anomaly, and the step at which it was seen.
fn first_finding(trace: &[Measured]) -> Option<(u64, Finding)> {
    let mut state = MonitorState::default();
    let rules = Supervision::default();
    let mut seen = trace.iter();
    seen.find_map(|measured| Some((measured.step, observe(&mut state, *measured, &rules)?)))
}

/// The lower end of the two-sided 95 % interval for a share, where all `n` tries succeeded (Clopper
/// and Pearson 1934).
fn at_least(n: u64) -> f64 {
    0.025_f64.powf(1.0 / n as f64)
}

#[test]
fn no_clean_trace_raises_an_alarm() {
    let alarms: Vec<_> = seeds()
        .filter_map(|seed| {
            let mut draw = Key::new(seed).purpose("clean").rng();
            first_finding(&clean(&mut draw)).map(|(at, finding)| (seed, at, finding))
        })
        .collect();
    assert!(alarms.is_empty(), "{} alarms: {alarms:#?}", alarms.len());
    assert!(1.0 - at_least(TRACES) < 0.0123);
}

#[test]
fn every_injected_fault_is_found() {
    let mut delays = vec![Vec::new(); FAULTS.len()];
    let mut missed = Vec::new();
    for seed in seeds() {
        let mut draw = Key::new(seed).purpose("faulty").rng();
        let fault = seed as usize % FAULTS.len();
        let mut trace = clean(&mut draw);
        let at = spoil(&mut trace, fault, &mut draw);
        match first_finding(&trace) {
            Some((found, finding))
                if (at..at + SOON).contains(&found) && finding.since + BEFORE > at =>
            {
                delays[fault].push(found - at);
            }
            other => missed.push((seed, FAULTS[fault], at, other)),
        }
    }
    assert!(missed.is_empty(), "{} missed: {missed:#?}", missed.len());
    assert!(at_least(TRACES) > 0.987);
    // The documentation says so.
    let longest = delays.iter().map(|delays| delays.iter().copied().max());
    let longest: Vec<u64> = longest.map(Option::unwrap_or_default).collect();
    assert_eq!(longest, [0, 0, 0, 2, 0, 106]);
}

/// A loss that falls by at least a tenth in 300 steps, with log-normal noise and hard batches, and
/// from step `stuck_at` on falls no more.
fn falling(draw: &mut Generator, stuck_at: f64) -> Vec<Measured> {
    let first = between(draw, 0.5, 11.0);
    let falls_in = between(draw, 500.0, 2800.0);
    let noise = between(draw, 0.01, 0.2);
    let step = |step| {
        let trend = first * (-(step as f64).min(stuck_at) / falls_in).exp();
        let hard = match draw.uniform() < 0.01 {
            true => -0.5 * trend * (1.0 - draw.uniform()).ln(),
            false => 0.0,
        };
        Measured {
            step,
            loss: trend * (noise * draw.normal()).exp() + hard,
            grad_norm: None,
        }
    };
    (1..=3000).map(step).collect()
}

/// The step after which a plateau is told first.
fn first_plateau(trace: &[Measured]) -> Option<u64> {
    let mut state = PlateauState::default();
    let rules = Supervision::default();
    let mut seen = trace.iter();
    seen.find_map(|seen| plateau(&mut state, *seen, &rules).map(|_| seen.step))
}

#[test]
fn every_loss_that_stops_falling_is_told_and_none_that_falls() {
    let mut latest = 0;
    for seed in seeds() {
        let mut draw = Key::new(seed).purpose("falling").rng();
        let told = first_plateau(&falling(&mut draw, f64::INFINITY));
        assert_eq!(told, None, "seed {seed} still falls");

        let mut draw = Key::new(seed).purpose("stuck").rng();
        let at = between(&mut draw, 300.0, 1200.0);
        let told = first_plateau(&falling(&mut draw, at)).map(|step| step as f64 - at);
        assert!(
            told.is_some_and(|late| late > 0.0),
            "seed {seed}, stuck at {at}: {told:?}"
        );
        latest = latest.max(told.unwrap_or_default() as u64);
    }
    // The documentation says so.
    assert_eq!(latest, 1505);
}
