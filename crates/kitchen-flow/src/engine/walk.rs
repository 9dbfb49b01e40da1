//! Blocks, nodes and their policies.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use kitchen_platform::{Stopwatch, sleep, yield_now};
use kitchen_types::Event;
use kitchen_types::event::StagePath;
use kitchen_types::workflow::OnFailure;

use super::{Engine, Failure, Halt, give_way, took_too_long};
use crate::condition;
use crate::context::{Context, Emitter};
use crate::interrupt::{Deadline, Scope};
use crate::plan::{Plan, PlanNode, PlanPolicy, StageUse, Work};
use crate::stage::StageError;
use crate::state::State;

/// How long the host may wait for its turn while loops go round.
const HOST_TURN_AFTER: Duration = Duration::from_millis(50);

/// One walk over a plan.
pub(super) struct Walk<'p> {
    engine: &'p Engine<'p>,
    emitter: Emitter<'p>,
    rolls_back: bool,
    /// Stages that completed and can be undone, oldest first.
    completed: RefCell<Vec<(&'p StagePath, &'p StageUse)>>,
    host_turn: Cell<Stopwatch>,
}

pub(super) type Ended = Result<(), Halt>;

impl<'p> Walk<'p> {
    pub(super) fn new(engine: &'p Engine<'p>, plan: &Plan) -> Self {
        Self {
            engine,
            emitter: Emitter(engine.observer),
            rolls_back: plan.rolls_back,
            completed: RefCell::default(),
            host_turn: Cell::new(Stopwatch::start()),
        }
    }

    /// Runs nodes one after the other.
    pub(super) async fn block(
        &self,
        nodes: &'p [PlanNode],
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        for node in nodes {
            match (&node.work, &node.policy) {
                // Most nodes are these: they are spared the allocation that recursion needs.
                (Work::Stage(stage), None) => {
                    scope.check()?;
                    self.announced(node, self.stage(node, stage, state, scope))
                        .await?;
                }
                _ => self.node(node, state, scope).await?,
            }
        }
        Ok(())
    }

