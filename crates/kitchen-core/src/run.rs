//! A run: a stream of events that one polls, and a line for commands.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt};
use kitchen_flow::{Engine, Observer, Problem, Queue, Registry, RunError, State, StateError};
use kitchen_platform::Stopwatch;
use kitchen_types::event::RunStatus;
use kitchen_types::ports::{Splits, StoreError, TrainingClient};
use kitchen_types::question::Preview;
use kitchen_types::random::Key;
use kitchen_types::workflow::Workflow;
use kitchen_types::{Envelope, Event, RunConfig, RunId};

use crate::checkpoint;
use crate::commands::{CommandSender, Line, QuestionSender};
use crate::host::{Host, Lent};
use crate::preview::Latest;
use crate::questions::{Subject, settle};
use crate::supervised::{self, CLIENT, COMMANDS, CONFIG, DATA, LOOP, STOPPED, WATCH};

/// What to run.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    /// What to call it.
    pub run: RunId,
    /// What was asked for.
    pub config: RunConfig,
    /// The stages, in order.
    pub workflow: Workflow,
    /// The number of the first event: 0, or one more than that of the last one recorded.
    pub first_seq: u64,
}

/// A run that has been started.
pub struct Run {
    /// What happens. Nothing runs until it is polled: not polling pauses, dropping cancels.
    pub events: LocalBoxStream<'static, Envelope>,
    /// Tells the run what to do.
    pub commands: CommandSender,
    /// Looks into the model.
    pub questions: QuestionSender,
    /// The newest look at what the model has learnt.
    pub preview: Latest<Preview>,
    /// Goes on answering questions once the events have ended, until nobody is left to ask. Poll
    /// it or drop it then: a question asked meanwhile waits for one or the other.
    pub afterwards: LocalBoxFuture<'static, ()>,
}

/// Why a run could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The workflow does not hold together; every problem names its place.
    #[error("the workflow cannot run:{}", bullets(.0))]
    Workflow(Vec<Problem>),
    /// The run's folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be laid out.
    #[error(transparent)]
    State(#[from] StateError),
}

fn bullets(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("\n  {p}")).collect()
}

/// Every stage there is.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    supervised::register(&mut registry);
    registry
}

/// Everything that is wrong with a workflow before its first step.
pub fn check_workflow(workflow: &Workflow) -> Vec<Problem> {
    kitchen_flow::validate(workflow, &registry(), &supervised::given_keys())
        .err()
        .unwrap_or_default()
}

/// Checks everything that can be known before the first step, and starts a run; if `host`'s store
/// holds checkpoints, the run goes on from the newest one.
pub async fn start(request: StartRequest, host: Host) -> Result<Run, StartError> {
    start_with(&registry(), request, host).await
}

/// The same, with the stages of `registry`: those of [`registry()`] and your own.
pub async fn start_with(
    registry: &Registry,
    request: StartRequest,
    host: Host,
) -> Result<Run, StartError> {
    let plan = kitchen_flow::validate(&request.workflow, registry, &supervised::given_keys())
        .map_err(StartError::Workflow)?;
    let saved = checkpoint::list(&*host.store).await?;
    let begins_after = saved.last().map_or(0, |saved| saved.step);

    let (commands, questions, line) = Line::open();
    let preview = Latest::default();
    let now_ms = host.now_ms;
    let lent = Lent {
        host,
        run: request.run.clone(),
        preview: preview.clone(),
        surface_shown: Cell::new(None),
    };
    let config = Rc::new(request.config);
    let mut state = supervised::given(config.clone(), Rc::new(lent), line)?;

    let queue = Queue::new();
    let observer = queue.clone();
    let workflow = request.workflow.name.clone();
    let (leave, left) = oneshot::channel();
    let body = async move {
        observer.observe(Event::RunStarted {
            config: Box::new((*config).clone()),
            workflow,
            step: begins_after,
        });
        let clock = Stopwatch::start();
        let engine = Engine::new(&observer).seeded(Key::new(config.seed));
        let outcome = engine.run(&plan, &mut state).await;
        observer.observe(finished(outcome, &state, clock.elapsed_us() / 1000));
        if let Some(left) = Left::of(&mut state) {
            // Where nobody looks at what is left, it goes.
            drop(leave.send(left));
        }
    };

    let (run, first_seq) = (request.run, request.first_seq);
    let envelopes = kitchen_flow::events(queue, body)
        .zip(futures::stream::iter(first_seq..))
        .map(move |(event, seq)| Envelope {
            run: run.clone(),
            seq,
            at_ms: now_ms(),
            event,
        });
    Ok(Run {
        events: envelopes.boxed_local(),
        commands,
        questions,
        preview,
        afterwards: async move {
            if let Ok(left) = left.await {
                left.attend().await;
            }
        }
        .boxed_local(),
    })
}

/// What is left of a run at its end: enough to go on answering.
struct Left {
    client: Box<dyn TrainingClient>,
    data: Splits,
    config: Rc<RunConfig>,
    step: u64,
    line: Line,
}

impl Left {
    /// `None` where the run has not come as far as having a model.
    fn of(state: &mut State) -> Option<Self> {
        Some(Self {
            step: state.get(&LOOP).ok()?.step,
            client: state.take(&CLIENT).ok()?,
            data: state.take(&DATA).ok()?,
            config: state.take(&CONFIG).ok()?,
            line: state.take(&COMMANDS).ok()?,
        })
    }

    async fn attend(mut self) {
        while let Some(asked) = self.line.next_question().await {
            let mut subject = Subject {
                client: &mut *self.client,
                data: &self.data,
                config: &self.config,
                step: self.step,
            };
            let found = subject.answer(&asked.question).await;
            if settle(asked, found).is_err() {
                // The device is lost, and the model with it.
                break;
            }
        }
    }
}

fn finished(outcome: Result<(), RunError>, state: &State, duration_ms: u64) -> Event {
    let step = state.get(&LOOP).map_or(0, |state| state.step);
    let stopped = state.get(&STOPPED).is_ok_and(|stopped| *stopped);
    let waits_for = state
        .get(&WATCH)
        .ok()
        .and_then(|watch| watch.as_ref()?.waits_for());
    let (status, reason) = match outcome {
        Err(error) => (RunStatus::Failed, Some(error.to_string())),
        Ok(()) if stopped && waits_for.is_some() => (RunStatus::Waiting, waits_for),
        Ok(()) if stopped => (RunStatus::Stopped, Some("it was told to stop".into())),
        Ok(()) => (RunStatus::Completed, None),
    };
    Event::RunFinished {
        status,
        step,
        duration_ms,
        reason,
    }
}
