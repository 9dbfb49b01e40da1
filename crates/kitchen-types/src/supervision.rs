//! What goes wrong in a run, what is made of it, and what is done: anomalies, diagnoses, repairs,
//! and questions to people. Ids and statistics only; nothing here holds an example.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::ids::SampleId;
use crate::number::Number;

/// Something about a step that does not look like training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anomaly {
    /// Its number in the run, from 1; all that follows from it carries the same.
    pub incident: u64,
    /// The first step that shows it.
    pub step: u64,
    /// What it looks like.
    pub kind: AnomalyKind,
    /// Which number shows it.
    pub of: Measure,
    /// That number.
    pub value: Number,
    /// What it should have stayed below; absent where any number would have done.
    pub threshold: Option<Number>,
}

/// What an anomaly looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// A number is NaN or infinite.
    NotFinite,
    /// The loss jumped.
    LossSpike,
    /// The gradient is huge.
    GradientExplosion,
    /// The loss has been rising for long.
    Divergence,
}

/// A number that is measured at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The training loss.
    Loss,
    /// The gradient norm before clipping.
    GradNorm,
}

/// What the examples of the suspicious steps look like, one by one, to the last good weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// The anomaly's number.
    pub incident: u64,
    /// The anomaly's step.
    pub step: u64,
    /// The weights that were used are those after this step.
    pub weights_of: u64,
    /// Examples that were looked at.
    pub samples: u64,
    /// The median of their gradient norms.
    pub median_grad_norm: Option<Number>,
    /// The largest of them.
    pub max_grad_norm: Option<Number>,
    /// Examples that stand out, the worst first.
    pub suspects: Vec<Suspect>,
    /// How the norms were found, or why there are none.
    pub method: String,
}

/// An example that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspect {
    /// Which.
    pub id: SampleId,
    /// Its loss alone.
    pub loss: Number,
    /// The norm of its gradient alone.
    pub grad_norm: Number,
    /// That norm as a multiple of what is usual.
    pub ratio: Number,
    /// How many deviations it lies above the others.
    pub z: Number,
}

/// What was changed before the training went on from an earlier checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The anomaly's number.
    pub incident: u64,
    /// The anomaly's step.
    pub step: u64,
    /// What was done.
    pub strategy: Strategy,
    /// The step that the run went back to.
    pub back_to: u64,
    /// Examples that are left out from here on, besides those left out before.
    pub left_out: Vec<SampleId>,
    /// How the run trained before.
    pub before: Knobs,
    /// How it trains from here on.
    pub after: Knobs,
}

/// A way to repair a run. Each begins with going back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Leave out the examples that stand out.
    Surgical,
    /// Change nothing: numbers that no example explains may be a passing fault of the machine.
    Retry,
    /// Lower the learning rate, and clip the gradient more.
    Stabilise,
}

/// What a repair may change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// The peak learning rate.
    pub lr: Number,
    /// The largest global gradient norm; 0 does not clip.
    pub clip_norm: Number,
    /// Examples that are left out.
    pub left_out: u64,
}

/// A decision that the run does not take alone. It waits at its last good checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The anomaly's number.
    pub incident: u64,
    /// The anomaly's step.
    pub step: u64,
    /// Why.
    pub reason: String,
    /// What a person could do before `resume`, the likeliest first.
    pub actions: Vec<Command>,
}

/// One anomaly with all that came of it, as screens show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What was seen.
    pub anomaly: Anomaly,
    /// What was found.
    pub diagnosis: Option<Diagnosis>,
    /// What was done.
    pub repair: Option<Repair>,
    /// What a person was asked.
    pub ask: Option<Ask>,
    /// Whether a person has let it go on.
    pub answered: bool,
}

impl Incident {
    /// One of which nothing is known but what was seen.
    pub fn new(anomaly: Anomaly) -> Self {
        Self {
            anomaly,
            diagnosis: None,
            repair: None,
            ask: None,
            answered: false,
        }
    }

    /// The question that waits for a person, if one does.
    pub fn open_question(&self) -> Option<&Ask> {
        self.ask.as_ref().filter(|_| !self.answered)
    }
}

/// What a supervisor knows beside its run's checkpoints, which it may go back behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SupervisorState {
    /// What it is doing.
    pub phase: SupervisorPhase,
    /// Anomalies so far.
    pub incidents: u64,
    /// The newest of them.
    pub newest: Option<Incident>,
    /// The repairs that found no example to blame, by the step of their anomaly, newest last.
    pub blind: VecDeque<u64>,
    /// Steps whose numbers were repaired: a fault that was planted there is not planted again.
    pub repaired: BTreeSet<u64>,
    /// Examples that are never trained on again.
    pub blacklist: BTreeSet<SampleId>,
    /// The peak learning rate, if it or a person changed it.
    pub lr: Option<Number>,
    /// The largest global gradient norm, if it or a person changed it.
    pub clip_norm: Option<Number>,
}

/// What a supervisor is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SupervisorPhase {
    /// It watches the steps.
    #[default]
    Watching,
    /// It has seen an anomaly; the run goes back, and the examples of these steps are examined.
    Examining {
        /// What was seen.
        anomaly: Anomaly,
        /// The run goes back to a checkpoint at or before this step.
        back_to: u64,
        /// The examples to look at.
        ids: Vec<SampleId>,
    },
    /// It waits for a person.
    Waiting,
}

