//! What a checkpoint holds besides numbers: enough to go on bit for bit, and to know that nothing
//! is missing or changed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, SampleId};
use crate::number::Number;
use crate::supervision::{CurriculumState, GuardState, MonitorState};

/// The version of the layout that this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// The list of a checkpoint's files. It is written last: a folder with a manifest that agrees with
/// its files is a whole checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the layout; see [`FORMAT`].
    pub format: u32,
    /// Which run it belongs to.
    pub run: RunId,
    /// After which step it was taken.
    pub step: u64,
    /// BLAKE3 of the run's configuration.
    pub config_hash: String,
    /// The fingerprint of the data.
    pub data_fingerprint: String,
    /// Every other file of the checkpoint.
    pub files: Vec<FileRecord>,
}

/// What a file must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its name within the checkpoint.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3, in hexadecimal.
    pub blake3: String,
}

/// Where the training loop stands between two steps.
///
/// There is no random state: every draw is keyed by the seed and the step (see
/// [`crate::random`]), and both are here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoopState {
    /// Steps taken.
    pub step: u64,
    /// The seed of the run.
    pub seed: u64,
    /// Epochs finished.
    pub epoch: u64,
    /// Batches taken of the current epoch; where the batch size changed in it, since then.
    pub batch: u64,
    /// The peak learning rate, if a person changed it.
    pub lr: Option<Number>,
    /// The largest global gradient norm, if it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<Number>,
    /// Examples that are never trained on again.
    pub blacklist: BTreeSet<SampleId>,
    /// How the validation loss has developed.
    pub patience: Patience,
    /// The step of the newest evaluation.
    pub evaluated: u64,
    /// What the current epoch has added up to.
    pub epoch_sums: EpochSums,
    /// Whether training stopped before its planned end because it no longer improved.
    pub stopped_early: bool,
    /// Where another batch size or mixture took over, if one did: the newest such place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resized: Option<Resized>,
    /// Steps that the optimizer does not count: those before a branch chose another rule, and those
    /// that a guard skipped.
    #[serde(default)]
    pub optimizer_from: u64,
    /// What the detectors of a supervisor remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<MonitorState>,
    /// What a guard remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardState>,
    /// What a curriculum remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curriculum: Option<CurriculumState>,
}

/// Where another batch size, or another mixture, took over, between two steps.
///
/// The order of the examples does not depend on the size of the batches: an epoch goes on after
/// the last example that was taken, and ends once those that are left do not fill a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resized {
    /// Examples in a batch from there on.
    pub batch: usize,
    /// After which step.
    pub step: u64,
    /// In which epoch, from 0.
    pub epoch: u64,
    /// Examples of that epoch that were taken by then.
    pub taken: u64,
    /// In a mixture, the examples of each domain that were taken by then, over all epochs.
    pub domains: Vec<u64>,
    /// In a mixture, the share of each domain in the batches from there on; empty where it is that
    /// of the first step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Number>,
}

/// What a portable checkpoint says of itself, beside its numbers (see `docs/checkpoints.md`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortableManifest {
    /// The version of the layout; see [`FORMAT`].
    pub format: u32,
    /// Which run it belongs to.
    pub run: RunId,
    /// After which step it was taken.
    pub step: u64,
    /// BLAKE3 of the run's configuration.
    pub config_hash: String,
    /// The fingerprint of the data.
    pub data_fingerprint: String,
    /// Which events were left out so that the file can be read everywhere; absent where none were.
    pub left_out: Option<String>,
}

/// How the validation loss has developed, as early stopping sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// The step and the loss of the best evaluation.
    pub best: Option<(u64, Number)>,
    /// Evaluations since the last improvement that counted.
    pub waited: u64,
    /// The loss that the next improvement is measured against.
    pub reference: Option<Number>,
}

/// What the steps of an epoch have added up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EpochSums {
    /// Steps measured.
    pub steps: u64,
    /// The sum of their losses.
    pub loss: Number,
    /// The sum of their accuracies, where there are any.
    pub accuracy: Option<Number>,
}
