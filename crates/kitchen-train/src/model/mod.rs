//! Models, built from their configuration and the shape of the data.

mod attention;
mod cnn;
mod dropout;
mod gpt;
mod layers;
mod mlp;
mod norm;
mod pass;
mod probe;
mod rnn;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use kitchen_types::config::{CnnConfig, GptConfig, MlpConfig, ModelConfig, Positions, RnnConfig};
use kitchen_types::ports::{ClientError, DataSpec, InputSpec, LayerInfo, TargetSpec};

pub use gpt::hidden_width as gpt_hidden_width;
pub(crate) use norm::normalised;
pub(crate) use pass::{Pass, Seen};
pub(crate) use probe::{Layer, Order, Probe};

use crate::names::ParameterPath;
use layers::Initializer;

/// A model of any family.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one model, and it is moved once a step"
)]
pub(crate) enum Model {
    Mlp(mlp::Mlp),
    Cnn(cnn::Cnn),
    Gpt(gpt::Gpt),
    Rnn(rnn::Rnn),
}

/// A batch's inputs on the device.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// `[batch, features]`; images lie flat, channels first.
    Features(Tensor<2>),
    /// `[batch, context]`.
    Tokens(Tensor<2, Int>),
}

/// What a sequence model remembers of the tokens it has read.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    /// Keys and values.
    Gpt(gpt::Cache),
    /// Hidden states.
    Rnn(rnn::State),
}

impl Model {
    /// A model whose weights depend only on `seed`.
    ///
    /// `device` has autodiff where the model shall be trained. Nothing is computed until a
    /// weight is used.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where the model does not fit the data or itself.
    pub(crate) fn new(
        config: &ModelConfig,
        data: &DataSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ClientError> {
        let init = Initializer::new(seed, device.clone());
        let constants = device.clone().without_autodiff();
        let outputs = outputs(data)?;
        Ok(match (config, &data.input) {
            (ModelConfig::Mlp(config), InputSpec::Features { shape }) => {
                let features = features(config, shape)?;
                Self::Mlp(mlp::Mlp::new(config, &init, features, outputs))
            }
            (ModelConfig::Cnn(config), InputSpec::Features { shape }) => {
                let image = image(config, shape)?;
                Self::Cnn(cnn::Cnn::new(config, &init, image, outputs))
            }
            (
                ModelConfig::Gpt(config),
                &InputSpec::Tokens {
                    vocabulary,
                    context,
                },
            ) => {
                check_gpt(config)?;
                let model = gpt::Gpt::new(config, &init, vocabulary, context, &constants);
                Self::Gpt(model)
            }
            (ModelConfig::Rnn(config), &InputSpec::Tokens { vocabulary, .. }) => {
                check_rnn(config)?;
                Self::Rnn(rnn::Rnn::new(config, &init, vocabulary))
            }
            (ModelConfig::Mlp(_) | ModelConfig::Cnn(_), InputSpec::Tokens { .. }) => {
                return mismatch("the data are tokens; use `model=gpt` or `model=rnn`");
            }
            (ModelConfig::Gpt(_) | ModelConfig::Rnn(_), InputSpec::Features { .. }) => {
                return mismatch("the data are features; use `model=mlp` or `model=cnn`");
            }
        })
    }

    /// A stand-in without weights, for while the model is elsewhere.
    pub(crate) fn nothing() -> Self {
        Self::Mlp(mlp::Mlp::nothing())
    }

    /// `[rows, outputs]`: a row for each example, or for each token.
    pub(crate) fn forward(&self, input: Input, pass: &Pass) -> Tensor<2> {
        match (self, input) {
            (Self::Mlp(model), Input::Features(x)) => model.forward(x, pass),
            (Self::Cnn(model), Input::Features(x)) => model.forward(x, pass),
            (Self::Gpt(model), Input::Tokens(tokens)) => model.forward(tokens, pass),
            (Self::Rnn(model), Input::Tokens(tokens)) => model.forward(tokens, pass),
            // The client checks batches against the data the model was built for.
            (_, Input::Features(x)) => x,
            (_, Input::Tokens(tokens)) => tokens.float(),
        }
    }

    /// A memory that has read nothing, for the models that have one.
    pub(crate) fn memory(&self) -> Option<Memory> {
        match self {
            Self::Gpt(_) => Some(Memory::Gpt(gpt::Cache::default())),
            Self::Rnn(_) => Some(Memory::Rnn(rnn::State::default())),
            Self::Mlp(_) | Self::Cnn(_) => None,
        }
    }

    /// The logits after the newest tokens, `[batch, vocabulary]`; `memory` then knows them too.
    ///
    /// `tokens` holds `[batch, new]`; of all columns read since the memory was new, the first
    /// `padding[row]` are empty.
    pub(crate) fn next(
        &self,
        tokens: Vec<i32>,
        new: usize,
        padding: &[usize],
        memory: &mut Memory,
        device: &Device,
    ) -> Option<Tensor<2>> {
        let shape = [padding.len(), new];
        let tokens = Tensor::<2, Int>::from_data(TensorData::new(tokens, shape), device);
        match (self, memory) {
            (Self::Gpt(model), Memory::Gpt(cache)) => Some(model.next(tokens, padding, cache)),
            (Self::Rnn(model), Memory::Rnn(state)) => Some(model.next(tokens, padding, state)),
            _ => None,
        }
    }

    /// Every weight with its name and shape, as they are outside; nothing is computed.
    pub(crate) fn weights(&self) -> Vec<LayerInfo> {
        let mut visitor = Shapes::default();
        self.visit(&mut visitor);
        visitor.weights
    }
}

#[derive(Default)]
struct Shapes {
    path: ParameterPath,
    weights: Vec<LayerInfo>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if self.path.is_transposed() && shape.len() == 2 {
            shape.reverse();
        }
        self.weights.push(LayerInfo {
            name: self.path.name(),
            shape,
        });
    }
}

