//! How much memory a run will need, told before it starts.

use kitchen_types::config::{Algorithm, ModelConfig, OptimizerConfig};
use kitchen_types::ports::{ClientError, DataSpec, InputSpec, LayerInfo};
use kitchen_types::question::Estimate;

use crate::device::OpenDevice;
use crate::model::{self, Model};
use crate::optimizer::hidden_matrices;

/// Bytes in a number.
const FLOAT: u64 = 4;

/// What training `model` on batches of `batch` examples will need. Nothing is allocated.
///
/// # Errors
/// [`ClientError::Mismatch`] where the model does not fit the data or itself.
pub fn estimate_memory(
    model: &ModelConfig,
    data: &DataSpec,
    optimizer: &OptimizerConfig,
    batch: usize,
) -> Result<Estimate, ClientError> {
    let device = OpenDevice::cpu();
    let built = Model::new(model, data, 0, &device.burn)?;
    let weights = built.weights();
    let numbers = |weight: &LayerInfo| weight.shape.iter().product::<usize>() as u64;
    let parameters: u64 = weights.iter().map(numbers).sum();
    // Muon leaves what is no hidden matrix to AdamW, which remembers twice as much of it.
    let matrices = weights.iter().filter(|weight| weight.shape.len() == 2);
    let hidden = hidden_matrices(matrices.map(|weight| weight.name.clone()).collect());
    let hidden: u64 = weights
        .iter()
        .filter(|weight| hidden.contains(&weight.name))
        .map(numbers)
        .sum();
    let remembered = match &optimizer.algorithm {
        Algorithm::Sgd(config) if config.momentum == 0.0 => 0,
        Algorithm::Sgd(_) | Algorithm::Lion(_) => parameters,
        Algorithm::Adam(_) | Algorithm::Adamw(_) => 2 * parameters,
        Algorithm::Muon(_) => 2 * parameters - hidden,
    };
    Ok(Estimate {
        parameters,
        weights: FLOAT * parameters,
        gradients: FLOAT * parameters,
        optimizer: FLOAT * remembered,
        activations: FLOAT * batch as u64 * numbers_kept(model, data),
    })
}

/// Numbers kept for the backward pass for one example: the outputs of each layer, and what its
/// non-linearity needs.
fn numbers_kept(model: &ModelConfig, data: &DataSpec) -> u64 {
    let outputs = data.outputs();
    let numbers = match (model, &data.input) {
        (ModelConfig::Mlp(config), InputSpec::Features { shape }) => {
            shape.iter().product::<usize>() + 2 * config.hidden.iter().sum::<usize>() + 2 * outputs
        }
        (ModelConfig::Cnn(config), InputSpec::Features { shape }) => {
            let pixels = shape.iter().skip(1).product::<usize>();
            // Each convolution keeps its outputs before and after the activation and the pooled
            // ones; each pooling leaves a quarter of the pixels.
            let kept = (config.channels.iter().zip(0..))
                .map(|(channels, layer)| channels * (pixels >> (2 * layer).min(62)) * 9 / 4)
                .sum::<usize>();
            shape.iter().product::<usize>() + kept + 2 * config.hidden + 2 * outputs
        }
        (ModelConfig::Gpt(config), &InputSpec::Tokens { context, .. }) => {
            let hidden = model::gpt_hidden_width(config);
            let block = 10 * config.width + 2 * hidden + 2 * config.heads * context;
            context * (config.layers * block + 2 * config.width + 3 * outputs)
        }
        (ModelConfig::Rnn(config), &InputSpec::Tokens { context, .. }) => {
            context * (config.layers * 16 * config.width + config.width + 3 * outputs)
        }
        _ => 0,
    };
    numbers as u64
}
