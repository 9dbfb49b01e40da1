//! `doctor`: finds out what works here.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use futures::executor::block_on;
use kitchen_core::data::hub::HUB;
use kitchen_core::train::OpenDevice;
use kitchen_platform::files;
use kitchen_types::report::{Examination, ExaminationFinding};

use super::table::table;
use crate::cli::JsonArg;
use crate::exit::Exit;
use crate::hub::cache_folder;
use crate::out;
use crate::runs::Runs;

/// Finds out what works here. What is missing but not needed is no problem.
pub(crate) fn doctor(json: JsonArg, runs: &Runs) -> anyhow::Result<Exit> {
    let examination = Examination {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        findings: vec![
            cpu(),
            gpu(),
            folder("runs", runs.path()),
            folder("cache", &cache_folder()),
            downloads(&cache_folder()),
            terminal(),
        ],
    };
    if json.json {
        out::json(&examination)?;
    } else {
        out::line(&in_words(&examination))?;
    }
    let works = examination
        .findings
        .iter()
        .all(|finding| finding.works != Some(false));
    Ok(if works { Exit::Ok } else { Exit::Problems })
}

fn in_words(examination: &Examination) -> String {
    let Examination {
        version,
        platform,
        cores,
        findings,
    } = examination;
    let rows = findings.iter().map(|finding| {
        let mark = match finding.works {
            Some(true) => "ok",
            Some(false) => "PROBLEM",
            None => "-",
        };
        [mark.to_owned(), finding.what.clone(), finding.found.clone()]
    });
    let rows = table(&rows.collect::<Vec<_>>());
    format!("kitchen {version}, {platform}, {cores} cores\n\n{rows}")
}

fn finding(what: &str, works: Option<bool>, found: impl Into<String>) -> ExaminationFinding {
    ExaminationFinding {
        what: what.to_owned(),
        works,
        found: found.into(),
    }
}

fn cpu() -> ExaminationFinding {
    finding("cpu", Some(true), OpenDevice::cpu().adapter())
}

fn gpu() -> ExaminationFinding {
    match block_on(OpenDevice::gpu()) {
        Ok(device) if device.is_software() => finding(
            "gpu",
            Some(true),
            format!("{}: works, but the CPU does its work", device.adapter()),
        ),
        Ok(device) => finding("gpu", Some(true), device.adapter()),
        Err(error) => finding("gpu", None, error.to_string()),
    }
}

/// Whether files can be kept in a folder, found out by keeping one.
fn folder(what: &str, path: &Path) -> ExaminationFinding {
    let probe = path.join(".probe");
    let is_new = !path.exists();
    let tried = files::create_dir_all(path)
        .and_then(|()| files::write_synced(&probe, b"probe"))
        .and_then(|()| files::remove(&probe));
    if is_new {
        // Only a folder that is still empty goes; looking must not leave traces.
        let _ = std::fs::remove_dir(path);
    }
    match tried {
        Ok(()) => finding(what, Some(true), path.display().to_string()),
        Err(error) => finding(what, Some(false), error.to_string()),
    }
}

fn downloads(cache: &Path) -> ExaminationFinding {
    let there: Vec<_> = HUB
        .iter()
        .filter(|entry| {
            entry
                .downloads()
                .iter()
                .all(|file| cache.join(&file.name).is_file())
        })
        .map(|entry| entry.name)
        .collect();
    let found = match there.as_slice() {
        [] => "none yet; `data get NAME` fetches one, `data ls` lists them".to_owned(),
        there => there.join(", "),
    };
    finding("downloads", None, found)
}

fn terminal() -> ExaminationFinding {
    if !stdout().is_terminal() {
        return finding(
            "terminal",
            None,
            "standard output is not one: runs are shown in plain lines",
        );
    }
    let term = std::env::var("TERM").unwrap_or_default();
    let colours = match std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        true => "without colours (NO_COLOR)",
        false => "with colours",
    };
    match ratatui::crossterm::terminal::size() {
        Ok((width, height)) => finding(
            "terminal",
            Some(true),
            format!("{term}, {width}x{height}, {colours}"),
        ),
        Err(error) => finding(
            "terminal",
            None,
            format!("{term}: its size is not known: {error}"),
        ),
    }
}
