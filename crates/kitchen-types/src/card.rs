//! What a person or a program must know of exported weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::ids::RunId;
use crate::number::Number;
use crate::ports::DataSpec;

/// Says what a file of weights is, and how to use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The run that made it.
    pub run: RunId,
    /// After which step.
    pub step: u64,
    /// Trainable numbers.
    pub parameters: u64,
    /// BLAKE3 of the file of weights.
    pub weights_blake3: String,
    /// The lowest validation loss of the run so far.
    pub best_validation_loss: Option<Number>,
    /// What goes in and what comes out.
    pub data: DataSpec,
    /// A hash over everything that was learnt from.
    pub data_fingerprint: String,
    /// How text becomes tokens, as JSON, for sequence models.
    pub tokenizer: Option<String>,
    /// The whole request that made it; `config.model` is the architecture.
    pub config: RunConfig,
    /// The program and its version.
    pub written_by: String,
}
