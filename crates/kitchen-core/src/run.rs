//! A run: a stream of events that one polls, and a line for commands.

use std::rc::Rc;

use futures::StreamExt;
use futures::stream::LocalBoxStream;
use kitchen_flow::{Engine, Observer, Problem, Queue, Registry, RunError, State, StateError};
use kitchen_platform::Stopwatch;
use kitchen_types::event::RunStatus;
use kitchen_types::ports::StoreError;
use kitchen_types::question::Preview;
use kitchen_types::random::Key;
use kitchen_types::workflow::Workflow;
use kitchen_types::{Envelope, Event, RunConfig, RunId};

use crate::checkpoint;
use crate::commands::{CommandSender, Commands};
use crate::host::{Host, Lent};
use crate::preview::Latest;
use crate::supervised::{self, LOOP, STOPPED};

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
    /// The newest look at what the model has learnt.
    pub preview: Latest<Preview>,
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

    let (sender, commands) = Commands::channel();
    let preview = Latest::default();
    let now_ms = host.now_ms;
    let lent = Lent {
        host,
        run: request.run.clone(),
        preview: preview.clone(),
    };
    let config = Rc::new(request.config);
    let mut state = supervised::given(config.clone(), Rc::new(lent), commands)?;

    let queue = Queue::new();
    let observer = queue.clone();
    let workflow = request.workflow.name.clone();
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
        commands: sender,
        preview,
    })
}

fn finished(outcome: Result<(), RunError>, state: &State, duration_ms: u64) -> Event {
    let step = state.get(&LOOP).map_or(0, |state| state.step);
    let stopped = state.get(&STOPPED).is_ok_and(|stopped| *stopped);
    let (status, reason) = match outcome {
        Err(error) => (RunStatus::Failed, Some(error.to_string())),
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
