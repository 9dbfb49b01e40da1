//! Guards: whether an update may reach the weights, by the loss and the gradient norms of its step,
//! which are known before it.

use std::collections::VecDeque;
use std::f64::consts::PI;

use kitchen_types::Number;
use kitchen_types::config::{AdagcConfig, GuardConfig, SkipStepConfig, SpamConfig, ZclipConfig};
use kitchen_types::supervision::{GuardState, Measure, MovingAverage};

use crate::monitor::{Measured, push};

/// More skipped steps in a row than this are no exception.
const MOST_IN_A_ROW: u64 = 10;

/// What becomes of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is made.
    Apply,
    /// It is not made, and the weights stay as they are.
    Skip {
        /// Which number is to blame.
        of: Measure,
        /// That number.
        value: f64,
        /// What it should have stayed below, if not every finite number would have done.
        threshold: Option<f64>,
    },
    /// It is made with the gradient scaled down to this norm.
    ClipTo(f64),
    /// It is made with the gradient of each weight times its factor, of which one is below 1.
    Scale(Vec<f64>),
    /// It is made by Adam with care for its moments.
    Soften {
        /// Whether it forgets them first, so that this is its first step.
        forget: bool,
        /// How many times the second moment the square of a number of the gradient may be; 0 for
        /// any.
        spikes: f64,
        /// What the learning rate is multiplied by.
        lr: f64,
    },
}

/// Decides about the update of a step, and remembers the step.
///
/// Numbers that are not finite are skipped by every guard, and remembered by none: one NaN among
/// the last losses would make all that follow incomparable.
///
/// `norms` are those of the gradient of each weight.
pub fn decide(
    state: &mut GuardState,
    seen: Measured,
    norms: &[f64],
    config: &GuardConfig,
) -> Decision {
    let decision = match (config, not_finite(seen)) {
        (GuardConfig::Off, _) => Decision::Apply,
        (_, Some(skipped)) => skipped,
        (GuardConfig::SkipStep(rule), None) => skip(state, seen, rule),
        (GuardConfig::Zclip(rule), None) => clip(state, seen, rule),
        (GuardConfig::Adagc(rule), None) => clip_each(state, norms, rule),
        (GuardConfig::Spam(rule), None) => soften(state, rule),
    };
    match decision {
        Decision::Apply | Decision::Soften { .. } => state.in_a_row = 0,
        Decision::Skip { .. } => {
            state.skipped += 1;
            state.in_a_row += 1;
        }
        Decision::ClipTo(_) | Decision::Scale(_) => {
            state.clipped += 1;
            state.in_a_row = 0;
        }
    }
    decision
}

/// Whether what was decided last settles the matter. A step that was skipped harmed nobody; where
/// all are, something else is wrong, and the step is judged as it would be without a guard.
pub fn settles(state: &GuardState, decision: &Decision) -> bool {
    matches!(decision, Decision::Skip { .. }) && state.in_a_row <= MOST_IN_A_ROW
}

/// What people are told of a decision. Of clipped steps, which are harmless and not rare, the first,
/// second, fourth, eighth and so on are told, and of forgotten moments.
pub fn notice(state: &GuardState, seen: Measured, decision: &Decision) -> Option<String> {
    let step = seen.step;
    match decision {
        Decision::Skip {
            of,
            value,
            threshold,
        } => {
            let of = match of {
                Measure::Loss => "loss",
                Measure::GradNorm => "gradient norm",
            };
            let limit = threshold.map_or(String::new(), |it| format!(", expected below {it:.4}"));
            Some(format!(
                "the guard skipped the update of step {step}: {of} {value:.4}{limit}"
            ))
        }
        Decision::ClipTo(norm) if state.clipped.is_power_of_two() => Some(format!(
            "the guard clipped the gradient of step {step} from norm {:.4} to {norm:.4} ({} so far)",
            seen.grad_norm.unwrap_or(f64::NAN),
            state.clipped
        )),
        Decision::Scale(factors) if state.clipped.is_power_of_two() => {
            let clipped = factors.iter().filter(|factor| **factor < 1.0).count();
            let least = factors
                .iter()
                .fold(1.0_f64, |least, factor| least.min(*factor));
            Some(format!(
                "the guard clipped the gradients of {clipped} of {} weights at step {step}, down to \
                 {:.1} % ({} such steps so far)",
                factors.len(),
                100.0 * least,
                state.clipped
            ))
        }
        Decision::Soften { forget: true, .. } if state.resets.is_power_of_two() => Some(format!(
            "the guard let Adam forget its moments before step {step}, as it does from time to time \
             ({} so far)",
            state.resets
        )),
        Decision::Apply | Decision::ClipTo(_) | Decision::Scale(_) | Decision::Soften { .. } => {
            None
        }
    }
}

