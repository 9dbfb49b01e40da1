//! Runs steps one after the other, their output as it comes.

use std::env;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::setup::{Missing, Tool};
use crate::steps::Step;
use crate::summary::{Outcome, Summary};

/// Runs `steps` until one fails, or all of them if `keep_going`.
pub(crate) fn run(
    steps: &[&'static Step],
    missing: &Missing,
    keep_going: bool,
) -> anyhow::Result<Summary> {
    let mut summary = Summary::new(missing.notes(steps));
    for step in steps {
        let outcome = if summary.passed() || keep_going {
            run_step(step, missing)?
        } else {
            Outcome::Skipped("an earlier step failed".into())
        };
        summary.add(step.name, outcome);
    }
    Ok(summary)
}

fn run_step(step: &Step, missing: &Missing) -> anyhow::Result<Outcome> {
    if let Some(reason) = missing.blocks(step) {
        return Ok(Outcome::Skipped(reason));
    }
    let args = match step.without_nextest {
        Some(args) if !missing.has(Tool::Nextest) => args,
        _ => step.cargo,
    };
    println!("\n==> {}: cargo {args}", step.name);
    let started = Instant::now();
    let status = cargo()
        .args(args.split_whitespace())
        .envs(step.env.iter().copied())
        .envs(missing.environment(step))
        .status()
        .context("cargo could not be started")?;
    let took = started.elapsed();
    Ok(if status.success() {
        Outcome::Passed(took)
    } else {
        Outcome::Failed(took)
    })
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command to its end, and says which it is. Errors if it does not succeed.
pub(crate) fn carry_out(command: &mut Command) -> anyhow::Result<()> {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let line = words.join(" ");
    println!("==> {line}");
    let status = command
        .status()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}
