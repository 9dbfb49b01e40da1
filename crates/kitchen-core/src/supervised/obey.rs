//! Doing what people ask for between two steps, and waiting for them.

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_types::{Command, Event};

use super::keys::*;
use super::save::{finish_save, poll_save};
use super::session::{go_back, goes_back, plan_anew};
use super::step::{report_all, take_batch, update_epoch_ended};
use super::supervise::{reapply, supervise, told};
use super::{asked, pace, surface};
use crate::commands::Heard;
use crate::config::MOST_IN_A_BATCH;

const NOT_SIMULATED: &str = "the time of this run is not simulated; `device=cluster` simulates it";

/// Does what people asked for since the last step.
pub(super) struct ObeyCommands;

#[async_trait(?Send)]
impl Stage for ObeyCommands {
    fn spec(&self) -> StageSpec {
        obeys(StageSpec::new(
            "obey_commands",
            "do what people asked for since the last step",
        ))
        .emits(&[
            "paused",
            "resumed",
            "command_applied",
            "command_refused",
            "restored",
            "checkpoint_rejected",
            "checkpoint_saved",
            "checkpoint_removed",
            "planned",
            "mixed",
            "stepped",
            "anomaly_found",
            "diagnosed",
            "repaired",
            "person_asked",
            "person_answered",
            "warning",
        ])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        poll_save(ctx).await?;
        supervise(ctx).await?;
        let stepped = *ctx.get(&STEPPING)?;
        ctx.put(&STEPPING, false)?;
        if stepped && !*ctx.get(&FINISHED)? {
            wait_for_resume(ctx).await?;
        }
        pace::keep(ctx).await?;
        // What comes after a wish for one step is about what that step leads to.
        while !*ctx.get(&STEPPING)?
            && let Some(command) = ctx.get_mut(&COMMANDS)?.command()
        {
            obey(ctx, command).await?;
        }
        asked::attend(ctx).await?;
        ctx.put(&STEP_BEGAN, Stopwatch::start())
    }
}

/// What any command may change.
pub(super) fn obeys(spec: StageSpec) -> StageSpec {
    goes_back(spec)
        .changes(&COMMANDS)
        .changes(&STEPPING)
        .changes(&PACE)
        .writes(&STOPPED)
        .writes(&STEP_BEGAN)
}

