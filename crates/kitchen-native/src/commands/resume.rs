//! `resume`: goes on with a run that was stopped or cut off.

use kitchen_types::board::{Board, Phase};
use kitchen_types::event::RunStatus;

use super::run::train;
use crate::cli::ResumeArgs;
use crate::exit::Exit;
use crate::out;
use crate::runs::Runs;

/// Goes on with a run from its newest checkpoint.
pub(crate) fn resume(args: &ResumeArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let folder = runs.find(&args.run)?;
    let lock = folder.lock()?;
    let config = folder.config()?;
    if is_completed(&folder.board()?) {
        out::remark(&format!(
            "{} is complete; to train longer, start a new run with more `steps`",
            folder.id
        ));
        return Ok(Exit::Ok);
    }
    train(&folder, config, &args.show, lock)
}

fn is_completed(board: &Board) -> bool {
    let status = RunStatus::Completed;
    board.phase
        == Phase::Finished {
            status,
            reason: None,
        }
}
