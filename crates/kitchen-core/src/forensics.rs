//! A batch explained: the training is done again up to a step of the past, and the examples of that
//! step are measured one by one.
//!
//! Every draw of a run is keyed by seed and step, so that a step can be done again from the newest
//! checkpoint before it; what people told the run since then stands in its record.

mod story;

use kitchen_types::checkpoint::{LoopState, Resized};
use kitchen_types::config::DeviceChoice;
use kitchen_types::diagnosis::{OutlierRule, StepDiagnosis};
use kitchen_types::ports::{Batch, BlobStore, PerSample, Splits, TrainingClient};
use kitchen_types::{Command, Envelope, Number, RunConfig, RunId};
use kitchen_watch::outliers;

use crate::checkpoint::{self, Checkpoint};
use crate::faults::{flip_a_bit, open_data};
use crate::host::Host;
use crate::session::SessionError;
use crate::supervised::{self, Plan, next_update, update};
use story::{Change, Story};

/// A batch, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Ids and statistics: nothing that may not leave this machine.
    pub report: StepDiagnosis,
    /// The examples of the batch in words, by their places in the report: for this machine alone.
    pub examples: Vec<String>,
}

/// Which batch to explain.
#[derive(Clone, Copy, Debug)]
pub struct ExplainRequest<'a> {
    /// Which run.
    pub run: &'a RunId,
    /// What was asked for.
    pub config: &'a RunConfig,
    /// What it has said.
    pub events: &'a [Envelope],
    /// Which step; the newest recorded one where it is `None`. Where a step was taken more than
    /// once, since the run went back or was resumed, the last time is meant.
    pub step: Option<u64>,
    /// Where to compute; where the step was taken, if it is `None`. Other devices round
    /// differently, and come to weights that are only close.
    pub device: Option<DeviceChoice>,
    /// What makes an example an outlier.
    pub rule: &'a OutlierRule,
}

/// Explains the batch of a step of the run whose checkpoints are in `host`'s store. On the CPU that
/// took the step its loss comes out the same to the bit.
///
/// # Errors
/// In words, where the step was not taken, belongs to the run that this one branched off from, or
/// the data are no longer the same; what the device says.
pub async fn explain(request: ExplainRequest<'_>, host: &Host) -> Result<Explained, SessionError> {
    let run = request.run;
    let is_watched = request.config.supervisor.supervision().is_some();
    let story = Story::until(request.events, request.step, is_watched)?;
    let mut config = request.config.clone();
    config.device = (request.device.or(story.device)).unwrap_or(config.device);
    let start = newest_before(&story, &*host.store).await?;
    if let Some(fork) = &story.forked
        && start.is_none()
    {
        return Err(SessionError(match story.step <= fork.step {
            true => format!(
                "step {} was taken by {} before {run} branched off at step {}; explain it there",
                story.step, fork.from, fork.step
            ),
            false => format!(
                "the checkpoints before step {} are gone, the one that {run} began with among \
                 them; explain a later step",
                story.step
            ),
        }));
    }
    let mut replay = Replay::new(&config, start, host).await?;
    let from_step = replay.state.step;
    let mut told = story.told_since(from_step);
    loop {
        while let Some((_, change)) = told.next_if(|(after, _)| *after <= replay.state.step) {
            match change {
                Change::Told(command) => replay.obey(&command)?,
                Change::Mixed(shares) => replay.remix(&shares)?,
            }
        }
        replay.begin_epoch();
        if replay.state.step + 1 >= story.step {
            break;
        }
        // A guard remembers that it was there.
        replay.flips_a_bit = config.guard.is_on() && config.faults.nan_at == replay.state.step + 1;
        replay.step().await?;
    }

    // Planted there, and not repaired since.
    replay.flips_a_bit = config.faults.nan_at == story.step && !story.loss.is_finite();
    let (measured, examples, replayed_loss) = replay.measure().await?;
    let report = StepDiagnosis {
        run: run.clone(),
        step: story.step,
        from_step,
        device: replay.client.describe().device,
        recorded_loss: story.loss,
        replayed_loss,
        diagnosis: outliers::find(&measured, request.rule),
        measured,
    };
    Ok(Explained { report, examples })
}

/// The newest checkpoint on the way to a step, if there is one that can be used.
async fn newest_before(
    story: &Story,
    store: &dyn BlobStore,
) -> Result<Option<Checkpoint>, SessionError> {
    let mut until = story.step.saturating_sub(1);
    loop {
        let found = checkpoint::load_newest(store, until).await?.found;
        let Some((_, checkpoint)) = found else {
            return Ok(None);
        };
        let step = checkpoint.state.step;
        if !story.is_given_up(step) {
            return Ok(Some(checkpoint));
        }
        match step.checked_sub(1) {
            Some(before) => until = before,
            None => return Ok(None),
        }
    }
}

/// The training, done again.
struct Replay<'a> {
    config: &'a RunConfig,
    data: Splits,
    plan: Plan,
    client: Box<dyn TrainingClient>,
    state: LoopState,
    /// Whether the next batches have a NaN among their values.
    flips_a_bit: bool,
}

