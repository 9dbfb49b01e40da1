//! Jobs for tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::input::{Accelerator, Job, Model};

/// A public model on nodes of eight, with everything else plain.
pub(crate) fn job(model: &str, accelerator: &str, devices: u32) -> Job {
    let accelerator = Accelerator::named(accelerator).unwrap();
    Job::plain(Model::named(model).unwrap(), accelerator.unwrap(), devices)
}
