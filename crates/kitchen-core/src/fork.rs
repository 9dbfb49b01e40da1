//! Branches: a checkpoint of one run as the beginning of another, with other settings.

use std::rc::Rc;

use kitchen_types::checkpoint::LoopState;
use kitchen_types::config::{Algorithm, ModelConfig};
use kitchen_types::ports::{BlobStore, DatasetStore, ModelState, Splits};
use kitchen_types::{Envelope, Event, RunConfig, RunId};

use crate::checkpoint::Checkpoint;
use crate::config::{check, diff};
use crate::portable::store_first;
use crate::record::history;
use crate::session::{SessionError, Which, find_checkpoint};
use crate::supervised::Plan;

/// Where a run can branch off.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The checkpoint that it begins with.
    pub checkpoint: Checkpoint,
    /// What is in force there: what was asked for, changed as people have changed it since.
    /// Change this, and hand it to [`fork`].
    pub config: RunConfig,
}

impl Branch {
    /// At a checkpoint of the run in `store`, which was asked for as `config`.
    pub async fn at(
        store: &dyn BlobStore,
        config: &RunConfig,
        which: Which,
    ) -> Result<Self, SessionError> {
        let (_, checkpoint) = find_checkpoint(store, which).await?;
        let config = in_force(config, &checkpoint.state);
        Ok(Self { checkpoint, config })
    }
}

/// A run that has branched off, and was not started.
#[derive(Clone, Debug, PartialEq)]
pub struct Forked {
    /// What its record begins with: what happened up to the branch, and that it branched off.
    pub events: Vec<Envelope>,
    /// What a person should know, in sentences.
    pub notes: Vec<String>,
}

/// Makes `branch` the beginning of the run `run`, asked for as `config`, whose files are in `to`:
/// stores its first checkpoint, and gives what its record begins with. `events` is what the run
/// that it comes from has said, `now_ms` the time. Start it as any other run.
///
/// Where the batch or the accumulation differs, the epoch goes on after the last example taken.
///
/// Errors, in words, where something changes that cannot: the seed, the data, the model but for
/// its dropout; or where nothing would be left to train.
pub async fn fork(
    branch: Branch,
    run: RunId,
    config: &RunConfig,
    (events, now_ms): (&[Envelope], u64),
    data: &dyn DatasetStore,
    to: Rc<dyn BlobStore>,
) -> Result<Forked, SessionError> {
    let from = branch.checkpoint.run.clone();
    refuse_what_cannot_change(&branch.config, config)?;
    let data = crate::faults::open_data(data, config)?;
    if data.fingerprint != branch.checkpoint.data_fingerprint {
        return Err(SessionError(format!(
            "the data are not those that {from} was trained on (fingerprint {}, then {}), and a \
             branch goes on with the same; put the old data back, or start a new run",
            data.fingerprint, branch.checkpoint.data_fingerprint
        )));
    }
    let mut notes = Vec::new();
    let (state, model) = changed(&branch, config, &data, &mut notes)?;
    let checkpoint = Checkpoint {
        run: run.clone(),
        config_hash: crate::config_hash(config),
        data_fingerprint: data.fingerprint,
        model,
        state,
        tokenizer: branch.checkpoint.tokenizer,
    };
    let step = checkpoint.state.step;
    let saved = store_first(&checkpoint, to).await?;

    let mut events = history(events, &run, step);
    for event in [Event::Forked { from, step }, saved] {
        events.push(Envelope {
            run: run.clone(),
            seq: events.len() as u64,
            at_ms: now_ms,
            event,
        });
    }
    Ok(Forked { events, notes })
}

/// What was asked for, changed as people have changed it since.
fn in_force(config: &RunConfig, state: &LoopState) -> RunConfig {
    RunConfig {
        lr: state.lr.map_or(config.lr, f64::from),
        batch: state.resized.as_ref().map_or(config.batch, |it| it.batch),
        ..config.clone()
    }
}

