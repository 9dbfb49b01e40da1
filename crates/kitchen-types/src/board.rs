//! What every screen draws: the fold of all envelopes of a run.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::config::RunConfig;
use crate::event::{DeviceTiming, Envelope, Evaluation, Event, Mix, RunStatus, Step};
use crate::ids::RunId;
use crate::number::Number;
use crate::ports::{ClientInfo, DataSpec};
use crate::series::Series;
use crate::supervision::{Anomaly, Incident};

/// How a run stands, and how it came to stand there.
///
/// [`Board::apply`] is the only way it changes, so that a recorded run gives the same board as
/// watching it live. It holds a bounded amount of data, however long the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Board {
    /// Which run.
    pub run: Option<RunId>,
    /// What was asked for.
    pub config: Option<Box<RunConfig>>,
    /// What it is doing.
    pub phase: Phase,
    /// Where the data come from, and how much there is.
    pub data: Option<DataSummary>,
    /// What trains, and where.
    pub client: Option<ClientInfo>,
    /// Why that device.
    pub device_reason: String,
    /// Every device that was timed.
    pub timings: Vec<DeviceTiming>,
    /// Optimizer steps in all; 0 until known.
    pub steps_planned: u64,
    /// Optimizer steps in one epoch; 0 until known.
    pub steps_per_epoch: u64,
    /// The step that the weights stand at: the newest, or the one that the run went back to.
    at_step: u64,
    /// What the newest step measured; absent after going back until the next one.
    pub step: Option<Step>,
    /// The peak learning rate: as asked for, or as a person has set it since.
    pub peak_lr: Option<Number>,
    /// Examples in a batch: as asked for, or as a person has set it since.
    pub batch: Option<usize>,
    /// The run that this one branched off from.
    pub forked: Option<Fork>,
    /// The step after which a person first changed how it trains: from there on the configuration
    /// alone no longer tells how it went.
    pub steered: Option<u64>,
    /// Curves over steps, by name, such as `train.loss`.
    pub series: BTreeMap<String, Series>,
    /// The newest evaluation.
    pub evaluation: Option<Evaluation>,
    /// The evaluation with the lowest loss.
    pub best: Option<Evaluation>,
    /// What the batches of a mixture hold.
    pub mix: Option<Mix>,
    /// What the model wrote, newest last.
    pub samples: VecDeque<WrittenSample>,
    /// Checkpoints that are on disk, oldest first.
    pub checkpoints: Vec<CheckpointSummary>,
    /// Where the final weights are, in the run's folder.
    pub exported: Vec<String>,
    /// What went wrong and what was done about it, newest last.
    pub incidents: VecDeque<Incident>,
    /// Warnings and notices, newest last.
    pub notices: VecDeque<Notice>,
    /// Time spent training, over all sessions.
    pub trained_us: u64,
    /// When the newest envelope was sent, in milliseconds since 1970.
    pub at_ms: u64,
    /// The number of the newest envelope.
    pub seq: Option<u64>,
}

/// What a run is doing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// It has not said anything.
    #[default]
    Starting,
    /// It trains.
    Running,
    /// It waits to be resumed.
    Paused,
    /// It ended.
    Finished {
        /// How.
        status: RunStatus,
        /// Why, where it did not simply complete.
        reason: Option<String>,
    },
}

/// Where the data come from, and how much there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSummary {
    /// In words.
    pub source: String,
    /// Examples to train on.
    pub train: u64,
    /// Examples held out.
    pub validation: u64,
    /// What goes in and what should come out.
    pub spec: DataSpec,
    /// A hash over everything that could change what is learnt.
    pub fingerprint: String,
}

/// Where a run branched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// From which run.
    pub run: RunId,
    /// After which step.
    pub step: u64,
}

/// Something the model wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenSample {
    /// After which step.
    pub step: u64,
    /// What it was given.
    pub prompt: String,
    /// What it wrote.
    pub text: String,
}

/// A checkpoint on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointSummary {
    /// After which step.
    pub step: u64,
    /// Its name in the run's folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Whether its validation loss was the lowest when it was saved.
    pub best: bool,
}

