//! What a page and the worker that trains for it say to each other, as JSON. Bytes (dropped files,
//! checkpoints to download) travel beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::config::RunConfig;
use crate::event::Envelope;
use crate::ids::RunId;

/// What the page asks of its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToWorker {
    /// Begin a run, or go on with one that was kept. A run that is under way is given up.
    Start(Box<StartRun>),
    /// Tell the run something.
    Command(Command),
    /// Hold a file that was dropped; its bytes come along. Settings name it as `data.path`.
    Hold {
        /// What to call it.
        name: String,
    },
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

/// What the worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromWorker {
    /// It is up. What was said to it before is lost.
    Ready,
    /// What happened since the last batch, in order.
    Envelopes(Vec<Envelope>),
    /// Something that was asked could not be done.
    Failed {
        /// What, where, and what to do.
        message: String,
    },
    /// The worker is gone, and the run with it: only a new worker can go on.
    Crashed {
        /// What broke.
        message: String,
    },
}
