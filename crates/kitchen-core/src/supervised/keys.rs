//! What the stages of supervised training hand to each other.

use std::collections::VecDeque;
use std::rc::Rc;

use kitchen_data::Sampler;
use kitchen_flow::{Key, KeyInfo, StageError, State, StateError};
use kitchen_platform::Stopwatch;
use kitchen_types::checkpoint::{LoopState, Resized};
use kitchen_types::config::Span;
use kitchen_types::event::DomainScore;
use kitchen_types::ports::{
    Batch, DataError, Dataset, Loss, LossReport, Pending, Splits, StepReport, TrainingClient,
};
use kitchen_types::random::Key as RandomKey;
use kitchen_types::{RunConfig, SampleId};

use crate::commands::Line;
use crate::host::Lent;
use crate::supervised::data::choose_loss;
use crate::supervised::pace::Pace;
use crate::supervised::save::SaveInFlight;
use crate::supervised::supervise::Watch;

/// What was asked for.
pub const CONFIG: Key<Rc<RunConfig>> = Key::new("config");
/// What the outside world lends the run.
pub(crate) const HOST: Key<Rc<Lent>> = Key::new("host");
/// Where commands and questions arrive.
pub(crate) const COMMANDS: Key<Line> = Key::new("commands");

/// Both halves of the data.
pub const DATA: Key<Splits> = Key::new("data");
/// How long to train, and in which order.
pub const PLAN: Key<Plan> = Key::new("plan");
/// What trains.
pub const CLIENT: Key<Box<dyn TrainingClient>> = Key::new("client");
/// Where the training loop stands.
pub const LOOP: Key<LoopState> = Key::new("loop");

/// The batch that is trained on next.
pub(crate) const BATCH: Key<Batch> = Key::new("batch");
/// What has been queued for the coming step.
pub(crate) const GRADIENTS: Key<Gradients> = Key::new("gradients");
/// Steps whose numbers have not been read back.
pub(crate) const IN_FLIGHT: Key<VecDeque<StepInFlight>> = Key::new("steps_in_flight");
/// When the step that is running began.
pub(crate) const STEP_BEGAN: Key<Stopwatch> = Key::new("step_began");
/// Who looks after the run, if anybody does.
pub(crate) const WATCH: Key<Option<Watch>> = Key::new("supervisor");
/// How fast the time of a simulated clock is seen to pass.
pub(crate) const PACE: Key<Pace> = Key::new("pace");
/// The checkpoint that is being written.
pub(crate) const SAVING: Key<Option<SaveInFlight>> = Key::new("saving");

/// Whether enough batches are queued for a step.
pub(crate) const GRADIENTS_READY: Key<bool> = Key::value("gradients_ready");
/// Whether the epoch's batches are used up.
pub(crate) const EPOCH_ENDED: Key<bool> = Key::value("epoch_ended");
/// Whether training is over.
pub(crate) const FINISHED: Key<bool> = Key::value("finished");
/// Whether training was told to stop before its end.
pub(crate) const STOPPED: Key<bool> = Key::value("stopped");
/// Whether one step is to be taken, and then a pause.
pub(crate) const STEPPING: Key<bool> = Key::value("stepping");
/// Whether it is time to measure held-out examples.
pub(crate) const EVALUATION_DUE: Key<bool> = Key::value("evaluation_due");
/// What the newest evaluation said of the domains of a mixture, until the shares follow it.
pub(crate) const MEASURED: Key<Vec<DomainScore>> = Key::new("domains_measured");
/// Whether it is time to choose the shares of the domains.
pub(crate) const MIX_DUE: Key<bool> = Key::value("mix_due");
/// Whether it is time to let the model write.
pub(crate) const SAMPLE_DUE: Key<bool> = Key::value("sample_due");
/// Whether it is time to save.
pub(crate) const CHECKPOINT_DUE: Key<bool> = Key::value("checkpoint_due");

/// What a run knows before its first stage.
pub(crate) fn given(
    config: Rc<RunConfig>,
    host: Rc<Lent>,
    line: Line,
) -> Result<State, StateError> {
    let mut state = State::new();
    let loop_state = LoopState {
        seed: config.seed,
        ..LoopState::default()
    };
    state.put(&WATCH, Watch::new(&config))?;
    state.put(&PACE, Pace::new(config.cluster.speed))?;
    state.put(&CONFIG, config)?;
    state.put(&HOST, host)?;
    state.put(&COMMANDS, line)?;
    state.put(&LOOP, loop_state)?;
    state.put(&GRADIENTS, Gradients::default())?;
    state.put(&IN_FLIGHT, VecDeque::new())?;
    state.put(&SAVING, None)?;
    state.put(&MEASURED, Vec::new())?;
    for flag in [
        &GRADIENTS_READY,
        &EPOCH_ENDED,
        &FINISHED,
        &STOPPED,
        &STEPPING,
        &EVALUATION_DUE,
        &MIX_DUE,
        &SAMPLE_DUE,
        &CHECKPOINT_DUE,
    ] {
        state.put(flag, false)?;
    }
    Ok(state)
}

