//! How the weights move. Defaults are PyTorch's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the weights move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The rule, with its constants.
    pub algorithm: Algorithm,
    /// The largest global norm of the gradient, over all weights together; 0 does not clip.
    pub clip_norm: f64,
    /// Batches whose gradients are averaged into one step.
    pub accumulate: usize,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            clip_norm: 0.0,
            accumulate: 1,
        }
    }
}

/// A rule that turns gradients into steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Stochastic gradient descent, with momentum if asked.
    Sgd(SgdConfig),
    /// Adam (Kingma and Ba 2015); weight decay, if any, is added to the gradient.
    Adam(AdamConfig),
    /// AdamW (Loshchilov and Hutter 2019); weight decay is decoupled.
    Adamw(AdamwConfig),
    /// Lion (Chen et al. 2023); weight decay is decoupled.
    Lion(LionConfig),
    /// Muon (Jordan et al. 2024) on hidden matrices, AdamW on the rest.
    Muon(MuonConfig),
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::Adamw(AdamwConfig::default())
    }
}

/// Constants of stochastic gradient descent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SgdConfig {
    /// How much of the last step is kept.
    pub momentum: f64,
    /// Nesterov's momentum.
    pub nesterov: bool,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
}

/// Constants of Adam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Weight decay, added to the gradient.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Constants of AdamW: Adam's, with another weight decay and another default for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdamwConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Decoupled weight decay: each step shrinks the weights by `lr` times this.
    pub weight_decay: f64,
}

impl Default for AdamwConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// Constants of Lion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LionConfig {
    /// Weight of the momentum in the step's sign.
    pub beta1: f64,
    /// Decay of the momentum.
    pub beta2: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
}

impl Default for LionConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.99,
            weight_decay: 0.0,
        }
    }
}

/// Constants of Muon, and of the AdamW that moves what is not a hidden matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MuonConfig {
    /// How much of the momentum is kept.
    pub momentum: f64,
    /// Nesterov's momentum.
    pub nesterov: bool,
    /// Newton-Schulz iterations of the orthogonalisation.
    pub iterations: usize,
    /// How the step grows with a matrix's shape.
    pub adjust_lr: MuonAdjustLr,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// What moves embeddings, norms, biases and the output layer, at `lr` times `adamw_lr_ratio`.
    pub adamw: AdamwConfig,
    /// The AdamW learning rate as a share of `lr`.
    pub adamw_lr_ratio: f64,
}

impl Default for MuonConfig {
    fn default() -> Self {
        Self {
            momentum: 0.95,
            nesterov: true,
            iterations: 5,
            adjust_lr: MuonAdjustLr::MatchRmsAdamw,
            weight_decay: 0.1,
            adamw: AdamwConfig::default(),
            adamw_lr_ratio: 1.0,
        }
    }
}

/// What Muon multiplies the learning rate of a matrix with, which has `rows` outputs and
/// `columns` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MuonAdjustLr {
    /// `sqrt(max(1, rows / columns))` (Jordan et al. 2024), PyTorch's default; good rates are
    /// some twenty times those of AdamW.
    Original,
    /// `0.2 * sqrt(max(rows, columns))` (Liu et al. 2025), which makes steps as large as AdamW's:
    /// one learning rate serves both, and one tuned for AdamW can stay.
    MatchRmsAdamw,
}

/// How the learning rate moves: a linear rise over `warmup` steps, then the shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Steps over which the rate rises from 0 to its peak.
    pub warmup: u64,
    /// What follows the warmup.
    pub shape: Schedule,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            warmup: 0,
            shape: Schedule::Constant,
        }
    }
}

/// The learning rate after the warmup, as a share of its peak.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The peak throughout.
    Constant,
    /// A straight line down to `end`.
    Linear {
        /// The share of the peak at the end.
        #[serde(default)]
        end: f64,
    },
    /// Half a cosine down to `end`.
    Cosine {
        /// The share of the peak at the end.
        #[serde(default)]
        end: f64,
    },
    /// A geometric fall to `end`.
    Exponential {
        /// The share of the peak at the end, above 0.
        end: f64,
    },
    /// `(1 - progress)^power` down to `end`.
    Polynomial {
        /// The exponent.
        power: f64,
        /// The share of the peak at the end.
        #[serde(default)]
        end: f64,
    },
    /// The peak, then a straight line down to `end` over the last `decay` steps.
    WarmupStableDecay {
        /// Steps of the fall, at most all that follow the warmup.
        decay: u64,
        /// The share of the peak at the end.
        #[serde(default)]
        end: f64,
    },
}
