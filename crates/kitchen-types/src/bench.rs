//! What a benchmark reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::Number;

/// How fast a named piece of work went. The keys are stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BenchReport {
    /// The work, such as `mlp-784`.
    pub name: String,
    /// `cpu` or `gpu`.
    pub device: String,
    /// Threads that the CPU's kernels may use.
    pub threads: usize,
    /// Steps that were timed.
    pub steps: u64,
    /// The median time of a step.
    pub median_ms: Number,
    /// The shortest time of a step.
    pub min_ms: Number,
    /// Kernels launched on a GPU in a step, where they are counted.
    pub launches_per_step: Option<Number>,
    /// Times in a step that the host waited for the device, where they are counted.
    pub readbacks_per_step: Option<Number>,
    /// The most memory the process has held, where it is known.
    pub peak_memory_bytes: Option<u64>,
}

/// What it costs to measure the examples of a batch one by one, beside a training step on the same
/// batch. The keys are stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForensicsBench {
    /// The work, such as `mlp-784`.
    pub name: String,
    /// `cpu` or `gpu`.
    pub device: String,
    /// Threads that the CPU's kernels may use.
    pub threads: usize,
    /// Examples in the batch.
    pub batch: usize,
    /// How often step and diagnosis were timed, by turns.
    pub rounds: u64,
    /// The median time of a training step.
    pub step_ms: Number,
    /// The median time of a diagnosis: the loss and the gradient norm of each example.
    pub diagnosis_ms: Number,
    /// The median over the rounds of the time of a diagnosis by that of the step before it.
    pub ratio: Number,
    /// The time of the same by a backward pass for each example, measured once.
    pub alone_ms: Number,
    /// That by the median time of a step.
    pub alone_ratio: Number,
    /// The most memory the process had held after training steps, where it is known.
    pub step_memory_bytes: Option<u64>,
    /// The same after a diagnosis: what it is above the one before, a diagnosis needs besides.
    pub diagnosis_memory_bytes: Option<u64>,
}

/// How smoothly charts are drawn while they grow. The keys are stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartBench {
    /// The work: `chart`.
    pub name: String,
    /// Points of each curve at the end.
    pub points: u64,
    /// Curves of each chart.
    pub runs: u64,
    /// Charts drawn in each frame.
    pub charts: u64,
    /// Frames that were timed.
    pub frames: u64,
    /// Frames in a second.
    pub frames_per_second: Number,
    /// The longest time from one frame to the next.
    pub worst_frame_ms: Number,
    /// The median time spent in a frame on appending, laying out and painting.
    pub median_work_ms: Number,
    /// The longest such time.
    pub worst_work_ms: Number,
    /// The most line segments of one chart.
    pub most_segments: u64,
}