/// The keys of [`given`].
pub(crate) fn given_keys() -> Vec<KeyInfo> {
    let flags = [
        GRADIENTS_READY,
        EPOCH_ENDED,
        FINISHED,
        STOPPED,
        STEPPING,
        EVALUATION_DUE,
        MIX_DUE,
        SAMPLE_DUE,
        CHECKPOINT_DUE,
    ];
    let mut keys = vec![
        CONFIG.info(),
        HOST.info(),
        COMMANDS.info(),
        LOOP.info(),
        GRADIENTS.info(),
        IN_FLIGHT.info(),
        SAVING.info(),
        MEASURED.info(),
        WATCH.info(),
        PACE.info(),
    ];
    keys.extend(flags.iter().map(Key::info));
    keys
}

/// How long to train, in which order, and on what.
pub struct Plan {
    /// The order of the examples.
    pub sampler: Sampler,
    /// Optimizer steps in all.
    pub steps: u64,
    /// Optimizer steps in one epoch.
    pub steps_per_epoch: u64,
    /// What is minimised.
    pub loss: Loss,
    accumulate: u64,
    /// What is added to a step to find how many there would be if all epochs so far had been as
    /// long as those to come; 0 unless the batch size has changed.
    shift: i64,
}

impl Plan {
    /// The plan for training on `data` as `config` says. Errors if there is nothing to train on,
    /// or the loss does not fit the targets.
    pub fn new(config: &RunConfig, data: &dyn Dataset) -> Result<Self, StageError> {
        Self::resized(config, data, None)
    }

    /// The same, where another batch size or mixture has taken over: the epoch goes on with the examples that
    /// are left of it, and what is counted in epochs, the end of the training included, comes when
    /// so many of them are over.
    pub fn resized(
        config: &RunConfig,
        data: &dyn Dataset,
        resized: Option<&Resized>,
    ) -> Result<Self, StageError> {
        let loss = choose_loss(&config.loss, data.spec())?;
        let order = RandomKey::new(config.seed).purpose("data/order");
        let sampler = match resized {
            None => Sampler::new(data, config.batch, order)?,
            Some(resized) => Sampler::resized(data, resized.clone(), order)?,
        };
        let accumulate = config.optimizer.accumulate as u64;
        let steps_per_epoch = (sampler.batches_per_epoch() / accumulate).max(1);
        let mut plan = Self {
            sampler,
            steps: 0,
            steps_per_epoch,
            loss,
            accumulate,
            shift: 0,
        };
        if let Some(resized) = resized {
            let epochs = resized.epoch.saturating_add(1);
            let over_after = resized.step.saturating_add(plan.steps_in(resized.epoch));
            let shift = i128::from(epochs.saturating_mul(steps_per_epoch)) - i128::from(over_after);
            plan.shift = shift.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
        }
        plan.steps = match config.steps {
            Span::Steps(steps) => steps,
            span @ Span::Epochs(_) => span
                .steps(steps_per_epoch)
                .saturating_add_signed(plan.shift.saturating_neg()),
        };
        Ok(plan)
    }

    /// The positions of the batch that comes next. Errors if all examples of a domain are
    /// blacklisted.
    pub(crate) fn next_positions(
        &self,
        data: &dyn Dataset,
        state: &LoopState,
    ) -> Result<Vec<u64>, DataError> {
        let blacklist = &state.blacklist;
        self.sampler
            .positions(data, state.epoch, state.batch, blacklist)
    }

    /// Batches that are trained on in epoch `epoch` (from 0).
    pub(crate) fn batches_in(&self, epoch: u64) -> u64 {
        self.steps_in(epoch).saturating_mul(self.accumulate)
    }

    fn steps_in(&self, epoch: u64) -> u64 {
        // Data that are smaller than a step are read more than once; what is left of an epoch is
        // not.
        let least = u64::from(self.sampler.is_whole(epoch));
        (self.sampler.batches_in(epoch) / self.accumulate).max(least)
    }

    /// Whether something that happens once in every `span` is due after `step` steps.
    pub(crate) fn is_due(&self, span: Span, step: u64) -> bool {
        let step = match span {
            Span::Steps(_) => step,
            Span::Epochs(_) => step.saturating_add_signed(self.shift),
        };
        span.is_due(step, self.steps_per_epoch)
    }
}

/// Forward and backward passes queued for the coming step.
#[derive(Default)]
pub(crate) struct Gradients {
    pub(crate) losses: Vec<Pending<LossReport>>,
    pub(crate) samples: u64,
    /// Whose they are.
    pub(crate) ids: Vec<SampleId>,
    pub(crate) tokens: u64,
    /// How long it took to make their batches.
    pub(crate) data_us: u64,
}

/// A step that is queued, and whose numbers have not been read back.
pub(crate) struct StepInFlight {
    pub(crate) step: u64,
    pub(crate) epoch: u64,
    pub(crate) lr: f64,
    pub(crate) gradients: Gradients,
    pub(crate) report: Pending<StepReport>,
    /// Whether a guard kept it from the weights.
    pub(crate) is_settled: bool,
    /// How long it took; not known before its stages are over, but where the client has a clock of
    /// its own.
    pub(crate) duration_us: Option<u64>,
}
