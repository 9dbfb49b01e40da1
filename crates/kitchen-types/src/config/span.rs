//! A length of training.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of training, in optimizer steps (`2000`) or in epochs (`"20 epochs"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// So many optimizer steps.
    Steps(u64),
    /// So many passes over the training split.
    Epochs(u64),
}

impl Span {
    /// The span in optimizer steps, where one epoch takes `steps_per_epoch` of them.
    pub fn steps(self, steps_per_epoch: u64) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            Self::Epochs(epochs) => epochs.saturating_mul(steps_per_epoch),
        }
    }

    /// Whether something that happens once in every such span is due after `step` steps.
    /// A span of zero length is never due.
    pub fn is_due(self, step: u64, steps_per_epoch: u64) -> bool {
        let every = self.steps(steps_per_epoch);
        every > 0 && step > 0 && step.is_multiple_of(every)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(1) => f.write_str("1 step"),
            Self::Steps(n) => write!(f, "{n} steps"),
            Self::Epochs(1) => f.write_str("1 epoch"),
            Self::Epochs(n) => write!(f, "{n} epochs"),
        }
    }
}

/// Why a text is not a length of training.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of training; write `2000`, `\"2000 steps\"` or `\"20 epochs\"`")]
pub struct InvalidSpan(String);

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan(text.into());
        let (count, unit) = text
            .trim()
            .split_once(' ')
            .unwrap_or((text.trim(), "steps"));
        // A comma is refused: `1,5 epochs` must not become fifteen. So is a sign, which `parse`
        // would take.
        let digits = count.replace('_', "");
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let count = digits.parse().map_err(|_| invalid())?;
        match unit.trim() {
            "step" | "steps" => Ok(Self::Steps(count)),
            "epoch" | "epochs" => Ok(Self::Epochs(count)),
            _ => Err(invalid()),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Steps(steps) => serializer.serialize_u64(*steps),
            Self::Epochs(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of steps, or a text such as \"20 epochs\"")
    }

    fn visit_u64<E: Error>(self, steps: u64) -> Result<Span, E> {
        Ok(Span::Steps(steps))
    }

    fn visit_i64<E: Error>(self, steps: i64) -> Result<Span, E> {
        u64::try_from(steps)
            .map(Span::Steps)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(steps), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of training: a number of optimizer steps, or a text such as \"20 epochs\".",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9][0-9_]{0,15}( (steps?|epochs?))?$" }
            ]
        })
    }
}
