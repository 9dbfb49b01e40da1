//! The stages of one step: fetch, forward and backward, update, report.

use std::collections::VecDeque;

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_train::schedule::learning_rate;
use kitchen_types::checkpoint::LoopState;
use kitchen_types::event::Step;
use kitchen_types::ports::{ClientError, OptimStep};
use kitchen_types::{Event, Number, RunConfig};
use kitchen_watch::Measured;

use super::guarded::{Updated, update};
use super::keys::*;
use super::mix::begins;
use super::session::{begin_again, goes_back};
use super::supervise::{judge, time};
use crate::faults::flip_a_bit;

/// How often gradient norm and update ratio are measured: they cost a pass over the weights.
const MEASURE_EVERY: u64 = 10;

/// Fetches the next batch.
pub(super) struct NextBatch;

#[async_trait(?Send)]
impl Stage for NextBatch {
    fn spec(&self) -> StageSpec {
        StageSpec::new("next_batch", "fetch the next batch")
            .reads(&DATA)
            .reads(&PLAN)
            .changes(&LOOP)
            .changes(&GRADIENTS)
            .writes(&BATCH)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let clock = Stopwatch::start();
        let positions = take_batch(ctx)?;
        let batch = ctx.get(&DATA)?.train.batch(&positions)?;
        ctx.get_mut(&GRADIENTS)?.data_us += clock.elapsed_us();
        ctx.put(&BATCH, batch)
    }
}

/// The positions of the next batch; the loop state moves past it.
pub(super) fn take_batch(ctx: &mut Context<'_>) -> Result<Vec<u64>, StageError> {
    let data = &*ctx.get(&DATA)?.train;
    let positions = ctx.get(&PLAN)?.next_positions(data, ctx.get(&LOOP)?)?;
    ctx.get_mut(&LOOP)?.batch += 1;
    Ok(positions)
}

/// Notes whether the batches of this epoch are used up.
pub(super) fn update_epoch_ended(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let state = ctx.get(&LOOP)?;
    let ended = state.batch >= ctx.get(&PLAN)?.batches_in(state.epoch);
    ctx.put(&EPOCH_ENDED, ended)
}

/// Queues a forward and a backward pass.
pub(super) struct ForwardBackward;

#[async_trait(?Send)]
impl Stage for ForwardBackward {
    fn spec(&self) -> StageSpec {
        StageSpec::new("forward_backward", "queue a forward and a backward pass")
            .reads(&CONFIG)
            .reads(&PLAN)
            .reads(&LOOP)
            .reads(&WATCH)
            .takes(&BATCH)
            .changes(&CLIENT)
            .changes(&GRADIENTS)
            .writes(&GRADIENTS_READY)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let mut batch = ctx.take(&BATCH)?;
        if has_planted_fault(ctx)? {
            flip_a_bit(&mut batch);
        }
        let loss = ctx.get(&PLAN)?.loss.clone();
        let report = ctx
            .get_mut(&CLIENT)?
            .forward_backward(&batch, &loss)
            .await?;
        let accumulate = ctx.get(&CONFIG)?.optimizer.accumulate;
        let gradients = ctx.get_mut(&GRADIENTS)?;
        gradients.losses.push(report);
        gradients.samples += batch.len() as u64;
        gradients.tokens += batch.tokens() as u64;
        gradients.ids.extend(batch.ids);
        let ready = gradients.losses.len() >= accumulate;
        ctx.put(&GRADIENTS_READY, ready)
    }
}

/// Whether the batch of the coming step is to have a fault that nobody has repaired.
fn has_planted_fault(ctx: &Context<'_>) -> Result<bool, StageError> {
    let step = ctx.get(&LOOP)?.step + 1;
    let watch = ctx.get(&WATCH)?.as_ref();
    let is_repaired = watch.is_some_and(|watch| watch.has_repaired(step));
    Ok(ctx.get(&CONFIG)?.faults.nan_at == step && !is_repaired)
}

/// Queues one update of the weights.
pub(super) struct OptimizerStep;

