//! What a run says, in the past tense. Everything a person sees is drawn from these.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::config::RunConfig;
use crate::ids::RunId;
use crate::number::Number;
use crate::ports::{ClientInfo, DataSpec, Interruption};
use crate::supervision::{Anomaly, Ask, Diagnosis, Repair};

/// One event with its place in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Which run.
    pub run: RunId,
    /// Its number in that run, from 0, without gaps.
    pub seq: u64,
    /// When, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}

/// The path of a node in a workflow, such as `supervised/train/forward_backward`.
pub type StagePath = Arc<str>;

/// What happened. Steps are numbered from 1: step 5 is the fifth update of the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The run began, or began again after a stop.
    RunStarted {
        /// What was asked for.
        config: Box<RunConfig>,
        /// The workflow's name.
        workflow: String,
        /// The step it begins after: 0, or that of the checkpoint it was resumed from.
        step: u64,
    },
    /// The run ended.
    RunFinished {
        /// How.
        status: RunStatus,
        /// The last step.
        step: u64,
        /// How long this session of it took.
        duration_ms: u64,
        /// Why, where it did not simply complete.
        reason: Option<String>,
    },

    /// A stage began.
    StageStarted {
        /// Which.
        stage: StagePath,
    },
    /// A stage ended well.
    StageFinished {
        /// Which.
        stage: StagePath,
        /// How long it took.
        duration_us: u64,
    },
    /// A stage failed; what follows depends on its policy.
    StageFailed {
        /// Which.
        stage: StagePath,
        /// Why.
        error: String,
    },
    /// A failed stage is tried again.
    StageRetried {
        /// Which.
        stage: StagePath,
        /// The number of the coming attempt, from 2.
        attempt: u32,
        /// How long until then.
        delay_ms: u64,
    },
    /// A failed stage was passed over, as its policy says.
    StageSkipped {
        /// Which.
        stage: StagePath,
        /// Why.
        reason: String,
    },
    /// A completed stage was undone after a later failure.
    StageRolledBack {
        /// Which.
        stage: StagePath,
    },

    /// The data are open.
    DatasetLoaded {
        /// Where they come from, in words.
        source: String,
        /// Examples to train on.
        train: u64,
        /// Examples held out.
        validation: u64,
        /// What goes in and what should come out.
        spec: DataSpec,
        /// A hash over everything that could change what is learnt.
        fingerprint: String,
    },
    /// The length of the training is known.
    Planned {
        /// Optimizer steps in all.
        steps: u64,
        /// Optimizer steps in one epoch.
        steps_per_epoch: u64,
    },
    /// A device was chosen.
    DeviceChosen {
        /// Which one, in a line.
        chosen: String,
        /// Why.
        reason: String,
        /// Every device that was timed.
        timings: Vec<DeviceTiming>,
    },
    /// The model is on its device.
    SessionOpened {
        /// Device, parameters, layers.
        client: ClientInfo,
    },

    /// The weights were updated.
    Stepped(Step),
    /// The held-out examples were measured.
    Evaluated(Evaluation),
    /// From here on the batches of a mixture hold these shares of its domains.
    Mixed(Mix),
    /// An epoch ended.
    EpochFinished {
        /// Which, from 1.
        epoch: u64,
        /// The step it ended with.
        step: u64,
        /// The mean of its training losses.
        train_loss: Number,
        /// The mean of its training accuracies, where there are any.
        train_accuracy: Option<Number>,
    },
    /// The model wrote something.
    Sampled {
        /// After which step.
        step: u64,
        /// What it was given.
        prompt: String,
        /// What it wrote.
        text: String,
    },

    /// Everything needed to go on from here is on disk.
    CheckpointSaved {
        /// After which step.
        step: u64,
        /// Its name in the run's folder.
        name: String,
        /// Its size.
        bytes: u64,
        /// Whether its validation loss is the lowest so far.
        best: bool,
        /// How long the training waited for it.
        blocked_ms: u64,
    },
    /// A checkpoint was removed to keep the number that was asked for.
    CheckpointRemoved {
        /// Its name.
        name: String,
    },
    /// A checkpoint could not be used.
    CheckpointRejected {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The run goes on from a checkpoint.
    Restored {
        /// After which step.
        step: u64,
        /// The checkpoint's name.
        name: String,
        /// The peak learning rate from here on, where a person had changed it by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lr: Option<Number>,
        /// Examples in a batch from here on, where a person had changed that by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<usize>,
    },
    /// The final weights were written for others to load.
    Exported {
        /// Where, in the run's folder.
        name: String,
        /// The size.
        bytes: u64,
    },

    /// Training ended early, because the validation loss no longer fell.
    StoppedEarly {
        /// After which step.
        step: u64,
        /// The step with the lowest validation loss.
        best_step: u64,
        /// That loss.
        best_loss: Number,
    },
    /// The run does not advance until it is told to.
    Paused {
        /// After which step.
        step: u64,
    },
    /// The run advances again.
    Resumed {
        /// After which step.
        step: u64,
    },
    /// A command had its effect.
    CommandApplied {
        /// Which.
        command: Command,
        /// After which step.
        step: u64,
    },
    /// A command had no effect.
    CommandRefused {
        /// Which.
        command: Command,
        /// Why.
        reason: String,
    },

    /// Something about a step does not look like training.
    AnomalyFound(Anomaly),
    /// The examples of the suspicious steps were examined.
    Diagnosed(Diagnosis),
    /// The run went back, and goes on otherwise than before.
    Repaired(Repair),
    /// The run does not decide alone, and waits at its last good checkpoint.
    PersonAsked(Ask),
    /// A person lets it go on.
    PersonAnswered {
        /// The anomaly's number.
        incident: u64,
        /// After which step it goes on.
        step: u64,
    },

    /// The run branched off from another: what came before was that one's, and from here on it goes
    /// its own way.
    Forked {
        /// From which run.
        from: RunId,
        /// After which step.
        step: u64,
    },

    /// What trains stood still, and the run goes back to its last checkpoint.
    Interrupted {
        /// After which step; those since the checkpoint are taken again.
        step: u64,
        /// What failed, when, and for how long.
        interruption: Interruption,
    },

    /// Something that the run survives, and that a person should know.
    Warning {
        /// What, and what to do.
        message: String,
    },
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It did all that was asked.
    Completed,
    /// It was told to stop, and can be resumed.
    Stopped,
    /// It waits for a person.
    Waiting,
    /// It failed.
    Failed,
}

