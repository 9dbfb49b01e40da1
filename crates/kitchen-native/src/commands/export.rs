//! `export`: writes a model's weights for other programs to load, or a run to go on elsewhere.

use std::path::{Path, PathBuf};

use anyhow::Context;
use futures::executor::block_on;
use kitchen_core::store::Directory;
use kitchen_core::{find_checkpoint, portable, words};

use super::model;
use crate::cli::ExportArgs;
use crate::exit::Exit;
use crate::runs::Runs;
use crate::{hub, out, record};

/// Writes what was asked for.
pub(crate) fn export(args: &ExportArgs, runs: &Runs) -> anyhow::Result<Exit> {
    match &args.to {
        to if args.resumable => resumable(args, to.as_deref(), runs)?,
        Some(to) => weights(args, to, runs)?,
        None => anyhow::bail!("name the file to write with `--to`"),
    }
    Ok(Exit::Ok)
}

/// Writes the weights, and a card that says what they are beside them.
fn weights(args: &ExportArgs, to: &Path, runs: &Runs) -> anyhow::Result<()> {
    let (folder, session) = model::open(&args.of, runs)?;
    let export = session.export()?;
    let card = to.with_extension("json");
    anyhow::ensure!(
        card != to,
        "{} is where the model card belongs; end the name of the weights in .safetensors",
        to.display()
    );
    for (path, bytes) in [(to, &export.weights), (card.as_path(), &export.card)] {
        keep(path, bytes)?;
    }
    out::line(&format!(
        "{} of {} in {} ({}), its card in {}",
        folder.id,
        session.name,
        to.display(),
        words::bytes(export.weights.len() as u64),
        card.display(),
    ))
}

/// Writes a checkpoint with all that it takes to go on from it.
fn resumable(args: &ExportArgs, to: Option<&Path>, runs: &Runs) -> anyhow::Result<()> {
    let folder = runs.find(&args.of.run)?;
    let to = to.map_or_else(
        || PathBuf::from(format!("{}.safetensors", folder.id)),
        Path::to_owned,
    );
    anyhow::ensure!(
        to.extension().is_some_and(|end| end == "safetensors"),
        "{} must end in .safetensors, by which `resume` knows a file",
        to.display()
    );
    let store = Directory::reading(&folder.path);
    let which = args.of.which.checkpoint().into();
    let (name, checkpoint) = block_on(find_checkpoint(&store, which))?;
    let events = record::envelopes(&folder.events())?;
    let file = portable::pack(&checkpoint, &folder.config()?, &events)?;
    keep(&to, &file.bytes)?;
    if let Some(left_out) = &file.left_out {
        out::remark(&format!("to fit the file, {left_out} were left out"));
    }
    out::line(&format!(
        "{} of {name} in {} ({}); `resume {}` goes on from it",
        folder.id,
        to.display(),
        words::bytes(file.bytes.len() as u64),
        to.display(),
    ))
}

fn keep(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    hub::keep(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}
