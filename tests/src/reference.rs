//! The reference page of all settings, written from their JSON Schema.

use std::fmt::Write;

use serde_json::{Map, Value};

const OPENING: &str = "\
# Settings

Every setting of a run, with its default and what it means. This page is written from the types
(`kitchen-native config schema` prints the same for machines); [configuration](../configuration.md)
says how to set them. A recipe has its own defaults over these: `kitchen-native describe NAME`.
";

/// The page, in Markdown. `schema` is what `config schema` prints.
pub fn page(schema: &Value) -> String {
    let mut page = Page {
        schema,
        text: OPENING.to_owned(),
        waiting: Vec::new(),
    };
    page.table_of(schema);
    let mut next = 0;
    while let Some(name) = page.waiting.get(next).cloned() {
        next += 1;
        page.definition(&name);
    }
    page.text
}

struct Page<'a> {
    schema: &'a Value,
    text: String,
    /// Definitions that were named, in order; each gets a section.
    waiting: Vec<String>,
}

impl Page<'_> {
    fn definition(&mut self, name: &str) {
        let definition = &self.schema["$defs"][name];
        self.line(&format!("\n## {}\n", self.heading(name)));
        self.line(text(definition, "description"));
        if let Some(variants) = variants(definition) {
            self.choice(variants);
        } else {
            self.table_of(definition);
        }
    }

    fn table_of(&mut self, table: &Value) {
        let Some(fields) = table["properties"].as_object() else {
            return;
        };
        self.line("\n| setting | holds | default | meaning |\n|---|---|---|---|");
        self.fields("", fields);
    }

    fn fields(&mut self, prefix: &str, fields: &Map<String, Value>) {
        for (name, field) in fields {
            let holds = self.holds(field);
            let default = match &field["default"] {
                // A table's default is that of its own settings.
                Value::Null | Value::Object(_) => String::new(),
                default => format!("`{default}`"),
            };
            let meaning = cell(text(field, "description"));
            self.line(&format!(
                "| `{prefix}{name}` | {holds} | {default} | {meaning} |"
            ));
        }
    }

    fn choice(&mut self, variants: &[Value]) {
        self.line("\n| choice | settings | meaning |\n|---|---|---|");
        let mut inline = Vec::new();
        for variant in variants {
            let meaning = cell(text(variant, "description"));
            if let Some(names) = names(variant) {
                for name in names {
                    self.line(&format!("| `{name}` | | {meaning} |"));
                }
            }
            for (name, payload) in variant["properties"].as_object().into_iter().flatten() {
                let settings = match &payload["properties"] {
                    Value::Object(fields) => {
                        inline.push((format!("{name}."), fields.clone()));
                        "below".to_owned()
                    }
                    _ => self.holds(payload),
                };
                self.line(&format!("| `{name}` | {settings} | {meaning} |"));
            }
        }
        if !inline.is_empty() {
            self.line("\n| setting | holds | default | meaning |\n|---|---|---|---|");
        }
        for (prefix, fields) in inline {
            self.fields(&prefix, &fields);
        }
    }

    /// What a setting holds, in words; a link where that is more than a word.
    fn holds(&mut self, field: &Value) -> String {
        if let Some(target) = field["$ref"].as_str() {
            let name = target.rsplit('/').next().unwrap_or(target).to_owned();
            if !self.waiting.contains(&name) {
                self.waiting.push(name.clone());
            }
            let heading = self.heading(&name);
            let anchor = heading.to_lowercase().replace(' ', "-");
            return format!("[{heading}](#{anchor})");
        }
        match text(field, "type") {
            "array" => match self.holds(&field["items"]) {
                link if link.starts_with('[') => format!("list of {link}"),
                word => format!("list of {word}s"),
            },
            "boolean" => "`true` or `false`".to_owned(),
            "integer" => "whole number".to_owned(),
            "number" => "number".to_owned(),
            "string" => "text".to_owned(),
            other => other.to_owned(),
        }
    }

    /// The heading of a definition. `Config` at the end of its name says nothing, unless there is
    /// another definition without it.
    fn heading(&self, name: &str) -> String {
        let definitions = self.schema["$defs"].as_object();
        let is_taken = |name: &str| definitions.is_some_and(|found| found.contains_key(name));
        let short = name.strip_suffix("Config").filter(|short| !is_taken(short));
        in_words(short.unwrap_or(name))
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// The variants of a choice, if it is one.
fn variants(definition: &Value) -> Option<&[Value]> {
    definition["oneOf"].as_array().map(Vec::as_slice)
}

/// The names of variants without settings.
fn names(variant: &Value) -> Option<Vec<&str>> {
    match (&variant["const"], &variant["enum"]) {
        (Value::String(name), _) => Some(vec![name]),
        (_, Value::Array(names)) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// The name of a type as words: `EarlyStopping` becomes `Early stopping`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    for (index, c) in name.char_indices() {
        if index > 0 && c.is_uppercase() {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else {
            words.push(c);
        }
    }
    words
}

/// A text for a cell of a table, which has no line breaks and no bars of its own.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_becomes_tables() {
        let schema = json!({
            "properties": {
                "lr": { "type": "number", "default": 0.001, "description": "A rate,\nor | so." },
                "model": { "$ref": "#/$defs/ModelConfig", "default": { "mlp": {} }, "description": "What learns." },
            },
            "$defs": {
                "ModelConfig": {
                    "description": "What learns.",
                    "oneOf": [
                        { "const": "none", "description": "Nothing." },
                        {
                            "description": "A net.",
                            "properties": { "mlp": { "properties": {
                                "hidden": { "type": "array", "items": { "type": "integer" } },
                            } } },
                        },
                    ],
                },
            },
        });
        let expected = "
| setting | holds | default | meaning |
|---|---|---|---|
| `lr` | number | `0.001` | A rate, or \\| so. |
| `model` | [Model](#model) |  | What learns. |

## Model

What learns.

| choice | settings | meaning |
|---|---|---|
| `none` | | Nothing. |
| `mlp` | below | A net. |

| setting | holds | default | meaning |
|---|---|---|---|
| `mlp.hidden` | list of whole numbers |  |  |
";
        assert_eq!(page(&schema), format!("{OPENING}{expected}"));
    }

    #[test]
    fn headings_are_told_apart() {
        let schema =
            json!({ "$defs": { "ScheduleConfig": {}, "Schedule": {}, "EarlyStoppingConfig": {} } });
        let page = Page {
            schema: &schema,
            text: String::new(),
            waiting: Vec::new(),
        };
        let table = [
            ("ScheduleConfig", "Schedule config"),
            ("Schedule", "Schedule"),
            ("EarlyStoppingConfig", "Early stopping"),
        ];
        for (name, heading) in table {
            assert_eq!(page.heading(name), heading);
        }
    }
}
