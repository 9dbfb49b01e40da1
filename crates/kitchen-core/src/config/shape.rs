//! What a configuration may look like, read from the JSON Schema that its types derive.
//!
//! The schema is the one description of the keys: help, the web form, the check of unknown keys
//! and the layers all read it, so that a field added to a type is known everywhere at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The part of the schema that describes one value.
#[derive(Clone, Copy)]
pub(super) struct Shape<'s> {
    root: &'s Value,
    schema: &'s Value,
    default: Option<&'s Value>,
}

/// What a value may be.
pub(super) enum Kind<'s> {
    /// Named fields.
    Table(BTreeMap<&'s str, Field<'s>>),
    /// One of several variants, tagged by name.
    Choice(Vec<Variant<'s>>),
    /// Any number of values of one shape.
    List(Shape<'s>),
    /// A single value.
    Leaf(Leaf),
}

/// A field of a table.
pub(super) struct Field<'s> {
    pub(super) shape: Shape<'s>,
    pub(super) required: bool,
}

/// A variant of a choice; `payload` is absent where the name is all there is.
#[derive(Clone, Copy)]
pub(super) struct Variant<'s> {
    pub(super) name: &'s str,
    pub(super) payload: Option<Shape<'s>>,
}

/// What a single value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Boolean,
    /// A whole number, 0 or more.
    Natural,
    Number,
    Text,
    /// A length of training.
    Span,
    /// Something this module does not know; the types themselves will judge it.
    Other,
}

impl<'s> Shape<'s> {
    /// The shape of everything that `schema` describes.
    pub(super) fn of(schema: &'s Value) -> Self {
        Self {
            root: schema,
            schema,
            default: None,
        }
    }

    /// What a value of this shape may be.
    pub(super) fn kind(self) -> Kind<'s> {
        let schema = self.resolved();
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            return Kind::Choice(variants.iter().filter_map(|v| self.variant(v)).collect());
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => Kind::Table(self.fields(schema)),
            Some("array") => match schema.get("items") {
                Some(items) => Kind::List(self.at(items)),
                None => Kind::Leaf(Leaf::Other),
            },
            Some("boolean") => Kind::Leaf(Leaf::Boolean),
            Some("integer") => Kind::Leaf(Leaf::Natural),
            Some("number") => Kind::Leaf(Leaf::Number),
            Some("string") => Kind::Leaf(Leaf::Text),
            _ if self.is_span() => Kind::Leaf(Leaf::Span),
            _ => Kind::Leaf(Leaf::Other),
        }
    }

    /// The value that stands where nobody set one, if there is one. A table without a default of
    /// its own has those of its fields.
    pub(super) fn default(self) -> Option<Value> {
        if let Some(default) = self.default {
            return Some(default.clone());
        }
        match self.kind() {
            Kind::Table(fields) => Some(Value::Object(
                fields
                    .into_iter()
                    .filter_map(|(name, field)| Some((name.to_owned(), field.shape.default()?)))
                    .collect(),
            )),
            _ => None,
        }
    }

    /// What a value of this shape means, in words.
    pub(super) fn about(self) -> &'s str {
        let text = |schema: &'s Value| schema.get("description").and_then(Value::as_str);
        text(self.schema)
            .or_else(|| text(self.resolved()))
            .unwrap_or_default()
    }

    /// The shape of the whole configuration that this is a part of.
    pub(super) fn whole(self) -> Self {
        Self::of(self.root)
    }

    /// Whether it is a table with a field called `name`.
    pub(super) fn has(self, name: &str) -> bool {
        matches!(self.kind(), Kind::Table(fields) if fields.contains_key(name))
    }

    fn at(self, schema: &'s Value) -> Self {
        Self {
            root: self.root,
            schema,
            default: schema.get("default"),
        }
    }

    fn reference(self) -> Option<&'s str> {
        self.schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
    }

    fn resolved(self) -> &'s Value {
        self.reference()
            .and_then(|name| self.root.get("$defs")?.get(name))
            .unwrap_or(self.schema)
    }

    fn is_span(self) -> bool {
        self.reference() == Some("Span")
    }

    fn fields(self, schema: &'s Value) -> BTreeMap<&'s str, Field<'s>> {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let properties = schema.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let field = Field {
                    shape: self.at(schema),
                    required: is_required(name),
                };
                (name.as_str(), field)
            })
            .collect()
    }

    fn variant(self, schema: &'s Value) -> Option<Variant<'s>> {
        if let Some(name) = schema.get("const").and_then(Value::as_str) {
            return Some(Variant {
                name,
                payload: None,
            });
        }
        let (name, payload) = schema.get("properties")?.as_object()?.iter().next()?;
        Some(Variant {
            name,
            payload: Some(self.at(payload)),
        })
    }
}

impl Variant<'_> {
    /// Its value when it was just chosen: its name, and the defaults of its fields.
    pub(super) fn fresh(self) -> Value {
        match self.payload {
            None => Value::String(self.name.to_owned()),
            Some(payload) => {
                let fields = payload
                    .default()
                    .unwrap_or_else(|| Value::Object(Map::new()));
                Value::Object(Map::from_iter([(self.name.to_owned(), fields)]))
            }
        }
    }
}

impl Leaf {
    /// What is expected, in words.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Boolean => "`true` or `false`",
            Self::Natural => "a whole number, 0 or more",
            Self::Number => "a finite number",
            Self::Text => "a text",
            Self::Span => "a number of steps such as `2000`, or a text such as `\"20 epochs\"`",
            Self::Other => "another value",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    fn leaves(shape: Shape<'_>, path: String, depth: usize, found: &mut Vec<(String, Leaf)>) {
        // A mixture holds data, which may be a mixture: three levels show every field.
        if depth == 8 {
            return;
        }
        match shape.kind() {
            Kind::Table(fields) => {
                for (name, field) in fields {
                    leaves(field.shape, format!("{path}.{name}"), depth + 1, found);
                }
            }
            Kind::Choice(variants) => {
                for variant in variants {
                    if let Some(payload) = variant.payload {
                        leaves(
                            payload,
                            format!("{path}.{}", variant.name),
                            depth + 1,
                            found,
                        );
                    }
                }
            }
            Kind::List(item) => leaves(item, format!("{path}[]"), depth + 1, found),
            Kind::Leaf(leaf) => found.push((path, leaf)),
        }
    }

    #[test]
    fn every_leaf_of_the_types_is_understood() {
        let schema = schema();
        let mut found = Vec::new();
        leaves(Shape::of(&schema), String::new(), 0, &mut found);
        assert!(found.len() > 60, "only {} leaves", found.len());
        let unknown: Vec<_> = found
            .iter()
            .filter(|(_, leaf)| *leaf == Leaf::Other)
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn the_schema_gives_the_defaults_of_the_types() {
        let schema = schema();
        let default = Shape::of(&schema).default();
        let expected = serde_json::to_value(kitchen_types::RunConfig::default()).ok();
        assert_eq!(default, expected);
    }
}
