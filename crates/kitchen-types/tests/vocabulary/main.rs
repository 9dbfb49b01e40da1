//! What crosses a border comes back as it was, a curve hides nothing, a board is a pure fold, and
//! a draw is what it always was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod board;
mod json;
mod kept;
mod random;
mod schema;
mod series;
mod span;
mod wire;
mod workflow;
