//! What people ask of a model, while it learns or after: plain data both ways.
//!
//! A question is answered between two steps, and leaves no trace in the record of the run.

mod measure;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SampleConfig;
use crate::ids::SampleId;
use crate::number::{Number, floats};
use crate::ports::{Inputs, Split};

/// What to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// What the model makes of these examples: [`Answer::Predicted`].
    Predict {
        /// The examples, like those it is trained on.
        inputs: Inputs,
    },
    /// How the model goes on from a text: [`Answer::Written`].
    ///
    /// To see a text grow token by token, ask for a few tokens at a time, each time with the
    /// tokens written so far.
    Write {
        /// The text to go on from; empty starts from the beginning of a text.
        prompt: String,
        /// The tokens written after the prompt so far.
        #[serde(default)]
        written: Vec<u32>,
        /// How many tokens to write, and how to choose each; its own `prompt` is not read.
        sample: SampleConfig,
        /// The same seed writes the same text, in one piece or in several.
        seed: u64,
    },
    /// What the model makes of the whole plane, where inputs are two numbers:
    /// [`Answer::Surface`].
    Surface,
    /// Weights, gradients and activations, layer by layer: [`Answer::Inspected`].
    Inspect,
    /// One weight as a picture: [`Answer::Matrix`].
    Weight {
        /// Its name, as in [`Inspection::weights`].
        name: String,
    },
    /// Which token looks at which, in a model with attention: [`Answer::Attention`].
    Attention {
        /// The text it reads, of at most [`AttentionView::TOKENS`] tokens.
        text: String,
    },
    /// Examples beside what the model makes of them: [`Answer::Examples`].
    Examples {
        /// Of which half of the data.
        split: Split,
        /// The position of the first.
        from: u64,
        /// How many, at most [`ExampleView::COUNT`].
        count: u64,
    },
}

/// What there is to see: a variant for each of [`Question`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To [`Question::Predict`]: one for each example.
    Predicted(Vec<Prediction>),
    /// To [`Question::Write`].
    Written(Written),
    /// To [`Question::Surface`].
    Surface(Surface),
    /// To [`Question::Inspect`].
    Inspected(Inspection),
    /// To [`Question::Weight`].
    Matrix(Matrix),
    /// To [`Question::Attention`].
    Attention(AttentionView),
    /// To [`Question::Examples`].
    Examples(Vec<ExampleView>),
}

/// Why a question has no answer: what is wrong, and what to ask instead. The run goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(transparent)]
#[error("{0}")]
pub struct QuestionError(pub String);

/// What a model makes of one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// How likely each class is, in the order of the classes.
    Classes(
        #[serde(with = "floats")]
        #[schemars(with = "Vec<Number>")]
        Vec<f32>,
    ),
    /// The values; probabilities where the loss is binary cross-entropy.
    Values(
        #[serde(with = "floats")]
        #[schemars(with = "Vec<Number>")]
        Vec<f32>,
    ),
    /// How likely each token of the vocabulary is to come next.
    NextToken(
        #[serde(with = "floats")]
        #[schemars(with = "Vec<Number>")]
        Vec<f32>,
    ),
}

/// What a model wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Everything after the prompt, what was written before included. It is decoded as a whole,
    /// since one character may take several tokens.
    pub text: String,
    /// The new tokens, in order.
    pub tokens: Vec<WrittenToken>,
    /// Whether the model came to the end of the text.
    pub ended: bool,
}

/// A token that a model wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenToken {
    /// Its number in the vocabulary.
    pub id: u32,
    /// What it says taken alone; the replacement character where that is no whole character.
    pub text: String,
    /// Its log-probability under the model, in nats, before temperature.
    pub logprob: Number,
}

/// What a model makes of the whole plane, where its inputs are two numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// After which step.
    pub step: u64,
    /// Cells from left to right and from bottom to top.
    pub size: usize,
    /// The plane shown is the square from `-extent` to `extent`.
    pub extent: f32,
    /// The likeliest class of each cell, row by row from the bottom.
    pub classes: Vec<u32>,
    /// How likely that class is.
    #[serde(with = "floats")]
    #[schemars(with = "Vec<Number>")]
    pub confidence: Vec<f32>,
}

/// The newest look at what a model has learnt, shown without being asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preview {
    /// The decision surface of a model of the plane.
    Surface(Surface),
}

