//! What people hear of a run that they do not watch: ids and statistics, and never an example, a
//! setting, a path or a text that came with the data.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Envelope, Event, RunStatus};
use crate::ids::RunId;
use crate::supervision::{Anomaly, Repair};

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// The same for the same news, however often it is told: who gets one twice knows it.
    pub id: String,
    /// The run.
    pub run: RunId,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: u64,
    /// What happened.
    pub news: News,
}

/// A line of the list of what is to be told, and of what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutboxLine {
    /// It is to be told.
    Queued(Notification),
    /// It was sent, and not taken.
    Tried {
        /// Which.
        id: String,
        /// When it may be sent again, in milliseconds since 1970.
        due_ms: u64,
        /// What came back.
        why: String,
    },
    /// It has arrived.
    Delivered {
        /// Which.
        id: String,
    },
    /// It is not sent any more.
    GivenUp {
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum News {
    /// A step does not look like training.
    AnomalyFound(Anomaly),
    /// The run went back and changed something.
    Repaired(Repair),
    /// The run waits for a person.
    PersonAsked {
        /// The anomaly's number.
        incident: u64,
        /// The anomaly's step.
        step: u64,
    },
    /// The run ended.
    RunFinished {
        /// How.
        status: RunStatus,
        /// The last step.
        step: u64,
    },
}

impl Notification {
    /// What an envelope is worth telling, if it is.
    pub fn of(envelope: &Envelope) -> Option<Self> {
        let (about, news) = match &envelope.event {
            Event::AnomalyFound(anomaly) => (
                format!("{}_anomaly", anomaly.incident),
                News::AnomalyFound(anomaly.clone()),
            ),
            Event::Repaired(repair) => (
                format!("{}_repair", repair.incident),
                News::Repaired(repair.clone()),
            ),
            Event::PersonAsked(ask) => (
                format!("{}_question", ask.incident),
                News::PersonAsked {
                    incident: ask.incident,
                    step: ask.step,
                },
            ),
            Event::RunFinished { status, step, .. } => (
                format!("{}_end", envelope.seq),
                News::RunFinished {
                    status: *status,
                    step: *step,
                },
            ),
            _ => return None,
        };
        // A full stop separates what is signed; no run's name has a tilde.
        let run = envelope.run.as_str().replace('.', "~");
        Some(Self {
            id: format!("msg_{run}_{about}"),
            run: envelope.run.clone(),
            at_ms: envelope.at_ms,
            news,
        })
    }
}

impl News {
    /// Its name, as receivers choose by it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::AnomalyFound(_) => "run.anomaly_found",
            Self::Repaired(_) => "run.repaired",
            Self::PersonAsked { .. } => "run.person_asked",
            Self::RunFinished { .. } => "run.finished",
        }
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.run)?;
        match &self.news {
            News::AnomalyFound(anomaly) => write!(f, "{anomaly}"),
            News::Repaired(repair) => write!(f, "{repair}"),
            News::PersonAsked { step, .. } => {
                write!(f, "it waits for a person, because of step {step}")
            }
            News::RunFinished { status, step } => {
                let how = format!("{status:?}").to_lowercase();
                write!(f, "{how} at step {step}")
            }
        }
    }
}
