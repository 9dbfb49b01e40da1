//! What can be asked of the simulated cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::JsonArg;

/// What to do with the simulated cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Predict measured training steps, and say how far off the predictions are
    Score(SimScoreArgs),
}

/// Arguments of `sim score`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SimScoreArgs {
    /// A table of measured steps, as CSV; may be given several times
    #[arg(long, required = true, value_name = "CSV")]
    pub(crate) table: Vec<PathBuf>,

    /// Write the predictions into this file, as CSV: row_id, pred_step_s, pred_peak_mem_gib
    #[arg(long, value_name = "CSV")]
    pub(crate) predictions: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) json: JsonArg,
}
