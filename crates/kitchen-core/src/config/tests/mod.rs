//! Layers in, configurations or messages out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_files;
mod every_setting;
mod ranges;
mod rules;

use std::fmt::Write;

use super::{ConfigProblem, Layers, Resolved, leaves};

/// Small settings that stand for a recipe's.
const RECIPE: &str = r#"
batch = 16
[data.text]
path = "a.txt"
[model.gpt]
layers = 2
"#;

fn layers() -> Layers {
    Layers::new("text", RECIPE)
}

/// What is set, by whom; or what is wrong.
fn outcome(result: Result<Resolved, Vec<ConfigProblem>>) -> String {
    match result {
        Ok(resolved) => settings(&resolved),
        Err(problems) => problems.iter().fold(String::new(), |mut text, problem| {
            writeln!(text, "{problem}").unwrap();
            text
        }),
    }
}

fn settings(resolved: &Resolved) -> String {
    let values = leaves(&resolved.config);
    let mut text = String::new();
    for (path, source) in resolved.provenance.iter() {
        match values.get(path) {
            Some(value) => writeln!(text, "{path} = {value} ({source})").unwrap(),
            None => writeln!(text, "{path} chosen ({source})").unwrap(),
        }
    }
    text
}
