//! When a run is to be saved besides its own settings: a tab may go at any moment.

use std::time::Duration;

use kitchen_types::Event;

/// No more training than this is lost with a tab, however rarely the settings ask for a checkpoint.
const EVERY: Duration = Duration::from_secs(10);

/// What the saves of a run depend on.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The newest step.
    stepped: u64,
    /// The newest step that is kept.
    saved: u64,
    /// When a save was last kept, or asked for.
    since: Duration,
    paused: bool,
}

impl Saving {
    /// Takes in what happened at `now`, counted from any beginning, and says whether to save.
    pub(super) fn is_due(&mut self, event: &Event, now: Duration) -> bool {
        match event {
            Event::Stepped(step) => self.stepped = step.step,
            Event::Paused { .. } => self.paused = true,
            Event::Resumed { .. } => self.paused = false,
            Event::CheckpointSaved { step, .. } => {
                self.saved = *step;
                self.since = now;
            }
            Event::Restored { step, .. } => {
                (self.stepped, self.saved) = (*step, *step);
                self.since = now;
            }
            _ => {}
        }
        let due = !self.paused && self.stepped > self.saved && now - self.since >= EVERY;
        if due {
            self.asked(now);
        }
        due
    }

    /// Whether a person has halted it with steps that are not kept, and may now leave.
    pub(super) fn may_be_left(&self) -> bool {
        self.paused && self.stepped > self.saved
    }

    /// It was told to save at `now`. If that fails, it is not told again at once.
    pub(super) fn asked(&mut self, now: Duration) {
        self.saved = self.stepped;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kitchen_types::Number;
    use kitchen_types::event::Step;

    fn stepped(step: u64) -> Event {
        Event::Stepped(Step {
            step,
            epoch: 1,
            loss: Number(1.0),
            accuracy: None,
            lr: Number(0.1),
            grad_norm: None,
            update_ratio: None,
            samples: 1,
            tokens: 0,
            duration_us: 1,
        })
    }

    fn saved(step: u64) -> Event {
        Event::CheckpointSaved {
            step,
            name: format!("step-{step}"),
            bytes: 1,
            best: false,
            blocked_ms: 0,
        }
    }

    /// The seconds at which a save is due, if each of `events` happens at its second.
    fn due(events: &[(u64, Event)]) -> Vec<u64> {
        let mut saving = Saving::default();
        let due = events
            .iter()
            .filter(|(at, event)| saving.is_due(event, Duration::from_secs(*at)));
        due.map(|(at, _)| *at).collect()
    }

    #[test]
    fn ten_seconds_of_training_are_saved() {
        let every_second: Vec<_> = (1..35).map(|at| (at, stepped(at))).collect();
        assert_eq!(due(&every_second), [10, 20, 30]);
    }

    #[test]
    fn a_save_of_its_own_puts_it_off() {
        let events = [
            (1, stepped(1)),
            (9, saved(1)),
            (10, stepped(2)),
            (18, stepped(3)),
            (19, stepped(4)),
        ];
        assert_eq!(due(&events), [19]);
    }

    #[test]
    fn nothing_is_saved_twice_or_while_paused() {
        let events = [
            (1, stepped(1)),
            (2, Event::Paused { step: 1 }),
            (30, saved(1)),
            (50, Event::Resumed { step: 1 }),
            (51, stepped(2)),
        ];
        assert_eq!(due(&events), [51]);
    }

    #[test]
    fn steps_beyond_a_save_that_was_on_its_way_are_not_kept() {
        let mut saving = Saving::default();
        for event in [stepped(5), saved(3), Event::Paused { step: 5 }] {
            assert!(!saving.is_due(&event, Duration::ZERO));
        }
        assert!(saving.may_be_left());
        saving.asked(Duration::ZERO);
        assert!(!saving.may_be_left());
    }

    #[test]
    fn what_was_gone_back_to_is_kept() {
        let mut saving = Saving::default();
        let restored = Event::Restored {
            step: 2,
            name: "step-2".into(),
            lr: None,
            batch: None,
        };
        for event in [stepped(5), restored, Event::Paused { step: 2 }] {
            saving.is_due(&event, Duration::ZERO);
        }
        assert!(!saving.may_be_left());
    }
}
