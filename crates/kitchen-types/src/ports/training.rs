//! The one seam under every training algorithm. Nothing here is a tensor of a library: a real
//! GPU, a simulated cluster and a remote service stand behind it alike.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SampleId;
use crate::number::Number;
use crate::ports::data::{Batch, Inputs};
use crate::question::{ActivationView, AttentionMap, Inspection};

/// Trains one model.
///
/// Calls queue work and return; a number is waited for only when its [`Pending`] is awaited.
#[async_trait(?Send)]
pub trait TrainingClient {
    /// Device, size, and what it cannot do.
    fn describe(&self) -> ClientInfo;

    /// Queues a forward and a backward pass; gradients add up until the next
    /// [`Self::optim_step`].
    async fn forward_backward(
        &mut self,
        batch: &Batch,
        loss: &Loss,
    ) -> Result<Pending<LossReport>, ClientError>;

    /// Queues one step of the optimizer with the gradients added up so far, and clears them.
    /// Errors if there are none, and where what trains has stood still
    /// ([`ClientError::Interrupted`]): the weights are then to be restored from a checkpoint.
    async fn optim_step(&mut self, step: &OptimStep) -> Result<Pending<StepReport>, ClientError>;

    /// The norm of the mean of the gradients added up so far, of each weight in the order of
    /// [`ClientInfo::layers`], waited for; they stay as they are. Errors if there are none.
    async fn grad_norms(&mut self) -> Result<Vec<Number>, ClientError> {
        Err(ClientError::Unsupported {
            client: self.describe().adapter,
            what: "tell the norm of a gradient before it is used; set `guard=off`".into(),
        })
    }

    /// Forgets the gradients added up so far.
    fn drop_gradients(&mut self);

    /// Measures a batch without learning from it.
    async fn evaluate(&mut self, batch: &Batch, loss: &Loss) -> Result<EvalReport, ClientError>;

    /// The model's raw outputs (logits or values) for `inputs`.
    async fn predict(&mut self, inputs: &Inputs) -> Result<Predictions, ClientError>;

    /// The log-probability of each target token of each example, in nats.
    async fn logprobs(&mut self, batch: &Batch) -> Result<Vec<TokenLogprobs>, ClientError>;

    /// Goes on from each prompt, token by token.
    async fn sample(
        &mut self,
        prompts: &[Prompt],
        sampling: &Sampling,
    ) -> Result<Vec<Completion>, ClientError>;

    /// The loss and the gradient norm of every example alone, without dropout. Nothing of the
    /// training changes. An example's loss is the mean over its own targets that count; where none
    /// does, loss and norm are 0.
    async fn per_sample(&mut self, batch: &Batch, loss: &Loss) -> Result<PerSample, ClientError>;

    /// The model from the inside, with the gradient of `batch`'s mean loss. Nothing of the training
    /// changes: neither gradients that wait for a step, nor what dropout will draw.
    async fn inspect(&mut self, _batch: &Batch, _loss: &Loss) -> Result<Inspection, ClientError> {
        Err(ClientError::Unsupported {
            client: self.describe().adapter,
            what: "show its model from the inside".into(),
        })
    }

    /// What each layer puts out for the first of `inputs`, in the order of the forward pass. Nothing
    /// of the training changes.
    async fn activations(&mut self, _inputs: &Inputs) -> Result<Vec<ActivationView>, ClientError> {
        Err(ClientError::Unsupported {
            client: self.describe().adapter,
            what: "show what its layers put out".into(),
        })
    }

    /// How much each of `tokens` looks at each other, in every head of every layer.
    async fn attention(&mut self, _tokens: &[u32]) -> Result<Vec<AttentionMap>, ClientError> {
        Err(ClientError::Unsupported {
            client: self.describe().adapter,
            what: "show where its model looks".into(),
        })
    }

    /// Weights and optimizer state, copied to the host.
    async fn save(&mut self) -> Result<ModelState, ClientError>;

    /// Puts back what [`Self::save`] gave. Errors if names or shapes differ from the model's.
    async fn restore(&mut self, state: &ModelState) -> Result<(), ClientError>;

    /// Seconds on a clock of its own, where its time is not ours: a simulated cluster's. How long
    /// things took is then told by that clock.
    fn clock(&self) -> Option<f64> {
        None
    }

    /// What has been queued so far, for benches; zeros are never invented, `None` is "not counted".
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

/// A number on its way from the device.
#[must_use = "a report that nobody awaits is never read"]
pub struct Pending<T>(LocalBoxFuture<'static, Result<T, ClientError>>);

impl<T: 'static> Pending<T> {
    /// Something to be read back later.
    pub fn new(future: impl Future<Output = Result<T, ClientError>> + 'static) -> Self {
        Self(future.boxed_local())
    }

    /// Something that is known already.
    pub fn ready(value: T) -> Self {
        Self::new(std::future::ready(Ok(value)))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, ClientError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// What a training client is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientInfo {
    /// `cpu` or `gpu`, or the name of what stands in for them.
    pub device: String,
    /// The adapter by its own name, such as `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub adapter: String,
    /// Trainable numbers.
    pub parameters: u64,
    /// One line for each layer: its name, shape and parameters.
    pub layers: Vec<LayerInfo>,
    /// What it cannot do, in words; empty where it can do everything.
    pub limits: Vec<String>,
}

/// One weight of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerInfo {
    /// The weight's name, as in the checkpoint.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// What is minimised, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// Mean cross-entropy in nats over the targets that count (PyTorch's `CrossEntropyLoss`).
    CrossEntropy {
        /// How much of the uniform distribution is mixed into the targets.
        label_smoothing: f64,
    },
    /// Mean squared error over all numbers.
    MeanSquaredError,
    /// Mean binary cross-entropy on logits, in nats, over all numbers.
    BinaryCrossEntropy,
}

/// What a forward and backward pass measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossReport {
    /// The mean loss over the targets that count.
    pub loss: Number,
    /// The share of targets predicted exactly, where targets are classes or tokens.
    pub accuracy: Option<Number>,
}

