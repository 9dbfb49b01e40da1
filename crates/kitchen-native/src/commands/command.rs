//! `command`: tells a run something from outside.

use kitchen_platform::now_ms;

use crate::cli::CommandArgs;
use crate::exit::Exit;
use crate::inbox::{Inbox, parse};
use crate::out;
use crate::runs::Runs;

/// Leaves a command for a run, which reads it between two steps, or when it is resumed.
pub(crate) fn command(args: &CommandArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let command = parse(&args.words)?;
    let run = runs.find(&args.run)?;
    let is_new = Inbox::of(&run.path).leave(&command, args.key.as_deref(), now_ms())?;
    let id = &run.id;
    out::line(&match (is_new, run.is_running()) {
        (false, _) => format!("{id} was told that already"),
        (true, true) => format!("{id} is told"),
        (true, false) => format!("{id} is told when it goes on: `resume {id}`"),
    })?;
    Ok(Exit::Ok)
}
