//! Texts to what was written: files, environment variables and arguments.

use kitchen_types::config::{ConfigProblem, ConfigSource};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use toml::de::{DeTable, DeValue};

use super::given::{Given, Written};

/// The longest file that is read: settings are short, and a longer one is something else.
const MAX_BYTES: usize = 1 << 20;

/// The deepest nesting in YAML; settings themselves are a quarter as deep. The parsers of TOML and
/// JSON have such limits of their own.
const MAX_DEPTH: usize = 32;

/// What kind of file it is, by the end of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Toml,
    Json,
    Yaml,
}

/// Reads a file's text. `name` says which kind it is and names it in messages.
pub(super) fn file(name: &str, text: &str) -> Result<Given, ConfigProblem> {
    let format = format_of(name)?;
    if text.len() > MAX_BYTES {
        return Err(problem(
            name,
            0,
            format!(
                "the file has {} bytes, and settings have at most 1 MiB; name another file",
                text.len()
            ),
        ));
    }
    match format {
        Format::Toml => toml_file(text, &|line| place(name, line)),
        Format::Json => {
            // YAML reads JSON and knows the lines; only what YAML allows beyond JSON is refused here.
            serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
                problem(name, error.line(), format!("this is not JSON: {error}"))
            })?;
            yaml_file(name, text, "JSON")
        }
        Format::Yaml => yaml_file(name, text, "YAML"),
    }
}

/// Reads a recipe's settings, which are TOML.
pub(super) fn recipe(name: &str, text: &str) -> Result<Given, ConfigProblem> {
    toml_file(text, &|_| ConfigSource::Recipe(name.to_owned()))
}

/// Reads a value of the command line or of the environment: TOML where it is TOML, else a text.
pub(super) fn typed_value(text: &str, source: &ConfigSource) -> Given {
    let mut given = match DeValue::parse(text.trim()) {
        Ok(value) => from_toml(value.get_ref(), &|_| source.clone(), 0),
        Err(_) => Given::new(Written::Text(text.to_owned()), source.clone()),
    };
    // What came in quotes is a text already; anything else may have been meant as one.
    if !matches!(given.value, Written::Text(_)) {
        given.typed = Some(text.to_owned());
    }
    given
}

fn format_of(name: &str) -> Result<Format, ConfigProblem> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "toml" => Ok(Format::Toml),
        "json" => Ok(Format::Json),
        "yaml" | "yml" => Ok(Format::Yaml),
        _ => Err(problem(
            name,
            0,
            "the kind of file is not known; its name must end in .toml, .json, .yaml or .yml"
                .into(),
        )),
    }
}

fn place(name: &str, line: usize) -> ConfigSource {
    ConfigSource::File {
        name: name.to_owned(),
        line: line as u64,
    }
}

fn problem(name: &str, line: usize, message: String) -> ConfigProblem {
    ConfigProblem {
        origin: place(name, line),
        path: String::new(),
        message,
    }
}

fn toml_file(text: &str, place: &dyn Fn(usize) -> ConfigSource) -> Result<Given, ConfigProblem> {
    let starts = line_starts(text);
    let line_of = |offset: usize| starts.partition_point(|start| *start <= offset);
    let at = |offset: usize| place(line_of(offset));
    let table = DeTable::parse(text).map_err(|error| ConfigProblem {
        origin: place(error.span().map_or(0, |span| line_of(span.start))),
        path: String::new(),
        message: format!("this is not TOML: {}", error.message().replace('\n', ", ")),
    })?;
    Ok(Given::new(toml_table(table.get_ref(), &at), place(1)))
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after_newlines).collect()
}

fn toml_table(table: &DeTable<'_>, at: &dyn Fn(usize) -> ConfigSource) -> Written {
    let entries = table.iter().map(|(key, value)| {
        let given = from_toml(value.get_ref(), at, key.span().start);
        (key.get_ref().to_string(), given)
    });
    Written::Table(entries.collect())
}

fn from_toml(value: &DeValue<'_>, at: &dyn Fn(usize) -> ConfigSource, offset: usize) -> Given {
    let written = match value {
        DeValue::String(text) => Written::Text(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Written::Foreign(number.to_string()), Written::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| Written::Foreign(number.to_string()), Written::Float),
        DeValue::Boolean(value) => Written::Boolean(*value),
        DeValue::Datetime(date) => Written::Foreign(date.to_string()),
        DeValue::Array(items) => Written::List(
            items
                .iter()
                .map(|item| from_toml(item.get_ref(), at, item.span().start))
                .collect(),
        ),
        DeValue::Table(table) => toml_table(table, at),
    };
    Given::new(written, at(offset))
}

fn yaml_file(name: &str, text: &str, kind: &str) -> Result<Given, ConfigProblem> {
    let budget = serde_saphyr::budget! {
        max_depth: MAX_DEPTH,
        max_nodes: 20_000,
        max_events: 50_000,
        max_aliases: 500,
        max_anchors: 500,
    };
    let options = serde_saphyr::options! { budget: budget, with_snippet: false };
    let document = serde_saphyr::from_str_with_options::<Spanned<YamlNode>>(text, options)
        .map_err(|error| {
            let line = error
                .location()
                .map_or(0, |location| location.line() as usize);
            let what = match error.without_snippet() {
                serde_saphyr::Error::Budget { .. } => {
                    "it is larger or deeper than any settings are".to_owned()
                }
                error => {
                    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
                    text.lines().next().unwrap_or_default().to_owned()
                }
            };
            problem(
                name,
                line,
                format!("this is not {kind} that can be read: {what}"),
            )
        })?;
    let top = place(name, document.referenced.line() as usize);
    Ok(document.value.at(top, name))
}

/// A YAML value with the lines of what it holds.
enum YamlNode {
    Scalar(Written),
    List(Vec<Spanned<YamlNode>>),
    Map(Vec<(Spanned<String>, Spanned<YamlNode>)>),
}

impl YamlNode {
    fn at(self, source: ConfigSource, name: &str) -> Given {
        let written = match self {
            Self::Scalar(written) => written,
            Self::List(items) => Written::List(
                items
                    .into_iter()
                    .map(|item| {
                        let line = item.referenced.line() as usize;
                        item.value.at(place(name, line), name)
                    })
                    .collect(),
            ),
            Self::Map(entries) => Written::Table(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let line = key.referenced.line() as usize;
                        (key.value, value.value.at(place(name, line), name))
                    })
                    .collect(),
            ),
        };
        Given::new(written, source)
    }
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlNode;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a setting")
    }

    fn visit_unit<E: Error>(self) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Nothing))
    }

    fn visit_none<E: Error>(self) -> Result<YamlNode, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlNode, D::Error> {
        YamlNode::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Boolean(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Integer(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Integer(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Float(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<YamlNode, E> {
        Ok(YamlNode::Scalar(Written::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<YamlNode, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(YamlNode::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<YamlNode, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(YamlNode::Map(map))
    }
}
