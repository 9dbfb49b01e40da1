//! What the engine costs for each stage: `cargo bench -p kitchen-flow`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::cell::Cell;

use async_trait::async_trait;
use futures::executor::block_on;
use kitchen_flow::build::*;
use kitchen_flow::{
    Context, Engine, Key, Observer, Registry, Stage, StageError, StageSpec, State, validate,
};
use kitchen_platform::Stopwatch;
use kitchen_types::Event;
use kitchen_types::workflow::Workflow;

const STEP: Key<u64> = Key::value("step");
const FINISHED: Key<bool> = Key::value("finished");
const TURNS: u64 = 100_000;
const ROUNDS: usize = 7;

/// Does nothing, which is all that remains when the engine is left alone.
struct Nothing;

#[async_trait(?Send)]
impl Stage for Nothing {
    fn spec(&self) -> StageSpec {
        StageSpec::new("nothing", "does nothing")
    }

    async fn run(&self, _ctx: &mut Context<'_>) -> Result<(), StageError> {
        Ok(())
    }
}

/// Reads and writes the state, as the smallest useful stage does.
struct Advance;

#[async_trait(?Send)]
impl Stage for Advance {
    fn spec(&self) -> StageSpec {
        StageSpec::new("advance", "counts a step")
            .changes(&STEP)
            .writes(&FINISHED)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let step = ctx.get_mut(&STEP)?;
        *step += 1;
        let finished = *step == TURNS;
        ctx.put(&FINISHED, finished)
    }
}

/// Counts events, and lets them go.
#[derive(Default)]
struct Count(Cell<u64>);

impl Observer for Count {
    fn observe(&self, _event: Event) {
        self.0.set(self.0.get() + 1);
    }
}

fn main() {
    let body = || {
        let rest = (0..4).map(|_| stage("nothing"));
        std::iter::once(stage("advance")).chain(rest)
    };
    let plain = workflow("w").then(repeat_until(is("finished")).body(body()));
    let quiet = workflow("w").then(repeat_until(is("finished")).quiet().body(body()));
    let nested = workflow("w")
        .then(repeat_until(is("finished")).body(body().map(|node| node.timeout_ms(60_000))));
    let count = Count::default();
    report("nobody observes", &plain, &());
    report("observed, quiet loop", &quiet, &count);
    report("observed, every stage announced", &plain, &count);
    report("nobody observes, a policy on every stage", &nested, &());
}

/// Prints the median over rounds of the time per stage, in nanoseconds.
fn report(name: &str, workflow: &Workflow, observer: &dyn Observer) {
    let registry = Registry::new().with(Nothing).with(Advance);
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let mut state = State::new();
            state.put(&STEP, 0).unwrap();
            state.put(&FINISHED, false).unwrap();
            let plan = validate(workflow, &registry, &state.keys()).unwrap();
            let clock = Stopwatch::start();
            block_on(Engine::new(observer).run(&plan, &mut state)).unwrap();
            clock.elapsed_us() * 1000 / (TURNS * 5)
        })
        .collect();
    rounds.sort_unstable();
    println!("{name:<42} {:>5} ns a stage", rounds[ROUNDS / 2]);
}
