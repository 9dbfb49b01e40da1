//! Which runs were asked for.

use std::path::Path;

use anyhow::{Context, bail};
use kitchen_core::sim::story::{SCENARIOS, Scenario, Spec, Story};

use crate::cli::SimWatchArgs;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::out;
use crate::request::read_text;

/// Lists all scenarios.
pub(super) fn list() -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for scenario in SCENARIOS {
        rows.push([scenario.name.to_owned(), scenario.spec()?.about]);
    }
    out::line(&table(&rows))?;
    Ok(Exit::Ok)
}

/// Writes the files of scenarios.
pub(super) fn show(names: &[String]) -> anyhow::Result<Exit> {
    let default = [SCENARIOS[0].name.to_owned()];
    let names = if names.is_empty() { &default } else { names };
    for name in names {
        let scenario = Scenario::named(name).with_context(|| unknown(name))?;
        out::line(scenario.text.trim_end())?;
    }
    Ok(Exit::Ok)
}

/// The specification of a scenario, or of a file.
pub(super) fn spec(name: &str) -> anyhow::Result<Spec> {
    if let Some(scenario) = Scenario::named(name) {
        return Ok(scenario.spec()?);
    }
    let is_file = name.contains(['.', '/', '\\']) || Path::new(name).exists();
    if !is_file {
        bail!("{}", unknown(name));
    }
    let text = read_text(name).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    Spec::parse(&text).with_context(|| format!("{name} is not the file of a run"))
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    let names = names.join(", ");
    format!("there is no scenario `{name}`; there are {names}, or name a file")
}

/// The runs to show, one after the other.
pub(super) struct Playlist {
    specs: Vec<Spec>,
    next: u32,
    end: u32,
}

impl Playlist {
    /// Reads all of them, so that a mistake is told before anything is shown.
    pub(super) fn read(args: &SimWatchArgs) -> anyhow::Result<Self> {
        let default = [SCENARIOS[0].name.to_owned()];
        let names = if args.runs.is_empty() {
            &default
        } else {
            args.runs.as_slice()
        };
        let mut specs = Vec::new();
        for name in names {
            let mut spec = spec(name)?;
            spec.seed = args.seed.unwrap_or(spec.seed);
            Story::of(spec.clone()).with_context(|| format!("`{name}` cannot be simulated"))?;
            specs.push(spec);
        }
        let end = args.exit_after_runs.unwrap_or(specs.len() as u32);
        Ok(Self {
            specs,
            next: 0,
            end,
        })
    }

    /// The next run: those that were shown before come with another seed.
    pub(super) fn next(&mut self) -> Option<Spec> {
        if self.next >= self.end {
            return None;
        }
        let count = self.specs.len().max(1);
        let mut spec = self.specs.get(self.next as usize % count)?.clone();
        spec.seed = spec.seed.wrapping_add(u64::from(self.next) / count as u64);
        self.next += 1;
        Some(spec)
    }
}
