//! When a model no longer learns.

use kitchen_types::Number;
use kitchen_types::checkpoint::Patience;
use kitchen_types::config::EarlyStoppingConfig;

/// What one evaluation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether this is the lowest loss so far.
    pub best: bool,
    /// Whether patience is at its end.
    pub stop: bool,
}

/// Judges the validation loss measured after `step`: early stopping with patience (Prechelt 1998,
/// the "UP" criterion on the best value so far). A loss that is not finite is never an improvement.
///
/// `patience` travels with a checkpoint, so that a resumed run stops where an uninterrupted one
/// does.
pub fn judge_evaluation(
    patience: &mut Patience,
    step: u64,
    loss: f64,
    config: &EarlyStoppingConfig,
) -> Verdict {
    let falls_below = |limit: Option<f64>| loss.is_finite() && limit.is_none_or(|l| loss < l);
    let best = falls_below(patience.best.map(|(_, lowest)| lowest.0));
    if best {
        patience.best = Some((step, Number(loss)));
    }
    if falls_below(patience.reference.map(|r| r.0 - config.min_delta)) {
        patience.reference = Some(Number(loss));
        patience.waited = 0;
    } else {
        patience.waited += 1;
    }
    Verdict {
        best,
        stop: config.patience > 0 && patience.waited >= config.patience,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds losses, one evaluation a step, and says what came of each: `*` best, `.` not, `!` stop.
    fn judge(patience: u64, min_delta: f64, losses: &[f64]) -> String {
        let config = EarlyStoppingConfig {
            patience,
            min_delta,
        };
        let mut state = Patience::default();
        let mut story = String::new();
        for (step, &loss) in losses.iter().enumerate() {
            let verdict = judge_evaluation(&mut state, step as u64 + 1, loss, &config);
            story.push(if verdict.best { '*' } else { '.' });
            if verdict.stop {
                story.push('!');
            }
        }
        story
    }

    #[test]
    fn stops_only_after_patience_evaluations_without_improvement() {
        let table: &[(u64, f64, &[f64], &str)] = &[
            (0, 0.0, &[3.0, 4.0, 5.0, 6.0], "*..."),
            (2, 0.0, &[3.0, 2.0, 2.5, 2.1], "**..!"),
            (2, 0.0, &[3.0, 3.1, 2.9, 3.0, 3.0], "*.*..!"),
            // Too small to count, yet still the lowest: kept as the best, and patience runs on.
            (2, 0.1, &[3.0, 2.95, 2.93], "***!"),
            (2, 0.1, &[3.0, 2.95, 2.85, 2.84], "****"),
            (1, 0.0, &[f64::NAN], ".!"),
            (2, 0.0, &[2.0, f64::NAN, f64::INFINITY], "*..!"),
        ];
        for (patience, min_delta, losses, expected) in table {
            assert_eq!(
                judge(*patience, *min_delta, losses),
                *expected,
                "patience {patience}, min_delta {min_delta}, losses {losses:?}"
            );
        }
    }

    #[test]
    fn remembers_the_step_of_the_best() {
        let mut state = Patience::default();
        for (step, loss) in [(10, 2.0), (20, 1.0), (30, 1.5)] {
            judge_evaluation(&mut state, step, loss, &EarlyStoppingConfig::default());
        }
        assert_eq!(state.best, Some((20, Number(1.0))));
    }
}
