//! The story of a run, moment by moment.

use std::collections::VecDeque;

use super::cues::{hot_racks, script};
use super::ending::ending;
use super::error::SpecError;
use super::event::{Event, Moment, digits, places};
use super::fleet::{Ailment, Cell, Fleet, Gpu};
use super::heat::HotRack;
use super::notices::{Notice, ailments, end, notices};
use super::opening::opening;
use super::setting::Setting;
use super::spec::Spec;
use crate::loss::perplexity;
use crate::run::{Doing, Performance, Span, perform};

/// Parts in which a look at held-out data is told.
const LOOKS: u64 = 4;
/// GPUs of which a mean over all is taken.
const SAMPLE: u32 = 512;
/// The norm to which gradients are clipped.
const CLIP: f64 = 1.0;

/// A simulated run, told in order: an iterator over [`Moment`]s. The same specification tells the
/// same, bit for bit, on every platform.
///
/// Each moment is worked out when it is asked for, so that a run of a million steps begins at once.
#[derive(Clone, Debug)]
pub struct Story {
    setting: Setting,
    performance: Performance,
    racks: Vec<HotRack>,
    ailments: Vec<Ailment>,
    notices: Vec<Notice>,
    /// What is told next, if not empty.
    queue: VecDeque<Moment>,
    /// The next notice.
    notice: usize,
    /// The span at hand, and what of it is told next.
    span: usize,
    beat: u64,
    is_over: bool,
}

/// Something in a span that is told.
enum Beat {
    Step(u64, f64),
    Validating(u64),
    Looked(f64),
    Saving(u64),
}

impl Story {
    /// The story of a specification.
    ///
    /// # Errors
    ///
    /// If it describes no run.
    pub fn of(spec: Spec) -> Result<Self, SpecError> {
        let setting = Setting::of(spec)?;
        let racks = hot_racks(&setting.site(), &setting.spec.incidents);
        let performance = perform(&setting.plan, &script(&setting, &racks))?;
        Ok(Self {
            queue: opening(&setting).into(),
            notices: notices(&setting, &performance, &racks),
            ailments: ailments(&setting, &performance, &racks),
            setting,
            performance,
            racks,
            notice: 0,
            span: 0,
            beat: 0,
            is_over: false,
        })
    }

