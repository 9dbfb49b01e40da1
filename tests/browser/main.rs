//! The page as people use it, in a real browser: built by `cargo xtask page`, served by
//! `kitchen-native serve-page`, and steered through WebDriver.
//!
//! `cargo xtask test` hands over the folder of the page in `KITCHEN_PAGE`. Without it, each test
//! says that it was skipped.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

mod address;
mod cluster;
mod curriculum;
mod curves;
mod data;
mod devices;
mod harness;
mod help;
mod keep;
mod looks;
mod motion;
mod reach;
mod supervision;
