//! Weeks of training, event by event: work, checkpoints, failures, recovery.

mod engine;
mod plan;
mod record;
mod script;

pub use engine::{perform, run};
pub(crate) use plan::{DAY, DETECT, RESTART};
pub use plan::{Plan, PlanError};
pub use record::{Happening, Performance, Record, Told};
pub use script::{Act, Cue, Doing, Script, Span, Validation};
