//! A supervisor at work: what [`kitchen_watch::next`] decides is kept in the run's store, and then
//! done. The checkpoints of a run may be gone back behind; what is kept here may not.

use kitchen_flow::{Context, StageError};
use kitchen_types::checkpoint::LoopState;
use kitchen_types::config::Supervision;
use kitchen_types::ports::{ClientError, PerSample, StoreError};
use kitchen_types::supervision::{Knobs, SupervisorPhase, SupervisorState};
use kitchen_types::{Command, Event, Number, RunConfig, SampleId};
use kitchen_watch::{
    Effect, Measured, Seen, Suspects, Waits, dead_units, next, note, observe, plateau, starved,
    suspects, suspicious,
};

use super::evaluate::spread;
use super::keys::*;
use super::obey::{Waited, obey, wait_for_resume};
use super::save::{finish_save, save};
use super::session::go_back;
use super::step::report_all;
use super::surface;
use crate::checkpoint;

/// Where the supervisor's state is kept, beside the checkpoints.
const KEPT: &str = "supervisor.json";

/// A supervisor, and what it has seen since it last acted.
pub(crate) struct Watch {
    rules: Supervision,
    state: SupervisorState,
    found: Option<Seen>,
    waits: Waits,
}

impl Watch {
    /// The supervisor that `config` asks for, if it asks for one.
    pub(crate) fn new(config: &RunConfig) -> Option<Self> {
        config.supervisor.supervision().map(|rules| Self {
            rules: rules.clone(),
            state: SupervisorState::default(),
            found: None,
            waits: Waits::default(),
        })
    }

    /// Whether what is measured now belongs to weights that will not be gone on with.
    fn is_troubled(&self) -> bool {
        self.found.is_some() || self.state.phase != SupervisorPhase::Watching
    }

    /// Why it waits for a person, if it does.
    pub(crate) fn waits_for(&self) -> Option<String> {
        let ask = self.state.newest.as_ref()?.ask.as_ref()?;
        (self.state.phase == SupervisorPhase::Waiting).then(|| ask.reason.clone())
    }

    /// Whether a fault of that step has been seen to.
    pub(crate) fn has_repaired(&self, step: u64) -> bool {
        self.state.repaired.contains(&step)
    }
}

/// Whether what is measured now belongs to weights that will not be gone on with.
pub(super) fn is_troubled(ctx: &Context<'_>) -> Result<bool, StageError> {
    Ok(ctx.get(&WATCH)?.as_ref().is_some_and(Watch::is_troubled))
}

/// Whether there is a supervisor, which judges a step by its numbers. Without one a loss that is not
/// finite ends the run.
pub(super) fn judge(
    ctx: &mut Context<'_>,
    measured: Measured,
    ids: Vec<SampleId>,
) -> Result<bool, StageError> {
    let Some(watch) = ctx.get(&WATCH)? else {
        return Ok(false);
    };
    if watch.is_troubled() {
        return Ok(true);
    }
    let rules = watch.rules.clone();
    let monitor = ctx.get_mut(&LOOP)?.monitor.get_or_insert_default();
    note(monitor, measured.step, ids, &rules);
    let plateau = plateau(&mut monitor.plateau, measured, &rules);
    if let Some(finding) = observe(monitor, measured, &rules) {
        let ids = suspicious(monitor, finding.since);
        if let Some(watch) = ctx.get_mut(&WATCH)? {
            watch.found = Some(Seen::Found { finding, ids });
        }
    }
    if let Some(plateau) = plateau {
        ctx.emit(|| Event::Warning {
            message: plateau.to_string(),
        });
    }
    Ok(true)
}

/// Examples by which units are told to be dead.
const LOOKED_AT: u64 = 256;

/// Tells if much of the network does nothing, by held-out examples, where there is a supervisor.
pub(super) async fn look_for_dead_units(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let Some(rules) = ctx.get(&WATCH)?.as_ref().map(|watch| watch.rules.clone()) else {
        return Ok(());
    };
    let set = &ctx.get(&DATA)?.validation;
    let batch = set.batch(&spread(set.len(), LOOKED_AT))?;
    let mut client = ctx.take(&CLIENT)?;
    let layers = client.activations(&batch.inputs).await;
    ctx.put(&CLIENT, client)?;
    let layers = match layers {
        // Whoever cannot look inside has nothing to tell.
        Err(ClientError::Unsupported { .. }) => return Ok(()),
        layers => layers?,
    };
    let monitor = ctx.get_mut(&LOOP)?.monitor.get_or_insert_default();
    for found in dead_units(&mut monitor.dead, &layers, &rules) {
        ctx.emit(|| Event::Warning {
            message: found.to_string(),
        });
    }
    Ok(())
}