    /// Runs a node, whatever it is, and what always runs after it.
    pub(super) fn node<'s>(
        &'s self,
        node: &'p PlanNode,
        state: &'s mut State,
        scope: &'s Scope<'s>,
    ) -> LocalBoxFuture<'s, Ended> {
        async move {
            scope.check()?;
            let Some(policy) = node.policy.as_deref() else {
                return self.announced(node, self.work(node, state, scope)).await;
            };
            let tried = self.attempts(node, policy, state, scope);
            let ended = self.settle(node, policy, self.announced(node, tried).await);
            let cleaned = self
                .block(&policy.finally, state, &Scope::UNINTERRUPTED)
                .await;
            ended.and(cleaned)
        }
        .boxed_local()
    }

    /// Tells of a node's start and its end, if they are to be told.
    async fn announced(&self, node: &PlanNode, run: impl Future<Output = Ended>) -> Ended {
        if node.announced && self.engine.observer.is_listening() {
            let stage = || node.path.clone();
            self.emitter.emit(|| Event::StageStarted { stage: stage() });
            // A stage may take long, and what has started should be seen while it runs.
            give_way(self.engine.observer).await;
            let clock = Stopwatch::start();
            run.await?;
            self.emitter.emit(|| Event::StageFinished {
                stage: stage(),
                duration_us: clock.elapsed_us(),
            });
        } else {
            run.await?;
        }
        give_way(self.engine.observer).await;
        Ok(())
    }

    /// Tries a node as often as its policy allows.
    async fn attempts(
        &self,
        node: &'p PlanNode,
        policy: &'p PlanPolicy,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        for attempt in 2..=policy.retry.attempts {
            match self.attempt(node, policy, state, scope).await {
                Err(Halt::Failed(failure)) if !failure.roll_back => {
                    self.pause_before(attempt, node, policy, scope).await?;
                }
                ended => return ended,
            }
        }
        self.attempt(node, policy, state, scope).await
    }

    /// Settles what the failure of all attempts means.
    fn settle(&self, node: &PlanNode, policy: &PlanPolicy, ended: Ended) -> Ended {
        let Err(Halt::Failed(mut failure)) = ended else {
            return ended;
        };
        match policy.on_failure {
            OnFailure::Skip if !failure.roll_back => {
                self.emitter.emit(|| Event::StageSkipped {
                    stage: node.path.clone(),
                    reason: failure.error.to_string(),
                });
                return Ok(());
            }
            OnFailure::RollBack => failure.roll_back = true,
            OnFailure::Skip | OnFailure::Fail => {}
        }
        Err(Halt::Failed(failure))
    }

    async fn pause_before(
        &self,
        attempt: u32,
        node: &PlanNode,
        policy: &PlanPolicy,
        scope: &Scope<'_>,
    ) -> Ended {
        let delay_ms = policy.retry.delay_before_ms(attempt);
        self.emitter.emit(|| Event::StageRetried {
            stage: node.path.clone(),
            attempt,
            delay_ms,
        });
        give_way(self.engine.observer).await;
        match delay_ms {
            0 => Ok(()),
            delay_ms => scope.wait(sleep(Duration::from_millis(delay_ms))).await,
        }
    }

    /// Tries a node once, within its time.
    async fn attempt(
        &self,
        node: &'p PlanNode,
        policy: &PlanPolicy,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let Some(limit) = policy.timeout else {
            return self.work(node, state, scope).await;
        };
        let deadline = Deadline::new(&node.path, limit);
        match self.work(node, state, &scope.limited_by(&deadline)).await {
            Err(Halt::TimedOut { node: late, .. }) if late == node.path => {
                Err(self.failed(node, took_too_long(limit)))
            }
            ended => ended,
        }
    }

    /// Does what a node is there for.
    async fn work(&self, node: &'p PlanNode, state: &mut State, scope: &Scope<'_>) -> Ended {
        match &node.work {
            Work::Stage(stage) => self.stage(node, stage, state, scope).await,
            Work::Sequence(nodes) => self.block(nodes, state, scope).await,
            Work::Loop { repeat, body } => self.repeat(node, repeat, body, state, scope).await,
            Work::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = condition::holds(condition, state);
                let branch = match holds.map_err(|error| self.failed(node, error))? {
                    true => then,
                    false => otherwise,
                };
                self.block(branch, state, scope).await
            }
            Work::Parallel {
                branches,
                owned,
                limit,
                ..
            } => self.parallel(branches, owned, *limit, state, scope).await,
            Work::Stream(stream) => self.stream(node, stream, state, scope).await,
        }
    }

    async fn stage(
        &self,
        node: &'p PlanNode,
        stage: &'p StageUse,
        state: &mut State,
        scope: &Scope<'_>,
    ) -> Ended {
        let mut ctx = self.context(&node.path, stage, state, scope);
        match scope.work(stage.registered.stage.run(&mut ctx)).await? {
            Ok(()) => {
                if self.rolls_back && stage.registered.spec.can_roll_back {
                    self.completed.borrow_mut().push((&node.path, stage));
                }
                Ok(())
            }
            Err(error) => Err(self.failed(node, error)),
        }
    }

    /// Undoes what can be undone, the newest first. What cannot be is told, and the rest goes on.
    pub(super) async fn roll_back(&self, state: &mut State) {
        loop {
            let newest = self.completed.borrow_mut().pop();
            let Some((path, stage)) = newest else { return };
            let mut ctx = self.context(path, stage, state, &Scope::UNINTERRUPTED);
            let undone = stage.registered.stage.roll_back(&mut ctx).await;
            self.emitter.emit(|| match undone {
                Ok(()) => Event::StageRolledBack {
                    stage: path.clone(),
                },
                Err(error) => Event::Warning {
                    message: format!("{path} could not be undone: {error}; undo it by hand"),
                },
            });
            give_way(self.engine.observer).await;
        }
    }

    fn context<'c>(
        &'c self,
        path: &'c StagePath,
        stage: &'c StageUse,
        state: &'c mut State,
        scope: &'c Scope<'c>,
    ) -> Context<'c> {
        Context {
            state,
            stage,
            path,
            observer: self.engine.observer,
            random: &self.engine.random,
            scope,
        }
    }

    /// Tells of a failure where it happened.
    pub(super) fn failed(&self, node: &PlanNode, error: StageError) -> Halt {
        self.emitter.emit(|| Event::StageFailed {
            stage: node.path.clone(),
            error: error.to_string(),
        });
        Halt::Failed(Failure {
            stage: node.path.clone(),
            error,
            roll_back: false,
        })
    }

    /// Gives the host a turn now and then, so that a loop that awaits nothing can be cancelled
    /// from a browser's event loop.
    pub(super) async fn host_turn(&self) {
        if self.host_turn.get().elapsed() >= HOST_TURN_AFTER {
            yield_now().await;
            self.host_turn.set(Stopwatch::start());
        }
    }
}
