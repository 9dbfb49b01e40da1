//! The learning rate of each step: a pure function, so that any step can be redone alone.

use std::f64::consts::PI;

use kitchen_types::config::{Schedule, ScheduleConfig};

/// The learning rate of `step` (from 0) in a run of `total` steps.
///
/// During the first `warmup` steps it rises from 0 in a straight line; at step `warmup` it is
/// `peak`; from there it falls by the schedule's shape, and would reach its end at step `total`.
/// Beyond `total` it stays there. These are the conventions of Hugging Face's
/// `get_linear_schedule_with_warmup` and its kin.
pub fn learning_rate(peak: f64, schedule: &ScheduleConfig, step: u64, total: u64) -> f64 {
    if step < schedule.warmup {
        return peak * step as f64 / schedule.warmup as f64;
    }
    peak * share_of_peak(&schedule.shape, schedule.warmup, step, total)
}

/// The rate after the warmup, as a share of its peak.
fn share_of_peak(shape: &Schedule, warmup: u64, step: u64, total: u64) -> f64 {
    let done = progress(step, warmup, total);
    match *shape {
        Schedule::Constant => 1.0,
        Schedule::Linear { end } => mix(end, 1.0 - done),
        Schedule::Cosine { end } => mix(end, 0.5 * (1.0 + (PI * done).cos())),
        Schedule::Exponential { end } => end.powf(done),
        Schedule::Polynomial { power, end } => mix(end, (1.0 - done).powf(power)),
        Schedule::WarmupStableDecay { decay, end } => {
            let fall = total.saturating_sub(decay).max(warmup);
            mix(end, 1.0 - progress(step, fall, total))
        }
    }
}

/// How far `step` has come from `start` to `end`, from 0 to 1.
fn progress(step: u64, start: u64, end: u64) -> f64 {
    if step <= start {
        return 0.0;
    }
    if step >= end {
        return 1.0;
    }
    (step - start) as f64 / (end - start) as f64
}

