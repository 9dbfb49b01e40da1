//! `config`: shows, checks and explains settings.

use std::collections::BTreeMap;

use kitchen_core::config::{Resolved, leaves, schema, to_toml};
use serde_json::{Value, json};

use super::table::table;
use super::validate::report;
use crate::cli::ConfigCommand;
use crate::exit::Exit;
use crate::out;
use crate::request::{Problems, Request};

/// Shows, checks and explains settings.
pub(crate) fn config(command: ConfigCommand) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Show {
            words,
            provenance,
            json,
        } => {
            let resolved = Request::read(&words)?.merge()?;
            out::line(&show(&resolved, provenance, json.json)?)?;
            Ok(Exit::Ok)
        }
        ConfigCommand::Validate { words, json } => {
            let resolved = Request::read(&words).and_then(Request::resolve);
            let problems = resolved
                .err()
                .map(|Problems(problems)| problems)
                .unwrap_or_default();
            report("the configuration", &problems, json.json)
        }
        ConfigCommand::Schema => {
            out::json(&schema())?;
            Ok(Exit::Ok)
        }
    }
}

fn show(resolved: &Resolved, provenance: bool, json: bool) -> anyhow::Result<String> {
    Ok(match (provenance, json) {
        (false, false) => to_toml(&resolved.config)?.trim_end().to_owned(),
        (false, true) => serde_json::to_string_pretty(&resolved.config)?,
        (true, false) => table(&with_origins(resolved)),
        (true, true) => {
            let settings = leaves(&resolved.config).into_iter().map(|(path, value)| {
                let origin = resolved.provenance.of(&path);
                (path, json!({ "value": value, "origin": origin }))
            });
            serde_json::to_string_pretty(&settings.collect::<BTreeMap<_, Value>>())?
        }
    })
}

fn with_origins(resolved: &Resolved) -> Vec<[String; 3]> {
    let rows = leaves(&resolved.config).into_iter().map(|(path, value)| {
        let origin = resolved.provenance.of(&path).to_string();
        [path, value.to_string(), origin]
    });
    rows.collect()
}
