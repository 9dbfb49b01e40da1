//! What a page and the worker that trains for it say to each other, as JSON. Bytes (dropped files,
//! checkpoints to download) travel beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bench::BenchReport;
use crate::command::Command;
use crate::config::{DeviceChoice, RunConfig};
use crate::event::Envelope;
use crate::ids::RunId;
use crate::kept::{KeptReply, KeptRequest};
use crate::question::{Answer, Estimate, Preview, Question, QuestionError};

/// What the page asks of its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToWorker {
    /// Begin a run, or go on with one that was kept. A run that is under way is given up.
    Start(Box<StartRun>),
    /// Tell the run something.
    Command(Command),
    /// Look into the model as it is now; the answer comes as [`FromWorker::Answered`].
    Ask {
        /// To tell answers apart.
        id: u64,
        /// What to look at.
        question: Question,
    },
    /// What the browser says of its GPU, before anything begins.
    Gpu(GpuHere),
    /// Say what a run would need, without beginning it; the answer comes as
    /// [`FromWorker::Estimated`].
    Estimate {
        /// To tell answers apart.
        id: u64,
        /// What would be asked for.
        config: Box<RunConfig>,
    },
    /// Take the GPU away, to see what losing it is like.
    LoseDevice,
    /// Time steps of named work, and train nothing else; the outcome comes as
    /// [`FromWorker::Benched`].
    Bench {
        /// Which work, as on the command line.
        name: String,
        /// Where; `auto` is the CPU.
        device: DeviceChoice,
        /// How many steps count.
        steps: u64,
    },
    /// Hold a file that was dropped; its bytes come along. Settings name it as `data.path`.
    Hold {
        /// What to call it.
        name: String,
    },
    /// Say or change something about kept runs; a file to keep comes along as bytes.
    Kept {
        /// Comes back with the answer.
        id: u64,
        /// What.
        request: KeptRequest,
    },
}

/// What a browser says of its GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GpuHere {
    /// There is none to use, for this reason.
    Missing(String),
    /// One of this name that the CPU plays.
    Software(String),
    /// One of this name.
    Hardware(String),
}

/// Which run to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// What to call it. A run of this name that was kept goes on from its newest checkpoint.
    pub run: RunId,
    /// What is asked for.
    pub config: RunConfig,
}

/// What a run would need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Its numbers and their memory.
    pub estimate: Estimate,
    /// The most memory that it may take here, in bytes.
    pub limit_bytes: u64,
    /// How many steps it would take.
    pub steps: u64,
}

/// What the worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromWorker {
    /// It is up. What was said to it before is lost.
    Ready,
    /// It has taken up the run that it was told to start: what it said before this is of the run
    /// before.
    Taken,
    /// What happened since the last batch, in order.
    Envelopes(Vec<Envelope>),
    /// The newest look at what the model has learnt, where there is a new one.
    Preview(Preview),
    /// What a question came to.
    Answered {
        /// Which question.
        id: u64,
        /// What there is to see, or why there is nothing.
        answer: Result<Answer, QuestionError>,
    },
    /// What a run would need.
    Estimated {
        /// That of the question.
        id: u64,
        /// What it needs, or why that is not known.
        needs: Result<Needs, String>,
    },
    /// The answer about kept runs; a file to download comes along as bytes.
    Kept {
        /// That of the question.
        id: u64,
        /// What was asked for, or why not, and what to do.
        reply: Result<KeptReply, String>,
    },
    /// Something that people should know about this tab, such as that nothing can be kept.
    Notice {
        /// What, and what to do.
        message: String,
    },
    /// What a bench measured.
    Benched(BenchReport),
    /// Something that was asked could not be done.
    Failed {
        /// What, where, and what to do.
        message: String,
    },
    /// The run that was asked for may be faster on the GPU, which this worker's program cannot use:
    /// one that can should take its place.
    WantsGpu,
    /// The worker is gone, and the run with it: only a new worker can go on.
    Crashed {
        /// What broke.
        message: String,
    },
}
