//! Answers the questions that loops and conditionals ask of the state.

use std::cmp::Ordering;

use kitchen_types::workflow::Condition;

use crate::stage::StageError;
use crate::state::{Slot, State};
use crate::value::Scalar;

/// Whether a condition holds. Nothing is allocated for booleans, numbers and text.
pub(crate) fn holds(condition: &Condition, state: &State) -> Result<bool, StageError> {
    match condition {
        Condition::Is(key) => match scalar(key, state)? {
            Scalar::Bool(value) => Ok(value),
            _ => Err(unsuited(key, "true or false")),
        },
        Condition::Equals { key, value } => {
            let slot = slot(key, state)?;
            if let Some(scalar) = Scalar::of(&*slot.content) {
                return Ok(scalar.equals(value));
            }
            let ops = slot.holds.value.ok_or_else(|| unsuited(key, "a value"))?;
            Ok((ops.to_json)(&*slot.content)? == *value)
        }
        Condition::Below { key, limit } => Ok(compare(key, *limit, state)? == Some(Ordering::Less)),
        Condition::Above { key, limit } => {
            Ok(compare(key, *limit, state)? == Some(Ordering::Greater))
        }
        Condition::Not(condition) => Ok(!holds(condition, state)?),
        Condition::All(conditions) => {
            for condition in conditions {
                if !holds(condition, state)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(conditions) => {
            for condition in conditions {
                if holds(condition, state)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn compare(key: &str, limit: f64, state: &State) -> Result<Option<Ordering>, StageError> {
    match scalar(key, state)? {
        Scalar::Bool(_) | Scalar::Text(_) => Err(unsuited(key, "a number")),
        number => Ok(number.compare(limit)),
    }
}

fn scalar<'a>(key: &str, state: &'a State) -> Result<Scalar<'a>, StageError> {
    Scalar::of(&*slot(key, state)?.content)
        .ok_or_else(|| unsuited(key, "true, false, a number or text"))
}

fn slot<'a>(key: &str, state: &'a State) -> Result<&'a Slot, StageError> {
    state.slot(key).ok_or_else(|| {
        StageError::new(format!(
            "the condition asks for `{key}`, and nothing stands there; run a stage that writes it"
        ))
    })
}

fn unsuited(key: &str, wanted: &str) -> StageError {
    StageError::new(format!(
        "the condition asks for {wanted} under `{key}`, and something else stands there"
    ))
}
