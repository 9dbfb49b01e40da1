//! `resume`: goes on with a run that was stopped or cut off, or that a file brings.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use anyhow::Context;
use futures::executor::block_on;
use kitchen_core::portable::{MOST_BYTES, unpack};
use kitchen_core::store::Directory;
use kitchen_platform::{files, now_ms};
use kitchen_types::board::{Board, Phase};
use kitchen_types::event::RunStatus;

use super::run::{say_what_waits, train};
use crate::cli::ResumeArgs;
use crate::exit::Exit;
use crate::notify::Notifier;
use crate::out;
use crate::request::changed;
use crate::runs::{RunFolder, Runs};

/// Goes on with a run from its newest checkpoint, or from a file.
pub(crate) fn resume(args: &ResumeArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let (folder, lock) = if args.run.ends_with(".safetensors") {
        unpack_into(Path::new(&args.run), runs)?
    } else {
        let folder = runs.find(&args.run)?;
        let lock = folder.lock()?;
        (folder, lock)
    };
    let mut config = folder.config()?;
    if let Some(device) = args.device {
        config.device = device.into();
    }
    if let Some(path) = &args.data {
        config = changed(&config, &[format!("data.path={path}")])?;
        folder.write_config(&config)?;
    }
    if is_completed(&folder.board()?) {
        out::remark(&format!(
            "{} is complete; to train longer, branch off with more steps: `runs fork {} steps=...`",
            folder.id, folder.id
        ));
        // What did not arrive when it ended is sent all the same.
        drop(Notifier::asked_for(&args.show, &folder.path)?);
        say_what_waits(&folder, &args.show)?;
        return Ok(Exit::Ok);
    }
    train(&folder, config, &args.show, lock)
}

/// Makes the folder of a run from a file.
fn unpack_into(file: &Path, runs: &Runs) -> anyhow::Result<(RunFolder, files::Lock)> {
    let place = || format!("{}", file.display());
    let bytes = read(file).with_context(place)?;
    let portable = unpack(&bytes).with_context(place)?;
    if let Some(left_out) = &portable.left_out {
        out::remark(&format!(
            "the file had no room for all of the record: {left_out} were left out"
        ));
    }
    let config = portable.config.clone();
    let folder = runs.create_like(portable.checkpoint.run.as_str())?;
    let lock = folder.lock()?;
    folder.undo_unless(|| {
        let store = Rc::new(Directory::open(&folder.path)?);
        let events = block_on(portable.settle(folder.id.clone(), store, now_ms()))?;
        folder.begin(&events, &config)
    })?;
    out::remark(&format!(
        "{} goes on in {}",
        file.display(),
        folder.path.display()
    ));
    Ok((folder, lock))
}

/// The bytes of a file; no more of them than can be used.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_completed(board: &Board) -> bool {
    let status = RunStatus::Completed;
    board.phase
        == Phase::Finished {
            status,
            reason: None,
        }
}
