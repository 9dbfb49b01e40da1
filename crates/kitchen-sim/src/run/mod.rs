//! Weeks of training, event by event: work, checkpoints, failures, recovery.

mod engine;
mod plan;
mod record;

pub use engine::run;
pub use plan::{Plan, PlanError};
pub use record::{Happening, Record, Told};
