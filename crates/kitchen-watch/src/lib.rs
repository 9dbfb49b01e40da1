//! Pure judgement of runs: what is shown goes in, a verdict comes out. No clock, no file, no
//! thread, so that a bad night is a table in a test.
//!
//! Acting on a verdict is left to kitchen-core.

pub mod curriculum;
pub mod guard;
mod monitor;
pub mod outliers;
mod patience;
mod plan;
mod robust;
mod slack;
mod supervisor;
mod suspects;

pub use monitor::{Finding, Measured, note, observe, suspicious};
pub use patience::{Verdict, judge_evaluation};
pub use plan::{Plan, plan};
pub use slack::{DeadUnits, Plateau, Starved, Waits, dead_units, plateau, starved};
pub use supervisor::{Effect, LOOK_BACK, MOST_EXAMINED, Seen, next};
pub use suspects::{Suspects, suspects};
