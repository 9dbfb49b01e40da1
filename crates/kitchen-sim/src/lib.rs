//! A simulated cluster: what a training step takes, in seconds and bytes, on machines that are not
//! here. Everything is a pure function of plain data and gives the same bits on every platform.
//!
//! Formulas name their sources; what no formula says is one of few constants, fitted to published
//! steps. A run can be watched as a [`story`], whose pace and picture are left to front ends.

pub mod clock;
pub mod constants;
pub mod cost;
#[cfg(test)]
mod example;
pub mod explain;
pub mod input;
pub mod loss;
mod math;
pub mod random;
pub mod reliability;
pub mod run;
pub mod search;
pub mod story;
pub mod table;
pub mod thermal;
pub mod trace;

pub use clock::Clock;
pub use constants::Constants;
