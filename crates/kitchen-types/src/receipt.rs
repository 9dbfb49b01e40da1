//! What a run promises to whoever runs it again: what was asked for, and what was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::number::Number;

/// The version of the receipts that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// A run as a promise: the same configuration on the same data measures this again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The version of the layout; see [`VERSION`].
    pub version: u32,
    /// What was asked for, the seed included.
    pub config: RunConfig,
    /// The fingerprint of the data.
    pub data_fingerprint: String,
    /// What trained it: `cpu` or `gpu`.
    pub device: String,
    /// That device by its own name.
    pub adapter: String,
    /// What was measured, in order of step.
    pub points: Vec<ReceiptPoint>,
    /// BLAKE3 of the exported weights, where there are any.
    pub weights_hash: Option<String>,
}

/// What was measured after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptPoint {
    /// Which step.
    pub step: u64,
    /// The loss of its batch.
    pub train_loss: Option<Number>,
    /// The loss of the held-out examples.
    pub validation_loss: Option<Number>,
}

/// How a run that was run again compares with its receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// All in all.
    pub agreement: Agreement,
    /// Whether it was run on the kind of device that the receipt names, where nothing may differ.
    pub same_device: bool,
    /// Each measure of the receipt, in order of step.
    pub measures: Vec<ComparedMeasure>,
    /// Whether the weights are the same to the bit; absent where nobody compared them.
    pub same_weights: Option<bool>,
}

/// A measure of a receipt beside that of the run that was run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparedMeasure {
    /// After which step.
    pub step: u64,
    /// What was measured.
    pub what: MeasureKind,
    /// What the receipt says.
    pub promised: Number,
    /// What was measured again; absent until the run comes there.
    pub found: Option<Number>,
    /// How far both are apart, as a share of the larger.
    pub difference: Option<Number>,
    /// What that amounts to.
    pub agreement: Agreement,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// The loss of a batch.
    TrainLoss,
    /// The loss of the held-out examples.
    ValidationLoss,
}

/// How measures compare; a whole compares as the last in this list of its parts does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// They are the same.
    Exact,
    /// They are the same to one part in ten thousand.
    Close,
    /// The run has not come there.
    Pending,
    /// They differ by more.
    Drifted,
    /// The data are others, so that nothing can be compared.
    OtherData,
}
