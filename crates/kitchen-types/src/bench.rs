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