/// Something a person should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// After which step.
    pub step: u64,
    /// What.
    pub text: String,
}

/// The most samples and notices a board keeps.
const KEPT: usize = 50;

/// The most domains of a mixture that have curves.
const CURVES: usize = 8;

/// The name of the curve of a domain's held-out loss.
pub fn domain_loss(domain: &str) -> String {
    format!("validation.loss.{domain}")
}

/// The name of the curve of the share of a domain's held-out answers, or else targets, that are right.
pub fn domain_right(domain: &str) -> String {
    format!("validation.right.{domain}")
}

/// The name of the curve of a domain's share of the batches.
pub fn domain_share(domain: &str) -> String {
    format!("share.{domain}")
}

impl Board {
    /// The board of a recorded run.
    pub fn replay<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> Self {
        let mut board = Self::default();
        for envelope in envelopes {
            board.apply(envelope);
        }
        board
    }

    /// The step that the weights stand at; 0 before the first.
    pub fn current_step(&self) -> u64 {
        self.at_step
    }

    /// A curve by name, such as `validation.loss`.
    pub fn curve(&self, name: &str) -> Option<&Series> {
        self.series.get(name)
    }

    /// Takes in what happened.
    pub fn apply(&mut self, envelope: &Envelope) {
        self.run.get_or_insert_with(|| envelope.run.clone());
        self.seq = Some(envelope.seq);
        self.at_ms = envelope.at_ms;
        match &envelope.event {
            Event::RunStarted { config, step, .. } => {
                self.peak_lr.get_or_insert(Number(config.lr));
                self.batch.get_or_insert(config.batch);
                self.config = Some(config.clone());
                self.phase = Phase::Running;
                self.go_back_to(*step);
            }
            Event::RunFinished { status, reason, .. } => {
                self.phase = Phase::Finished {
                    status: *status,
                    reason: reason.clone(),
                };
            }
            Event::DatasetLoaded {
                source,
                train,
                validation,
                spec,
                fingerprint,
            } => {
                self.data = Some(DataSummary {
                    source: source.clone(),
                    train: *train,
                    validation: *validation,
                    spec: spec.clone(),
                    fingerprint: fingerprint.clone(),
                });
            }
            Event::Planned {
                steps,
                steps_per_epoch,
            } => {
                self.steps_planned = *steps;
                self.steps_per_epoch = *steps_per_epoch;
            }
            Event::DeviceChosen {
                reason, timings, ..
            } => {
                self.device_reason = reason.clone();
                self.timings = timings.clone();
            }
            Event::SessionOpened { client } => self.client = Some(client.clone()),
            Event::Stepped(step) => self.stepped(step),
            Event::Evaluated(evaluation) => self.evaluated(evaluation),
            Event::Mixed(mix) => self.mixed(mix),
            Event::Sampled { step, prompt, text } => push_bounded(
                &mut self.samples,
                WrittenSample {
                    step: *step,
                    prompt: prompt.clone(),
                    text: text.clone(),
                },
            ),
            Event::CheckpointSaved {
                step,
                name,
                bytes,
                best,
                ..
            } => {
                // Saving twice between two steps gives the same checkpoint.
                self.checkpoints.retain(|saved| saved.name != *name);
                self.checkpoints.push(CheckpointSummary {
                    step: *step,
                    name: name.clone(),
                    bytes: *bytes,
                    best: *best,
                });
            }
            Event::CheckpointRemoved { name } => {
                self.checkpoints.retain(|saved| saved.name != *name);
            }
            Event::CheckpointRejected { name, reason } => {
                self.checkpoints.retain(|saved| saved.name != *name);
                self.notice(format!("checkpoint {name} was not used: {reason}"));
            }
            Event::Restored {
                step,
                name,
                lr,
                batch,
            } => {
                self.go_back_to(*step);
                // What a person has set since is undone with the steps.
                let asked = self.config.as_ref();
                self.peak_lr = lr.or(asked.map(|config| Number(config.lr)));
                self.batch = batch.or(asked.map(|config| config.batch));
                self.notice(format!("went on from {name}"));
            }
            Event::Exported { name, .. } => {
                if !self.exported.contains(name) {
                    self.exported.push(name.clone());
                }
            }
            Event::StoppedEarly {
                best_step,
                best_loss,
                ..
            } => self.notice(format!(
                "stopped early: the validation loss was lowest, {best_loss:.4}, at step {best_step}"
            )),
            Event::Paused { .. } => self.phase = Phase::Paused,
            Event::Resumed { .. } => self.phase = Phase::Running,
            Event::CommandRefused { command, reason } => {
                self.notice(format!("{command:?} was refused: {reason}"));
            }
            Event::StageFailed { stage, error } => self.notice(format!("{stage} failed: {error}")),
            Event::StageSkipped { stage, reason } => {
                self.notice(format!("{stage} was skipped: {reason}"));
            }
            Event::Warning { message } => self.notice(message.clone()),
            Event::Interrupted { interruption, .. } => self.notice(interruption.to_string()),
            Event::AnomalyFound(anomaly) => self.found(anomaly),
            Event::Diagnosed(it) => {
                self.learnt(it.incident, it, |incident| &mut incident.diagnosis)
            }
            Event::Repaired(repair) => {
                self.peak_lr = Some(repair.after.lr);
                self.learnt(repair.incident, repair, |it| &mut it.repair);
            }
            Event::PersonAsked(ask) => self.learnt(ask.incident, ask, |it| &mut it.ask),
            Event::PersonAnswered { incident, .. } => {
                if let Some(incident) = self.incident(*incident) {
                    incident.answered = true;
                }
            }
            Event::Forked { from, step } => self.forked(from, *step),
            Event::CommandApplied { command, step } => self.told(command, *step),
            Event::StageStarted { .. }
            | Event::StageFinished { .. }
            | Event::StageRetried { .. }
            | Event::StageRolledBack { .. }
            | Event::EpochFinished { .. } => {}
        }
    }

