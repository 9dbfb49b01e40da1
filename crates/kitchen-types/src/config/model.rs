//! What learns. Shapes of inputs and outputs are not here: they follow from the data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelConfig {
    /// A multi-layer perceptron, for features.
    Mlp(MlpConfig),
    /// A convolutional network, for images.
    Cnn(CnnConfig),
    /// A decoder-only transformer, for sequences.
    Gpt(GptConfig),
    /// A recurrent network, for sequences.
    Rnn(RnnConfig),
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self::Mlp(MlpConfig::default())
    }
}

/// A multi-layer perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// The width of each hidden layer; none makes a linear model.
    pub hidden: Vec<usize>,
    /// The non-linearity after each hidden layer.
    pub activation: Activation,
    /// The share of hidden values dropped while training.
    pub dropout: f64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128, 64],
            activation: Activation::Relu,
            dropout: 0.0,
        }
    }
}

/// A convolutional network: 3x3 convolutions, each followed by the activation and a 2x2
/// max-pooling while the image is at least 2 wide, then one hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CnnConfig {
    /// The channels of each convolution.
    pub channels: Vec<usize>,
    /// The width of the hidden layer after the convolutions; 0 leaves it out.
    pub hidden: usize,
    /// The non-linearity.
    pub activation: Activation,
    /// The share of values dropped before the last layer while training.
    pub dropout: f64,
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self {
            channels: vec![16, 32],
            hidden: 64,
            activation: Activation::Relu,
            dropout: 0.0,
        }
    }
}

/// A decoder-only transformer with normalisation before each block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GptConfig {
    /// Transformer blocks.
    pub layers: usize,
    /// Attention heads; `width` is divided among them.
    pub heads: usize,
    /// Heads of keys and values, each shared by `heads / kv_heads` queries (Ainslie et al. 2023);
    /// 0 means as many as `heads`.
    pub kv_heads: usize,
    /// The width of the residual stream.
    pub width: usize,
    /// How each block's input is normalised.
    pub norm: Norm,
    /// How positions are told apart.
    pub positions: Positions,
    /// The feed-forward half of each block.
    pub feed_forward: FeedForward,
    /// Whether the output layer shares the token embedding's weights.
    pub tied: bool,
    /// Whether linear layers (and layer norms) have biases.
    pub bias: bool,
    /// The share of values dropped while training: of the embedding, and of what each half of a
    /// block adds to the residual stream.
    pub dropout: f64,
}

impl Default for GptConfig {
    fn default() -> Self {
        Self {
            layers: 4,
            heads: 4,
            kv_heads: 0,
            width: 128,
            norm: Norm::Layer,
            positions: Positions::Learned,
            feed_forward: FeedForward::Gelu,
            tied: true,
            bias: false,
            dropout: 0.0,
        }
    }
}

/// A recurrent network over token embeddings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RnnConfig {
    /// The recurrent unit.
    pub cell: Cell,
    /// Layers, one above the other.
    pub layers: usize,
    /// The width of the embedding and of the hidden state.
    pub width: usize,
    /// The share of values dropped between layers while training.
    pub dropout: f64,
}

impl Default for RnnConfig {
    fn default() -> Self {
        Self {
            cell: Cell::Lstm,
            layers: 1,
            width: 128,
            dropout: 0.0,
        }
    }
}

/// A non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// Gaussian error linear unit (Hendrycks and Gimpel 2016), exact.
    Gelu,
    /// x times sigmoid(x).
    Silu,
    /// The logistic function.
    Sigmoid,
}

/// A normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// LayerNorm (Ba et al. 2016), epsilon 1e-5.
    Layer,
    /// RMSNorm (Zhang and Sennrich 2019), epsilon 1e-5.
    Rms,
}

/// How positions are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// A learned vector for each position.
    Learned,
    /// Rotary embedding (Su et al. 2021), base 10,000.
    Rotary,
}

/// The feed-forward half of a transformer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedForward {
    /// Four times the width, with GELU.
    Gelu,
    /// SwiGLU (Shazeer 2020), 8/3 times the width rounded up to a multiple of 8.
    SwiGlu,
}

/// A recurrent unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014).
    Gru,
}