fn mismatch<T>(what: impl Into<String>) -> Result<T, ClientError> {
    Err(ClientError::Mismatch(what.into()))
}

fn outputs(data: &DataSpec) -> Result<usize, ClientError> {
    match (&data.input, &data.target) {
        (InputSpec::Tokens { .. }, TargetSpec::Classes { .. } | TargetSpec::Values { .. }) => {
            mismatch("sequence models predict the next token; the data ask for something else")
        }
        (InputSpec::Features { .. }, TargetSpec::NextToken) => {
            mismatch("the data ask for tokens, and give features instead of tokens")
        }
        (InputSpec::Tokens { context: 0, .. }, _) => {
            mismatch("the data have a context of 0 tokens; set it to at least 1")
        }
        _ => match data.outputs() {
            0 => mismatch("the data ask for no outputs: no class, no value, no token"),
            outputs => Ok(outputs),
        },
    }
}

fn features(config: &MlpConfig, shape: &[usize]) -> Result<usize, ClientError> {
    if config.hidden.contains(&0) {
        return mismatch("`model.mlp.hidden` has a layer of width 0; leave the layer out");
    }
    check_dropout(config.dropout)?;
    match shape.iter().product() {
        0 => mismatch(format!(
            "the data have no features: an example has shape {shape:?}"
        )),
        features => Ok(features),
    }
}

fn image(config: &CnnConfig, shape: &[usize]) -> Result<[usize; 3], ClientError> {
    if config.channels.contains(&0) {
        return mismatch("`model.cnn.channels` has a layer of 0 channels; leave the layer out");
    }
    check_dropout(config.dropout)?;
    match <[usize; 3]>::try_from(shape) {
        Ok(image @ [channels, height, width]) if channels * height * width > 0 => Ok(image),
        _ => mismatch(format!(
            "a convolutional network needs images of [channels, height, width], \
             the data have shape {shape:?}; use `model=mlp`"
        )),
    }
}

fn check_gpt(config: &GptConfig) -> Result<(), ClientError> {
    check_dropout(config.dropout)?;
    let (width, heads, kv_heads) = (config.width, config.heads, attention::kv_heads(config));
    if width == 0 || heads == 0 || width % heads != 0 {
        return mismatch(format!(
            "`model.gpt.width` ({width}) must be a multiple of `model.gpt.heads` ({heads})"
        ));
    }
    if heads % kv_heads != 0 {
        return mismatch(format!(
            "`model.gpt.heads` ({heads}) must be a multiple of `model.gpt.kv_heads` ({kv_heads})"
        ));
    }
    if config.positions == Positions::Rotary && (width / heads) % 2 != 0 {
        return mismatch(format!(
            "rotary positions need an even head width; `model.gpt.width` / `model.gpt.heads` \
             is {}",
            width / heads
        ));
    }
    Ok(())
}

fn check_rnn(config: &RnnConfig) -> Result<(), ClientError> {
    if config.layers == 0 || config.width == 0 {
        return mismatch("`model.rnn.layers` and `model.rnn.width` must be at least 1");
    }
    check_dropout(config.dropout)
}

fn check_dropout(rate: f64) -> Result<(), ClientError> {
    if (0.0..1.0).contains(&rate) {
        Ok(())
    } else {
        mismatch(format!(
            "dropout must be at least 0 and below 1, not {rate}"
        ))
    }
}