fn refuse_what_cannot_change(old: &RunConfig, new: &RunConfig) -> Result<(), SessionError> {
    if let Some(finding) = check(new).into_iter().next() {
        return Err(SessionError(finding.message));
    }
    if old.seed != new.seed {
        return Err(SessionError(
            "`seed` decides which examples are held out and in which order the others come, so a \
             branch keeps it; start a new run for another"
                .into(),
        ));
    }
    let mut shape = new.clone();
    set_dropout(&mut shape.model, &old.model);
    match diff(old, &shape)
        .iter()
        .find(|change| change.path == "model" || change.path.starts_with("model."))
    {
        Some(change) => Err(SessionError(format!(
            "`{}` cannot change in a branch: its weights were learnt by the model as it was; only \
             dropout can, or start a new run",
            change.path
        ))),
        None => Ok(()),
    }
}

/// Gives `model` the dropout of `other`, where both are of one kind.
fn set_dropout(model: &mut ModelConfig, other: &ModelConfig) {
    match (model, other) {
        (ModelConfig::Mlp(model), ModelConfig::Mlp(other)) => model.dropout = other.dropout,
        (ModelConfig::Cnn(model), ModelConfig::Cnn(other)) => model.dropout = other.dropout,
        (ModelConfig::Gpt(model), ModelConfig::Gpt(other)) => model.dropout = other.dropout,
        (ModelConfig::Rnn(model), ModelConfig::Rnn(other)) => model.dropout = other.dropout,
        _ => {}
    }
}

/// The loop and the model as the branch begins.
fn changed(
    branch: &Branch,
    config: &RunConfig,
    data: &Splits,
    notes: &mut Vec<String>,
) -> Result<(LoopState, ModelState), SessionError> {
    let old = &branch.config;
    let mut state = LoopState {
        lr: None,
        stopped_early: false,
        ..branch.checkpoint.state.clone()
    };
    state.patience.waited = 0;
    // Guards remember different things, and so do curricula.
    state.guard.take_if(|_| config.guard != old.guard);
    (state.curriculum).take_if(|_| config.curriculum != old.curriculum);
    let cuts_anew =
        config.batch != old.batch || config.optimizer.accumulate != old.optimizer.accumulate;
    if cuts_anew {
        let plan = Plan::resized(old, &*data.train, state.resized.as_ref())?;
        let (step, epoch) = (state.step, state.epoch);
        state.resized = Some(plan.sampler.resize(config.batch, step, epoch, state.batch));
        state.batch = 0;
    }
    let plan = Plan::resized(config, &*data.train, state.resized.as_ref())?;
    if plan.steps <= state.step {
        return Err(SessionError(format!(
            "nothing would be left to train: the checkpoint stands at step {}, and `steps` is {}, \
             which ends at step {}; set `steps` higher, or branch off earlier",
            state.step, config.steps, plan.steps
        )));
    }
    let mut model = branch.checkpoint.model.clone();
    if !remember_alike(&old.optimizer.algorithm, &config.optimizer.algorithm) {
        model.optimizer.clear();
        state.optimizer_from = state.step;
        notes.push(
            "the optimizer begins anew: the other rule has no use for what the old one remembered"
                .into(),
        );
    }
    Ok((state, model))
}

/// Whether one optimizer can go on with what the other remembers of each weight.
fn remember_alike(old: &Algorithm, new: &Algorithm) -> bool {
    match (old, new) {
        (Algorithm::Adam(_) | Algorithm::Adamw(_), Algorithm::Adam(_) | Algorithm::Adamw(_)) => {
            true
        }
        (Algorithm::Sgd(old), Algorithm::Sgd(new)) => {
            (old.momentum == 0.0) == (new.momentum == 0.0)
        }
        (Algorithm::Lion(_), Algorithm::Lion(_)) | (Algorithm::Muon(_), Algorithm::Muon(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
#[path = "fork/tests.rs"]
mod tests;
