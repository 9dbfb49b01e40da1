//! Pure judgement of runs: what is shown goes in, a verdict comes out. No clock, no file, no
//! thread, so that a bad night is a table in a test.
//!
//! Acting on a verdict is left to kitchen-core.

mod patience;

pub use patience::{Verdict, judge_evaluation};
