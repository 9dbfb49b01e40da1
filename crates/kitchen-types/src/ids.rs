//! Names for runs and samples that stay the same from session to session.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a run, and of its folder: letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct RunId(#[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"))] String);

/// Why a text cannot name a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a run: use 1 to 80 letters, digits, `-`, `_` or `.`, and start with a letter or a digit"
)]
pub struct InvalidRunId(String);

impl RunId {
    /// Checks that `text` can name a run (and so a folder).
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRunId> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= 80 && text.chars().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidRunId(text))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Names one example of a data set, whatever the split, the epoch or the batch it turns up in.
///
/// The upper bits hold the domain (0 unless the data is a mixture), the lower
/// [`SampleId::INDEX_BITS`] the position in that domain's source. Every id stays below 2^53, so
/// that JavaScript reads it exactly.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct SampleId(pub u64);

impl SampleId {
    /// How many bits of an id hold the position within its domain.
    pub const INDEX_BITS: u32 = 40;

    /// The id of example `index` of domain `domain` (at most 8,191 domains).
    pub fn new(domain: u16, index: u64) -> Self {
        debug_assert!(domain < 1 << 13 && index < 1 << Self::INDEX_BITS);
        Self((u64::from(domain) << Self::INDEX_BITS) | index)
    }

    /// Which domain of a mixture the example belongs to.
    pub fn domain(self) -> u16 {
        (self.0 >> Self::INDEX_BITS) as u16
    }

    /// The example's position in its domain's source.
    pub fn index(self) -> u64 {
        self.0 & ((1 << Self::INDEX_BITS) - 1)
    }
}

impl fmt::Display for SampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.domain() {
            0 => write!(f, "{}", self.index()),
            domain => write!(f, "{domain}/{}", self.index()),
        }
    }
}