    /// Whether an event tells nothing new of an incident: a run that was cut off tells its newest
    /// one again.
    pub fn knows(&self, event: &Event) -> bool {
        self.incidents.iter().any(|known| match event {
            Event::AnomalyFound(it) => known.anomaly == *it,
            Event::Diagnosed(it) => known.diagnosis.as_ref() == Some(it),
            Event::Repaired(it) => known.repair.as_ref() == Some(it),
            Event::PersonAsked(it) => known.ask.as_ref() == Some(it),
            _ => false,
        })
    }

    /// What a person is asked, if the run waits for one.
    pub fn open_question(&self) -> Option<&Incident> {
        self.incidents
            .back()
            .filter(|newest| newest.open_question().is_some())
    }

    /// A run that was cut off tells its newest incident again; it is the same one.
    fn found(&mut self, anomaly: &Anomaly) {
        let known = self.incident(anomaly.incident);
        if known.is_none_or(|known| known.anomaly != *anomaly) {
            self.notice(anomaly.to_string());
            push_bounded(&mut self.incidents, Incident::new(anomaly.clone()));
        }
    }

    /// Takes in what was learnt about an incident, unless that was known.
    fn learnt<T: Clone + PartialEq + ToString>(
        &mut self,
        number: u64,
        news: &T,
        place: impl Fn(&mut Incident) -> &mut Option<T>,
    ) {
        let Some(incident) = self.incident(number) else {
            return;
        };
        if place(incident).as_ref() != Some(news) {
            *place(incident) = Some(news.clone());
            self.notice(news.to_string());
        }
    }

    fn incident(&mut self, number: u64) -> Option<&mut Incident> {
        self.incidents
            .iter_mut()
            .rev()
            .find(|it| it.anomaly.incident == number)
    }

    /// What the run it comes from was asked for is no longer in force: what this one was asked for
    /// comes when it starts.
    fn forked(&mut self, from: &RunId, step: u64) {
        self.go_back_to(step);
        self.phase = Phase::Starting;
        self.config = None;
        self.peak_lr = None;
        self.batch = None;
        self.notice(format!("branched off from {from} at step {step}"));
        self.forked = Some(Fork {
            run: from.clone(),
            step,
        });
    }

