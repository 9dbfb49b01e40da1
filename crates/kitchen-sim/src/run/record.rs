//! What happened in a simulated run.

use serde::Serialize;

use super::script::Span;
use crate::reliability::Cause;

/// Something that happened, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Seconds since the run began.
    pub at: f64,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A checkpoint is complete.
    Saved {
        /// The step it holds.
        step: u64,
    },
    /// Held-out data were looked at.
    Validated {
        /// The step.
        step: u64,
    },
    /// Something failed, and the run stands.
    Failed {
        /// The node at fault.
        node: u32,
        /// The device at fault on that node, if a device is.
        device: Option<u32>,
        /// Why.
        cause: Cause,
        /// Steps since the last checkpoint, to be done again.
        lost: u64,
    },
    /// A node was taken away and another put into its place.
    Replaced {
        /// Which.
        node: u32,
    },
    /// The run goes back to its last checkpoint, though nothing is broken.
    RolledBack {
        /// Steps since then, to be done again.
        lost: u64,
    },
    /// The run goes on from a checkpoint.
    Resumed {
        /// The step of that checkpoint.
        step: u64,
    },
}

/// A run from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Steps that count.
    pub steps: u64,
    /// Seconds of steps that count.
    pub productive: f64,
    /// Seconds by which slow nodes and hot afternoons made those longer.
    pub slowed: f64,
    /// Seconds of writing checkpoints.
    pub saving: f64,
    /// Seconds of looking at held-out data.
    pub validating: f64,
    /// Seconds of steps that were lost.
    pub lost: f64,
    /// Seconds of standing still.
    pub down: f64,
    /// How often the run was interrupted.
    pub interruptions: u32,
    /// Nodes that were replaced.
    pub replaced: u32,
    /// What happened, in order.
    pub events: Vec<Told>,
}

/// A run, and all that was done when.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// How the run went.
    pub record: Record,
    /// What was done, in order and without a gap.
    pub spans: Vec<Span>,
}

impl Record {
    /// Seconds of the run.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.productive + self.slowed + self.saving + self.validating + self.lost + self.down
    }

    /// The share of time spent on steps that count, slow ones included: what Llama-3's report calls
    /// effective training time.
    #[must_use]
    pub fn effective(&self) -> f64 {
        (self.productive + self.slowed) / self.seconds()
    }

    /// The share of time that healthy nodes would have needed for the same steps.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        self.productive / self.seconds()
    }
}
