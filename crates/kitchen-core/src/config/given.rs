//! What a person wrote, with the place of each part, before anyone asks whether it makes sense.

use std::fmt;

use kitchen_types::config::ConfigSource;

/// A value that somebody wrote.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) value: Written,
    /// Where it stands; for a field, where its key stands.
    pub(super) source: ConfigSource,
    /// The words as they were typed, where they may also be meant as a text: `data.path=2024`.
    pub(super) typed: Option<String>,
    /// Whether a list grows by it, rather than being replaced.
    pub(super) append: bool,
}

/// The value itself.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Nothing,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// Something that no setting takes, such as a date.
    Foreign(String),
    List(Vec<Given>),
    Table(Vec<(String, Given)>),
}

impl Given {
    /// A value at a place.
    pub(super) fn new(value: Written, source: ConfigSource) -> Self {
        Self {
            value,
            source,
            typed: None,
            append: false,
        }
    }

    /// The value wrapped in one table for each key of `path`, the first outermost.
    pub(super) fn under(self, path: &[&str]) -> Self {
        path.iter().rev().fold(self, |inner, key| {
            let source = inner.source.clone();
            Self::new(Written::Table(vec![((*key).to_owned(), inner)]), source)
        })
    }
}

/// What was found, in words, for messages.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Boolean(value) => write!(f, "`{value}`"),
            Self::Integer(value) => write!(f, "`{value}`"),
            Self::Float(value) => write!(f, "`{value:?}`"),
            Self::Text(text) if text.chars().count() > 60 => {
                let start: String = text.chars().take(57).collect();
                write!(f, "the text {:?}", format!("{start}..."))
            }
            Self::Text(text) => write!(f, "the text {text:?}"),
            Self::Foreign(text) => write!(f, "`{text}`"),
            Self::List(_) => f.write_str("a list"),
            Self::Table(_) => f.write_str("a table"),
        }
    }
}
