//! Where a setting came from, and what is wrong with it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ConfigSource {
    /// Nobody set it: it is the default of its type.
    BuiltIn,
    /// A recipe, by name.
    Recipe(String),
    /// A line of a file.
    File {
        /// The file, as it was named.
        name: String,
        /// The line, from 1; 0 where it is not known.
        line: u64,
    },
    /// An environment variable, by name.
    Environment(String),
    /// An argument of the command line, as it was written.
    Argument(String),
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Recipe(name) => write!(f, "recipe {name}"),
            Self::File { name, line: 0 } => f.write_str(name),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment(variable) => write!(f, "environment variable {variable}"),
            Self::Argument(argument) => write!(f, "argument `{argument}`"),
        }
    }
}

/// Something wrong with a configuration. The text says what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{origin}: {message}")]
#[serde(deny_unknown_fields)]
pub struct ConfigProblem {
    /// Where the setting came from.
    pub origin: ConfigSource,
    /// Which setting, such as `model.gpt.heads`; empty where it concerns the whole.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}
