//! Stages that say what they do, and a check that compares what was said.

use std::cell::Cell;
use std::time::Duration;

use async_trait::async_trait;
use expect_test::Expect;
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_flow::{
    CancelToken, Context, Engine, Key, Problem, Queue, Registry, RunError, Stage, StageError,
    StageSpec, State, events, validate,
};
use kitchen_platform::sleep;
use kitchen_types::Event;
use kitchen_types::workflow::Workflow;

pub const CANCEL: Key<CancelToken> = Key::new("cancel");
pub const COUNT: Key<u64> = Key::value("count");
pub const FLAG: Key<bool> = Key::value("flag");
pub const OTHER: Key<bool> = Key::value("other");
pub const LIST: Key<Vec<u64>> = Key::list("list");
pub const OUTER: Key<Vec<u64>> = Key::list("outer");
pub const ITEM: Key<u64> = Key::value("item");

/// A stage made of a spec and a function.
pub struct Does<F> {
    pub spec: StageSpec,
    pub run: F,
}

#[async_trait(?Send)]
impl<F: Fn(&mut Context<'_>) -> Result<(), StageError>> Stage for Does<F> {
    fn spec(&self) -> StageSpec {
        self.spec.clone()
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        (self.run)(ctx)
    }

    async fn roll_back(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        say(ctx, "undone");
        Ok(())
    }
}

pub fn does<F>(spec: StageSpec, run: F) -> Does<F>
where
    F: Fn(&mut Context<'_>) -> Result<(), StageError>,
{
    Does { spec, run }
}

/// Makes the stage heard among the events.
pub fn say(ctx: &Context<'_>, what: impl std::fmt::Display) {
    ctx.emit(|| Event::Warning {
        message: format!("{}: {what}", ctx.path()),
    });
}

/// Sleeps as long as it is told, saying when it starts and when it ends.
pub struct Sleep;

#[async_trait(?Send)]
impl Stage for Sleep {
    fn spec(&self) -> StageSpec {
        StageSpec::new("sleep", "sleeps").config::<u64>("ms", "how long")
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        say(ctx, "asleep");
        sleep(Duration::from_millis(ctx.config("ms")?)).await;
        say(ctx, "awake");
        Ok(())
    }
}

/// The stages that these tests have in common.
pub fn registry() -> Registry {
    let failures = Cell::new(0_u32);
    Registry::new()
        .with(Sleep)
        .with(does(StageSpec::new("say", "says that it runs"), |ctx| {
            say(ctx, "runs");
            Ok(())
        }))
        .with(does(
            StageSpec::new("undoable", "does what it can undo").can_roll_back(),
            |ctx| {
                say(ctx, "done");
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("fail", "fails").config_or::<u32>("times", "how often", u32::MAX),
            move |ctx| {
                failures.set(failures.get() + 1);
                if failures.get() <= ctx.config::<u32>("times")? {
                    return Err(StageError::new("no luck"));
                }
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("count", "adds 1").changes(&COUNT),
            |ctx| {
                *ctx.get_mut(&COUNT)? += 1;
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("tell_count", "tells the count").reads(&COUNT),
            |ctx| {
                say(ctx, ctx.get(&COUNT)?);
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("tell_item", "tells the item").reads(&ITEM),
            |ctx| {
                say(ctx, ctx.get(&ITEM)?);
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("set", "sets a flag")
                .writes(&FLAG)
                .config_or::<bool>("to", "to what", true),
            |ctx| ctx.put(&FLAG, ctx.config("to")?),
        ))
        .with(does(
            StageSpec::new("cancel", "cancels the run").reads(&CANCEL),
            |ctx| {
                ctx.get(&CANCEL)?.cancel();
                say(ctx, "cancelled");
                Ok(())
            },
        ))
}

/// A state with a little of everything.
pub fn state() -> State {
    let mut state = State::new();
    state.put(&CANCEL, CancelToken::new()).unwrap();
    state.put(&COUNT, 0).unwrap();
    state.put(&FLAG, false).unwrap();
    state.put(&OTHER, true).unwrap();
    state.put(&LIST, vec![10, 20]).unwrap();
    state.put(&OUTER, vec![1, 2]).unwrap();
    state
}

/// Runs a workflow over `state`; what was said, line by line, and how it ended.
pub fn run(
    workflow: &Workflow,
    registry: &Registry,
    state: &mut State,
) -> (Vec<String>, Result<(), RunError>) {
    let plan = match validate(workflow, registry, &state.keys()) {
        Ok(plan) => plan,
        Err(problems) => panic!("{}", lines(&problems)),
    };
    let token = match state.get(&CANCEL) {
        Ok(token) => token.clone(),
        Err(_) => CancelToken::new(),
    };
    let queue = Queue::new();
    let mut ended = None;
    let said = {
        let run = async {
            let engine = Engine::new(&queue).cancelled_by(token);
            ended = Some(engine.run(&plan, state).await);
        };
        let stream = events(queue.clone(), run);
        block_on(stream.map(|event| show(&event)).collect())
    };
    (said, ended.expect("the stream ended with the run"))
}

/// Runs a workflow with the common stages, and compares what was said.
pub fn check(workflow: &Workflow, expect: Expect) {
    check_with(workflow, &registry(), expect);
}

pub fn check_with(workflow: &Workflow, registry: &Registry, expect: Expect) {
    let (mut said, ended) = run(workflow, registry, &mut state());
    said.push(match ended {
        Ok(()) => "ended well".to_owned(),
        Err(error) => format!("ended: {error}"),
    });
    expect.assert_eq(&(said.join("\n") + "\n"));
}

/// What stages themselves said, without the engine's events.
pub fn said(lines: &[String]) -> Vec<&str> {
    let words = lines.iter().filter_map(|line| line.strip_prefix("    "));
    words.collect()
}

pub fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

fn show(event: &Event) -> String {
    match event {
        Event::StageStarted { stage } => format!("started {stage}"),
        Event::StageFinished { stage, .. } => format!("finished {stage}"),
        Event::StageFailed { stage, error } => format!("failed {stage}: {error}"),
        Event::StageRetried {
            stage,
            attempt,
            delay_ms,
        } => format!("retried {stage}: attempt {attempt} in {delay_ms} ms"),
        Event::StageSkipped { stage, reason } => format!("skipped {stage}: {reason}"),
        Event::StageRolledBack { stage } => format!("rolled back {stage}"),
        Event::Warning { message } => format!("    {message}"),
        other => format!("{other:?}"),
    }
}
