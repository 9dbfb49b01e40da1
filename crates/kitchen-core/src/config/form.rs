//! Every setting of a configuration as a field that a person can fill in.

use kitchen_types::RunConfig;
use serde_json::Value;

use super::merge::join;
use super::shape::{Kind, Leaf, Shape};
use super::text::schema;

/// One setting, as a form shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its full path, such as `model.gpt.layers`.
    pub path: String,
    /// Its value as it is written after `path=`.
    pub value: String,
    /// What can be filled in.
    pub input: Input,
    /// What it means.
    pub about: String,
}

/// What can be filled into a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// One of these names.
    Choice(Vec<String>),
    /// Yes or no.
    Boolean,
    /// A whole number, 0 or more.
    Natural,
    /// A number.
    Number,
    /// A text; so are lists (`[64, 32]`) and lengths of training (`20 epochs`).
    Text,
}

/// The fields of `config`, in the order of its type. A choice comes before the settings of what is
/// chosen.
pub fn form(config: &RunConfig) -> Vec<Field> {
    let schema = schema();
    // Serialising plain data to a tree cannot fail: no map has keys other than texts.
    let tree = serde_json::to_value(config).unwrap_or_default();
    let mut fields = Vec::new();
    add(Shape::of(&schema), "", &tree, &mut fields);
    fields
}

fn add(shape: Shape<'_>, path: &str, value: &Value, fields: &mut Vec<Field>) {
    let mut push = |value: String, input| {
        fields.push(Field {
            path: path.to_owned(),
            value,
            input,
            about: shape.about().to_owned(),
        });
    };
    match shape.kind() {
        Kind::Table(parts) => {
            for (name, field) in parts {
                if let Some(value) = value.get(name) {
                    add(field.shape, &join(path, name), value, fields);
                }
            }
        }
        Kind::Choice(variants) => {
            let chosen = match value {
                Value::Object(variant) => variant.iter().next(),
                _ => None,
            };
            let name = match (chosen, value.as_str()) {
                (Some((name, _)), _) => name,
                (None, name) => name.unwrap_or_default(),
            };
            let names = variants.iter().map(|it| it.name.to_owned()).collect();
            push(name.to_owned(), Input::Choice(names));
            let payload = variants.iter().find(|it| it.name == name);
            if let (Some(payload), Some((name, value))) =
                (payload.and_then(|it| it.payload), chosen)
            {
                add(payload, &join(path, name), value, fields);
            }
        }
        Kind::List(_) => push(list(value), Input::Text),
        Kind::Leaf(leaf) => {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            push(
                text,
                match leaf {
                    Leaf::Boolean => Input::Boolean,
                    Leaf::Natural => Input::Natural,
                    Leaf::Number => Input::Number,
                    Leaf::Text | Leaf::Span | Leaf::Other => Input::Text,
                },
            );
        }
    }
}

/// A list as an argument takes it. Numbers and texts are written alike in JSON and TOML; tables are
/// not.
fn list(value: &Value) -> String {
    let items = value.as_array();
    let has_tables = items.is_some_and(|items| items.iter().any(Value::is_object));
    match toml::Value::try_from(value) {
        Ok(value) if has_tables => value.to_string(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Layers, leaves};
    use super::*;
    use crate::RECIPES;

    #[test]
    fn what_a_form_shows_reads_back_to_the_same_configuration() {
        for recipe in RECIPES {
            let config = Layers::new(recipe.name, recipe.settings).merge().unwrap();
            let settings: Vec<String> = form(&config.config)
                .into_iter()
                .filter(|field| field.path != "recipe")
                .map(|field| format!("{}={}", field.path, field.value))
                .collect();
            let again = Layers::new("digits", "").arguments(&settings).merge();
            let again = again.unwrap_or_else(|problems| unreachable!("{problems:?}"));
            let mut expected = leaves(&config.config);
            expected.insert("recipe".into(), "digits".into());
            assert_eq!(leaves(&again.config), expected, "{}", recipe.name);
        }
    }

    #[test]
    fn every_field_says_what_it_means() {
        let silent: Vec<String> = form(&RunConfig::default())
            .into_iter()
            .filter(|field| field.about.is_empty())
            .map(|field| field.path)
            .collect();
        assert!(silent.is_empty(), "{silent:?}");
    }
}
