//! What can end a run before its work is done: cancellation and deadlines.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, FutureExt, LocalBoxFuture, Shared, pending, select, select_all};
use kitchen_platform::Stopwatch;
use kitchen_types::event::StagePath;

use crate::engine::Halt;

/// Ends a run at the next boundary between two stages. Clones end the same run, from any thread.
#[derive(Clone, Debug)]
pub struct CancelToken {
    shared: Arc<Switch>,
    /// Ready when the switch has dropped the sender.
    cancelled: Shared<oneshot::Receiver<Infallible>>,
}

#[derive(Debug)]
struct Switch {
    cancelled: AtomicBool,
    sender: Mutex<Option<oneshot::Sender<Infallible>>>,
}

impl CancelToken {
    /// A token that has not been used.
    pub fn new() -> Self {
        let (sender, receiver) = oneshot::channel();
        Self {
            shared: Arc::new(Switch {
                cancelled: AtomicBool::new(false),
                sender: Mutex::new(Some(sender)),
            }),
            cancelled: receiver.shared(),
        }
    }

    /// Ends the run. Doing so twice changes nothing.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Release);
        let sender = &self.shared.sender;
        sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether the run is to end.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Waits until the run is to end.
    pub async fn cancelled(&self) {
        // What it yields says only that the sender is gone.
        let _ = self.cancelled.clone().await;
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

/// What can end the nodes below some point: the tokens and the nearest deadline around them.
pub(crate) struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    cancel: Option<&'a CancelToken>,
    deadline: Option<&'a Deadline>,
}

impl<'a> Scope<'a> {
    /// Nothing ends what runs here: for cleaning up.
    pub(crate) const UNINTERRUPTED: Scope<'static> = Scope {
        outer: None,
        cancel: None,
        deadline: None,
    };

    /// Ended by a token.
    pub(crate) fn new(cancel: &'a CancelToken) -> Self {
        Self {
            cancel: Some(cancel),
            ..Self::UNINTERRUPTED
        }
    }

    /// Ended by one more token.
    pub(crate) fn cancelled_by(&'a self, cancel: &'a CancelToken) -> Self {
        Self {
            outer: Some(self),
            cancel: Some(cancel),
            deadline: self.deadline,
        }
    }

    /// Ended by one more deadline. An outer one that comes sooner stays the one that counts.
    pub(crate) fn limited_by(&'a self, deadline: &'a Deadline) -> Self {
        let outer = self
            .deadline
            .filter(|outer| outer.left() <= deadline.left());
        Self {
            outer: Some(self),
            cancel: None,
            deadline: outer.or(Some(deadline)),
        }
    }

    /// Errors if what runs here is to end.
    pub(crate) fn check(&self) -> Result<(), Halt> {
        if self.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        match self.deadline {
            // The alarm itself may not have rung, where nobody has let the host's timers run.
            Some(deadline) if deadline.left().is_zero() => Err(deadline.expired()),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.tokens().any(CancelToken::is_cancelled)
    }

    pub(crate) async fn cancelled(&self) {
        let tokens: Vec<_> = self
            .tokens()
            .map(|token| token.cancelled().boxed_local())
            .collect();
        match tokens.is_empty() {
            true => pending().await,
            false => drop(select_all(tokens).await),
        }
    }

    /// Awaits work that may only be cut off by a deadline.
    pub(crate) async fn work<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        let Some(deadline) = self.deadline else {
            return Ok(work.await);
        };
        match select(pin!(work), deadline.alarm.clone()).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(deadline.expired()),
        }
    }

    /// Waits for something, unless what runs here is to end.
    pub(crate) async fn wait<T>(&self, event: impl Future<Output = T>) -> Result<T, Halt> {
        self.check()?;
        let (event, cancelled) = (pin!(event), pin!(self.cancelled()));
        match self.work(select(event, cancelled)).await? {
            Either::Left((value, _)) => Ok(value),
            Either::Right(_) => Err(Halt::Cancelled),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = &'a CancelToken> {
        let mut next = Some((self.cancel, self.outer));
        std::iter::from_fn(move || {
            let (cancel, outer) = next?;
            next = outer.map(|outer| (outer.cancel, outer.outer));
            Some(cancel)
        })
        .flatten()
    }
}

/// When an attempt at a node must have ended.
pub(crate) struct Deadline {
    node: StagePath,
    start: Stopwatch,
    limit: Duration,
    alarm: Shared<LocalBoxFuture<'static, ()>>,
}

impl Deadline {
    /// From now on, an attempt at `node` may take `limit`.
    pub(crate) fn new(node: &StagePath, limit: Duration) -> Self {
        Self {
            node: node.clone(),
            start: Stopwatch::start(),
            limit,
            alarm: kitchen_platform::sleep(limit).boxed_local().shared(),
        }
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    fn expired(&self) -> Halt {
        Halt::TimedOut {
            node: self.node.clone(),
            limit: self.limit,
        }
    }
}