/// Tells if the device waits for data, where there is a supervisor.
pub(super) fn time(ctx: &mut Context<'_>, data_us: u64, step_us: u64) -> Result<(), StageError> {
    let Some(watch) = ctx.get_mut(&WATCH)? else {
        return Ok(());
    };
    if let Some(starved) = starved(&mut watch.waits, data_us, step_us, &watch.rules) {
        ctx.emit(|| Event::Warning {
            message: starved.to_string(),
        });
    }
    Ok(())
}

/// Does something about what was found since the last time.
pub(super) async fn supervise(ctx: &mut Context<'_>) -> Result<(), StageError> {
    if ctx.get(&WATCH)?.is_none() {
        return Ok(());
    }
    if *ctx.get(&FINISHED)? {
        // Nobody would see what the last steps did.
        report_all(ctx).await?;
    }
    match ctx.get_mut(&WATCH)?.as_mut().and_then(|it| it.found.take()) {
        Some(found) => act(ctx, found).await,
        None => Ok(()),
    }
}

/// Goes on with what was going on when the run was last cut off. Without a checkpoint to go back to,
/// saves one where there may be trouble: it is where the first one leads.
pub(super) async fn begin(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let kept = kept(ctx).await?;
    let is_interruptible = ctx.get(&CLIENT)?.clock().is_some();
    let is_waiting = match ctx.get_mut(&WATCH)? {
        Some(watch) => {
            watch.state = kept;
            Some(watch.state.phase == SupervisorPhase::Waiting)
        }
        None => None,
    };
    if !go_back(ctx, u64::MAX).await? && (is_waiting.is_some() || is_interruptible) {
        save(ctx).await?;
        finish_save(ctx).await?;
    }
    let Some(is_waiting) = is_waiting else {
        return Ok(());
    };
    reapply(ctx)?;
    act(ctx, Seen::Began).await?;
    if is_waiting {
        while let Some(command) = ctx.get_mut(&COMMANDS)?.command() {
            Box::pin(obey(ctx, command)).await?;
        }
        let step = ctx.get(&LOOP)?.step;
        act(ctx, Seen::Answered { step }).await?;
    }
    Ok(())
}

async fn kept(ctx: &Context<'_>) -> Result<SupervisorState, StageError> {
    match ctx.get(&HOST)?.host.store.get(KEPT).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            StageError::new(format!(
                "{KEPT} is damaged ({error}); delete it, and the run forgets what it left out"
            ))
        }),
        Err(StoreError::NotFound(_)) => Ok(SupervisorState::default()),
        Err(error) => Err(error.into()),
    }
}

/// Hands what a person changed to the supervisor, if there is one, so that it outlives going back.
pub(super) async fn told(ctx: &mut Context<'_>, command: &Command) -> Result<(), StageError> {
    match ctx.get(&WATCH)? {
        Some(_) => see(ctx, Seen::Told(command.clone())).await.map(drop),
        None => Ok(()),
    }
}

/// Puts what the supervisor decided over what a checkpoint knows of it.
pub(super) fn reapply(ctx: &mut Context<'_>) -> Result<(), StageError> {
    let Some(watch) = ctx.get(&WATCH)? else {
        return Ok(());
    };
    let (blacklist, lr, clip) = (
        watch.state.blacklist.clone(),
        watch.state.lr,
        watch.state.clip_norm,
    );
    let state = ctx.get_mut(&LOOP)?;
    state.blacklist.extend(blacklist);
    state.lr = lr.or(state.lr);
    state.clip_norm = clip.or(state.clip_norm);
    Ok(())
}

/// Sees something, and does what follows, and what follows from that.
async fn act(ctx: &mut Context<'_>, seen: Seen) -> Result<(), StageError> {
    let mut coming = Some(seen);
    while let Some(seen) = coming.take() {
        for effect in see(ctx, seen).await? {
            coming = match effect {
                Effect::Say(event) => {
                    ctx.emit(|| event);
                    None
                }
                Effect::GoBack { to } => Some(go_back_behind(ctx, to).await?),
                Effect::Examine { ids } => Some(examine(ctx, &ids).await?),
                Effect::Wait => wait(ctx).await?,
            };
        }
    }
    Ok(())
}

/// The next state is kept before anything is done about it: a crash then repeats what was not
/// finished, which gives the same, and loses nothing.
async fn see(ctx: &mut Context<'_>, seen: Seen) -> Result<Vec<Effect>, StageError> {
    let Some(watch) = ctx.get_mut(&WATCH)? else {
        return Ok(Vec::new());
    };
    let before = watch.state.clone();
    let (after, effects) = next(before.clone(), seen, &watch.rules);
    if after != before {
        watch.state = after.clone();
        let bytes = serde_json::to_vec_pretty(&after)
            .map_err(|error| StageError::new(error.to_string()))?;
        ctx.get(&HOST)?.host.store.put(KEPT, &bytes).await?;
        reapply(ctx)?;
    }
    Ok(effects)
}

