//! How a run looks after itself, and faults to try that with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnosis::OutlierScore;

/// Whether a run looks after itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SupervisorConfig {
    /// A loss that is not finite ends the run, and nothing else is watched.
    #[default]
    Off,
    /// Watch every step; go back, find the examples that caused it, leave them out, go on; ask a
    /// person when unsure.
    On(Supervision),
}

impl SupervisorConfig {
    /// How to look after the run, if at all.
    pub fn supervision(&self) -> Option<&Supervision> {
        match self {
            Self::Off => None,
            Self::On(supervision) => Some(supervision),
        }
    }
}

/// What counts as an anomaly, and what is done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Supervision {
    /// Steps that a loss is compared with, at least 10.
    pub window: usize,
    /// Steps before the loss is judged at all; numbers that are not finite, and exploding
    /// gradients, are from the first.
    pub min_history: usize,
    /// How many robust deviations above the moving average a loss stands out.
    pub spike_sigma: f64,
    /// How much a loss must rise to matter, as a share of what it was in the first steps.
    pub spike_rise: f64,
    /// How many of the last `confirm_of` losses must stand out; one is enough if it lies twice as
    /// high, and its gradient stands out too.
    pub confirm: usize,
    /// See `confirm`.
    pub confirm_of: usize,
    /// A gradient norm above this has exploded.
    pub grad_norm_threshold: f64,
    /// The loss diverges when its average has stood far above its lowest for so many steps.
    pub divergence_steps: u64,
    /// The loss is on a plateau when its median over so many steps is not below the lowest such
    /// median before; 0 never says so. It is told, and nothing is done about it.
    pub plateau_steps: usize,
    /// How far below it must lie, as a share.
    pub plateau_drop: f64,
    /// Data are too slow when more than this share of the steps' time goes into making batches. It
    /// is told, and nothing is done about it.
    pub starved_share: f64,
    /// Units are dead when more than this share of a layer puts out the same number whatever the
    /// example. It is told, and nothing is done about it.
    pub dead_share: f64,
    /// How an example is told to stand out among others.
    pub outlier_rule: OutlierScore,
    /// How many deviations the gradient norm of such an example lies above the others.
    pub outlier_z: f64,
    /// How many times the usual gradient norm that of such an example is, at least.
    pub outlier_ratio: f64,
    /// Repairs of about the same steps that find no example to blame, before a person is asked.
    pub max_retries: usize,
    /// Two anomalies no further apart than this are about the same steps.
    pub retry_window: u64,
    /// The most examples that are left out without asking.
    pub max_left_out: usize,
    /// What the learning rate is multiplied by to stabilise a run.
    pub lr_factor: f64,
    /// The largest gradient norm once a run was stabilised; halved each further time.
    pub clip_norm: f64,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            window: 1000,
            min_history: 50,
            spike_sigma: 3.0,
            spike_rise: 0.25,
            confirm: 3,
            confirm_of: 5,
            grad_norm_threshold: 1e4,
            divergence_steps: 50,
            plateau_steps: 300,
            plateau_drop: 0.01,
            starved_share: 0.5,
            dead_share: 0.5,
            outlier_rule: OutlierScore::Mad,
            outlier_z: 6.0,
            outlier_ratio: 100.0,
            max_retries: 3,
            retry_window: 100,
            max_left_out: 1000,
            lr_factor: 0.5,
            clip_norm: 1.0,
        }
    }
}

/// Faults that are planted on purpose, to see what a run makes of them. Nothing by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FaultsConfig {
    /// Training examples, chosen by the seed, that get a wrong class and far too large values.
    pub samples: u64,
    /// How many times too large.
    pub scale: f64,
    /// The step whose batch has a NaN among its values, as a flipped bit would leave it; 0 for none.
    /// It is there whenever the step is taken, until a supervisor has repaired it.
    pub nan_at: u64,
}

impl Default for FaultsConfig {
    fn default() -> Self {
        Self {
            samples: 0,
            scale: 1e6,
            nan_at: 0,
        }
    }
}
