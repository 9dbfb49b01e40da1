//! The program as people and scripts use it: what it prints, what it keeps, how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ask;
mod forensics;
mod run;
mod runs;
mod serve;
mod sim;
mod stop;
mod travel;
mod wrong;
