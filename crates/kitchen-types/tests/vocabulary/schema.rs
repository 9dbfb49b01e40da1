//! Values drawn from a type's own JSON schema, so that a new field or variant is tested the day it
//! is added, and the schema is known to tell the truth.

use std::collections::HashMap;

use kitchen_types::config::Span;
use proptest::collection::{btree_map, vec};
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use proptest::strategy::Union;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// References followed before everything that may be empty or absent is, and the first of several
/// alternatives is taken. Types put the alternative that does not recurse first.
const DEPTH: usize = 8;

/// Any JSON value that the schema of `T` allows.
pub(crate) fn values_of<T: JsonSchema>() -> BoxedStrategy<Value> {
    let root = schemars::schema_for!(T).to_value();
    let mut drawer = Drawer {
        definitions: root["$defs"].as_object().cloned().unwrap_or_default(),
        known: HashMap::new(),
    };
    drawer.draw(&root, 0)
}

/// The types in the schema of `T` that would take a field they do not know.
pub(crate) fn lenient_objects<T: JsonSchema>() -> Vec<String> {
    let root = schemars::schema_for!(T).to_value();
    let mut definitions = root["$defs"].as_object().cloned().unwrap_or_default();
    definitions.insert(T::schema_name().into_owned(), root);
    definitions
        .into_iter()
        .filter(|(_, schema)| is_lenient(schema))
        .map(|(name, _)| name)
        .collect()
}

fn is_lenient(schema: &Value) -> bool {
    let takes_any =
        schema["properties"].is_object() && schema["additionalProperties"] != json!(false);
    takes_any
        || match schema {
            Value::Object(map) => map
                .iter()
                .any(|(key, inner)| key != "$defs" && is_lenient(inner)),
            Value::Array(items) => items.iter().any(is_lenient),
            _ => false,
        }
}

struct Drawer {
    definitions: Map<String, Value>,
    known: HashMap<(String, usize), BoxedStrategy<Value>>,
}

impl Drawer {
    fn draw(&mut self, schema: &Value, depth: usize) -> BoxedStrategy<Value> {
        if let Some(name) = schema["$ref"].as_str() {
            return self.definition(name.trim_start_matches("#/$defs/"), depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return Just(constant.clone()).boxed();
        }
        if let Some(values) = schema["enum"].as_array() {
            return proptest::sample::select(values.clone()).boxed();
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(alternatives) = schema[key].as_array() {
                return self.alternatives(alternatives, depth);
            }
        }
        match &schema["type"] {
            Value::Array(names) => {
                let alternatives: Vec<Value> = names
                    .iter()
                    .map(|name| {
                        let mut single = schema.clone();
                        single["type"] = name.clone();
                        single
                    })
                    .collect();
                self.alternatives(&alternatives, depth)
            }
            Value::String(name) => self.single(name, schema, depth),
            _ => anything(),
        }
    }

    fn definition(&mut self, name: &str, depth: usize) -> BoxedStrategy<Value> {
        let key = (name.to_owned(), depth);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let schema = self.definitions[name].clone();
        let strategy = self.draw(&schema, depth);
        self.known.insert(key, strategy.clone());
        strategy
    }

    fn alternatives(&mut self, alternatives: &[Value], depth: usize) -> BoxedStrategy<Value> {
        let taken = if depth < DEPTH { alternatives.len() } else { 1 };
        Union::new(
            alternatives[..taken]
                .iter()
                .map(|schema| self.draw(schema, depth)),
        )
        .boxed()
    }

    fn single(&mut self, name: &str, schema: &Value, depth: usize) -> BoxedStrategy<Value> {
        match name {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => match schema["pattern"].as_str() {
                Some(pattern) => {
                    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
                    let strings = proptest::string::string_regex(pattern).unwrap();
                    strings.prop_map(Value::from).boxed()
                }
                None => any::<String>().prop_map(Value::from).boxed(),
            },
            "integer" => integer(schema["format"].as_str()),
            "number" if schema["format"] == "float" => any::<f32>()
                .prop_filter_map("not finite", finite_f32)
                .boxed(),
            "number" => finite().prop_map(Value::from).boxed(),
            "boolean" => any::<bool>().prop_map(Value::from).boxed(),
            "null" => Just(Value::Null).boxed(),
            other => panic!("the schema has a type that the tests do not know: {other}"),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> BoxedStrategy<Value> {
        let Some(properties) = schema["properties"].as_object() else {
            let most = if depth < DEPTH { 4 } else { 1 };
            let values = self.draw(&schema["additionalProperties"], depth);
            return btree_map(any::<String>(), values, 0..most)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
                .boxed();
        };
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut fields = Vec::new();
        for (name, schema) in properties {
            let is_required = required.contains(&json!(name));
            if depth >= DEPTH && !is_required {
                continue;
            }
            let name = name.clone();
            let field = self
                .draw(schema, depth)
                .prop_map(move |value| (name.clone(), value));
            fields.push(if is_required {
                field.prop_map(Some).boxed()
            } else {
                proptest::option::of(field).boxed()
            });
        }
        fields
            .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect()))
            .boxed()
    }

    fn array(&mut self, schema: &Value, depth: usize) -> BoxedStrategy<Value> {
        if let Some(parts) = schema["prefixItems"].as_array() {
            let parts: Vec<_> = parts.iter().map(|part| self.draw(part, depth)).collect();
            return parts.prop_map(Value::Array).boxed();
        }
        if depth >= DEPTH {
            return Just(json!([])).boxed();
        }
        let items = self.draw(&schema["items"], depth);
        vec(items, 0..3).prop_map(Value::Array).boxed()
    }
}

/// Integers of a format, the largest more often than chance would have it.
fn integer(format: Option<&str>) -> BoxedStrategy<Value> {
    match format {
        Some("uint16") => any::<u16>().prop_map(Value::from).boxed(),
        Some("uint32") => any::<u32>().prop_map(Value::from).boxed(),
        Some("int64") => wide().prop_map(|bits| json!(bits as i64)).boxed(),
        _ => wide().prop_map(Value::from).boxed(),
    }
}

fn wide() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..100u64,
        Just(u64::MAX),
        // The first integer that an f64 cannot hold.
        Just((1 << 53) + 1),
    ]
}

/// Numbers that JSON has a notation for, minus zero included.
fn finite() -> impl Strategy<Value = f64> {
    NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE
}

fn finite_f32(value: f32) -> Option<Value> {
    value.is_finite().then(|| Value::from(value))
}

/// Any JSON value, where the schema leaves everything open.
fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        wide().prop_map(Value::from),
        finite().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            btree_map(any::<String>(), inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}

#[test]
fn the_schema_of_a_span_is_what_it_parses() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&values_of::<Span>(), |value| {
            let parsed: Result<Span, _> = serde_json::from_value(value.clone());
            prop_assert!(parsed.is_ok(), "{value} is allowed, but {parsed:?}");
            Ok(())
        })
        .unwrap();
}
