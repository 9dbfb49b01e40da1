//! What stands between a gradient and the weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done about an update that does not look like the others, before it reaches the weights.
///
/// Any guard but `off` waits for the loss and the gradient norm of each step, and skips an update
/// whose numbers are not finite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GuardConfig {
    /// Every update is made.
    #[default]
    Off,
    /// Skip the update of a step whose loss or gradient norm stands far above the last ones (the
    /// skip-step optimizer of OLMo 2, 2025).
    SkipStep(SkipStepConfig),
    /// Clip a gradient whose norm stands far above its moving average, the more the farther (ZClip,
    /// Kumar et al. 2025).
    Zclip(ZclipConfig),
    /// Clip the gradient of each weight by the moving average of its own norm (AdaGC, Wang et al.
    /// 2025).
    Adagc(AdagcConfig),
    /// Clip numbers of the gradient that stand far above Adam's second moments, and forget the
    /// moments from time to time (SPAM, Huang et al. 2025). For Adam and AdamW.
    Spam(SpamConfig),
}

impl GuardConfig {
    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }

    /// The largest gradient norm that it lets through at any time; 0 for any.
    pub fn max_norm(&self) -> f64 {
        match self {
            Self::Off | Self::SkipStep(_) | Self::Adagc(_) | Self::Spam(_) => 0.0,
            Self::Zclip(zclip) => zclip.max_norm,
        }
    }
}

/// Constants of skip-step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SkipStepConfig {
    /// Steps that a loss and a gradient norm are compared with; nothing is skipped before there are
    /// half as many.
    pub window: usize,
    /// How many standard deviations above their mean is too far.
    pub sigma: f64,
}

impl Default for SkipStepConfig {
    fn default() -> Self {
        Self {
            window: 128,
            sigma: 6.0,
        }
    }
}

/// Constants of ZClip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ZclipConfig {
    /// How much of the moving mean and variance of the gradient norm is kept at each step.
    pub alpha: f64,
    /// How many standard deviations above its mean a norm is clipped.
    pub z_threshold: f64,
    /// The first steps, whose norms only tell what is usual.
    pub warmup: usize,
    /// The largest norm at any time, from the first step on; 0 for any. It is `optimizer.clip_norm`
    /// under another name, and the smaller of the two holds.
    pub max_norm: f64,
    /// Added to the standard deviation.
    pub epsilon: f64,
}

impl Default for ZclipConfig {
    fn default() -> Self {
        Self {
            alpha: 0.97,
            z_threshold: 2.5,
            warmup: 25,
            max_norm: 1.0,
            epsilon: 1e-6,
        }
    }
}

/// Constants of AdaGC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdagcConfig {
    /// How many times its moving average the norm of a weight's gradient may be.
    pub lambda_rel: f64,
    /// How much of the moving averages is kept at each step.
    pub beta: f64,
    /// The largest norm of the whole gradient during the first steps.
    pub lambda_abs: f64,
    /// The first steps, in which the averages are the lowest norms so far.
    pub warmup: u64,
}

impl Default for AdagcConfig {
    fn default() -> Self {
        Self {
            lambda_rel: 1.05,
            beta: 0.98,
            lambda_abs: 1.0,
            warmup: 100,
        }
    }
}

/// Constants of SPAM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpamConfig {
    /// How many times Adam's second moment the square of a number of the gradient may be.
    pub theta: f64,
    /// Steps after which Adam forgets its moments.
    pub every: u64,
    /// Steps in which the learning rate comes back after that, along a cosine.
    pub warmup: u64,
    /// Steps after that, and at the beginning, in which nothing is clipped: the moments are young.
    pub exempt: u64,
}

impl Default for SpamConfig {
    fn default() -> Self {
        Self {
            theta: 5000.0,
            every: 500,
            warmup: 150,
            exempt: 20,
        }
    }
}
