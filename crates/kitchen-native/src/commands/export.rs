//! `export`: writes a model's weights for other programs to load.

use anyhow::Context;

use kitchen_core::words;

use super::model;
use crate::cli::ExportArgs;
use crate::exit::Exit;
use crate::runs::Runs;
use crate::{hub, out};

/// Writes the weights, and a card that says what they are beside them.
pub(crate) fn export(args: &ExportArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let (folder, session) = model::open(&args.of, runs)?;
    let export = session.export()?;
    let card = args.to.with_extension("json");
    anyhow::ensure!(
        card != args.to,
        "{} is where the model card belongs; end the name of the weights in .safetensors",
        args.to.display()
    );
    for (path, bytes) in [(&args.to, &export.weights), (&card, &export.card)] {
        hub::keep(path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    out::line(&format!(
        "{} of {} in {} ({}), its card in {}",
        folder.id,
        session.name,
        args.to.display(),
        words::bytes(export.weights.len() as u64),
        card.display(),
    ))?;
    Ok(Exit::Ok)
}
