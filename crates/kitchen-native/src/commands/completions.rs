//! `completions`: writes a completion script for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::out;

/// Writes the script to standard output.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(shell, &mut command, "kitchen-native", &mut script);
    out::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Ok)
}
