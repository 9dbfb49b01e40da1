//! Stages that open the data and plan the training.

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_types::Event;
use kitchen_types::config::LossConfig;
use kitchen_types::ports::{DataSpec, Loss, TargetSpec};

use super::keys::*;
use super::mix::tell_mix;
use crate::faults::open_data;

/// Opens the data set and splits it.
pub(super) struct LoadDataset;

#[async_trait(?Send)]
impl Stage for LoadDataset {
    fn spec(&self) -> StageSpec {
        StageSpec::new("load_dataset", "open the data set and split it")
            .reads(&CONFIG)
            .reads(&HOST)
            .writes(&DATA)
            .emits(&["dataset_loaded", "warning"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let config = ctx.get(&CONFIG)?.clone();
        let splits = open_data(&*ctx.get(&HOST)?.host.data, &config)?;
        for note in &splits.notes {
            ctx.emit(|| Event::Warning {
                message: note.clone(),
            });
        }
        ctx.emit(|| Event::DatasetLoaded {
            source: splits.source.clone(),
            train: splits.train.len(),
            validation: splits.validation.len(),
            spec: splits.train.spec().clone(),
            fingerprint: splits.fingerprint.clone(),
        });
        ctx.put(&DATA, splits)
    }
}

/// Decides how many steps to take, and in which order the examples come.
pub(super) struct PlanTraining;

#[async_trait(?Send)]
impl Stage for PlanTraining {
    fn spec(&self) -> StageSpec {
        StageSpec::new(
            "plan_training",
            "decide how many steps to take, and in which order",
        )
        .reads(&CONFIG)
        .reads(&DATA)
        .reads(&LOOP)
        .writes(&PLAN)
        .emits(&["planned", "mixed"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let plan = Plan::new(ctx.get(&CONFIG)?, &*ctx.get(&DATA)?.train)?;
        ctx.emit(|| Event::Planned {
            steps: plan.steps,
            steps_per_epoch: plan.steps_per_epoch,
        });
        ctx.put(&PLAN, plan)?;
        tell_mix(ctx)
    }
}

/// What is minimised: what the config says, or what fits the targets.
pub(crate) fn choose_loss(config: &LossConfig, data: &DataSpec) -> Result<Loss, StageError> {
    let values = matches!(data.target, TargetSpec::Values { .. });
    match config {
        LossConfig::Auto if values => Ok(Loss::MeanSquaredError),
        LossConfig::Auto => Ok(Loss::CrossEntropy {
            label_smoothing: 0.0,
        }),
        LossConfig::CrossEntropy { label_smoothing } if !values => Ok(Loss::CrossEntropy {
            label_smoothing: *label_smoothing,
        }),
        LossConfig::MeanSquaredError if values => Ok(Loss::MeanSquaredError),
        LossConfig::BinaryCrossEntropy if values => Ok(Loss::BinaryCrossEntropy),
        LossConfig::CrossEntropy { .. } => Err(StageError::new(
            "cross-entropy needs classes or tokens, and the targets are numbers; \
             use loss=mean_squared_error",
        )),
        LossConfig::MeanSquaredError | LossConfig::BinaryCrossEntropy => Err(StageError::new(
            "this loss needs targets that are numbers, and these are classes or tokens; \
             use loss=cross_entropy",
        )),
    }
}
