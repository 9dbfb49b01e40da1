//! What is found when the examples of one batch are measured one by one: ids and statistics, and
//! nothing of the examples themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, SampleId};
use crate::number::Number;
use crate::ports::PerSample;

/// When the gradient norm of an example is too far from those of the others in its batch.
///
/// An example is an outlier if either limit is passed, or if its loss or its norm is no finite
/// number. Only large norms count: an example that has nothing to teach harms nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutlierRule {
    /// How distance is measured.
    pub score: OutlierScore,
    /// The largest score that is not yet an outlier's; 0 leaves the score out.
    #[schemars(range(min = 0))]
    pub z: f64,
    /// The largest multiple of the median that is not yet an outlier's; 0 leaves it out.
    #[schemars(range(min = 0))]
    pub ratio: f64,
}

impl Default for OutlierRule {
    fn default() -> Self {
        Self {
            score: OutlierScore::Mad,
            z: 6.0,
            ratio: 100.0,
        }
    }
}

/// A distance from the others, in deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutlierScore {
    /// 0.6745 (x - median) / MAD, where MAD is the median absolute deviation from the median
    /// (Iglewicz and Hoaglin 1993): outliers do not hide themselves, in batches of any size.
    #[default]
    Mad,
    /// (x - mean) / deviation. One outlier among n examples has at most (n - 1) / sqrt(n), so that
    /// a limit of 6 is never passed in fewer than 38.
    Classical,
}

/// The batch of a step, measured and judged with the weights that it was trained with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDiagnosis {
    /// Which run.
    pub run: RunId,
    /// Which step: the weights are those after the step before it.
    pub step: u64,
    /// The step of the checkpoint that was gone on from to come there; 0 is the beginning.
    pub from_step: u64,
    /// On what it was done again: `cpu` or `gpu`.
    pub device: String,
    /// The loss of the step as it was recorded.
    pub recorded_loss: Number,
    /// The loss of the step done again; where it is the same, everything before it was too.
    pub replayed_loss: Number,
    /// The examples of the step, one by one.
    pub measured: PerSample,
    /// Which of them are unlike the others.
    pub diagnosis: Diagnosis,
}

/// Losses and gradient norms of a batch, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// What was asked for.
    pub rule: OutlierRule,
    /// How the gradient norms are spread.
    pub grad_norms: Spread,
    /// How the losses are spread.
    pub losses: Spread,
    /// The examples to suspect, the worst first; those without a finite norm come before all.
    pub outliers: Vec<Outlier>,
    /// What keeps this judgement from finding everything, in words.
    pub limits: Vec<String>,
}

/// How some numbers are spread; all but the counts are over the finite ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// How many of them are finite.
    pub finite: u64,
    /// The middle one, or the mean of the middle two; NaN of none.
    pub median: Number,
    /// The median absolute deviation from the median; NaN of none.
    pub mad: Number,
    /// The mean; NaN of none.
    pub mean: Number,
    /// The population's standard deviation; NaN of none.
    pub deviation: Number,
    /// The smallest; NaN of none.
    pub min: Number,
    /// The largest; NaN of none.
    pub max: Number,
}

/// An example to suspect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outlier {
    /// Which.
    pub id: SampleId,
    /// Its place in the batch, from 0.
    pub place: u64,
    /// Its loss alone.
    pub loss: Number,
    /// The norm of the gradient of that loss.
    pub grad_norm: Number,
    /// That norm as a multiple of the median.
    pub ratio: Number,
    /// Its distance from the others.
    pub z: Number,
    /// What makes it an outlier.
    pub because: Vec<OutlierReason>,
}

/// What makes an example an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutlierReason {
    /// Its loss or its gradient is NaN or infinite.
    NotFinite,
    /// Its gradient norm is too many times the median.
    Ratio,
    /// Its gradient norm is too many deviations away.
    Score,
}
