//! What passed, what failed, what was skipped and why.

use std::fmt;
use std::time::Duration;

/// How one step went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It passed, in this time.
    Passed(Duration),
    /// It failed, after this time.
    Failed(Duration),
    /// It did not run, for this reason.
    Skipped(String),
}

/// How all steps went.
#[derive(Debug)]
pub(crate) struct Summary {
    outcomes: Vec<(&'static str, Outcome)>,
    notes: Vec<String>,
}

impl Summary {
    /// A summary without steps. `notes` are shown under them.
    pub(crate) fn new(notes: Vec<String>) -> Self {
        Self {
            outcomes: Vec::new(),
            notes,
        }
    }

    /// Adds the outcome of one step.
    pub(crate) fn add(&mut self, step: &'static str, outcome: Outcome) {
        self.outcomes.push((step, outcome));
    }

    /// Whether no step failed.
    pub(crate) fn passed(&self) -> bool {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_))) == 0
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        let outcomes = self.outcomes.iter();
        outcomes.filter(|(_, outcome)| wanted(outcome)).count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = Duration::ZERO;
        for (step, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed(took) => writeln!(f, "{step:<12} ok     {}", Seconds(*took))?,
                Outcome::Failed(took) => writeln!(f, "{step:<12} FAILED {}", Seconds(*took))?,
                Outcome::Skipped(reason) => writeln!(f, "{step:<12} skipped: {reason}")?,
            }
            if let Outcome::Passed(took) | Outcome::Failed(took) = outcome {
                total += *took;
            }
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let skipped = self.count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let verdict = if self.passed() { "ok" } else { "FAILED" };
        write!(
            f,
            "cargo xtask test: {verdict}; {} of {} steps ran, in {}",
            self.outcomes.len() - skipped,
            self.outcomes.len(),
            Seconds(total)
        )
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(outcomes: &[(&'static str, Outcome)]) -> Summary {
        let mut summary = Summary::new(vec!["note: one core".into()]);
        for (step, outcome) in outcomes {
            summary.add(step, outcome.clone());
        }
        summary
    }

    #[test]
    fn a_failure_is_told_with_what_did_not_run() {
        let summary = summary(&[
            ("format", Outcome::Passed(Duration::from_millis(1250))),
            ("lint", Outcome::Failed(Duration::from_secs(80))),
            ("test", Outcome::Skipped("an earlier step failed".into())),
        ]);
        assert!(!summary.passed());
        assert_eq!(
            summary.to_string(),
            "format       ok     1.2 s\n\
             lint         FAILED 80.0 s\n\
             test         skipped: an earlier step failed\n\
             note: one core\n\
             cargo xtask test: FAILED; 2 of 3 steps ran, in 81.2 s"
        );
    }

    #[test]
    fn what_was_skipped_did_not_fail() {
        let summary = summary(&[("lint-wasm", Outcome::Skipped("no target".into()))]);
        assert!(summary.passed());
    }
}
