//! A trained model from a checkpoint, for the commands that use one.

use futures::executor::block_on;
use kitchen_core::store::Directory;
use kitchen_core::{Session, Which};
use kitchen_types::config::DeviceChoice;

use crate::cli::{Checkpoint, CheckpointArgs, Device};
use crate::runs::{RunFolder, Runs};
use crate::training::host;

/// Opens the checkpoint that was asked for. The run may still go on.
pub(super) fn open(args: &CheckpointArgs, runs: &Runs) -> anyhow::Result<(RunFolder, Session)> {
    let folder = runs.find(&args.run)?;
    let mut config = folder.config()?;
    if let Some(device) = args.device {
        config.device = match device {
            Device::Auto => DeviceChoice::Auto,
            Device::Gpu => DeviceChoice::Gpu,
            Device::Cpu => DeviceChoice::Cpu,
        };
    }
    let which = match args.checkpoint {
        Checkpoint::Newest => Which::Newest,
        Checkpoint::Best => Which::Best,
        Checkpoint::Step(step) => Which::Step(step),
    };
    let host = host(Directory::reading(&folder.path));
    let session = block_on(Session::open(config, which, &host))?;
    Ok((folder, session))
}
