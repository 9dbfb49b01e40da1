//! What incidents act upon.

use super::spec::ClusterSpec;
use crate::input::Accelerator;

/// A cluster at work, as far as incidents are concerned.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) accelerator: &'a Accelerator,
    pub(crate) cluster: &'a ClusterSpec,
    /// Seconds of a step on healthy nodes.
    pub(crate) step: f64,
    /// The share of a step that is arithmetic.
    pub(crate) computing: f64,
    /// Watts of a device at work.
    pub(crate) device_watts: f64,
    /// Seconds from when a failure is noticed until the next step.
    pub(crate) restart: f64,
}
