//! Weights for others to load: a safetensors file with PyTorch's names and layouts, and a card in
//! JSON that says what they are.

use std::collections::HashMap;

use kitchen_types::RunConfig;
use kitchen_types::card::ModelCard;
use kitchen_types::ports::{ClientInfo, DataSpec};

use crate::checkpoint::{Checkpoint, CheckpointError, write_tensors};

/// Where a run keeps its final weights, for others to load.
pub(crate) const MODEL: &str = "export/model.safetensors";
/// Where it keeps what they are.
pub(crate) const CARD: &str = "export/card.json";

/// A model for others to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The bytes of a safetensors file.
    pub weights: Vec<u8>,
    /// The bytes of a [`ModelCard`] in JSON.
    pub card: Vec<u8>,
}

/// Turns a checkpoint into a model for others to load.
pub fn export(
    checkpoint: &Checkpoint,
    config: &RunConfig,
    data: &DataSpec,
    client: &ClientInfo,
) -> Result<Export, CheckpointError> {
    let malformed = |reason: String| CheckpointError::Malformed {
        file: "export".into(),
        reason,
    };
    // Readers of the Hugging Face world refuse a file that does not say where it comes from.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let weights = write_tensors(&checkpoint.model.weights, Some(metadata))
        .map_err(|error| malformed(error.to_string()))?;
    let card = ModelCard {
        run: checkpoint.run.clone(),
        step: checkpoint.state.step,
        parameters: client.parameters,
        weights_blake3: blake3::hash(&weights).to_hex().to_string(),
        best_validation_loss: checkpoint.state.patience.best.map(|(_, loss)| loss),
        data: data.clone(),
        data_fingerprint: checkpoint.data_fingerprint.clone(),
        tokenizer: checkpoint.tokenizer.clone(),
        config: config.clone(),
        written_by: concat!("kitchen ", env!("CARGO_PKG_VERSION")).into(),
    };
    let card = serde_json::to_vec_pretty(&card).map_err(|error| malformed(error.to_string()))?;
    Ok(Export { weights, card })
}
