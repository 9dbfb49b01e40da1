//! The layers of a configuration: what the recipe says, then files, the environment and the
//! command line, each over the one before, by presence.
//!
//! Nothing here reads a file or a variable; callers hand in texts, so that the page and the
//! command line share every rule:
//!
//! - What a layer names wins, even where it names the default; what it leaves out stands.
//! - A choice such as `model` is one thing at a time: naming another variant replaces the old one
//!   with all its fields, and the new one starts from its own defaults. The active variant may be
//!   left out of a path: `model.layers=6` is `model.gpt.layers=6` while the model is a `gpt`.
//! - Lists are replaced whole; `+key=value` appends, and `key.0=value` changes one entry.
//! - `~key` takes back what files, the environment and earlier arguments said, so that the
//!   recipe's value stands again, or the default of the type where the recipe says nothing.
//! - A key that nothing reads is an error, and all errors are reported together.

mod check;
mod form;
mod given;
mod help;
mod layers;
mod leaf;
mod merge;
mod read;
mod restore;
mod shape;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use check::MOST_IN_A_BATCH;
pub use check::{Finding, check};
pub use form::{Field, Input, form};
pub use kitchen_types::config::{ConfigProblem, ConfigSource};
pub use layers::{Layers, Provenance, Resolved, recipe_named_in};
pub use text::{diff, leaves, schema, to_toml};