    fn told(&mut self, command: &Command, step: u64) {
        match command {
            Command::SetLearningRate(lr) => self.peak_lr = Some(*lr),
            Command::SetBatchSize(batch) => {
                self.batch = Some(*batch);
                self.notice(format!("batches of {batch} from here on"));
            }
            Command::SetClipNorm(_) | Command::SkipBatch | Command::BlacklistSamples(_) => {}
            // These change when something happens, or take it back, and not what is learnt.
            Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop
            | Command::Save
            | Command::SetSpeed(_)
            | Command::Seek(_)
            | Command::RollBack { .. } => return,
        }
        self.steered.get_or_insert(step);
    }

    fn stepped(&mut self, step: &Step) {
        self.trained_us = self.trained_us.saturating_add(step.duration_us);
        self.push("train.loss", step.step, Some(step.loss.0));
        self.push("train.accuracy", step.step, step.accuracy.map(f64::from));
        self.push("lr", step.step, Some(step.lr.0));
        self.push("grad_norm", step.step, step.grad_norm.map(f64::from));
        self.push("update_ratio", step.step, step.update_ratio.map(f64::from));
        if step.duration_us > 0 {
            let per_second = step.samples as f64 * 1e6 / step.duration_us as f64;
            self.push("samples_per_second", step.step, Some(per_second));
        }
        self.at_step = step.step;
        self.step = Some(step.clone());
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        let step = evaluation.step;
        self.push("validation.loss", step, Some(evaluation.loss.0));
        self.push(
            "validation.accuracy",
            step,
            evaluation.accuracy.map(f64::from),
        );
        self.push("validation.exact", step, evaluation.exact.map(f64::from));
        for domain in evaluation.domains.iter().take(CURVES) {
            let right = domain.right().map(f64::from);
            self.push(&domain_loss(&domain.name), step, Some(domain.loss.0));
            self.push(&domain_right(&domain.name), step, right);
        }
        if evaluation.best {
            self.best = Some(evaluation.clone());
        }
        self.evaluation = Some(evaluation.clone());
    }

    /// Tells which domains are new in the batches.
    fn mixed(&mut self, mix: &Mix) {
        let before = self.mix.replace(mix.clone());
        for (index, domain) in mix.domains.iter().enumerate() {
            let before = before.as_ref().and_then(|mix| mix.domains.get(index));
            let before = before.map(|domain| domain.share.0);
            if index < CURVES {
                let curve = domain_share(&domain.name);
                let newest = self.curve(&curve).and_then(Series::last);
                // It was what it was up to here.
                if newest.is_some_and(|(step, _)| step + 1 < mix.step) {
                    self.push(&curve, mix.step - 1, before);
                }
                self.push(&curve, mix.step, Some(domain.share.0));
            }
            if before == Some(0.0) && domain.share.0 > 0.0 {
                self.notice(format!("`{}` comes from here on", domain.name));
            }
        }
    }

    fn push(&mut self, name: &str, step: u64, value: Option<f64>) {
        let Some(value) = value else { return };
        match self.series.get_mut(name) {
            Some(series) => series.push(step, value),
            None => {
                let mut series = Series::default();
                series.push(step, value);
                self.series.insert(name.to_owned(), series);
            }
        }
    }

    fn notice(&mut self, text: String) {
        let step = self.current_step();
        push_bounded(&mut self.notices, Notice { step, text });
    }

    fn go_back_to(&mut self, step: u64) {
        for series in self.series.values_mut() {
            series.truncate(step);
        }
        self.samples.retain(|sample| sample.step <= step);
        self.evaluation.take_if(|evaluation| evaluation.step > step);
        self.best.take_if(|evaluation| evaluation.step > step);
        self.step.take_if(|measured| measured.step > step);
        self.steered.take_if(|steered| *steered > step);
        self.at_step = step;
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == KEPT {
        queue.pop_front();
    }
    queue.push_back(item);
}
