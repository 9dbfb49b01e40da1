//! `runs`: lists, shows, compares, branches off and removes runs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use kitchen_core::Recipe;
use kitchen_core::config::diff;
use kitchen_core::words;
use kitchen_platform::files;
use kitchen_types::report::{Comparison, SettingChange};
use kitchen_types::summary::RunSummary;
use serde_json::Value;

use super::fork::fork;
use super::history::history;
use super::table::table;
use crate::cli::{JsonArg, RunsCommand};
use crate::exit::Exit;
use crate::observe::Observer;
use crate::runs::{RunFolder, Runs};
use crate::screen::{self, Ui};
use crate::sqlite::{self, Sqlite};
use crate::tensorboard::{self, TensorBoard};
use crate::{ending, out, record};

/// Lists, shows, compares, branches off and removes runs.
pub(crate) fn runs(command: RunsCommand, runs: &Runs) -> anyhow::Result<Exit> {
    match command {
        RunsCommand::Ls(json) => list(runs, json)?,
        RunsCommand::Show { run, svg, json } => {
            let run = runs.find(&run)?;
            match svg {
                Some(file) => draw(&run, &file)?,
                None => show(&run, json)?,
            }
        }
        RunsCommand::History { run, json } => history(&runs.find(&run)?, json)?,
        RunsCommand::Diff {
            first,
            second,
            json,
        } => {
            compare(&runs.find(&first)?, &runs.find(&second)?, json)?;
        }
        RunsCommand::Tensorboard { run, out } => {
            write_tensorboard(&runs.find(&run)?, out.as_deref())?;
        }
        RunsCommand::Sqlite { run, out } => write_sqlite(&runs.find(&run)?, out.as_deref())?,
        RunsCommand::Fork(args) => fork(&args, runs)?,
        RunsCommand::Rm { runs: names } => remove(runs, &names)?,
    }
    Ok(Exit::Ok)
}

fn summary(run: &RunFolder) -> anyhow::Result<RunSummary> {
    let mut summary = RunSummary::new(&run.board()?, run.path.display().to_string(), None);
    summary.run.get_or_insert_with(|| run.id.clone());
    Ok(summary)
}

fn list(runs: &Runs, json: JsonArg) -> anyhow::Result<()> {
    let all = runs.all()?;
    let mut summaries = Vec::with_capacity(all.len());
    for run in &all {
        match summary(run) {
            Ok(summary) => summaries.push((run, summary)),
            Err(error) => out::remark(&format!("{}: {error:#}", run.id)),
        }
    }
    if json.json {
        let summaries: Vec<_> = summaries.into_iter().map(|(_, summary)| summary).collect();
        return out::json(&summaries);
    }
    if summaries.is_empty() {
        return out::line(&format!(
            "no run in {} yet; start one with `run`",
            runs.path().display()
        ));
    }
    let mut rows = vec![["run", "status", "steps", "loss", "accuracy", "time"].map(str::to_owned)];
    rows.extend(summaries.iter().map(|(run, summary)| row(run, summary)));
    out::line(&table(&rows))
}

fn row(run: &RunFolder, summary: &RunSummary) -> [String; 6] {
    let metric = |name: &str| summary.metrics.get(name).map(|value| value.0);
    let status = match summary.status {
        _ if run.is_running() => "running".to_owned(),
        Some(status) => format!("{status:?}").to_lowercase(),
        None => "cut off".to_owned(),
    };
    let missing = || "-".to_owned();
    [
        run.id.to_string(),
        status,
        words::count(summary.steps),
        metric("validation.loss")
            .or(metric("train.loss"))
            .map_or_else(missing, words::value),
        metric("validation.accuracy").map_or_else(missing, words::percent),
        duration(summary.duration_s.0),
    ]
}

fn duration(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "?".to_owned(), words::duration)
}

fn show(run: &RunFolder, json: JsonArg) -> anyhow::Result<()> {
    if json.json {
        return out::json(&summary(run)?);
    }
    let board = run.board()?;
    let recipe = board
        .config
        .as_ref()
        .and_then(|config| Recipe::find(&config.recipe));
    let took = Duration::from_micros(board.trained_us);
    out::line(&ending::in_words(&board, recipe, &run.path, took))
}

