//! What a run is asked to do: one strict, complete tree of plain data, the same on the command
//! line, in a file, in the page and in a sweep.
//!
//! Every field has a default, so that a file says only what it changes; every unknown key is an
//! error. Doc comments here are the help text, the form's hint and the reference page.

mod cluster;
mod curriculum;
mod data;
mod duration;
mod guard;
mod model;
mod optimizer;
mod problem;
mod span;
mod supervisor;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cluster::{ClusterConfig, Incident, Trouble};
pub use curriculum::{CurriculumConfig, DoremiConfig, OdmConfig, ReplayConfig, SkillItConfig};
pub use data::{
    BuiltinTableConfig, DataConfig, DigitsConfig, Domain, HubConfig, IdxConfig, ImageFolderConfig,
    JsonLinesConfig, MixtureConfig, PlaygroundConfig, PlaygroundShape, SequenceTask,
    SequenceTaskConfig, TableConfig, TableName, TextConfig, TokenizerConfig, WordsConfig,
};
pub use duration::{DurationError, Seconds};
pub use guard::{AdagcConfig, GuardConfig, SkipStepConfig, SpamConfig, ZclipConfig};
pub use model::{
    Activation, Cell, CnnConfig, FeedForward, GptConfig, MlpConfig, ModelConfig, Norm, Positions,
    RnnConfig,
};
pub use optimizer::{
    AdamConfig, AdamwConfig, Algorithm, LionConfig, MuonAdjustLr, MuonConfig, OptimizerConfig,
    Schedule, ScheduleConfig, SgdConfig,
};
pub use problem::{ConfigProblem, ConfigSource};
pub use span::{InvalidSpan, Span};
pub use supervisor::{FaultsConfig, Supervision, SupervisorConfig};

/// The whole request for one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// The recipe whose defaults these are.
    pub recipe: String,
    /// The root of all randomness: the same seed on the same device gives the same bytes.
    pub seed: u64,
    /// Where to train: `auto` times a step on each device there is, and says what it chose.
    pub device: DeviceChoice,
    /// How long to train: a number of optimizer steps (`2000`) or of epochs (`"20 epochs"`).
    pub steps: Span,
    /// Examples in one batch.
    pub batch: usize,
    /// The peak learning rate, which the schedule scales.
    pub lr: f64,
    /// What to learn from.
    pub data: DataConfig,
    /// How the shares of a mixture change.
    pub curriculum: CurriculumConfig,
    /// What learns.
    pub model: ModelConfig,
    /// What is minimised.
    pub loss: LossConfig,
    /// How the weights move.
    pub optimizer: OptimizerConfig,
    /// How the learning rate moves.
    pub schedule: ScheduleConfig,
    /// When and on how much held-out data to measure.
    pub evaluate: EvaluateConfig,
    /// When to stop before the end.
    pub early_stopping: EarlyStoppingConfig,
    /// When to save, and what to keep.
    pub checkpoint: CheckpointConfig,
    /// What a sequence model writes while it learns.
    pub sample: SampleConfig,
    /// What keeps an unusual update from the weights.
    pub guard: GuardConfig,
    /// Whether the run looks after itself, and how.
    pub supervisor: SupervisorConfig,
    /// Faults that are planted on purpose.
    pub faults: FaultsConfig,
    /// What `device=cluster` simulates.
    pub cluster: ClusterConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            recipe: "digits".into(),
            seed: 1,
            device: DeviceChoice::Auto,
            steps: Span::Epochs(1),
            batch: 32,
            lr: 1e-3,
            data: DataConfig::default(),
            curriculum: CurriculumConfig::Off,
            model: ModelConfig::default(),
            loss: LossConfig::Auto,
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            evaluate: EvaluateConfig::default(),
            early_stopping: EarlyStoppingConfig::default(),
            checkpoint: CheckpointConfig::default(),
            sample: SampleConfig::default(),
            guard: GuardConfig::Off,
            supervisor: SupervisorConfig::Off,
            faults: FaultsConfig::default(),
            cluster: ClusterConfig::default(),
        }
    }
}

/// Where to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// The fastest device there is, by a timed step.
    Auto,
    /// A GPU through WebGPU, Vulkan, Metal or DX12; a software adapter counts.
    Gpu,
    /// The CPU.
    Cpu,
    /// A cluster that is not here: the model trains on the CPU, and the clock is that of `cluster`.
    Cluster,
}

/// What is minimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LossConfig {
    /// Cross-entropy for classes and tokens, mean squared error for values.
    Auto,
    /// Cross-entropy, with the targets mixed with the uniform distribution.
    CrossEntropy {
        /// How much of the uniform distribution is mixed in, in `[0, 1)`.
        #[serde(default)]
        label_smoothing: f64,
    },
    /// Mean squared error.
    MeanSquaredError,
    /// Binary cross-entropy on logits, for independent yes-or-no targets.
    BinaryCrossEntropy,
}

/// When and on how much held-out data to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateConfig {
    /// How often: steps (`200`) or epochs (`"1 epoch"`).
    pub every: Span,
    /// Examples measured each time, at most; 0 means the whole validation split.
    pub samples: usize,
    /// Examples in one batch of the evaluation.
    pub batch: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            every: Span::Epochs(1),
            samples: 0,
            batch: 256,
        }
    }
}

/// When to stop before the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStoppingConfig {
    /// Stop after so many evaluations without improvement of the validation loss; 0 never stops.
    pub patience: u64,
    /// What counts as an improvement, in units of the loss.
    pub min_delta: f64,
}

impl Default for EarlyStoppingConfig {
    fn default() -> Self {
        Self {
            patience: 0,
            min_delta: 1e-4,
        }
    }
}

/// When to save, and what to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// How often: steps (`100`) or epochs (`"1 epoch"`).
    pub every: Span,
    /// How many of the newest to keep, at least 2; the best one is kept besides.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every: Span::Steps(500),
            keep: 3,
        }
    }
}

/// What a sequence model writes while it learns, and how it chooses each token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleConfig {
    /// How often: steps (`500`) or epochs (`"1 epoch"`).
    pub every: Span,
    /// The text to go on from; empty starts from the beginning of a text.
    pub prompt: String,
    /// Tokens to write, at most.
    pub tokens: usize,
    /// 0 always takes the likeliest token; 1 samples from the model's own distribution.
    pub temperature: f64,
    /// Choose among so many of the likeliest tokens; 0 means all.
    pub top_k: usize,
    /// Choose among the likeliest tokens that together hold this much probability; 1 means all.
    pub top_p: f64,
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            every: Span::Steps(500),
            prompt: String::new(),
            tokens: 200,
            temperature: 0.8,
            top_k: 0,
            top_p: 1.0,
        }
    }
}
