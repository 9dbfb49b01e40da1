//! Single values: what was written, as what a setting takes.

use kitchen_types::config::Span;
use serde_json::{Number, Value};

use super::given::{Given, Written};
use super::shape::Leaf;

/// What was written as a value of the kind that is expected, if it is one.
pub(super) fn leaf_value(leaf: Leaf, given: &Given) -> Option<Value> {
    match (leaf, &given.value) {
        (Leaf::Boolean, Written::Boolean(value)) => Some(Value::Bool(*value)),
        (Leaf::Natural, _) => natural(&given.value).map(Value::from),
        (Leaf::Number, Written::Integer(value)) => {
            Number::from_f64(*value as f64).map(Value::Number)
        }
        (Leaf::Number, Written::Float(value)) => Number::from_f64(*value).map(Value::Number),
        (Leaf::Text, Written::Text(text)) => Some(Value::String(text.clone())),
        (Leaf::Text, _) => given.typed.clone().map(Value::String),
        (Leaf::Span, Written::Text(text)) => serde_json::to_value(text.parse::<Span>().ok()?).ok(),
        (Leaf::Span, _) => natural(&given.value).map(Value::from),
        (Leaf::Other, written) => any_value(written),
        _ => None,
    }
}

/// A whole number, also where it is written as `1e4`.
fn natural(written: &Written) -> Option<u64> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    match written {
        Written::Integer(value) => u64::try_from(*value).ok(),
        Written::Float(value) if value.fract() == 0.0 && (0.0..=EXACT).contains(value) => {
            Some(*value as u64)
        }
        _ => None,
    }
}

fn any_value(written: &Written) -> Option<Value> {
    Some(match written {
        Written::Nothing => Value::Null,
        Written::Boolean(value) => Value::Bool(*value),
        Written::Integer(value) => Value::Number(Number::from_i128(*value)?),
        Written::Float(value) => Value::Number(Number::from_f64(*value)?),
        Written::Text(text) | Written::Foreign(text) => Value::String(text.clone()),
        Written::List(items) => Value::Array(
            items
                .iter()
                .map(|item| any_value(&item.value))
                .collect::<Option<_>>()?,
        ),
        Written::Table(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, given)| Some((key.clone(), any_value(&given.value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}
