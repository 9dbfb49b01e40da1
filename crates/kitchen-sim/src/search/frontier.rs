//! What nothing else beats.

use serde::Serialize;

use crate::input::Layout;

/// A layout, how long its step takes and how much memory its fullest device needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The layout.
    pub layout: Layout,
    /// Seconds of one step.
    pub seconds: f64,
    /// GiB on the fullest device.
    pub memory_gib: f64,
}

/// The candidates of which none is both slower and larger than another. Of two that are equal, the
/// first stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frontier {
    /// The fastest first, so that memory falls along the way.
    candidates: Vec<Candidate>,
}

impl Frontier {
    /// Takes a candidate in, unless another is at least as good in both.
    pub fn add(&mut self, candidate: Candidate) {
        let ahead = |other: &Candidate| {
            (other.seconds, other.memory_gib) <= (candidate.seconds, candidate.memory_gib)
        };
        let place = self.candidates.partition_point(ahead);
        let rival = place
            .checked_sub(1)
            .and_then(|before| self.candidates.get(before));
        if rival.is_some_and(|rival| rival.memory_gib <= candidate.memory_gib) {
            return;
        }
        let beaten = self.candidates.iter().skip(place);
        let beaten = beaten.take_while(|other| other.memory_gib >= candidate.memory_gib);
        let end = place + beaten.count();
        self.candidates.splice(place..end, [candidate]);
    }

    /// The candidates, the fastest first.
    #[must_use]
    pub fn into_candidates(self) -> Vec<Candidate> {
        self.candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(added: &[(f64, f64)], expected: &[(f64, f64)]) {
        let layout = Layout::plain(1);
        let mut frontier = Frontier::default();
        for &(seconds, memory_gib) in added {
            frontier.add(Candidate {
                layout,
                seconds,
                memory_gib,
            });
        }
        let kept = frontier.into_candidates();
        let kept: Vec<_> = kept
            .iter()
            .map(|one| (one.seconds, one.memory_gib))
            .collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn only_what_nothing_beats_stays() {
        check(&[(1.0, 9.0), (2.0, 5.0)], &[(1.0, 9.0), (2.0, 5.0)]);
        check(&[(2.0, 5.0), (1.0, 9.0)], &[(1.0, 9.0), (2.0, 5.0)]);
        check(&[(1.0, 9.0), (2.0, 5.0), (1.0, 4.0)], &[(1.0, 4.0)]);
        check(&[(1.0, 4.0), (2.0, 5.0)], &[(1.0, 4.0)]);
        check(&[(1.0, 4.0), (1.0, 4.0)], &[(1.0, 4.0)]);
        check(
            &[(3.0, 1.0), (2.0, 2.0), (1.0, 3.0), (2.0, 1.0)],
            &[(1.0, 3.0), (2.0, 1.0)],
        );
    }
}