/// One step of the optimizer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimStep {
    /// The number of this step, from 1 (for the optimizer's bias correction).
    pub step: u64,
    /// The learning rate of this step.
    pub lr: f64,
    /// The largest global gradient norm; 0 does not clip.
    pub clip_norm: f64,
    /// Whether to measure norms: costs a pass over the weights.
    pub measure: bool,
    /// What the gradient of each weight is multiplied by before anything else, in the order of
    /// [`ClientInfo::layers`]; empty for 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<Number>,
    /// How many times Adam's second moment, as it was before the step, the square of a number of the
    /// gradient may be: what is larger is brought down to that. 0 for any.
    #[serde(default)]
    pub spikes: f64,
    /// Whether the optimizer forgets first what it remembers of earlier steps.
    #[serde(default)]
    pub forget: bool,
}

/// What a step of the optimizer measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The global gradient norm before clipping, where it was measured.
    pub grad_norm: Option<Number>,
    /// The norm of the update as a share of the norm of the weights, where it was measured.
    pub update_ratio: Option<Number>,
}

/// What an evaluation measured on one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvalReport {
    /// The sum of losses over the targets that count, in nats for cross-entropy.
    pub loss_sum: Number,
    /// How many targets count.
    pub targets: u64,
    /// How many of them were predicted exactly, where targets are classes or tokens.
    pub correct: Option<u64>,
    /// The predicted class of each example, where targets are classes.
    pub classes: Vec<u32>,
    /// For masked token targets: how many examples had every counted position right.
    pub exact: Option<u64>,
}

/// Raw outputs of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Outputs for one example (or for one position).
    pub width: usize,
    /// All outputs: `[batch, width]`, or `[batch, context, width]` for token models.
    pub values: Vec<f32>,
}

/// The log-probabilities of one example's target tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenLogprobs {
    /// Whose they are.
    pub id: SampleId,
    /// One for each position, in nats; 0 where the position does not count.
    pub values: Vec<f32>,
}

/// What to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// At least one token.
    pub tokens: Vec<u32>,
}

/// How each next token is chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Tokens to write, at most.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token.
    pub temperature: f64,
    /// Choose among so many of the likeliest tokens; 0 means all.
    pub top_k: usize,
    /// Choose among the likeliest tokens that together hold this much probability; 1 means all.
    pub top_p: f64,
    /// Stop after this token.
    pub stop: Option<u32>,
    /// The same seed writes the same tokens.
    pub seed: u64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// The new tokens, without the prompt; the stop token, if it came, is the last of them.
    pub tokens: Vec<u32>,
    /// The log-probability under the model of each, in nats, before temperature.
    pub logprobs: Vec<f32>,
}

/// Losses and gradient norms, example by example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerSample {
    /// Whose they are.
    pub ids: Vec<SampleId>,
    /// The loss of each example alone.
    pub losses: Vec<Number>,
    /// The norm of the gradient of each example's loss alone, over all weights.
    pub grad_norms: Vec<Number>,
    /// How they were found, in words.
    pub method: String,
}

/// Weights and optimizer state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelState {
    /// The weights, in the model's order.
    pub weights: Vec<NamedTensor>,
    /// The optimizer's state, named after the weights.
    pub optimizer: Vec<NamedTensor>,
}

/// Numbers with a name and a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// The name.
    pub name: String,
    /// The shape; its product is the length of `values`.
    pub shape: Vec<usize>,
    /// The numbers, the last dimension fastest.
    pub values: Vec<f32>,
}

/// What a client has queued so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Kernels launched on a GPU; `None` where they are not counted.
    pub launches: Option<u64>,
    /// Times that the host waited for the device.
    pub readbacks: Option<u64>,
    /// The most memory the process has held.
    pub peak_memory_bytes: Option<u64>,
}

/// Something that stopped a training, whose weights since the last checkpoint are lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// What failed, in words.
    pub cause: String,
    /// When, in seconds of the client's clock.
    pub at_s: Number,
    /// Seconds of that clock until it can go on.
    pub down_s: Number,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, down) = (self.at_s.0, self.down_s.0);
        write!(
            f,
            "{}, {at:.0} s after the beginning: {down:.0} s of standing still",
            self.cause
        )
    }
}

/// Why a training client could not do what it was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// There is no such device here.
    #[error("no {device} was found: {reason}; {remedy}")]
    NoDevice {
        /// What was asked for.
        device: String,
        /// Why there is none.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The device was there, and is gone.
    #[error("the device was lost: {0}; the run can be resumed from its last checkpoint")]
    DeviceLost(String),
    /// Model, data and loss do not fit each other.
    #[error("{0}")]
    Mismatch(String),
    /// This client cannot do that.
    #[error("{client} cannot {what}")]
    Unsupported {
        /// Who.
        client: String,
        /// What.
        what: String,
    },
    /// Nobody measured it.
    #[error("{0} is not measured")]
    NotMeasured(String),
    /// It stood still, and can go on from a checkpoint.
    #[error("{0}")]
    Interrupted(Interruption),
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}
