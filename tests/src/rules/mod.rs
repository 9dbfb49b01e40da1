//! The rules of the house, as functions of what they judge.

pub mod code;
pub mod graph;
pub mod text;
