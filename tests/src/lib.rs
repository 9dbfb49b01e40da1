//! What the tests of the whole repository share: where it is, what its sources say, the rules that
//! they keep, and the program, run in a folder of its own.
//!
//! The rules are functions of text, so that each is tested on a bad example beside it; `tidy.rs`
//! applies them to the repository. The other tests run the program as people do, and know nothing
//! of its insides. Tests of one crate live with that crate.

mod browser;
pub mod finding;
mod guide;
pub mod kitchen;
pub mod reference;
pub mod repository;
pub mod rules;
pub mod source;
mod words;

pub use browser::Driver;
pub use finding::Finding;
pub use guide::{Block, Guide};
pub use kitchen::{Kitchen, Said};
pub use source::Source;
pub use words::words;
