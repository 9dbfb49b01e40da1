//! `man`: writes the manual page.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::out;

/// Writes the page of the program and those of all its commands, one after the other.
pub(crate) fn man() -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    Man::new(command.clone()).render(&mut pages)?;
    for one in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        let name = format!("kitchen-native-{}", one.get_name());
        Man::new(one.clone()).title(name).render(&mut pages)?;
    }
    out::line(String::from_utf8_lossy(&pages).trim_end())?;
    Ok(Exit::Ok)
}