pub(super) async fn obey(ctx: &mut Context<'_>, command: Command) -> Result<(), StageError> {
    let refusal = match &command {
        Command::Pause => return wait_for_resume(ctx).await.map(drop),
        Command::Resume => Some("the run is not paused".into()),
        Command::Step => {
            ctx.put(&STEPPING, true)?;
            None
        }
        Command::Stop => {
            ctx.put(&FINISHED, true)?;
            ctx.put(&STOPPED, true)?;
            None
        }
        Command::Save => {
            super::save::save(ctx).await?;
            None
        }
        Command::SetLearningRate(lr) if lr.is_finite() && lr.0 > 0.0 => {
            ctx.get_mut(&LOOP)?.lr = Some(*lr);
            told(ctx, &command).await?;
            None
        }
        Command::SetLearningRate(lr) => {
            Some(format!("{lr} is not a learning rate; it must be above 0"))
        }
        Command::SetClipNorm(clip) if clip.is_finite() && clip.0 >= 0.0 => {
            ctx.get_mut(&LOOP)?.clip_norm = Some(*clip);
            told(ctx, &command).await?;
            None
        }
        Command::SetClipNorm(clip) => Some(format!(
            "{clip} is not a gradient norm; it must be 0, which does not clip, or more"
        )),
        Command::SetBatchSize(size) if (1..=MOST_IN_A_BATCH).contains(size) => {
            resize(ctx, *size)?;
            None
        }
        Command::SetBatchSize(size) => Some(format!(
            "{size} is not a batch size; it must be from 1 to {MOST_IN_A_BATCH}"
        )),
        Command::SetSpeed(speed) => match (ctx.get(&CLIENT)?.clock(), speed.0) {
            (None, _) => Some(NOT_SIMULATED.into()),
            (Some(_), speed) if speed.is_finite() && speed >= 0.0 => {
                ctx.get_mut(&PACE)?.set_speed(speed);
                None
            }
            _ => Some(format!(
                "{speed} is not a speed; it must be 0, which does not wait, or more"
            )),
        },
        Command::Seek(to) => match ctx.get(&CLIENT)?.clock() {
            None => Some(NOT_SIMULATED.into()),
            Some(now) if to.is_finite() && to.0 > now => {
                ctx.get_mut(&PACE)?.seek(to.0);
                None
            }
            Some(now) => Some(format!(
                "the simulated clock stands at {now:.1} s, and goes forward only; `rollback STEP` \
                 takes the weights back to a checkpoint"
            )),
        },
        Command::SkipBatch => {
            take_batch(ctx)?;
            update_epoch_ended(ctx)?;
            None
        }
        Command::BlacklistSamples(ids) => {
            ctx.get_mut(&LOOP)?.blacklist.extend(ids);
            told(ctx, &command).await?;
            None
        }
        Command::RollBack { step } => {
            report_all(ctx).await?;
            match go_back(ctx, *step).await? {
                true => {
                    reapply(ctx)?;
                    surface::show(ctx).await?;
                    None
                }
                false => Some(format!(
                    "no checkpoint at or before step {step} can be used"
                )),
            }
        }
    };
    let step = ctx.get(&LOOP)?.step;
    ctx.emit(|| match refusal {
        None => Event::CommandApplied { command, step },
        Some(reason) => Event::CommandRefused { command, reason },
    });
    Ok(())
}

/// Lets batches of another size take over, where the loop stands.
fn resize(ctx: &mut Context<'_>, size: usize) -> Result<(), StageError> {
    let state = ctx.get(&LOOP)?;
    let sampler = &ctx.get(&PLAN)?.sampler;
    let resized = sampler.resize(size, state.step, state.epoch, state.batch);
    let state = ctx.get_mut(&LOOP)?;
    state.resized = Some(resized);
    state.batch = 0;
    plan_anew(ctx)?;
    if ctx.get(&LOOP)?.step >= ctx.get(&PLAN)?.steps {
        ctx.put(&FINISHED, true)?;
    }
    update_epoch_ended(ctx)
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// Somebody lets the run go on.
    Resumed,
    /// Somebody ended it.
    Stopped,
    /// Nobody is there to tell it anything.
    Alone,
}

pub(super) async fn wait_for_resume(ctx: &mut Context<'_>) -> Result<Waited, StageError> {
    report_all(ctx).await?;
    let step = ctx.get(&LOOP)?.step;
    ctx.emit(|| Event::Paused { step });
    ctx.yield_events().await;
    let waited = loop {
        // Whoever pauses may well leave: what is being saved is saved now.
        finish_save(ctx).await?;
        ctx.yield_events().await;
        match ctx.get_mut(&COMMANDS)?.next().await {
            Some(Heard::Command(Command::Resume)) => break Waited::Resumed,
            None => break Waited::Alone,
            Some(Heard::Command(Command::Pause)) => {}
            // It stays paused but for that step.
            Some(Heard::Command(Command::Step)) => {
                Box::pin(obey(ctx, Command::Step)).await?;
                return Ok(Waited::Resumed);
            }
            Some(Heard::Command(Command::Stop)) => {
                Box::pin(obey(ctx, Command::Stop)).await?;
                break Waited::Stopped;
            }
            Some(Heard::Command(command)) => Box::pin(obey(ctx, command)).await?,
            Some(Heard::Question(asked)) => asked::answer(ctx, asked).await?,
        }
    };
    let step = ctx.get(&LOOP)?.step;
    ctx.emit(|| Event::Resumed { step });
    Ok(waited)
}
