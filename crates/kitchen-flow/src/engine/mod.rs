//! Walks a plan.

mod forks;
mod parallel;
mod repeat;
mod stream;
mod walk;

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use kitchen_types::event::StagePath;
use kitchen_types::random;

use crate::interrupt::{CancelToken, Scope};
use crate::observer::Observer;
use crate::plan::Plan;
use crate::stage::StageError;
use crate::state::State;
use walk::Walk;

/// Walks plans, and tells an observer what happens.
pub struct Engine<'a> {
    observer: &'a dyn Observer,
    cancel: CancelToken,
    random: random::Key,
}

impl<'a> Engine<'a> {
    /// An engine that tells `observer` what happens; `&()` is nobody.
    pub fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            cancel: CancelToken::new(),
            random: random::Key::new(0),
        }
    }

    /// Lets `token` end the run, at the next boundary between two stages.
    pub fn cancelled_by(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }

    /// Keys the randomness that stages ask of their [`Context`](crate::Context).
    pub fn seeded(mut self, key: random::Key) -> Self {
        self.random = key;
        self
    }

    /// Runs a plan over `state` from its beginning to its end, whatever that is: what `finally`
    /// asks for has run when this returns.
    ///
    /// The future may be dropped at any time; then nothing more runs, `finally` included. Live
    /// resources that a parallel branch had to itself are back in the state even so.
    pub async fn run(&self, plan: &Plan, state: &mut State) -> Result<(), RunError> {
        let walk = Walk::new(self, plan);
        let mut ended = walk
            .block(&plan.steps, state, &Scope::new(&self.cancel))
            .await;
        if matches!(&ended, Err(Halt::Failed(failure)) if failure.roll_back) {
            walk.roll_back(state).await;
        }
        let cleaned = walk
            .block(&plan.finally, state, &Scope::UNINTERRUPTED)
            .await;
        ended = ended.and(cleaned);
        ended.map_err(RunError::from)
    }
}

/// How a run ended, if not well.
#[derive(Debug)]
pub enum RunError {
    /// A stage failed, and its policy let that count.
    Failed {
        /// Which.
        stage: StagePath,
        /// Why.
        error: StageError,
    },
    /// The run was cancelled.
    Cancelled,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { stage, error } => write!(f, "{stage}: {error}"),
            Self::Cancelled => f.write_str("the run was cancelled"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<Halt> for RunError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Cancelled => Self::Cancelled,
            Halt::Failed(Failure { stage, error, .. }) => Self::Failed { stage, error },
            // The node whose deadline it was has turned this into a failure already.
            Halt::TimedOut { node, limit } => Self::Failed {
                error: took_too_long(limit),
                stage: node,
            },
        }
    }
}

/// What ends a node before its work is done, on its way up the tree.
pub(crate) enum Halt {
    /// Policies decide what becomes of it.
    Failed(Failure),
    /// It becomes a failure of `node`, whose deadline it was; nodes below do not handle it.
    TimedOut { node: StagePath, limit: Duration },
    /// No policy handles it.
    Cancelled,
}

impl Halt {
    /// Of what ended several branches, what says most about the reason: the others may have been
    /// cancelled on its account.
    fn weightier(self, other: Self) -> Self {
        let weight = |halt: &Self| match halt {
            Self::Failed(failure) => 2 + u8::from(failure.roll_back),
            Self::TimedOut { .. } => 1,
            Self::Cancelled => 0,
        };
        if weight(&other) > weight(&self) {
            other
        } else {
            self
        }
    }
}

/// A stage that failed.
pub(crate) struct Failure {
    pub(crate) stage: StagePath,
    pub(crate) error: StageError,
    /// Whether everything is to be undone; no policy handles it any more then.
    pub(crate) roll_back: bool,
}

fn took_too_long(limit: Duration) -> StageError {
    StageError::new(format!(
        "it took longer than {} ms; give it more time (`timeout_ms`) or less to do",
        limit.as_millis()
    ))
}

/// Gives the observer a turn, if events wait for it.
pub(crate) async fn give_way(observer: &dyn Observer) {
    let mut waiting = observer.has_waiting();
    poll_fn(|cx| {
        if !std::mem::take(&mut waiting) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
