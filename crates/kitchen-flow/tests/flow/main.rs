//! Workflows in, events out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod failing;
mod kit;
mod order;
mod parallel;
mod sound;
mod state;
mod stream;
mod tree;
mod validation;
