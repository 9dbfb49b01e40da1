//! The work between two events: steps, looks at held-out data, checkpoints.

use super::{Engine, Pending, Task};
use crate::run::record::Happening;
use crate::run::script::{Act, Doing, Span};

impl Engine<'_> {
    /// Works, and stops where that is due, until `until`.
    pub(super) fn work_until(&mut self, until: f64) {
        while self.now < until && !self.is_done {
            match self.busy {
                Some((task, left)) => self.carry_on(task, left, until),
                None => self.step_until(until),
            }
        }
    }

    /// Makes steps until the next one after which something is due.
    fn step_until(&mut self, until: f64) {
        let longer = self.slowness() + self.warmth;
        let step = self.plan.step * (1.0 + longer);
        let mark = self.next_mark();
        let left = (mark - self.pending.steps) * step;
        let worked = left.min(until - self.now);
        let first = self.steps_done();
        self.pending.steps += worked / step;
        if worked >= left {
            self.pending.steps = mark;
        }
        self.pending.productive += worked / (1.0 + longer);
        self.pending.slowed += worked * longer / (1.0 + longer);
        let last = self.steps_done();
        self.spend(worked, Doing::Training { first, last, step });
        if worked >= left {
            self.busy = self.due();
        }
    }

    /// Steps done, with the part of one that is.
    fn steps_done(&self) -> f64 {
        self.record.steps as f64 + self.pending.steps
    }

    /// By which share the slowest device is slow.
    fn slowness(&self) -> f64 {
        let slow = if self.slow_nodes > 0 {
            self.plan.slowness
        } else {
            0.0
        };
        let shares = self.lasting().map(|act| match act {
            Act::Slow { share, .. } => share,
            _ => 0.0,
        });
        shares.fold(slow, f64::max)
    }

    fn lasting(&self) -> impl Iterator<Item = Act> {
        let cues = self.lasting.iter();
        cues.filter_map(|number| Some(self.script.cues.get(*number)?.act))
    }

    /// Steps since the last checkpoint after which something is due next.
    fn next_mark(&self) -> f64 {
        let saved = self.record.steps;
        let validation = self.script.validation.map(|validation| {
            let every = validation.every.max(1);
            let done = saved + self.pending.steps.floor() as u64;
            (done / every + 1) * every - saved
        });
        let end = self.script.steps.map(|steps| steps.saturating_sub(saved));
        let marks = validation.into_iter().chain(end);
        marks.fold(self.stride, |first, mark| first.min(mark as f64))
    }

    /// What is due at a mark.
    fn due(&self) -> Option<(Task, f64)> {
        let done = self.record.steps + self.pending.steps as u64;
        let look = self.script.validation.filter(|validation| {
            done.is_multiple_of(validation.every.max(1)) && self.validated != done
        });
        if let Some(validation) = look {
            return Some((Task::Validate, validation.seconds));
        }
        let is_last = self.script.steps == Some(done);
        let saves = is_last || self.pending.steps >= self.stride;
        saves.then(|| {
            let factors = self.lasting().map(|act| match act {
                Act::SlowSaves { factor, .. } => factor,
                _ => 1.0,
            });
            (Task::Save, self.plan.save * factors.fold(1.0, f64::max))
        })
    }

    /// Goes on with a task, or as far as there is time for.
    fn carry_on(&mut self, task: Task, left: f64, until: f64) {
        let spent = left.min(until - self.now);
        let step = self.record.steps + self.pending.steps as u64;
        match task {
            Task::Validate => {
                self.record.validating += spent;
                self.spend(spent, Doing::Validating { step });
            }
            Task::Save => {
                self.record.saving += spent;
                self.spend(spent, Doing::Saving { step });
            }
        }
        if spent < left {
            self.busy = Some((task, left - spent));
            return;
        }
        if task == Task::Save {
            self.keep();
            self.tell(self.now, Happening::Saved { step });
            self.busy = None;
            self.is_done = self.script.steps.is_some_and(|steps| step >= steps);
        } else {
            self.tell(self.now, Happening::Validated { step });
            self.validated = step;
            self.busy = self.due();
        }
    }

    /// Lets time pass.
    pub(super) fn spend(&mut self, seconds: f64, doing: Doing) {
        let from = self.now;
        self.now += seconds;
        let Some(spans) = &mut self.spans else { return };
        let span = Span {
            from,
            until: self.now,
            doing,
        };
        match spans.last_mut() {
            Some(before) if before.goes_on_in(&span) => before.extend(&span),
            _ => spans.push(span),
        }
    }

    /// Counts the work since the last checkpoint.
    pub(super) fn keep(&mut self) {
        self.record.steps += self.pending.steps.floor() as u64;
        self.record.productive += self.pending.productive;
        self.record.slowed += self.pending.slowed;
        self.pending = Pending::default();
    }
}
