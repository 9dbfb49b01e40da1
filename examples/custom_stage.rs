//! A stage of your own, in a workflow of your own: training ends as soon as the held-out loss is
//! low enough. `docs/custom-stages.md` and `docs/custom-workflows.md` walk through it.
//!
//! ```sh
//! cargo run --release -p kitchen-core --example custom_stage
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::rc::Rc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::config::Layers;
use kitchen_core::flow::{Context, Key, Stage, StageError, StageSpec};
use kitchen_core::store::Memory;
use kitchen_core::supervised::LOOP;
use kitchen_core::{Host, LocalDevices, RECIPES, StartRequest, registry, start_with};
use kitchen_types::board::Phase;
use kitchen_types::event::RunStatus;
use kitchen_types::workflow::Workflow;
use kitchen_types::workflow::build::{any_of, is, repeat_until, stage, when, workflow};
use kitchen_types::{Board, Event, RunId};

/// What the stage tells the workflow.
const GOOD_ENOUGH: Key<bool> = Key::value("good_enough");

/// Sees whether the held-out loss is low enough.
struct CheckGoal;

#[async_trait(?Send)]
impl Stage for CheckGoal {
    fn spec(&self) -> StageSpec {
        StageSpec::new("check_goal", "see whether the held-out loss is low enough")
            .config::<f64>("loss", "the loss that is low enough")
            .reads(&LOOP)
            .writes(&GOOD_ENOUGH)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let goal: f64 = ctx.config("loss")?;
        let lowest = ctx.get(&LOOP)?.patience.best;
        ctx.put(&GOOD_ENOUGH, lowest.is_some_and(|(_, loss)| loss.0 <= goal))
    }
}

/// Trains until the held-out loss is at most `goal`, or until the end of the plan.
fn until_good_enough(goal: f64) -> Workflow {
    let check_goal = || stage("check_goal").with("loss", goal);
    let train = repeat_until(any_of([is("finished"), is("good_enough")]))
        .named("train")
        .quiet()
        .body([
            stage("next_batch"),
            stage("forward_backward"),
            stage("optimizer_step"),
            stage("step_metrics"),
            when(is("evaluation_due")).then([stage("evaluate"), check_goal()]),
            when(is("epoch_ended")).then([stage("epoch_metrics")]),
            stage("obey_commands"),
        ]);
    workflow("until_good_enough")
        .description("train until the held-out loss is low enough")
        .then(stage("load_dataset"))
        .then(stage("plan_training"))
        .then(stage("open_session"))
        .then(stage("restore"))
        .then(check_goal())
        .then(train)
        .then(stage("save_checkpoint"))
        .then(stage("export_weights"))
        .finally(stage("cleanup"))
}

fn main() -> Result<(), Box<dyn Error>> {
    block_on(train())
}

async fn train() -> Result<(), Box<dyn Error>> {
    let digits = &RECIPES[0];
    let layers = Layers::new(digits.name, digits.settings).arguments(&["device=cpu"]);
    let request = StartRequest {
        run: RunId::new("mine")?,
        config: layers
            .resolve()
            .map_err(|problems| problems[0].clone())?
            .config,
        workflow: until_good_enough(0.3),
        first_seq: 0,
    };
    let host = Host {
        store: Rc::new(Memory::default()),
        data: Rc::new(kitchen_core::data::Store::on_disk("")),
        devices: Rc::new(LocalDevices::default()),
        now_ms: kitchen_platform::now_ms,
    };
    let stages = registry().with(CheckGoal);
    let mut run = start_with(&stages, request, host).await?;

    let mut board = Board::default();
    while let Some(envelope) = run.events.next().await {
        board.apply(&envelope);
        if let Event::Evaluated(measured) = &envelope.event {
            println!(
                "step {:4}  held-out loss {:.3}",
                measured.step, measured.loss.0
            );
        }
    }
    match board.phase {
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        } => {
            let (taken, planned) = (board.current_step(), board.steps_planned);
            println!("good enough after {taken} of {planned} steps");
            Ok(())
        }
        other => Err(format!("the run did not complete: {other:?}").into()),
    }
}