/// Goes back to the newest checkpoint at or before `to`. Those after it may carry the fault, and go:
/// a run that is cut off now must not go on from one of them.
async fn go_back_behind(ctx: &mut Context<'_>, to: u64) -> Result<Seen, StageError> {
    report_all(ctx).await?;
    finish_save(ctx).await?;
    let store = ctx.get(&HOST)?.host.store.clone();
    let saved = checkpoint::list(&*store).await?;
    if saved.iter().all(|saved| saved.step > to) {
        let knobs = knobs(ctx)?;
        return Ok(Seen::CannotGoBack { knobs });
    }
    for late in saved.into_iter().filter(|saved| saved.step > to) {
        checkpoint::delete(&*store, &late.name).await?;
        ctx.emit(|| Event::CheckpointRemoved { name: late.name });
    }
    if !go_back(ctx, to).await? {
        let knobs = knobs(ctx)?;
        return Ok(Seen::CannotGoBack { knobs });
    }
    reapply(ctx)?;
    surface::show(ctx).await?;
    let to = ctx.get(&LOOP)?.step;
    Ok(Seen::WentBack { to })
}

/// Looks at the gradients of examples, one by one, with the weights that the run went back to.
async fn examine(ctx: &mut Context<'_>, ids: &[SampleId]) -> Result<Seen, StageError> {
    let measured = measure(ctx, ids).await?;
    let state = ctx.get(&LOOP)?;
    let usual = state.monitor.as_ref().and_then(|it| it.usual_norm);
    let rules = ctx.get(&WATCH)?.as_ref().map(|watch| &watch.rules);
    let (found, method) = match (measured, rules) {
        (Ok(norms), Some(rules)) => {
            let found: Suspects = suspects(&norms, usual.map(f64::from), rules);
            (Ok(found), norms.method)
        }
        (Ok(norms), None) => (Err("nobody asked".into()), norms.method),
        (Err(reason), _) => (Err(reason), String::new()),
    };
    Ok(Seen::Examined {
        found,
        method,
        weights_of: state.step,
        knobs: knobs(ctx)?,
    })
}

/// Loss and gradient norm of each example, or why they cannot be had. A device that is lost ends the
/// run, as it does elsewhere.
async fn measure(
    ctx: &mut Context<'_>,
    ids: &[SampleId],
) -> Result<Result<PerSample, String>, StageError> {
    let train = &*ctx.get(&DATA)?.train;
    let positions: Vec<u64> = ids.iter().filter_map(|id| train.position(*id)).collect();
    let size = ctx.get(&PLAN)?.sampler.batch_size() as usize;
    let batches = positions
        .chunks(size.max(1))
        .map(|chunk| train.batch(chunk));
    let batches: Vec<_> = batches.collect::<Result<_, _>>()?;
    let loss = ctx.get(&PLAN)?.loss.clone();
    let mut all = PerSample {
        ids: Vec::new(),
        losses: Vec::new(),
        grad_norms: Vec::new(),
        method: String::new(),
    };
    for batch in batches {
        match ctx.get_mut(&CLIENT)?.per_sample(&batch, &loss).await {
            Ok(found) => {
                all.ids.extend(found.ids);
                all.losses.extend(found.losses);
                all.grad_norms.extend(found.grad_norms);
                all.method = found.method;
            }
            Err(lost @ kitchen_types::ports::ClientError::DeviceLost(_)) => return Err(lost.into()),
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(Ok(all))
}

/// Waits for a person. Where the run is told to stop instead, or nobody is there to tell it
/// anything, it ends, and the question stays open.
async fn wait(ctx: &mut Context<'_>) -> Result<Option<Seen>, StageError> {
    match wait_for_resume(ctx).await? {
        Waited::Resumed => {
            let step = ctx.get(&LOOP)?.step;
            Ok(Some(Seen::Answered { step }))
        }
        Waited::Stopped => Ok(None),
        Waited::Alone => {
            ctx.put(&FINISHED, true)?;
            ctx.put(&STOPPED, true)?;
            Ok(None)
        }
    }
}

fn knobs(ctx: &Context<'_>) -> Result<Knobs, StageError> {
    let (state, config): (&LoopState, &RunConfig) = (ctx.get(&LOOP)?, ctx.get(&CONFIG)?);
    Ok(Knobs {
        lr: state.lr.unwrap_or(Number(config.lr)),
        clip_norm: state
            .clip_norm
            .unwrap_or(Number(config.optimizer.clip_norm)),
        left_out: state.blacklist.len() as u64,
    })
}
