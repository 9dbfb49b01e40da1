//! The checks of this repository, in one command: `cargo xtask test`.
//!
//! It installs what it lacks and can, runs each step with its output as it comes, and ends with
//! what passed, what failed, and what could not be done and why.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool talks through its output"
)]

mod run;
mod setup;
mod steps;
mod summary;

use std::process::ExitCode;

use clap::{Args, Parser};

/// The checks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Cli {
    /// Check everything that must hold before a change is merged.
    Test(TestArgs),
}

/// How to run the checks.
#[derive(Args)]
struct TestArgs {
    /// Show the steps and run none.
    #[arg(long)]
    list: bool,
    /// Run only this step; may be given several times.
    #[arg(long, value_name = "STEP", value_parser = steps::names())]
    only: Vec<String>,
    /// Run the remaining steps after one has failed.
    #[arg(long)]
    keep_going: bool,
    /// Install nothing; say what is missing.
    #[arg(long)]
    no_install: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let Cli::Test(args) = Cli::parse();
    if args.list {
        for step in steps::STEPS {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = steps::choose(&args.only);
    let missing = setup::prepare(&chosen, !args.no_install);
    let summary = run::run(&chosen, &missing, args.keep_going)?;
    println!("\n{summary}");
    Ok(if summary.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
