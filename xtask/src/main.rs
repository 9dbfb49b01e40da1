//! The checks of this repository, in one command: `cargo xtask test`; and its page: `cargo xtask
//! page`; and what fits the simulated cluster to measurements: `cargo xtask calibrate`.
//!
//! Each installs what it lacks and can. The checks run step by step with their output as it comes,
//! and end with what passed, what failed, and what could not be done and why.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool talks through its output"
)]

mod bench_page;
mod calibrate;
mod page;
mod run;
mod setup;
mod steps;
mod summary;
mod system;
mod tools;

use std::process::ExitCode;

use clap::{Args, Parser};

/// The checks of this repository, and its page.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Cli {
    /// Check everything that must hold before a change is merged.
    Test(TestArgs),
    /// Build the page into `dist`: static files that train when served from anywhere.
    Page(PageArgs),
    /// Time the page beside its peers, in the same browser.
    BenchPage(bench_page::BenchPageArgs),
    /// Fit the constants of the simulated cluster to measured steps.
    Calibrate(calibrate::CalibrateArgs),
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

/// How to build the page.
#[derive(Args)]
struct PageArgs {
    /// Install nothing; say what is missing.
    #[arg(long)]
    no_install: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse() {
        Cli::Test(args) => test(&args),
        Cli::Page(args) => {
            page::build(!args.no_install)?;
            Ok(ExitCode::SUCCESS)
        }
        Cli::Calibrate(args) => {
            calibrate::calibrate(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        Cli::BenchPage(args) => {
            bench_page::measure(&args)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
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
