//! What a run is told, in the imperative: by people, scripts and the assistant alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SampleId;
use crate::number::Number;

/// What a run is told to do. It has its effect between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Do not advance.
    Pause,
    /// Advance again.
    Resume,
    /// Advance by exactly one step, and then do not.
    Step,
    /// Save and end.
    Stop,
    /// Save now.
    Save,
    /// Use this peak learning rate from the next step on.
    SetLearningRate(Number),
    /// Clip the global gradient norm at this from the next step on; 0 does not clip.
    SetClipNorm(Number),
    /// Use batches of so many examples from the next step on.
    SetBatchSize(usize),
    /// Show so many seconds of a simulated clock in one of yours; 0 does not wait.
    SetSpeed(Number),
    /// Go on to this second of a simulated clock without waiting. What happens until then happens.
    Seek(Number),
    /// Pass over the next batch.
    SkipBatch,
    /// Never train on these examples again.
    BlacklistSamples(Vec<SampleId>),
    /// Go back to the newest checkpoint at or before this step.
    RollBack {
        /// The step.
        step: u64,
    },
}