fn not_finite(seen: Measured) -> Option<Decision> {
    let norm = seen.grad_norm.map(|norm| (Measure::GradNorm, norm));
    [Some((Measure::Loss, seen.loss)), norm]
        .into_iter()
        .flatten()
        .find(|(_, value)| !value.is_finite())
        .map(|(of, value)| Decision::Skip {
            of,
            value,
            threshold: None,
        })
}

/// OLMo 2's skip-step (OLMo team 2025): an update is skipped where the loss or the gradient norm lies
/// more than `sigma` standard deviations above the mean of the last `window`, the skipped ones
/// among them, so that a level that stays is soon the usual one.
fn skip(state: &mut GuardState, seen: Measured, rule: &SkipStepConfig) -> Decision {
    let above = |of, value: Option<f64>, before: &VecDeque<Number>| {
        let value = value?;
        let threshold = threshold(before, rule)?;
        (value > threshold).then_some(Decision::Skip {
            of,
            value,
            threshold: Some(threshold),
        })
    };
    let decision = above(Measure::Loss, Some(seen.loss), &state.losses)
        .or_else(|| above(Measure::GradNorm, seen.grad_norm, &state.norms));
    push(&mut state.losses, seen.loss, rule.window);
    if let Some(norm) = seen.grad_norm {
        push(&mut state.norms, norm, rule.window);
    }
    decision.unwrap_or(Decision::Apply)
}

/// How high a number may lie; `None` while there are too few to tell. The one that is judged counts
/// as one of them.
fn threshold(before: &VecDeque<Number>, rule: &SkipStepConfig) -> Option<f64> {
    let count = before.len();
    if count < 2 || count + 1 < rule.window / 2 {
        return None;
    }
    let (mean, squares) = mean_and_squares(before);
    Some(mean + rule.sigma * (squares / (count - 1) as f64).sqrt())
}

/// ZClip (Kumar et al. 2025, algorithm 1): a norm whose z-score among the others exceeds
/// `z_threshold` is clipped to mean + `z_threshold` deviations * `z_threshold` / z. What was clipped
/// enters the average as what it was clipped to.
fn clip(state: &mut GuardState, seen: Measured, rule: &ZclipConfig) -> Decision {
    let Some(norm) = seen.grad_norm else {
        return Decision::Apply;
    };
    let Some(average) = &mut state.average else {
        state.norms.push_back(Number(norm));
        if state.norms.len() >= rule.warmup {
            let (mean, squares) = mean_and_squares(&state.norms);
            let variance = squares / state.norms.len() as f64;
            state.average = Some(MovingAverage {
                mean: Number(mean),
                variance: Number(variance),
            });
            state.norms.clear();
        }
        return Decision::Apply;
    };
    let mean = average.mean.0;
    let deviation = average.variance.0.sqrt();
    let z = (norm - mean) / (deviation + rule.epsilon);
    let limit = mean + rule.z_threshold * deviation * rule.z_threshold / z;
    // Above norms that were all 0 anything stands out, and nothing could be clipped to.
    let stands_out = z > rule.z_threshold && limit > 0.0;
    follow(average, if stands_out { limit } else { norm }, rule.alpha);
    match stands_out {
        true => Decision::ClipTo(limit),
        false => Decision::Apply,
    }
}