/// What the detectors remember. It belongs to the weights, and travels with their checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorState {
    /// Steps seen.
    pub seen: u64,
    /// The moving average of the loss.
    pub level: Option<Number>,
    /// How far the losses lay above it, newest last.
    pub residuals: VecDeque<Number>,
    /// Gradient norms, newest last.
    pub norms: VecDeque<Number>,
    /// The median loss of the first steps.
    pub usual_loss: Option<Number>,
    /// The median gradient norm of the first steps.
    pub usual_norm: Option<Number>,
    /// The newest steps whose loss stood out.
    pub high: Vec<u64>,
    /// The lowest level so far.
    pub lowest: Option<Number>,
    /// The step since which the level has been far above its lowest.
    pub rising_since: Option<u64>,
    /// The examples of the newest steps, newest last.
    pub recent: VecDeque<StepExamples>,
    /// Whether the loss still falls.
    #[serde(default)]
    pub plateau: PlateauState,
    /// The layers most of whose units are dead, as people know.
    #[serde(default)]
    pub dead: Vec<String>,
}

/// How the level of the loss has developed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The losses that make up the next level.
    pub losses: Vec<Number>,
    /// The lowest level so far, and its last step.
    pub lowest: Option<(u64, Number)>,
    /// Whether people know that it is not falling.
    pub is_told: bool,
}

/// What a guard remembers of the steps so far. It belongs to the weights, and travels with their
/// checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardState {
    /// The newest losses, newest last.
    pub losses: VecDeque<Number>,
    /// The newest gradient norms, newest last.
    pub norms: VecDeque<Number>,
    /// The moving average of the gradient norm, once there is one.
    pub average: Option<MovingAverage>,
    /// Updates that were skipped.
    pub skipped: u64,
    /// How many of them were the newest.
    pub in_a_row: u64,
    /// Updates whose gradient was clipped because it stood out.
    pub clipped: u64,
    /// Steps whose norms are in the averages of the weights.
    #[serde(default)]
    pub averaged: u64,
    /// The moving average of the norm of each weight's gradient, once there are some; 0 where a
    /// weight has had no gradient yet.
    #[serde(default)]
    pub of_weights: Vec<Number>,
    /// Steps since Adam's moments began.
    #[serde(default)]
    pub since_reset: u64,
    /// How often they were forgotten.
    #[serde(default)]
    pub resets: u64,
}

/// What a curriculum remembers of the domains of a mixture, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CurriculumState {
    /// Evaluations that it has followed.
    pub updates: u64,
    /// The sum, over these, of the share that each domain got.
    pub totals: Vec<Number>,
    /// The lowest loss of each domain so far.
    pub lowest: Vec<Option<Number>>,
    /// What a weight is multiplied by, or the smoothed reward of the domain.
    pub gains: Vec<Number>,
    /// The newest losses of the domains, newest last.
    pub recent: VecDeque<Vec<Number>>,
}

/// An exponential moving average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovingAverage {
    /// The mean.
    pub mean: Number,
    /// The variance.
    pub variance: Number,
}

/// The examples of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepExamples {
    /// Which step.
    pub step: u64,
    /// Its examples, or as many of them as can be looked at.
    pub ids: Vec<SampleId>,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            AnomalyKind::NotFinite => "a number that is not finite",
            AnomalyKind::LossSpike => "a jump of the loss",
            AnomalyKind::GradientExplosion => "an exploding gradient",
            AnomalyKind::Divergence => "a loss that keeps rising",
        };
        let of = match self.of {
            Measure::Loss => "loss",
            Measure::GradNorm => "gradient norm",
        };
        write!(
            f,
            "{what} at step {}: {of} {}",
            self.step,
            short(self.value)
        )?;
        match self.threshold {
            Some(threshold) => write!(f, ", expected below {}", short(threshold)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(median) = self.median_grad_norm else {
            return write!(f, "its examples could not be examined: {}", self.method);
        };
        write!(
            f,
            "{} examples of those steps were examined: ",
            self.samples
        )?;
        match self.suspects.len() {
            0 => write!(
                f,
                "none stands out (gradient norms up to {}, median {})",
                short(self.max_grad_norm.unwrap_or(median)),
                short(median),
            ),
            _ => {
                write!(f, "{}", named(self.suspects.iter().map(|it| it.id)))?;
                let worst = self.suspects.first().map(|it| it.ratio);
                write!(
                    f,
                    " with gradients up to {} times the usual",
                    short(worst.unwrap_or_default())
                )
            }
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "went back to step {}, and ", self.back_to)?;
        match self.strategy {
            Strategy::Surgical => write!(f, "left out {}", named(self.left_out.iter().copied())),
            Strategy::Retry => f.write_str("tried again: no example explains it"),
            Strategy::Stabilise => write!(
                f,
                "lowered lr from {} to {}, with gradients clipped at {}",
                short(self.before.lr),
                short(self.after.lr),
                short(self.after.clip_norm),
            ),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a person is needed: {}", self.reason)
    }
}

/// Few digits: these numbers are compared by their size.
fn short(number: Number) -> String {
    match number.0 {
        value if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) => format!("{value:.1e}"),
        value => format!("{}", (value * 1e4).round() / 1e4),
    }
}

/// The most ids written out.
const NAMED: usize = 8;

fn named(ids: impl ExactSizeIterator<Item = SampleId>) -> String {
    let count = ids.len();
    let names: Vec<String> = ids.take(NAMED).map(|id| id.to_string()).collect();
    let and_more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if count == 1 { "example" } else { "examples" };
    format!("{noun} {}{and_more}", names.join(", "))
}
