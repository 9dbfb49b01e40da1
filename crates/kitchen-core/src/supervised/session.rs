//! Stages that put the model on its device, and back where it was.

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_types::Event;
use kitchen_types::ports::Interruption;

use super::keys::*;
use super::mix::tell_mix;
use super::obey::obeys;
use super::save::finish_save;
use super::step::{report_all, update_epoch_ended};
use super::supervise::{begin, reapply};
use super::surface;
use crate::checkpoint;

/// Chooses a device and puts the model on it.
pub(super) struct OpenSession;

#[async_trait(?Send)]
impl Stage for OpenSession {
    fn spec(&self) -> StageSpec {
        StageSpec::new("open_session", "choose a device and put the model on it")
            .reads(&CONFIG)
            .reads(&HOST)
            .reads(&DATA)
            .reads(&PLAN)
            .writes(&CLIENT)
            .emits(&["device_chosen", "session_opened"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let config = ctx.get(&CONFIG)?.clone();
        let lent = ctx.get(&HOST)?.clone();
        let data = &*ctx.get(&DATA)?.train;
        let loss = &ctx.get(&PLAN)?.loss;
        let opened = lent.host.devices.open(&config, data, loss).await?;
        ctx.emit(|| Event::DeviceChosen {
            chosen: opened.client.describe().device,
            reason: opened.reason.clone(),
            timings: opened.timings.clone(),
        });
        ctx.emit(|| Event::SessionOpened {
            client: opened.client.describe(),
        });
        ctx.put(&CLIENT, opened.client)
    }
}

/// Goes on from the newest checkpoint, if there is one; otherwise from the beginning.
pub(super) struct Restore;

#[async_trait(?Send)]
impl Stage for Restore {
    fn spec(&self) -> StageSpec {
        obeys(StageSpec::new(
            "restore",
            "go on from the newest checkpoint, if there is one",
        ))
        .emits(&[
            "restored",
            "checkpoint_rejected",
            "checkpoint_saved",
            "checkpoint_removed",
            "planned",
            "mixed",
            "anomaly_found",
            "diagnosed",
            "repaired",
            "person_asked",
            "person_answered",
            "paused",
            "resumed",
            "command_applied",
            "command_refused",
            "stepped",
            "warning",
        ])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        ctx.put(&STEP_BEGAN, Stopwatch::start())?;
        begin(ctx).await?;
        surface::show(ctx).await
    }
}

/// Goes on from the newest checkpoint after what trains stood still.
pub(super) async fn begin_again(
    ctx: &mut Context<'_>,
    interruption: Interruption,
) -> Result<(), StageError> {
    report_all(ctx).await?;
    finish_save(ctx).await?;
    let step = ctx.get(&LOOP)?.step.saturating_sub(1);
    let reason = interruption.to_string();
    ctx.emit(|| Event::Interrupted { step, interruption });
    if !go_back(ctx, u64::MAX).await? {
        return Err(StageError::new(format!(
            "{reason}; there is no checkpoint to go on from"
        )));
    }
    reapply(ctx)?;
    for due in [&EVALUATION_DUE, &MIX_DUE, &SAMPLE_DUE, &CHECKPOINT_DUE] {
        ctx.put(due, false)?;
    }
    surface::show(ctx).await
}

/// Plans from where the loop stands, and tells if that changes the plan.
pub(super) fn plan_anew(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let resized = ctx.get(&LOOP)?.resized.as_ref();
    let plan = Plan::resized(ctx.get(&CONFIG)?, &*ctx.get(&DATA)?.train, resized)?;
    let before = ctx.get(&PLAN)?;
    let (steps, steps_per_epoch) = (plan.steps, plan.steps_per_epoch);
    if (before.steps, before.steps_per_epoch) != (steps, steps_per_epoch) {
        ctx.emit(|| Event::Planned {
            steps,
            steps_per_epoch,
        });
    }
    ctx.put(&PLAN, plan)
}

/// Declares what [`go_back`] reaches, and what is settled before it.
pub(super) fn goes_back(spec: StageSpec) -> StageSpec {
    spec.reads(&CONFIG)
        .reads(&HOST)
        .reads(&DATA)
        .changes(&PLAN)
        .changes(&CLIENT)
        .changes(&LOOP)
        .changes(&IN_FLIGHT)
        .changes(&SAVING)
        .changes(&WATCH)
        .changes(&FINISHED)
        .writes(&EPOCH_ENDED)
}

/// Puts model and loop back to the newest usable checkpoint at or before `step`. Says whether
/// there was one.
pub(super) async fn go_back(ctx: &mut Context<'_>, step: u64) -> Result<bool, StageError> {
    let lent = ctx.get(&HOST)?.clone();
    let newest = checkpoint::load_newest(&*lent.host.store, step).await?;
    for (name, error) in newest.rejected {
        ctx.emit(|| Event::CheckpointRejected {
            name,
            reason: error.to_string(),
        });
    }
    let found = newest.found.is_some();
    if let Some((name, saved)) = newest.found {
        let fingerprint = &ctx.get(&DATA)?.fingerprint;
        if saved.data_fingerprint != *fingerprint {
            return Err(StageError::new(format!(
                "the data are not those of {name} (fingerprint {fingerprint}, then {}); \
                 put the old data back, or start a new run",
                saved.data_fingerprint
            )));
        }
        ctx.get_mut(&CLIENT)?.restore(&saved.model).await?;
        ctx.emit(|| Event::Restored {
            step: saved.state.step,
            name,
            lr: saved.state.lr,
            batch: saved.state.resized.as_ref().map(|resized| resized.batch),
        });
        let shares = ctx.get(&PLAN)?.sampler.shares().to_vec();
        ctx.put(&LOOP, saved.state)?;
        plan_anew(ctx)?;
        if ctx.get(&PLAN)?.sampler.shares() != shares {
            tell_mix(ctx)?;
        }
    }
    let state = ctx.get(&LOOP)?;
    let finished = state.stopped_early || state.step >= ctx.get(&PLAN)?.steps;
    ctx.put(&FINISHED, finished)?;
    update_epoch_ended(ctx)?;
    Ok(found)
}