/// The variance is around the mean that has followed already.
fn follow(average: &mut MovingAverage, value: f64, keep: f64) {
    let mean = keep * average.mean.0 + (1.0 - keep) * value;
    let away = value - mean;
    average.mean = Number(mean);
    average.variance = Number(keep * average.variance.0 + (1.0 - keep) * away * away);
}

/// AdaGC (Wang et al. 2025, algorithm 1): the gradient of each weight is clipped to `lambda_rel` times
/// the moving average of its own norms, into which it enters as what it was clipped to. During the
/// warm-up the whole gradient is clipped to `lambda_abs`, and the averages are the lowest norms so
/// far.
///
/// A weight that has had no gradient yet, such as the row of a rare token alone, has no average: its
/// first gradient begins one, where the published rule would hold it at 0 for ever.
fn clip_each(state: &mut GuardState, norms: &[f64], rule: &AdagcConfig) -> Decision {
    state.averaged += 1;
    let is_warm = state.averaged > rule.warmup;
    state.of_weights.resize(norms.len(), Number(0.0));
    let whole = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
    let factor = |norm: f64, average: f64| match is_warm {
        false if whole > rule.lambda_abs => rule.lambda_abs / whole,
        true if average > 0.0 && norm > rule.lambda_rel * average => {
            rule.lambda_rel * average / norm
        }
        _ => 1.0,
    };
    let mut factors = Vec::with_capacity(norms.len());
    for (&norm, average) in norms.iter().zip(&mut state.of_weights) {
        let factor = factor(norm, average.0);
        factors.push(factor);
        let norm = factor * norm;
        let followed = match is_warm {
            _ if average.0 == 0.0 => norm,
            true => rule.beta * average.0 + (1.0 - rule.beta) * norm,
            false if norm > 0.0 => average.0.min(norm),
            false => average.0,
        };
        *average = Number(followed);
    }
    match factors.iter().any(|factor| *factor < 1.0) {
        true => Decision::Scale(factors),
        false => Decision::Apply,
    }
}

/// SPAM (Huang et al. 2025, algorithm 1): numbers of the gradient whose square exceeds `theta` times
/// Adam's second moment are brought down to that, but in the first steps; the moments are forgotten
/// from time to time, after which the learning rate comes back along a cosine.
fn soften(state: &mut GuardState, rule: &SpamConfig) -> Decision {
    let forget = state.since_reset >= rule.every;
    if forget {
        state.since_reset = 0;
        state.resets += 1;
    }
    state.since_reset += 1;
    let steps = state.since_reset;
    let spikes = match steps > rule.exempt {
        true => rule.theta,
        false => 0.0,
    };
    let lr = match state.resets > 0 && steps < rule.warmup {
        true => (1.0 - (PI * steps as f64 / rule.warmup as f64).cos()) / 2.0,
        false => 1.0,
    };
    Decision::Soften { forget, spikes, lr }
}