/// A model from the inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// After which step.
    pub step: u64,
    /// Every weight, in the model's order.
    pub weights: Vec<WeightView>,
    /// What each layer puts out on a batch to train on, in the order of the forward pass.
    pub activations: Vec<ActivationView>,
}

/// One weight and its gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightView {
    /// Its name, as in the checkpoint.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How many numbers it holds.
    pub parameters: u64,
    /// Its numbers.
    pub weights: Histogram,
    /// The gradient of the mean loss of one batch to train on, without dropout and before
    /// clipping.
    pub gradients: Histogram,
}

/// What one layer puts out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivationView {
    /// The layer's name, such as `layers.0` or `blocks.3`.
    pub name: String,
    /// How many units it has.
    pub units: usize,
    /// The outputs of all units for all examples (and positions).
    pub outputs: Histogram,
    /// The share of units that put out the same number, such as 0, whatever the example: nothing
    /// can be learnt through them.
    pub dead: Number,
}

/// How numbers are spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// The smallest number; NaN where there is none.
    pub low: Number,
    /// The largest number; NaN where there is none.
    pub high: Number,
    /// How many numbers fall into each of [`Histogram::BINS`] equal parts from `low` to `high`.
    pub counts: Vec<u64>,
    /// Their mean.
    pub mean: Number,
    /// Their standard deviation, over n.
    pub std: Number,
    /// The share that is exactly 0.
    pub zeros: Number,
    /// How many are NaN or infinite; nothing else here counts them.
    pub not_finite: u64,
}

/// A weight as a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// The weight's name.
    pub name: String,
    /// The weight's shape. All dimensions but the first are laid side by side in a row.
    pub shape: Vec<usize>,
    /// Rows of the picture, at most [`Matrix::SIDE`].
    pub rows: usize,
    /// Columns of the picture, at most [`Matrix::SIDE`].
    pub columns: usize,
    /// Row by row from the top; each the mean of a block where the weight is larger than the
    /// picture.
    #[serde(with = "floats")]
    #[schemars(with = "Vec<Number>")]
    pub values: Vec<f32>,
    /// The smallest number of the weight itself.
    pub low: Number,
    /// The largest number of the weight itself.
    pub high: Number,
}

/// Which token looks at which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionView {
    /// What each token says.
    pub tokens: Vec<String>,
    /// Layer by layer from below, in each head by head.
    pub maps: Vec<AttentionMap>,
}

/// The attention of one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionMap {
    /// The layer, from 0.
    pub layer: usize,
    /// The head, from 0.
    pub head: usize,
    /// How much each token (a row) looks at each other (a column): `[tokens, tokens]`; a row sums
    /// to 1, and what comes later is 0.
    #[serde(with = "floats")]
    #[schemars(with = "Vec<Number>")]
    pub values: Vec<f32>,
}

/// An example beside what the model makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleView {
    /// Whose it is.
    pub id: SampleId,
    /// Its position in its half of the data.
    pub position: u64,
    /// Which half; a validation example is never trained on.
    pub split: Split,
    /// What goes in: this one example.
    pub inputs: Inputs,
    /// What should come out, in words.
    pub target: String,
    /// What comes out, in words.
    pub prediction: String,
    /// Whether that is right; nothing where targets are numbers, or every token of a text counts.
    pub right: Option<bool>,
    /// The whole example in words.
    pub description: String,
}

/// What a run will need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Trainable numbers.
    pub parameters: u64,
    /// Bytes of the weights.
    pub weights: u64,
    /// Bytes of their gradients.
    pub gradients: u64,
    /// Bytes that the optimizer remembers.
    pub optimizer: u64,
    /// Bytes that the forward pass keeps for the backward pass: an estimate, to a factor of two.
    pub activations: u64,
}

impl Histogram {
    /// How many equal parts there are.
    pub const BINS: usize = 32;
}

impl Matrix {
    /// The most rows and columns of a picture.
    pub const SIDE: usize = 128;
}

impl AttentionView {
    /// The most tokens.
    pub const TOKENS: usize = 64;
}

impl ExampleView {
    /// The most examples at once.
    pub const COUNT: u64 = 64;
}

impl Estimate {
    /// All together, in bytes.
    pub fn total(&self) -> u64 {
        self.weights + self.gradients + self.optimizer + self.activations
    }
}
