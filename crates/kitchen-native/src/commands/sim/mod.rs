//! `sim`: the simulated cluster.

mod score;

use crate::cli::SimCommand;
use crate::exit::Exit;

/// Does what is asked of the simulated cluster.
pub(crate) fn sim(command: &SimCommand) -> anyhow::Result<Exit> {
    match command {
        SimCommand::Score(args) => score::score(args),
    }
}
