//! Supervised training as a workflow: the stages a practitioner expects, in the order they expect.

mod asked;
mod data;
mod evaluate;
mod guarded;
mod keys;
mod mix;
mod obey;
mod pace;
mod save;
mod session;
mod step;
mod supervise;
mod surface;
mod write;

use kitchen_flow::Registry;
use kitchen_types::workflow::Workflow;
use kitchen_types::workflow::build::{any_of, is, not, repeat_until, stage, when, workflow};

pub(crate) use data::choose_loss;
pub(crate) use evaluate::{measure, spread};
pub(crate) use guarded::update;
pub(crate) use keys::*;
pub use keys::{CLIENT, CONFIG, DATA, LOOP, PLAN, Plan};
pub(crate) use step::next_update;
pub(crate) use surface::{Shown, is_plane, surface};
pub(crate) use write::{beginning, sampling, write_samples};

/// Adds every stage of this module.
pub fn register(registry: &mut Registry) {
    registry.add(data::LoadDataset);
    registry.add(data::PlanTraining);
    registry.add(session::OpenSession);
    registry.add(session::Restore);
    registry.add(obey::ObeyCommands);
    registry.add(step::NextBatch);
    registry.add(step::ForwardBackward);
    registry.add(step::OptimizerStep);
    registry.add(step::StepMetrics);
    registry.add(step::EpochMetrics);
    registry.add(evaluate::Evaluate);
    registry.add(mix::MixDomains);
    registry.add(write::Sample);
    registry.add(save::SaveCheckpoint);
    registry.add(save::ExportWeights);
    registry.add(save::Cleanup);
}

/// The workflow behind every recipe so far.
pub fn supervised() -> Workflow {
    let queue_gradients = repeat_until(is("gradients_ready"))
        .named("accumulate")
        .body([stage("next_batch"), stage("forward_backward")]);
    let batches = repeat_until(any_of([is("epoch_ended"), is("finished")]))
        .named("batches")
        .body([
            queue_gradients,
            stage("optimizer_step"),
            stage("step_metrics"),
            when(is("evaluation_due")).then([stage("evaluate")]),
            when(is("mix_due")).then([stage("mix_domains")]),
            when(is("sample_due")).then([stage("sample")]),
            when(is("checkpoint_due")).then([stage("save_checkpoint")]),
            // Last, so that what people ask for is seen by the loop's own conditions at once.
            stage("obey_commands"),
        ]);
    workflow("supervised")
        .description("train on examples with known answers, and measure on held-out ones")
        .then(stage("load_dataset"))
        .then(stage("plan_training"))
        .then(stage("open_session"))
        .then(stage("restore"))
        .then(
            repeat_until(is("finished"))
                .named("epochs")
                .quiet()
                .body([batches, stage("epoch_metrics")]),
        )
        .then(when(not(is("stopped"))).then([stage("evaluate")]))
        .then(stage("save_checkpoint"))
        .then(when(not(is("stopped"))).then([stage("export_weights")]))
        .finally(stage("cleanup"))
}
