//! What is told of a simulated run.

use serde::{Deserialize, Serialize};

/// Something that is told, and when. As JSON: `{"at":12.5,"step":{...}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Simulated seconds since the program began.
    pub at: f64,
    /// What is told.
    #[serde(flatten)]
    pub event: Event,
}

/// What can be told. Names are short, so that a line of JSON is one of 80 columns.
///
/// Times are in seconds unless a name says otherwise, memory in GiB, sizes in bytes, losses in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a variant says what its fields are")]
pub enum Event {
    /// The program begins.
    Began { run: String, seed: u64 },
    /// What is trained, and its parameters.
    Model { name: String, params: u64 },
    /// Its dimensions.
    Shape {
        layers: u32,
        hidden: u32,
        heads: u32,
        vocab: u32,
    },
    /// So much of the tokenizer is read, from 0 to 1.
    Tokenizer { vocab: u32, share: f64 },
    /// What it is trained on.
    Dataset { name: String, samples: u64 },
    /// Its size.
    Tokens { train: u64, held_out: u64 },
    /// GPUs that were found.
    Gpus { found: u32, of: u32 },
    /// What they are.
    Card { name: String, gib: f64 },
    /// Ranks that are connected.
    Nccl { ranks: u32, of: u32, nodes: u32 },
    /// How the job is spread.
    Layout {
        tp: u32,
        cp: u32,
        pp: u32,
        vp: u32,
        dp: u32,
        ep: u32,
    },
    /// What data parallel ranks share, and how many they are.
    Sharding { rule: String, ranks: u32 },
    /// Arithmetic of linear layers, and of what the optimizer keeps.
    Precision { linear: String, optimizer: String },
    /// The learning rate over the run.
    Schedule { peak: f64, warmup: u64, end: f64 },
    /// Memory of states on the fullest GPU.
    States {
        weights: f64,
        grads: f64,
        optim: f64,
    },
    /// All memory of the fullest GPU.
    Memory { activations: f64, sum: f64, of: f64 },
    /// What is planned.
    Plan { steps: u64, epochs: u64, batch: u32 },
    /// What is predicted of a step: seconds, and model FLOPs utilisation.
    Predicted { step_s: f64, mfu: f64 },
    /// An epoch begins.
    Epoch { epoch: u64, of: u64 },
    /// A step is done.
    Step { step: u64, loss: f64, lr: f64 },
    /// The perplexity of that loss: e to it.
    Ppl { step: u64, ppl: f64 },
    /// How far the run is.
    Progress { step: u64, of: u64, eta_s: f64 },
    /// How fast it is.
    Rate { step_s: f64, tok_s: f64, seq_s: f64 },
    /// Milliseconds of communication in a step, hidden or not: all-reduce and its kin of data
    /// parallelism, inside of layers, between stages; and of waiting for the slowest GPU.
    Comm {
        dp: f64,
        tp: f64,
        pp: f64,
        wait: f64,
    },
    /// The norm of the gradient, and by what it was multiplied so as to be at most 1.
    Gradient { norm: f64, clip: f64 },
    /// Means over all GPUs: memory, share of time in use, degrees Celsius, watts.
    Fleet {
        gib: f64,
        used: f64,
        temp: f64,
        watts: f64,
    },
    /// Held-out data are looked at.
    Validating { step: u64, samples: u64 },
    /// So much of them is seen, from 0 to 1.
    Looked { share: f64 },
    /// What was found.
    Validated { step: u64, loss: f64, ppl: f64 },
    /// A checkpoint is being written.
    Saving { step: u64 },
    /// It is complete.
    Saved { step: u64, bytes: u64, took: f64 },
    /// Where it is.
    Checkpoint { path: String },
    /// Something goes wrong.
    Trouble { what: String, lasts: Option<f64> },
    /// It is over.
    Over { what: String },
    /// A memory corrected errors.
    Ecc { node: u32, gpu: u32, corrected: u32 },
    /// A rack is hot, and its clocks fall.
    Hot { rack: u32, celsius: f64, clock: f64 },
    /// A node failed, or a GPU of it; so many steps are lost.
    Failed {
        node: u32,
        gpu: Option<u32>,
        lost: u64,
    },
    /// Why.
    Cause { cause: String },
    /// All ranks are started again, from there.
    Restarting { path: String },
    /// Another node took its place.
    Replaced { node: u32 },
    /// The run goes back to its last checkpoint.
    RolledBack { lost: u64 },
    /// It goes on after that step.
    Resumed { step: u64 },
    /// The weights are written for others.
    Export { format: String, shards: u32 },
    /// Their size in all.
    ExportSize { bytes: u64 },
    /// One of their files is written, named by [`shard_file`].
    Shard { number: u32, of: u32, bytes: u64 },
    /// All are.
    Exported { path: String },
    /// The run is over: steps done, steps planned, and how long it took.
    Ended { steps: u64, of: u64, hours: f64 },
    /// The last losses, where there are any.
    Final {
        loss: Option<f64>,
        ppl: Option<f64>,
        held_out: Option<f64>,
    },
    /// What it took.
    Spent { tokens: u64, gpu_h: f64, kwh: f64 },
    /// Shares of the time from the first step on: steps that count, checkpoints, steps that were
    /// lost, standing still.
    Time {
        steps: f64,
        saves: f64,
        lost: f64,
        down: f64,
    },
    /// What went wrong.
    Failures { failures: u32, replaced: u32 },
}

/// The name of file `number`, from 1, of an export.
#[must_use]
pub fn shard_file(number: u32, of: u32) -> String {
    format!("model-{number:05}-of-{of:05}.safetensors")
}

/// `value` with so many digits after the point.
pub(super) fn places(value: f64, digits: i32) -> f64 {
    let scale = crate::math::pow(10.0, f64::from(digits));
    (value * scale + 0.5).floor() / scale
}

/// `value` with four significant digits.
pub(super) fn digits(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