#[async_trait(?Send)]
impl Stage for OptimizerStep {
    fn spec(&self) -> StageSpec {
        goes_back(StageSpec::new(
            "optimizer_step",
            "queue one update of the weights",
        ))
        .changes(&GRADIENTS)
        .writes(&GRADIENTS_READY)
        .writes(&EVALUATION_DUE)
        .writes(&MIX_DUE)
        .writes(&SAMPLE_DUE)
        .writes(&CHECKPOINT_DUE)
        .emits(&[
            "interrupted",
            "restored",
            "checkpoint_rejected",
            "checkpoint_saved",
            "checkpoint_removed",
            "planned",
            "mixed",
            "stepped",
            "warning",
        ])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let config = ctx.get(&CONFIG)?.clone();
        let mut gradients = std::mem::take(ctx.get_mut(&GRADIENTS)?);
        ctx.put(&GRADIENTS_READY, false)?;
        let steps = ctx.get(&PLAN)?.steps;
        let is_watched = ctx.get(&WATCH)?.is_some();
        let state = ctx.get_mut(&LOOP)?;
        let request = next_update(&config, steps, state, is_watched);
        state.step += 1;
        let (step, epoch) = (state.step, state.epoch + 1);
        let lr = request.lr;
        let mut client = ctx.take(&CLIENT)?;
        let (state, losses) = (ctx.get_mut(&LOOP)?, &mut gradients.losses);
        let began = client.clock();
        let updated = update(&mut *client, losses, state, &config.guard, request).await;
        let duration_us = began
            .zip(client.clock())
            .map(|(from, to)| (1e6 * (to - from)) as u64);
        ctx.put(&CLIENT, client)?;
        let updated = match updated {
            Err(ClientError::Interrupted(interruption)) => {
                return begin_again(ctx, interruption).await;
            }
            updated => updated?,
        };
        let Updated {
            report,
            is_settled,
            notice,
        } = updated;
        if let Some(message) = notice {
            ctx.emit(|| Event::Warning { message });
        }
        ctx.get_mut(&IN_FLIGHT)?.push_back(StepInFlight {
            step,
            epoch,
            lr,
            gradients,
            report,
            is_settled,
            duration_us,
        });

        let plan = ctx.get(&PLAN)?;
        let due = |span| plan.is_due(span, step);
        let evaluate = due(config.evaluate.every) && step < steps;
        let sample = due(config.sample.every) || step == steps;
        let save = due(config.checkpoint.every) && step < steps;
        let domains = ctx.get(&DATA)?.train.domains();
        let mix = domains.iter().any(|domain| begins(domain, step));
        update_epoch_ended(ctx)?;
        ctx.put(&EVALUATION_DUE, evaluate)?;
        ctx.put(&MIX_DUE, mix)?;
        ctx.put(&SAMPLE_DUE, sample)?;
        ctx.put(&CHECKPOINT_DUE, save)?;
        if step >= steps {
            ctx.put(&FINISHED, true)?;
        }
        Ok(())
    }
}

/// The next update of the weights, of a training of `steps` steps in all.
/// `watched` runs are measured at every step.
pub(crate) fn next_update(
    config: &RunConfig,
    steps: u64,
    state: &LoopState,
    watched: bool,
) -> OptimStep {
    let peak = state.lr.map_or(config.lr, f64::from);
    let clip_norm = state
        .clip_norm
        .map_or(config.optimizer.clip_norm, f64::from);
    let step = state.step + 1;
    OptimStep {
        step: step.saturating_sub(state.optimizer_from),
        lr: learning_rate(peak, &config.schedule, state.step, steps),
        clip_norm,
        measure: watched || clip_norm > 0.0 || step % MEASURE_EVERY == 1,
        ..OptimStep::default()
    }
}

/// Reports the step before this one, so that the device never idles for a number.
pub(super) struct StepMetrics;

