//! Kitchen on the command line: trains, shows, resumes and measures runs on this machine.
//!
//! Everything that a run does is in kitchen-core; here are arguments, the terminal, the files that
//! record a run, and the network.

mod awake;
mod cli;
mod commands;
mod ending;
mod exit;
mod hub;
mod inbox;
mod interrupt;
mod notify;
mod observe;
mod out;
mod plain;
mod record;
mod request;
mod runs;
mod scalars;
mod screen;
#[cfg(test)]
mod scripted;
mod sqlite;
mod tensorboard;
mod training;
mod voice;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::Exit;
use runs::Runs;

fn main() -> ExitCode {
    let Cli { command, runs_dir } = Cli::parse();
    match carry_out(command, &Runs::new(runs_dir)) {
        Ok(exit) => exit,
        Err(error) if out::is_closed(&error) => Exit::Ok,
        Err(error) => {
            out::remark(&format!("error: {error:#}"));
            if error.is::<request::Problems>() {
                Exit::Usage
            } else {
                Exit::Failed
            }
        }
    }
    .into()
}

fn carry_out(command: Command, runs: &Runs) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => commands::run::run(&args, runs),
        Command::Resume(args) => commands::resume::resume(&args, runs),
        Command::Tell(args) => commands::command::command(&args, runs),
        Command::Runs(command) => commands::runs::runs(command, runs),
        Command::Evaluate(args) => commands::evaluate::evaluate(&args, runs),
        Command::Forensics(args) => commands::forensics::forensics(&args, runs),
        Command::Sample(args) => commands::sample::sample(&args, runs),
        Command::Export(args) => commands::export::export(&args, runs),
        Command::Receipt(command) => commands::receipt::receipt(command, runs),
        Command::List(args) => commands::list::list(args),
        Command::Describe(args) => commands::describe::describe(&args),
        Command::Validate(args) => commands::validate::validate(&args),
        Command::Config(command) => commands::config::config(command),
        Command::Data(command) => commands::data::data(command),
        Command::Bench(args) => commands::bench::bench(&args),
        Command::Sim(args) => commands::sim::sim(&args),
        Command::ServePage(args) => commands::serve_page::serve_page(&args),
        Command::Doctor(args) => commands::doctor::doctor(args, runs),
        Command::Completions { shell } => commands::completions::completions(shell),
        Command::Man => commands::man::man(),
    }
}