/// The mean, and the sum of the squared distances from it.
fn mean_and_squares(values: &VecDeque<Number>) -> (f64, f64) {
    let mean = values.iter().map(|it| it.0).sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|it| (it.0 - mean) * (it.0 - mean)).sum();
    (mean, squares)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn seen(step: u64, loss: f64, norm: f64) -> Measured {
        Measured {
            step,
            loss,
            grad_norm: Some(norm),
        }
    }

    /// What is decided of each (loss, gradient norm).
    fn decisions(config: &GuardConfig, steps: &[(f64, f64)]) -> Vec<Decision> {
        let mut state = GuardState::default();
        (steps.iter().zip(1..))
            .map(|(&(loss, norm), step)| decide(&mut state, seen(step, loss, norm), &[], config))
            .collect()
    }

    fn letters(decisions: &[Decision]) -> String {
        let letter = |decision: &Decision| match decision {
            Decision::Apply => '.',
            Decision::Skip { .. } => 'S',
            Decision::ClipTo(_) | Decision::Scale(_) => 'C',
            Decision::Soften { .. } => 'A',
        };
        decisions.iter().map(letter).collect()
    }

    fn skip_step(window: usize, sigma: f64) -> GuardConfig {
        GuardConfig::SkipStep(SkipStepConfig { window, sigma })
    }

    /// 1 and 3 have the mean 2 and the deviation sqrt(2): two of them end at 4.8284.
    #[test]
    fn skip_step_skips_what_lies_too_many_deviations_above_the_mean() {
        let table: &[(&[(f64, f64)], &str)] = &[
            (&[(1.0, 5.0), (3.0, 5.0), (4.82, 5.0)], "..."),
            (&[(1.0, 5.0), (3.0, 5.0), (4.83, 5.0)], "..S"),
            // Far below is no harm.
            (&[(1.0, 5.0), (3.0, 5.0), (-90.0, 5.0)], "..."),
            (&[(5.0, 1.0), (5.0, 3.0), (5.0, 4.83)], "..S"),
            // Two are needed to tell a deviation.
            (&[(1.0, 5.0), (90.0, 5.0)], ".."),
            // 1, 3, 4.83: what was skipped is usual by now. Mean 2.943, deviation 1.916.
            (&[(1.0, 5.0), (3.0, 5.0), (4.83, 5.0), (6.7, 5.0)], "..S."),
            (&[(1.0, 5.0), (3.0, 5.0), (4.83, 5.0), (6.8, 5.0)], "..SS"),
        ];
        for (steps, expected) in table {
            let decided = letters(&decisions(&skip_step(4, 2.0), steps));
            assert_eq!(decided, *expected, "{steps:?}");
        }
        let decided = decisions(&skip_step(4, 2.0), &[(1.0, 5.0), (3.0, 5.0), (9.0, 5.0)]);
        let Decision::Skip { of, threshold, .. } = decided[2] else {
            panic!("{decided:?}");
        };
        assert_eq!(of, Measure::Loss);
        assert!((threshold.unwrap() - (2.0 + 2.0 * 2.0_f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn skip_step_forgets_what_is_older_than_its_window() {
        // Of 100, 1, 3, 1, 3 the last four have mean 2 and deviation 2 / sqrt(3): 4.31 at two.
        let steps = [100.0, 1.0, 3.0, 1.0, 3.0, 4.32].map(|loss| (loss, 5.0));
        assert_eq!(letters(&decisions(&skip_step(4, 2.0), &steps)), ".....S");
        assert_eq!(letters(&decisions(&skip_step(5, 2.0), &steps)), "......");
    }

    /// The published window of 128 judges the 64th step first.
    #[test]
    fn skip_step_waits_for_half_a_window() {
        let spiked = |after: usize| {
            let usual = (0..after).map(|step| (2.0 + 0.01 * (step % 2) as f64, 5.0));
            let steps: Vec<_> = usual.chain([(50.0, 5.0)]).collect();
            letters(&decisions(
                &GuardConfig::SkipStep(SkipStepConfig::default()),
                &steps,
            ))
        };
        assert!(!spiked(62).contains('S'));
        assert!(spiked(63).ends_with(".S"));
    }

    fn zclip(warmup: usize) -> GuardConfig {
        GuardConfig::Zclip(ZclipConfig {
            warmup,
            epsilon: 0.0,
            ..ZclipConfig::default()
        })
    }

    /// Warm-up with 1 and 3: mean 2, variance 1. A norm of 7 has z = 5, twice the threshold of 2.5,
    /// and is clipped to 2 + 2.5 / 2 = 3.25. Then the mean is 0.97 * 2 + 0.03 * 3.25 = 2.0375, and
    /// the variance 0.97 + 0.03 * (3.25 - 2.0375)^2 = 1.0141046875.
    #[test]
    fn zclip_clips_the_more_the_farther() {
        let mut state = GuardState::default();
        let mut next = |norm| {
            let decision = decide(&mut state, seen(1, 0.5, norm), &[], &zclip(2));
            (decision, state.average)
        };
        assert_eq!(next(1.0), (Decision::Apply, None));
        let (decision, average) = next(3.0);
        let warm = MovingAverage {
            mean: Number(2.0),
            variance: Number(1.0),
        };
        assert_eq!((decision, average), (Decision::Apply, Some(warm)));
        let (decision, average) = next(7.0);
        let (Decision::ClipTo(norm), Some(average)) = (&decision, average) else {
            panic!("{decision:?}");
        };
        assert!((norm - 3.25).abs() < 1e-12);
        assert!((average.mean.0 - 2.0375).abs() < 1e-12);
        assert!((average.variance.0 - 1.014_104_687_5).abs() < 1e-12);
        // 2.0375 + 2.5 * 1.00703 = 4.55507 is the highest that passes.
        assert_eq!(next(4.555).0, Decision::Apply);
    }

    #[test]
    fn zclip_lets_small_norms_and_its_warm_up_pass() {
        let table: &[(usize, &[f64], &str)] = &[
            (3, &[1.0, 3.0, 900.0], "..."),
            (2, &[1.0, 3.0, 0.0, 4.4, 4.5], "....."),
            (2, &[1.0, 3.0, 4.6], "..C"),
            (2, &[0.0, 0.0, 5.0], "..."),
            // The farther, the lower it ends, down to the mean.
            (2, &[1.0, 3.0, 1e12], "..C"),
        ];
        for (warmup, norms, expected) in table {
            let steps: Vec<_> = norms.iter().map(|&norm| (1.0, norm)).collect();
            let decided = decisions(&zclip(*warmup), &steps);
            assert_eq!(letters(&decided), *expected, "{norms:?}");
        }
        let far = decisions(&zclip(2), &[(1.0, 1.0), (1.0, 3.0), (1.0, 1e12)]);
        let Decision::ClipTo(norm) = far[2] else {
            panic!("{far:?}");
        };
        assert!((norm - 2.0).abs() < 1e-9);
    }

    /// What becomes of the norms of two weights, step by step.
    fn adagc(rule: AdagcConfig, steps: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let mut state = GuardState::default();
        let clipped = steps.iter().map(|norms| {
            let whole = norms[0].hypot(norms[1]);
            let config = GuardConfig::Adagc(rule.clone());
            match decide(&mut state, seen(1, 1.0, whole), norms, &config) {
                Decision::Apply => *norms,
                Decision::Scale(factors) => [factors[0] * norms[0], factors[1] * norms[1]],
                other => panic!("{other:?}"),
            }
        });
        clipped.collect()
    }

    /// Warm-up: (3, 4) has the norm 5 and becomes (0.6, 0.8); (0.3, 0.4) passes, and is the lowest.
    /// Then twice the averages are let through: (0.6, 0.8). Of (0.6, 4) the second is clipped, and
    /// the averages, half of which is kept, become (0.45, 0.6).
    #[test]
    fn adagc_clips_each_weight_by_its_own_average() {
        let rule = AdagcConfig {
            lambda_rel: 2.0,
            beta: 0.5,
            lambda_abs: 1.0,
            warmup: 2,
        };
        let norms = [[3.0, 4.0], [0.3, 0.4], [0.6, 4.0], [0.9, 1.3]];
        let expected = [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8], [0.9, 1.2]];
        for (clipped, expected) in adagc(rule, &norms).iter().zip(expected) {
            for (clipped, expected) in clipped.iter().zip(expected) {
                assert!((clipped - expected).abs() < 1e-12, "{clipped} {expected}");
            }
        }
    }

    #[test]
    fn adagc_lets_the_first_gradient_of_a_weight_pass() {
        let rule = AdagcConfig {
            warmup: 1,
            ..AdagcConfig::default()
        };
        let norms = [[0.5, 0.0], [0.5, 0.0], [0.5, 7.0], [0.5, 8.0]];
        let clipped = adagc(rule, &norms);
        assert_eq!(clipped[2], [0.5, 7.0]);
        assert!((clipped[3][1] - 1.05 * 7.0).abs() < 1e-12, "{clipped:?}");
    }

    #[test]
    fn spam_forgets_from_time_to_time_and_comes_back_slowly() {
        let config = GuardConfig::Spam(SpamConfig {
            theta: 9.0,
            every: 3,
            warmup: 2,
            exempt: 1,
        });
        let expected = [
            (false, 0.0, 1.0),
            (false, 9.0, 1.0),
            (false, 9.0, 1.0),
            (true, 0.0, 0.5),
            (false, 9.0, 1.0),
            (false, 9.0, 1.0),
            (true, 0.0, 0.5),
        ];
        let decided = decisions(&config, &[(1.0, 1.0); 7]);
        for (decided, (forget, spikes, expected)) in decided.iter().zip(expected) {
            let Decision::Soften {
                forget: f,
                spikes: s,
                lr,
            } = *decided
            else {
                panic!("{decided:?}");
            };
            assert_eq!((f, s), (forget, spikes));
            assert!((lr - expected).abs() < 1e-12, "{lr} {expected}");
        }
    }

    #[test]
    fn what_is_not_finite_is_skipped_at_once_and_forgotten() {
        for config in [
            GuardConfig::SkipStep(SkipStepConfig::default()),
            GuardConfig::Zclip(ZclipConfig::default()),
            GuardConfig::Adagc(AdagcConfig::default()),
            GuardConfig::Spam(SpamConfig::default()),
        ] {
            for bad in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
                let mut state = GuardState::default();
                let decision = decide(&mut state, seen(1, bad.0, bad.1), &[], &config);
                assert!(matches!(decision, Decision::Skip { .. }), "{bad:?}");
                assert!(state.losses.is_empty() && state.norms.is_empty());
            }
        }
        let bad = seen(1, f64::NAN, 1.0);
        let decision = decide(&mut GuardState::default(), bad, &[], &GuardConfig::Off);
        assert_eq!(decision, Decision::Apply);
    }

    #[test]
    fn skipping_without_end_settles_nothing() {
        let config = GuardConfig::SkipStep(SkipStepConfig::default());
        let mut state = GuardState::default();
        let mut settled = |loss| {
            let decision = decide(&mut state, seen(1, loss, 1.0), &[], &config);
            settles(&state, &decision)
        };
        assert!(!settled(1.0));
        let story: Vec<bool> = (0..12).map(|_| settled(f64::NAN)).collect();
        assert_eq!(story, [[true; 10].as_slice(), &[false; 2]].concat());
        settled(1.0);
        assert!(settled(f64::NAN), "an exception again");
    }

    #[test]
    fn people_are_told_of_skips_and_of_some_clips() {
        let skip = Decision::Skip {
            of: Measure::Loss,
            value: 9.0,
            threshold: Some(4.828_43),
        };
        let told = notice(&GuardState::default(), seen(7, 9.0, 1.0), &skip);
        assert_eq!(
            told.as_deref(),
            Some("the guard skipped the update of step 7: loss 9.0000, expected below 4.8284")
        );
        let told = (1..=9).filter(|&clipped| {
            let state = GuardState {
                clipped,
                ..GuardState::default()
            };
            notice(&state, seen(7, 1.0, 9.0), &Decision::ClipTo(2.0)).is_some()
        });
        assert_eq!(told.collect::<Vec<_>>(), [1, 2, 4, 8]);
    }
}