impl<'a> Replay<'a> {
    /// From a checkpoint, or from the beginning.
    async fn new(
        config: &'a RunConfig,
        start: Option<Checkpoint>,
        host: &Host,
    ) -> Result<Self, SessionError> {
        let data = open_data(&*host.data, config)?;
        let loss = supervised::choose_loss(&config.loss, data.train.spec())?;
        let opened = host.devices.open(config, &*data.train, &loss).await?;
        let mut client = opened.client;
        let state = match start {
            Some(start) if start.data_fingerprint != data.fingerprint => {
                return Err(SessionError(format!(
                    "the data are not those that the run was trained on (fingerprint {}, then {}); \
                     put the old data back",
                    data.fingerprint, start.data_fingerprint
                )));
            }
            Some(start) => {
                client.restore(&start.model).await?;
                start.state
            }
            None => LoopState {
                seed: config.seed,
                ..LoopState::default()
            },
        };
        let plan = Plan::resized(config, &*data.train, state.resized.as_ref())?;
        Ok(Self {
            config,
            data,
            plan,
            client,
            state,
            flips_a_bit: false,
        })
    }

    /// What a person told the run, if it changes how it trains.
    fn obey(&mut self, command: &Command) -> Result<(), SessionError> {
        let state = &mut self.state;
        match command {
            Command::SetLearningRate(lr) => state.lr = Some(*lr),
            Command::SetClipNorm(clip) => state.clip_norm = Some(*clip),
            Command::BlacklistSamples(ids) => state.blacklist.extend(ids),
            Command::SkipBatch => state.batch += 1,
            Command::SetBatchSize(size) => {
                let sampler = &self.plan.sampler;
                let resized = sampler.resize(*size, state.step, state.epoch, state.batch);
                self.take_over(resized)?;
            }
            // Where the run went back, what it forgot is not told any more.
            Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop
            | Command::Save
            | Command::SetSpeed(_)
            | Command::Seek(_)
            | Command::RollBack { .. } => {}
        }
        Ok(())
    }

    /// What the batches hold from here on; nothing changes where they do already.
    fn remix(&mut self, shares: &[f64]) -> Result<(), SessionError> {
        let (state, sampler) = (&self.state, &self.plan.sampler);
        if sampler.shares() == shares {
            return Ok(());
        }
        let remixed = sampler.remix(shares, state.step, state.epoch, state.batch);
        self.take_over(remixed)
    }

    fn take_over(&mut self, resized: Resized) -> Result<(), SessionError> {
        self.plan = Plan::resized(self.config, &*self.data.train, Some(&resized))?;
        self.state.resized = Some(resized);
        self.state.batch = 0;
        Ok(())
    }

    /// Begins the next epoch where the batches of this one are used up.
    fn begin_epoch(&mut self) {
        if self.state.batch >= self.plan.batches_in(self.state.epoch) {
            self.state.epoch += 1;
            self.state.batch = 0;
        }
    }

    /// The batches of the next step.
    fn batches(&mut self) -> Result<Vec<(Vec<u64>, Batch)>, SessionError> {
        let data = &*self.data.train;
        let mut batches = Vec::new();
        for _ in 0..self.config.optimizer.accumulate.max(1) {
            let positions = self.plan.next_positions(data, &self.state)?;
            self.state.batch += 1;
            let mut batch = data.batch(&positions)?;
            if self.flips_a_bit {
                flip_a_bit(&mut batch);
            }
            batches.push((positions, batch));
        }
        Ok(batches)
    }

    /// Takes the next step.
    async fn step(&mut self) -> Result<(), SessionError> {
        let mut losses = Vec::new();
        for (_, batch) in self.batches()? {
            losses.push(
                self.client
                    .forward_backward(&batch, &self.plan.loss)
                    .await?,
            );
        }
        let request = next_update(self.config, self.plan.steps, &self.state, false);
        self.state.step += 1;
        let (client, state) = (&mut *self.client, &mut self.state);
        let updated = update(client, &mut losses, state, &self.config.guard, request).await?;
        drop(updated.report);
        Ok(())
    }

    /// Measures the examples of the next step, puts them into words, and gives the loss that the
    /// step would report.
    async fn measure(&mut self) -> Result<(PerSample, Vec<String>, Number), SessionError> {
        let batches = self.batches()?;
        let mut all = PerSample {
            ids: Vec::new(),
            losses: Vec::new(),
            grad_norms: Vec::new(),
            method: String::new(),
        };
        let mut examples = Vec::new();
        let mut losses = Vec::new();
        for (positions, batch) in &batches {
            let measured = self.client.per_sample(batch, &self.plan.loss).await?;
            all.ids.extend(measured.ids);
            all.losses.extend(measured.losses);
            all.grad_norms.extend(measured.grad_norms);
            all.method = measured.method;
            for &position in positions {
                examples.push(self.data.train.describe(position)?);
            }
            losses.push(self.client.forward_backward(batch, &self.plan.loss).await?);
        }
        // The mean, added up as a step adds it up.
        let (mut loss, passes) = (0.0, losses.len() as f64);
        for pending in losses {
            loss += pending.await?.loss.0 / passes;
        }
        self.client.drop_gradients();
        Ok((all, examples, Number(loss)))
    }
}
