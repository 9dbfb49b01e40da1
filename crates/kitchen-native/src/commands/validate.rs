//! `validate`: checks a config or workflow file without running it.

use kitchen_core::check_workflow;
use kitchen_types::config::{ConfigProblem, ConfigSource};
use kitchen_types::workflow::Workflow;
use serde_json::Value;

use crate::cli::ValidateArgs;
use crate::exit::Exit;
use crate::out;
use crate::request::{Problems, Request, read_text};

/// Checks a config or workflow file.
pub(crate) fn validate(args: &ValidateArgs) -> anyhow::Result<Exit> {
    let name = args.file.display().to_string();
    let problems = match read_text(&name) {
        Ok(text) => check(&name, &text),
        Err(problem) => vec![problem],
    };
    report(&name, &problems, args.json.json)
}

fn check(name: &str, text: &str) -> Vec<ConfigProblem> {
    match as_workflow(name.ends_with(".json"), text) {
        Some(Ok(workflow)) => check_workflow(&workflow)
            .into_iter()
            .map(|problem| in_file(name, &problem.path, problem.to_string()))
            .collect(),
        Some(Err(reason)) => vec![in_file(name, "", reason)],
        // Only the file is checked: what the environment says is not its fault.
        None => Request::read_file_alone(name.to_owned())
            .and_then(Request::resolve)
            .err()
            .map(|Problems(problems)| problems)
            .unwrap_or_default(),
    }
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

/// The text as a workflow, if it is one: its `steps` are a list, where a configuration has a length
/// of training.
fn as_workflow(is_json: bool, text: &str) -> Option<Result<Workflow, String>> {
    let value: Value = match is_json {
        true => serde_json::from_str(text).ok()?,
        false => toml::from_str(text).ok()?,
    };
    value.get("steps").filter(|steps| steps.is_array())?;
    Some(match is_json {
        true => serde_json::from_str(text).map_err(|error| error.to_string()),
        false => toml::from_str(text).map_err(|error| error.to_string()),
    })
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