/// Writes what was recorded as if TensorBoard had been asked for from the beginning.
fn write_tensorboard(run: &RunFolder, out: Option<&Path>) -> anyhow::Result<()> {
    let usual = run.path.join(tensorboard::FOLDER);
    let folder = out.unwrap_or(&usual);
    show_record(run, TensorBoard::create(folder)?)?;
    out::line(&format!(
        "wrote the curves of {}; look at them with `tensorboard --logdir {}`",
        run.id,
        folder.display()
    ))
}

/// The same, for a database.
fn write_sqlite(run: &RunFolder, out: Option<&Path>) -> anyhow::Result<()> {
    let usual = run.path.join(sqlite::FILE);
    let file = out.unwrap_or(&usual);
    show_record(run, Sqlite::open(file)?)?;
    out::line(&format!(
        "wrote the curves of {} into {}, as tables `scalars` and `windows`",
        run.id,
        file.display()
    ))
}

/// Shows an observer what a run has said.
fn show_record(run: &RunFolder, mut observer: impl Observer) -> anyhow::Result<()> {
    for envelope in record::envelopes(&run.events())? {
        observer.observe(&envelope)?;
    }
    observer.rest()
}

/// The terminal that a picture shows.
const PICTURE: (u16, u16) = (104, 34);

fn draw(run: &RunFolder, file: &Path) -> anyhow::Result<()> {
    let board = run.board()?;
    let recipe = board
        .config
        .as_ref()
        .and_then(|config| Recipe::find(&config.recipe));
    let ui = Ui {
        title: recipe.map_or("", |recipe| recipe.title).to_owned(),
        elapsed: Duration::from_micros(board.trained_us),
        ..Ui::default()
    };
    let (columns, rows) = PICTURE;
    let picture = screen::svg(&board, &ui, columns, rows);
    files::write_synced(file, picture.as_bytes()).context("the picture cannot be written")?;
    out::line(&format!("drew {} into {}", run.id, file.display()))
}

fn compare(first: &RunFolder, second: &RunFolder, json: JsonArg) -> anyhow::Result<()> {
    let comparison = Comparison {
        settings: diff(&first.config()?, &second.config()?),
        first: summary(first)?,
        second: summary(second)?,
    };
    if json.json {
        return out::json(&comparison);
    }
    let mut rows = vec![[String::new(), first.id.to_string(), second.id.to_string()]];
    rows.extend(comparison.settings.iter().map(setting_row));
    rows.extend(result_rows(&comparison));
    out::line(&table(&rows))
}

fn setting_row(setting: &SettingChange) -> [String; 3] {
    let write = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or_else(|| "-".to_owned(), Value::to_string)
    };
    [
        setting.path.clone(),
        write(&setting.old),
        write(&setting.new),
    ]
}

fn result_rows(comparison: &Comparison) -> impl Iterator<Item = [String; 3]> {
    let (first, second) = (&comparison.first.metrics, &comparison.second.metrics);
    let mut names: Vec<_> = first.keys().chain(second.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| {
        let write = |value: Option<&kitchen_types::Number>| {
            value.map_or_else(|| "-".to_owned(), |value| words::value(value.0))
        };
        [
            name.clone(),
            write(first.get(name)),
            write(second.get(name)),
        ]
    })
}

/// Removes runs. Names must be written in full, and all of them be there, before any is removed.
fn remove(runs: &Runs, names: &[String]) -> anyhow::Result<()> {
    let mut folders = Vec::with_capacity(names.len());
    for name in names {
        let folder = runs.find(name)?;
        if folder.id.as_str() != name {
            bail!(
                "`{name}` is not the full name of a run; write `{}` if you mean that",
                folder.id
            );
        }
        folders.push(folder);
    }
    for folder in folders {
        let lock = folder.lock()?;
        files::remove(&folder.path)?;
        drop(lock);
        out::line(&format!("removed {}", folder.id))?;
    }
    Ok(())
}
