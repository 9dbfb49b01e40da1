//! What the tests of the whole repository share: where it is, what its sources say, and the rules
//! that they keep.
//!
//! The rules are functions of text, so that each is tested on a bad example beside it; `tidy.rs`
//! applies them to the repository. Tests of one crate live with that crate.

pub mod finding;
pub mod repository;
pub mod rules;
pub mod source;

pub use finding::Finding;
pub use source::Source;