/// One update of the weights, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number, from 1.
    pub step: u64,
    /// The epoch it belongs to, from 1.
    pub epoch: u64,
    /// The mean training loss of its batch.
    pub loss: Number,
    /// The share of the batch predicted exactly, where that makes sense.
    pub accuracy: Option<Number>,
    /// The learning rate.
    pub lr: Number,
    /// The global gradient norm before clipping, where it was measured.
    pub grad_norm: Option<Number>,
    /// The norm of the update as a share of that of the weights, where it was measured.
    pub update_ratio: Option<Number>,
    /// Examples in the batch.
    pub samples: u64,
    /// Tokens in the batch; 0 where there are none.
    pub tokens: u64,
    /// From the end of the step before to the end of this one.
    pub duration_us: u64,
}

/// A measure of held-out examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// After which step.
    pub step: u64,
    /// The mean loss over the targets that count; for tokens in nats a token.
    pub loss: Number,
    /// The share of targets predicted exactly, where that makes sense.
    pub accuracy: Option<Number>,
    /// The share of examples with every counted position right, for exact-answer tasks.
    pub exact: Option<Number>,
    /// e to the loss, for tokens.
    pub perplexity: Option<Number>,
    /// Bits a byte of text, for texts.
    pub bits_per_byte: Option<Number>,
    /// How often class `row` was taken for class `column`, for classes; else empty.
    pub confusion: Vec<Vec<u64>>,
    /// Whether this is the lowest loss so far.
    pub best: bool,
    /// Examples measured.
    pub samples: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// The same of each domain of a mixture, where there is more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainScore>,
}

/// A measure of the held-out examples of one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainScore {
    /// What it is called.
    pub name: String,
    /// The mean loss over the targets that count.
    pub loss: Number,
    /// The share of targets predicted exactly, where that makes sense.
    pub accuracy: Option<Number>,
    /// The share of examples with every counted position right, for exact-answer tasks.
    pub exact: Option<Number>,
    /// Examples measured.
    pub samples: u64,
}

impl DomainScore {
    /// How much is right: whole answers where there are any, else targets.
    pub fn right(&self) -> Option<Number> {
        self.exact.or(self.accuracy)
    }
}

/// The shares of a mixture's domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// After which step.
    pub step: u64,
    /// Every domain, in its order.
    pub domains: Vec<DomainShare>,
}

/// How much of each batch comes from a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainShare {
    /// What it is called.
    pub name: String,
    /// Its share, from 0 to 1.
    pub share: Number,
    /// The mean of its shares after each evaluation so far, where a curriculum follows them: what
    /// DoReMi finds for a model to be trained with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Number>,
}

/// How fast a device took a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceTiming {
    /// Which one.
    pub device: String,
    /// The median time of a step; absent where it could not be timed.
    pub step_ms: Option<Number>,
    /// Why it could not be timed, or what else to know.
    pub note: Option<String>,
}
