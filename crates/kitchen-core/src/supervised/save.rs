//! Keeping what was learnt: checkpoints while training, the final weights for others to load.

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_types::Event;
use kitchen_types::ports::StoreError;

use super::keys::*;
use super::step::report_all;
use super::supervise::is_troubled;
use crate::checkpoint::{self, Checkpoint, Packed};
use crate::export::{CARD, Export, MODEL, export};

/// A checkpoint that is being written beside the training.
pub(crate) struct SaveInFlight {
    name: String,
    step: u64,
    bytes: u64,
    best: bool,
    blocked_ms: u64,
    written: LocalBoxFuture<'static, Result<(), StoreError>>,
}

/// Saves everything that is needed to go on from here.
pub(super) struct SaveCheckpoint;

#[async_trait(?Send)]
impl Stage for SaveCheckpoint {
    fn spec(&self) -> StageSpec {
        StageSpec::new(
            "save_checkpoint",
            "save everything that is needed to go on from here",
        )
        .reads(&CONFIG)
        .reads(&HOST)
        .reads(&DATA)
        .changes(&CLIENT)
        .changes(&LOOP)
        .changes(&IN_FLIGHT)
        .changes(&WATCH)
        .changes(&SAVING)
        .emits(&[
            "checkpoint_saved",
            "checkpoint_removed",
            "stepped",
            "warning",
        ])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        save(ctx).await
    }
}

/// Copies the state to the host, and writes it while training goes on. One save is in flight at
/// a time: a second one waits for the first. What is in trouble is not saved: the run goes back.
pub(super) async fn save(ctx: &mut Context<'_>) -> Result<(), StageError> {
    report_all(ctx).await?;
    finish_save(ctx).await?;
    if is_troubled(ctx)? {
        return Ok(());
    }
    let clock = Stopwatch::start();
    let packed = checkpoint::pack(&current(ctx).await?)?;
    let best = ctx.get(&LOOP)?.patience.best;
    let save = SaveInFlight {
        name: packed.name.clone(),
        step: packed.step,
        bytes: packed.bytes(),
        best: best.is_some_and(|(step, _)| step == packed.step),
        blocked_ms: clock.elapsed_us() / 1000,
        written: start_writing(ctx, packed)?,
    };
    ctx.put(&SAVING, Some(save))?;
    poll_save(ctx).await
}

async fn current(ctx: &mut Context<'_>) -> Result<Checkpoint, StageError> {
    let model = ctx.get_mut(&CLIENT)?.save().await?;
    let data = ctx.get(&DATA)?;
    Ok(Checkpoint {
        run: ctx.get(&HOST)?.run.clone(),
        config_hash: crate::config_hash(ctx.get(&CONFIG)?),
        data_fingerprint: data.fingerprint.clone(),
        model,
        state: ctx.get(&LOOP)?.clone(),
        tokenizer: data.tokenizer.as_ref().map(|t| t.to_json()).transpose()?,
    })
}

fn start_writing(
    ctx: &mut Context<'_>,
    packed: Packed,
) -> Result<LocalBoxFuture<'static, Result<(), StoreError>>, StageError> {
    let store = ctx.get(&HOST)?.host.store.clone();
    Ok(async move { packed.store(store).await }.boxed_local())
}

/// Reports a save that has come to its end, without waiting for one that has not.
pub(super) async fn poll_save(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let Some(save) = ctx.get_mut(&SAVING)? else {
        return Ok(());
    };
    let Some(outcome) = (&mut save.written).now_or_never() else {
        return Ok(());
    };
    committed(ctx, outcome).await
}

/// Waits for the save in flight.
pub(super) async fn finish_save(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let Some(save) = ctx.get_mut(&SAVING)? else {
        return Ok(());
    };
    let outcome = (&mut save.written).await;
    committed(ctx, outcome).await
}

/// A save that fails is a warning: training goes on, and the next save may succeed.
async fn committed(
    ctx: &mut Context<'_>,
    outcome: Result<(), StoreError>,
) -> Result<(), StageError> {
    let Some(save) = ctx.get_mut(&SAVING)?.take() else {
        return Ok(());
    };
    if let Err(error) = outcome {
        ctx.emit(|| Event::Warning {
            message: format!("checkpoint {} was not saved: {error}", save.name),
        });
        return Ok(());
    }
    ctx.emit(|| Event::CheckpointSaved {
        step: save.step,
        name: save.name,
        bytes: save.bytes,
        best: save.best,
        blocked_ms: save.blocked_ms,
    });
    if let Err(error) = remove_old(ctx).await {
        ctx.emit(|| Event::Warning {
            message: format!("old checkpoints were not removed: {error}"),
        });
    }
    Ok(())
}

async fn remove_old(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let keep = ctx.get(&CONFIG)?.checkpoint.keep;
    let best = ctx.get(&LOOP)?.patience.best.map(|(step, _)| step);
    let store = ctx.get(&HOST)?.host.store.clone();
    let saved = checkpoint::list(&*store).await?;
    let pinned: Vec<&str> = saved
        .iter()
        .filter(|saved| Some(saved.step) == best)
        .map(|saved| saved.name.as_str())
        .collect();
    for old in checkpoint::superfluous(&saved, keep, &pinned) {
        checkpoint::delete(&*store, &old.name).await?;
        let name = old.name.clone();
        ctx.emit(|| Event::CheckpointRemoved { name });
    }
    Ok(())
}

/// Writes the final weights for others to load: those of the last step, or the best ones where
/// training was stopped early.
pub(super) struct ExportWeights;

#[async_trait(?Send)]
impl Stage for ExportWeights {
    fn spec(&self) -> StageSpec {
        StageSpec::new(
            "export_weights",
            "write the final weights for others to load",
        )
        .reads(&CONFIG)
        .reads(&HOST)
        .reads(&DATA)
        .changes(&CLIENT)
        .changes(&LOOP)
        .changes(&SAVING)
        .emits(&[
            "exported",
            "checkpoint_saved",
            "checkpoint_removed",
            "warning",
        ])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        finish_save(ctx).await?;
        let store = ctx.get(&HOST)?.host.store.clone();
        let mut chosen = current(ctx).await?;
        if let (true, Some((best, _))) = (chosen.state.stopped_early, chosen.state.patience.best) {
            let newest = checkpoint::load_newest(&*store, best).await?;
            if let Some((_, saved)) = newest.found.filter(|(_, saved)| saved.state.step == best) {
                chosen = saved;
            }
        }
        let Export { weights, card } = export(
            &chosen,
            ctx.get(&CONFIG)?,
            ctx.get(&DATA)?.train.spec(),
            &ctx.get(&CLIENT)?.describe(),
        )?;
        for (name, bytes) in [(MODEL, weights), (CARD, card)] {
            store.put(name, &bytes).await?;
            ctx.emit(|| Event::Exported {
                name: name.into(),
                bytes: bytes.len() as u64,
            });
        }
        Ok(())
    }
}

/// Waits for the save that is still on its way, however the run ended.
pub(super) struct Cleanup;

#[async_trait(?Send)]
impl Stage for Cleanup {
    fn spec(&self) -> StageSpec {
        StageSpec::new("cleanup", "wait for the save that is still on its way")
            .reads(&CONFIG)
            .reads(&HOST)
            .changes(&LOOP)
            .changes(&SAVING)
            .emits(&["checkpoint_saved", "checkpoint_removed", "warning"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        finish_save(ctx).await
    }
}
