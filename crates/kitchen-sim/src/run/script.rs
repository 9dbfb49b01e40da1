//! What is made to happen in a run, beside what happens by chance.

use crate::reliability::Cause;

/// What a run does besides training until its time is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The run ends, with a checkpoint, once so many steps are done.
    pub steps: Option<u64>,
    /// How often held-out data are looked at, if at all.
    pub validation: Option<Validation>,
    /// What is made to happen.
    pub cues: Vec<Cue>,
}

/// Looks at held-out data, for which training stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validation {
    /// Steps between two looks.
    pub every: u64,
    /// Seconds of each.
    pub seconds: f64,
}

/// Something that is made to happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cue {
    /// Seconds since the run began.
    pub at: f64,
    /// What.
    pub act: Act,
}

/// What can be made to happen. Times are seconds since the run began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// Steps take longer, as the slowest device does; of several such acts the worst counts.
    Slow {
        /// By this share.
        share: f64,
        /// Until then.
        until: f64,
    },
    /// Writing a checkpoint takes longer.
    SlowSaves {
        /// So many times as long.
        factor: f64,
        /// Until then.
        until: f64,
    },
    /// Nothing moves, and nothing is lost.
    Stall {
        /// Until then.
        until: f64,
    },
    /// A node fails, and the run goes back to its last checkpoint.
    Fail {
        /// Which node.
        node: u32,
        /// Which of its devices, if one is at fault.
        device: Option<u32>,
        /// Why.
        cause: Cause,
        /// Whether another node takes its place.
        replaced: bool,
        /// The run cannot go on before then.
        until: f64,
    },
    /// The run goes back to its last checkpoint, though nothing is broken.
    RollBack,
}

impl Act {
    /// When the act ends by itself, if it lasts.
    pub(crate) fn end(&self) -> Option<f64> {
        match *self {
            Act::Slow { until, .. } | Act::SlowSaves { until, .. } => Some(until),
            Act::Stall { .. } | Act::Fail { .. } | Act::RollBack => None,
        }
    }
}

/// A time during which one thing is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its beginning, in seconds since the run began.
    pub from: f64,
    /// Its end.
    pub until: f64,
    /// What is done.
    pub doing: Doing,
}

/// What a run can be doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doing {
    /// Steps, all of the same length.
    Training {
        /// Steps done at the beginning, with the part of one that is.
        first: f64,
        /// The same at the end.
        last: f64,
        /// Seconds of each.
        step: f64,
    },
    /// Looking at held-out data.
    Validating {
        /// Steps done.
        step: u64,
    },
    /// Writing a checkpoint.
    Saving {
        /// Steps done.
        step: u64,
    },
    /// Standing still.
    Down,
}

impl Span {
    /// Whether `next` goes on with what this span does.
    pub(super) fn goes_on_in(&self, next: &Span) -> bool {
        use Doing::{Down, Saving, Training, Validating};
        let same = match (self.doing, next.doing) {
            (
                Training { last, step, .. },
                Training {
                    first, step: other, ..
                },
            ) => last.to_bits() == first.to_bits() && step.to_bits() == other.to_bits(),
            (Validating { step }, Validating { step: other })
            | (Saving { step }, Saving { step: other }) => step == other,
            (Down, Down) => true,
            _ => false,
        };
        same && self.until.to_bits() == next.from.to_bits()
    }

    /// Takes in a span that goes on with this one.
    pub(super) fn extend(&mut self, next: &Span) {
        self.until = next.until;
        if let (Doing::Training { last, .. }, Doing::Training { last: newest, .. }) =
            (&mut self.doing, next.doing)
        {
            *last = newest;
        }
    }
}