    /// What the story follows from.
    #[must_use]
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Simulated seconds from the start of the program until training is over.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.setting.setup.seconds() + end(&self.performance.spans)
    }

    /// All GPUs `at` so many simulated seconds since the program began, `each` in a cell.
    #[must_use]
    pub fn cells(&self, at: f64, each: u32) -> Vec<Cell> {
        self.fleet(at - self.setting.setup.seconds()).cells(each)
    }

    /// GPU `number`, from 0, at such a time.
    #[must_use]
    pub fn gpu(&self, at: f64, number: u32) -> Gpu {
        self.fleet(at - self.setting.setup.seconds()).gpu(number)
    }

    /// Begins anew.
    pub fn rewind(&mut self) {
        self.queue = opening(&self.setting).into();
        (self.notice, self.span, self.beat) = (0, 0, 0);
        self.is_over = false;
    }

    /// Leaves out what is told before a time, without working it out.
    pub fn skip_to(&mut self, at: f64) {
        self.queue.retain(|moment| moment.at >= at);
        let at = at - self.setting.setup.seconds();
        let before = self.notices.partition_point(|(when, _)| *when < at);
        self.notice = self.notice.max(before);
        while let Some(span) = self.performance.spans.get(self.span) {
            if span.until < at {
                self.span += 1;
                self.beat = 0;
                continue;
            }
            while self.next_beat().is_some_and(|(when, _)| when < at) {
                self.beat += 1;
            }
            return;
        }
    }

    fn fleet(&self, at: f64) -> Fleet<'_> {
        let known = (
            self.performance.spans.as_slice(),
            self.ailments.as_slice(),
            self.racks.as_slice(),
        );
        Fleet::new(&self.setting, known, at)
    }

    /// What is told next of the spans, and when.
    fn next_beat(&mut self) -> Option<(f64, Beat)> {
        while let Some(span) = self.performance.spans.get(self.span) {
            if let Some(beat) = beat(span, self.beat) {
                return Some(beat);
            }
            self.span += 1;
            self.beat = 0;
        }
        None
    }

    /// Fills the queue with what comes next, the earlier first.
    fn fill(&mut self) {
        let notice = self.notices.get(self.notice).map(|(at, _)| *at);
        match (self.next_beat(), notice) {
            (Some((at, beat)), notice) if notice.is_none_or(|notice| at < notice) => {
                self.beat += 1;
                self.tell_beat(at, &beat);
            }
            (_, Some(_)) => {
                if let Some((at, event)) = self.notices.get(self.notice).cloned() {
                    self.notice += 1;
                    self.tell(at, event);
                }
            }
            (_, None) => {
                self.is_over = true;
                let told = ending(&self.setting, &self.performance, self.seconds());
                self.queue.extend(told);
            }
        }
    }

    fn tell(&mut self, at: f64, event: Event) {
        let at = places(at + self.setting.setup.seconds(), 2);
        self.queue.push_back(Moment { at, event });
    }

    fn tell_beat(&mut self, at: f64, beat: &Beat) {
        match *beat {
            Beat::Step(step, seconds) => self.tell_step(at, step, seconds),
            Beat::Looked(share) => self.tell(at, Event::Looked { share }),
            Beat::Validating(step) => {
                let samples = self.setting.spec.data.validation_samples;
                self.tell(at, Event::Validating { step, samples });
            }
            Beat::Saving(step) => self.tell(at, Event::Saving { step }),
        }
    }

    fn tell_step(&mut self, at: f64, step: u64, seconds: f64) {
        let setting = &self.setting;
        let loss = places(setting.curve.training(step, at), 4);
        let lr = digits(setting.schedule.rate(step as f64));
        let first = (step - 1).is_multiple_of(setting.steps_per_epoch);
        let (epoch, of) = (setting.epoch(step), setting.epochs());
        let ppl = places(perplexity(loss), 3);
        let log = setting.spec.every.log;
        let reports = step == 1 || step.is_multiple_of(log) || step == setting.steps;
        if first {
            self.tell(at, Event::Epoch { epoch, of });
        }
        self.tell(at, Event::Step { step, loss, lr });
        self.tell(at, Event::Ppl { step, ppl });
        if reports {
            for event in self.report(at, step, seconds) {
                self.tell(at, event);
            }
        }
    }

    /// Rates, communication, gradients and GPUs at a step that took so many seconds.
    fn report(&self, at: f64, step: u64, seconds: f64) -> [Event; 5] {
        let setting = &self.setting;
        let comm = &setting.estimate.communication;
        let ms = |seconds: f64| places(1e3 * seconds, 1);
        let norm = setting.curve.gradient(step, at);
        let waited = seconds - setting.plan.step + setting.estimate.times.jitter;
        let samples = f64::from(setting.spec.data.global_batch);
        let all = setting.job.cluster.devices;
        // In the middle of the step: at its end something else may begin.
        let mean = self.fleet(at - 0.5 * seconds).sample(all.div_ceil(SAMPLE));
        [
            Event::Progress {
                step,
                of: setting.steps,
                eta_s: places(self.left(step, seconds), 0),
            },
            Event::Rate {
                step_s: digits(seconds),
                tok_s: places(setting.batch_tokens() / seconds, 0),
                seq_s: digits(samples / seconds),
            },
            Event::Comm {
                dp: ms(comm.data),
                tp: ms(comm.layers),
                pp: ms(comm.pipeline),
                wait: ms(waited.max(0.0)),
            },
            Event::Gradient {
                norm: digits(norm),
                clip: digits((CLIP / norm).min(1.0)),
            },
            Event::Fleet {
                gib: places(mean.gib, 1),
                used: places(mean.used, 3),
                temp: places(mean.celsius, 1),
                watts: places(mean.watts, 0),
            },
        ]
    }

    /// Seconds until the last step, if steps go on to take so long and nothing breaks.
    fn left(&self, step: u64, seconds: f64) -> f64 {
        let setting = &self.setting;
        let steps = setting.steps.saturating_sub(step) as f64;
        let saves = setting.plan.save / (setting.plan.interval / setting.plan.step).max(1.0);
        let looks = setting.validation.map_or(0.0, |validation| {
            validation.seconds / validation.every.max(1) as f64
        });
        steps * (seconds + saves + looks)
    }
}

impl Iterator for Story {
    type Item = Moment;

    fn next(&mut self) -> Option<Moment> {
        while self.queue.is_empty() && !self.is_over {
            self.fill();
        }
        self.queue.pop_front()
    }
}

/// Beat `number` of a span, from 0, and when it is.
fn beat(span: &Span, number: u64) -> Option<(f64, Beat)> {
    let seconds = span.until - span.from;
    match span.doing {
        Doing::Training { first, last, step } => {
            let done = first.floor() as u64 + 1 + number;
            if done as f64 > last {
                return None;
            }
            let at = span.from + (done as f64 - first) * step;
            Some((at.min(span.until), Beat::Step(done, step)))
        }
        Doing::Validating { step } if number == 0 => Some((span.from, Beat::Validating(step))),
        Doing::Validating { .. } if number < LOOKS => {
            let share = number as f64 / LOOKS as f64;
            Some((span.from + share * seconds, Beat::Looked(share)))
        }
        Doing::Saving { step } if number == 0 => Some((span.from, Beat::Saving(step))),
        Doing::Validating { .. } | Doing::Saving { .. } | Doing::Down => None,
    }
}