/// `end` where `share` is 0, and 1 where it is 1.
fn mix(end: f64, share: f64) -> f64 {
    end + (1.0 - end) * share
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn rates(schedule: &ScheduleConfig, total: u64) -> Vec<f64> {
        (0..=total)
            .map(|step| learning_rate(1.0, schedule, step, total))
            .collect()
    }

    fn schedule(warmup: u64, shape: Schedule) -> ScheduleConfig {
        ScheduleConfig { warmup, shape }
    }

    fn check(schedule: &ScheduleConfig, expected: &[f64]) {
        let rates = rates(schedule, expected.len() as u64 - 1);
        for (step, (rate, expected)) in rates.iter().zip(expected).enumerate() {
            assert!(
                (rate - expected).abs() < 1e-9,
                "{schedule:?}, step {step}: {rate} instead of {expected}"
            );
        }
    }

    // The four tables were computed with Thinking Machines' tinker-cookbook (`compute_schedule_lr_multiplier`)
    // and Hugging Face transformers (`get_*_schedule_with_warmup`), for 10 steps.

    #[test]
    fn linear_is_that_of_tinker() {
        check(
            &schedule(0, Schedule::Linear { end: 0.0 }),
            &[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
        );
    }

    #[test]
    fn cosine_is_that_of_tinker() {
        check(
            &schedule(0, Schedule::Cosine { end: 0.0 }),
            &[
                1.0,
                0.9755282581,
                0.9045084972,
                0.7938926261,
                0.6545084972,
                0.5,
                0.3454915028,
                0.2061073739,
                0.0954915028,
                0.0244717419,
                0.0,
            ],
        );
    }

    #[test]
    fn linear_with_warmup_is_that_of_transformers() {
        check(
            &schedule(2, Schedule::Linear { end: 0.0 }),
            &[
                0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0,
            ],
        );
    }

    #[test]
    fn cosine_with_warmup_is_that_of_transformers() {
        check(
            &schedule(2, Schedule::Cosine { end: 0.0 }),
            &[
                0.0,
                0.5,
                1.0,
                0.9619397663,
                0.8535533906,
                0.6913417162,
                0.5,
                0.3086582838,
                0.1464466094,
                0.0380602337,
                0.0,
            ],
        );
    }

    #[test]
    fn warmup_stable_decay_is_that_of_transformers() {
        check(
            &schedule(2, Schedule::WarmupStableDecay { decay: 3, end: 0.0 }),
            &[
                0.0,
                0.5,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                1.0,
                0.6666666667,
                0.3333333333,
                0.0,
            ],
        );
    }

    #[test]
    fn exponential_falls_by_the_same_factor_each_step() {
        check(
            &schedule(0, Schedule::Exponential { end: 1.0 / 16.0 }),
            &[1.0, 0.5, 0.25, 0.125, 0.0625],
        );
    }

    #[test]
    fn polynomial_of_power_two_falls_by_the_square_of_what_is_left() {
        check(
            &schedule(
                1,
                Schedule::Polynomial {
                    power: 2.0,
                    end: 0.0,
                },
            ),
            &[0.0, 1.0, 0.5625, 0.25, 0.0625, 0.0],
        );
    }

    #[test]
    fn a_decay_longer_than_the_run_begins_after_the_warmup() {
        check(
            &schedule(2, Schedule::WarmupStableDecay { decay: 9, end: 0.5 }),
            &[0.0, 0.5, 1.0, 0.75, 0.5],
        );
    }

    #[test]
    fn a_run_shorter_than_its_warmup_never_peaks() {
        check(&schedule(4, Schedule::Constant), &[0.0, 0.25, 0.5]);
    }

    #[test]
    fn a_run_without_steps_has_a_rate() {
        check(&schedule(0, Schedule::Linear { end: 0.25 }), &[1.0]);
    }

    fn shapes() -> impl Strategy<Value = Schedule> {
        let end = 0.0..=1.0;
        prop_oneof![
            Just(Schedule::Constant),
            end.clone().prop_map(|end| Schedule::Linear { end }),
            end.clone().prop_map(|end| Schedule::Cosine { end }),
            (1e-6..=1.0).prop_map(|end| Schedule::Exponential { end }),
            (0.1..8.0, end.clone()).prop_map(|(power, end)| Schedule::Polynomial { power, end }),
            (0..300_u64, end).prop_map(|(decay, end)| Schedule::WarmupStableDecay { decay, end }),
        ]
    }

    fn end_of(shape: &Schedule) -> f64 {
        match *shape {
            Schedule::Constant | Schedule::WarmupStableDecay { decay: 0, .. } => 1.0,
            Schedule::Linear { end }
            | Schedule::Cosine { end }
            | Schedule::Exponential { end }
            | Schedule::Polynomial { end, .. }
            | Schedule::WarmupStableDecay { end, .. } => end,
        }
    }

    proptest! {
        #[test]
        fn rates_lie_between_zero_and_the_peak(
            shape in shapes(), warmup in 0..300_u64, step in 0..400_u64, total in 0..300_u64,
            peak in 1e-6..10.0,
        ) {
            let rate = learning_rate(peak, &schedule(warmup, shape), step, total);
            prop_assert!((0.0..=peak * (1.0 + 1e-12)).contains(&rate), "{rate}");
        }

        #[test]
        fn rates_rise_to_the_peak_and_then_only_fall_to_the_end(
            shape in shapes(), warmup in 0..100_u64, rest in 1..200_u64,
        ) {
            let (total, end) = (warmup + rest, end_of(&shape));
            let rates = rates(&schedule(warmup, shape.clone()), total);
            let (rise, fall) = rates.split_at(warmup as usize);
            prop_assert!(rise.is_sorted_by(|a, b| a < b));
            prop_assert!(fall.is_sorted_by(|a, b| *b <= *a + 1e-12));
            prop_assert!((fall.first().unwrap() - 1.0).abs() < 1e-12);
            if !matches!(shape, Schedule::WarmupStableDecay { decay: 0, .. }) {
                prop_assert!((fall.last().unwrap() - end).abs() < 1e-9);
            }
        }

        /// Ten thousand steps leave no room for a jump, wherever the joints fall.
        #[test]
        fn rates_never_jump(end in 0.0..=1.0, warmup in 500..3000_u64, decay in 500..9000_u64) {
            for shape in [
                Schedule::Linear { end },
                Schedule::Cosine { end },
                Schedule::Exponential { end: end.max(0.01) },
                Schedule::Polynomial { power: 2.0, end },
                Schedule::WarmupStableDecay { decay, end },
            ] {
                let rates = rates(&schedule(warmup, shape), 10_000);
                let jump = rates.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
                prop_assert!(jump < 0.0025, "{jump}");
            }
        }
    }
}
