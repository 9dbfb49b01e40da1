//! What to do when the worker breaks: a device that was lost, memory that ran out.

/// So many breaks in so long, and the GPU is given up.
const BREAKS: usize = 3;
const WINDOW_MS: u64 = 5 * 60 * 1000;

/// The breaks so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovery {
    breaks_ms: Vec<u64>,
    on_cpu: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on from the last checkpoint.
    Again,
    /// The same, on the CPU.
    OnCpu,
    /// It is of no use.
    GiveUp,
}

impl Recovery {
    /// Judges a break at `now_ms`.
    pub(super) fn judge(&mut self, now_ms: u64) -> Verdict {
        self.breaks_ms
            .retain(|then| now_ms.saturating_sub(*then) < WINDOW_MS);
        self.breaks_ms.push(now_ms);
        if self.breaks_ms.len() < BREAKS {
            return Verdict::Again;
        }
        self.breaks_ms.clear();
        match std::mem::replace(&mut self.on_cpu, true) {
            false => Verdict::OnCpu,
            true => Verdict::GiveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_breaks_in_five_minutes_lead_to_the_cpu_and_three_more_to_an_end() {
        let mut recovery = Recovery::default();
        let minutes = |minutes: u64| minutes * 60_000;
        let judged: Vec<Verdict> = [0, 1, 6, 7, 8, 9, 10, 11]
            .map(|at| recovery.judge(minutes(at)))
            .to_vec();
        use Verdict::{Again, GiveUp, OnCpu};
        assert_eq!(
            judged,
            [Again, Again, Again, Again, OnCpu, Again, Again, GiveUp]
        );
    }
}