#[async_trait(?Send)]
impl Stage for StepMetrics {
    fn spec(&self) -> StageSpec {
        StageSpec::new("step_metrics", "report the step before this one")
            .reads(&STEP_BEGAN)
            .changes(&IN_FLIGHT)
            .changes(&WATCH)
            .changes(&LOOP)
            .emits(&["stepped", "warning"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        report_all_but(ctx, 1).await?;
        let duration_us = ctx.get(&STEP_BEGAN)?.elapsed_us();
        let Some(newest) = ctx.get_mut(&IN_FLIGHT)?.back_mut() else {
            return Ok(());
        };
        if newest.duration_us.is_some() {
            // What takes no time of ours cannot wait for our data.
            return Ok(());
        }
        newest.duration_us = Some(duration_us);
        let data_us = newest.gradients.data_us;
        time(ctx, data_us, duration_us)
    }
}

/// Reports every step that is queued.
pub(super) async fn report_all(ctx: &mut Context<'_>) -> Result<(), StageError> {
    report_all_but(ctx, 0).await
}

async fn report_all_but(ctx: &mut Context<'_>, newest: usize) -> Result<(), StageError> {
    while let Some(step) = oldest_beyond(ctx.get_mut(&IN_FLIGHT)?, newest) {
        report(ctx, step).await?;
    }
    Ok(())
}

fn oldest_beyond(queue: &mut VecDeque<StepInFlight>, newest: usize) -> Option<StepInFlight> {
    if queue.len() > newest {
        queue.pop_front()
    } else {
        None
    }
}

async fn report(ctx: &mut Context<'_>, queued: StepInFlight) -> Result<(), StageError> {
    let passes = queued.gradients.losses.len() as f64;
    let (mut loss, mut accuracy) = (0.0, None);
    for pending in queued.gradients.losses {
        let report = pending.await?;
        loss += report.loss.0 / passes;
        if let Some(share) = report.accuracy {
            *accuracy.get_or_insert(0.0) += share.0 / passes;
        }
    }
    let report = queued.report.await?;
    if !queued.is_settled {
        let sums = &mut ctx.get_mut(&LOOP)?.epoch_sums;
        sums.steps += 1;
        sums.loss.0 += loss;
        if let Some(share) = accuracy {
            sums.accuracy.get_or_insert(Number(0.0)).0 += share;
        }
    }
    ctx.emit(|| {
        Event::Stepped(Step {
            step: queued.step,
            epoch: queued.epoch,
            loss: Number(loss),
            accuracy: accuracy.map(Number),
            lr: Number(queued.lr),
            grad_norm: report.grad_norm,
            update_ratio: report.update_ratio,
            samples: queued.gradients.samples,
            tokens: queued.gradients.tokens,
            duration_us: queued.duration_us.unwrap_or_default(),
        })
    });
    if queued.is_settled {
        return Ok(());
    }
    let measured = Measured {
        step: queued.step,
        loss,
        grad_norm: report.grad_norm.map(f64::from),
    };
    let is_judged = judge(ctx, measured, queued.gradients.ids)?;
    if is_judged || loss.is_finite() {
        return Ok(());
    }
    Err(StageError::new(format!(
        "the loss of step {} is {loss}: training has diverged; lower lr (it was {:e}), \
         or clip the gradient with optimizer.clip_norm=1.0; the last checkpoint is unharmed",
        queued.step, queued.lr
    )))
}

/// Reports an epoch, and begins the next.
pub(super) struct EpochMetrics;

#[async_trait(?Send)]
impl Stage for EpochMetrics {
    fn spec(&self) -> StageSpec {
        StageSpec::new("epoch_metrics", "report the epoch, and begin the next")
            .changes(&IN_FLIGHT)
            .changes(&WATCH)
            .changes(&LOOP)
            .changes(&EPOCH_ENDED)
            .emits(&["epoch_finished", "stepped", "warning"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        report_all(ctx).await?;
        if !*ctx.get(&EPOCH_ENDED)? {
            return Ok(());
        }
        let state = ctx.get_mut(&LOOP)?;
        state.epoch += 1;
        state.batch = 0;
        let sums = std::mem::take(&mut state.epoch_sums);
        let (epoch, step) = (state.epoch, state.step);
        // Of no steps, since all were skipped, it is NaN.
        let mean = |sum: Number| Number(sum.0 / sums.steps as f64);
        ctx.emit(|| Event::EpochFinished {
            epoch,
            step,
            train_loss: mean(sums.loss),
            train_accuracy: sums.accuracy.map(mean),
        });
        ctx.put(&EPOCH_ENDED, false)
    }
}
