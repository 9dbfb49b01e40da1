//! A trained model from a checkpoint, for the commands that use one.

use futures::executor::block_on;
use kitchen_core::store::Directory;
use kitchen_core::{Session, Which};

use crate::cli::{Checkpoint, CheckpointArgs};
use crate::runs::{RunFolder, Runs};
use crate::training::host;

/// Opens the checkpoint that was asked for. The run may still go on.
pub(super) fn open(args: &CheckpointArgs, runs: &Runs) -> anyhow::Result<(RunFolder, Session)> {
    let folder = runs.find(&args.run)?;
    let mut config = folder.config()?;
    if let Some(device) = args.device {
        config.device = device.into();
    }
    let host = host(Directory::reading(&folder.path));
    let session = block_on(Session::open(config, args.which.checkpoint().into(), &host))?;
    Ok((folder, session))
}

impl From<Checkpoint> for Which {
    fn from(checkpoint: Checkpoint) -> Self {
        match checkpoint {
            Checkpoint::Newest => Self::Newest,
            Checkpoint::Best => Self::Best,
            Checkpoint::Step(step) => Self::Step(step),
        }
    }
}
