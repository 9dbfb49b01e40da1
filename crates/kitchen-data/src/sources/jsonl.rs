//! One JSON object a line, with a text in one of its fields.

use kitchen_types::config::JsonLinesConfig;
use kitchen_types::ports::{DataError, Splits, TokenizerClient};
use serde_json::{Map, Value};

use crate::encode::{Documents, TokenCache};
use crate::files::Files;
use crate::limits;
use crate::read;
use crate::split::hold_out;
use crate::tokenizers;
use crate::windows::TokenizedText;
use crate::words::thousands;

/// Whole lines are held out, drawn by `seed`; then the texts of each half stand one after the
/// other, in the order of the file, each with a boundary behind it.
pub(crate) fn open(
    config: &JsonLinesConfig,
    files: &dyn Files,
    cache: &TokenCache<'_>,
    seed: u64,
) -> Result<Splits, DataError> {
    read::need_path(&config.path, "file")?;
    let path = config.path.as_str();
    let bytes = files.read(path)?;
    let texts = parse(path, &bytes, &config.text)?;
    let halves = hold_out(texts.len(), None, config.validation, seed)?;
    let pick = |rows: &[u32]| -> Vec<&str> {
        rows.iter()
            .filter_map(|row| texts.get(*row as usize))
            .map(String::as_str)
            .collect()
    };
    let documents = Documents {
        train: pick(&halves.train),
        validation: pick(&halves.validation),
        separate: true,
        place: path,
    };
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    let tokenizer = tokenizers::build(&config.tokenizer, files, &documents.train, &all, true)?;
    let (tokens, train) = documents.encode(&tokenizer, cache)?;
    let source = format!(
        "{path}: {} texts, {} tokens of {} different ones ({})",
        thousands(texts.len() as u64),
        thousands(tokens.len()),
        thousands(tokenizer.vocabulary() as u64),
        tokenizer.name(),
    );
    TokenizedText {
        tokens,
        train,
        tokenizer,
    }
    .split(config.context, path, source, Vec::new())
}

/// The texts of a file, one for each line that is not blank. Errors name the line.
pub(crate) fn parse(path: &str, bytes: &[u8], field: &str) -> Result<Vec<String>, DataError> {
    let text = read::utf8(path, bytes)?;
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        if texts.len() == limits::EXAMPLES {
            return Err(read::too_many(path, "lines"));
        }
        texts.push(
            parse_line(line, field).map_err(|(what, remedy)| {
                DataError::new(format!("{path}:{number}"), what, remedy)
            })?,
        );
    }
    if texts.is_empty() {
        return Err(DataError::new(
            path,
            "has no lines",
            "put one JSON object on each line",
        ));
    }
    Ok(texts)
}

/// The text of one line, or what is wrong with it and what to do.
fn parse_line(line: &str, field: &str) -> Result<String, (String, String)> {
    if line.len() > limits::RECORD_BYTES {
        let what = format!(
            "has {} bytes, more than the {} of a line",
            line.len(),
            limits::RECORD_BYTES
        );
        return Err((what, "split the text into several lines".into()));
    }
    let mut object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        (
            format!("is not a JSON object: {}", without_line(&error)),
            "write one object a line, such as {\"text\": \"...\"}".into(),
        )
    })?;
    match object.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            let what = format!("the field `{field}` is {}, not a text", kind(&other));
            Err((
                what,
                "name a field with texts, such as data.text=content".into(),
            ))
        }
        None => {
            let fields: Vec<&str> = object.keys().take(8).map(String::as_str).collect();
            let known = match fields.as_slice() {
                [] => "no other either".into(),
                fields => format!("only {}", fields.join(", ")),
            };
            let what = format!("there is no field `{field}`, {known}");
            Err((
                what,
                "name a field with texts, such as data.text=content".into(),
            ))
        }
    }
}

/// What the parser said, with the column but without the line, which it counts from its own start.
fn without_line(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(said, _)| said);
    format!("{said} at column {}", error.column())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
