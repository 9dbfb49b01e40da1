//! What the workflow engine costs: the time of a stage that does nothing.

use async_trait::async_trait;
use futures::executor::block_on;
use kitchen_core::flow::build::{repeat, stage, workflow};
use kitchen_core::flow::{
    Context, Engine, Registry, Stage, StageError, StageSpec, State, validate,
};
use kitchen_platform::Stopwatch;
use kitchen_types::bench::BenchReport;

/// Stages in one timed loop, so that the clock's own cost does not count.
const STAGES: u64 = 1000;

/// Times `steps` loops; a step of the report is one stage.
pub(super) fn time(steps: u64) -> anyhow::Result<BenchReport> {
    let workflow = workflow("engine").then(repeat(STAGES).quiet().body([stage("nothing")]));
    let plan = validate(&workflow, &Registry::new().with(Nothing), &[]).map_err(|problems| {
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the workflow cannot run: {}", texts.join("; "))
    })?;
    let mut ms = Vec::new();
    for _ in 0..steps {
        let clock = Stopwatch::start();
        let outcome = block_on(Engine::new(&()).run(&plan, &mut State::new()));
        outcome.map_err(|error| anyhow::anyhow!("the engine failed: {error}"))?;
        ms.push(clock.elapsed().as_secs_f64() * 1e3 / STAGES as f64);
    }
    Ok(super::report("engine", "cpu", 1, ms))
}

struct Nothing;

#[async_trait(?Send)]
impl Stage for Nothing {
    fn spec(&self) -> StageSpec {
        StageSpec::new("nothing", "do nothing")
    }

    async fn run(&self, _ctx: &mut Context<'_>) -> Result<(), StageError> {
        Ok(())
    }
}
