//! `validate`: checks a config or workflow file without running it.

use std::path::Path;

use anyhow::Context;
use kitchen_core::check_workflow;
use kitchen_types::config::{ConfigProblem, ConfigSource};
use kitchen_types::workflow::Workflow;
use serde_json::Value;

use crate::cli::ValidateArgs;
use crate::exit::Exit;
use crate::out;
use crate::request::{Problems, Request};

/// Checks a config or workflow file.
pub(crate) fn validate(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let name = args.file.display().to_string();
    let problems = match read_workflow(&args.file)? {
        Some(Ok(workflow)) => check_workflow(&workflow)
            .into_iter()
            .map(|problem| in_file(&name, &problem.path, problem.to_string()))
            .collect(),
        Some(Err(reason)) => vec![in_file(&name, "", reason)],
        None => check_config(name.clone()),
    };
    report(&name, &problems, args.json.json)
}

/// Says what is wrong, and ends accordingly.
pub(super) fn report(name: &str, problems: &[ConfigProblem], json: bool) -> anyhow::Result<Exit> {
    if json {
        out::json(&problems)?;
    } else if problems.is_empty() {
        out::line(&format!("{name}: nothing is wrong"))?;
    } else {
        for problem in problems {
            out::line(&problem.to_string())?;
        }
    }
    Ok(if problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Problems
    })
}

fn check_config(name: String) -> Vec<ConfigProblem> {
    // Only the file is checked: what the environment says is not its fault.
    let resolved = Request::read_file_alone(name).and_then(Request::resolve);
    resolved
        .err()
        .map(|Problems(problems)| problems)
        .unwrap_or_default()
}

/// The file as a workflow, if it is one: its `steps` are a list, where a configuration has a length
/// of training.
fn read_workflow(path: &Path) -> anyhow::Result<Option<Result<Workflow, String>>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
        text => text.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let value: Option<Value> = match is_json {
        true => serde_json::from_str(&text).ok(),
        false => toml::from_str(&text).ok(),
    };
    if !value.is_some_and(|value| value.get("steps").is_some_and(Value::is_array)) {
        return Ok(None);
    }
    Ok(Some(match is_json {
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
        false => toml::from_str(&text).map_err(|error| error.to_string()),
    }))
}

fn in_file(name: &str, path: &str, message: String) -> ConfigProblem {
    ConfigProblem {
        origin: ConfigSource::File {
            name: name.to_owned(),
            line: 0,
        },
        path: path.to_owned(),
        message,
    }
}
