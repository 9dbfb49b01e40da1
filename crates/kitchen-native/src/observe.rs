//! Those who listen to a run. One that fails is reported and dropped; the others, and the run,
//! go on.

use kitchen_types::{Envelope, Event};

use crate::out;
use crate::record::Recorder;

/// Listens to a run.
pub(crate) trait Observer {
    /// What it is called in reports.
    fn name(&self) -> &str;

    /// Takes in one envelope.
    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()>;

    /// Called when no further envelope is waiting: a time to write out what was gathered.
    fn rest(&mut self) -> anyhow::Result<()>;
}

/// Every observer that has not failed.
#[derive(Default)]
pub(crate) struct Observers {
    listening: Vec<Box<dyn Observer>>,
    reports: Vec<String>,
    closed: bool,
}

impl Observers {
    /// Adds one.
    pub(crate) fn add(&mut self, observer: impl Observer + 'static) {
        self.listening.push(Box::new(observer));
    }

    /// Shows everyone an envelope.
    pub(crate) fn observe(&mut self, envelope: &Envelope) {
        self.each(|observer| observer.observe(envelope));
    }

    /// Lets everyone write out what was gathered.
    pub(crate) fn rest(&mut self) {
        self.each(|observer| observer.rest());
    }

    /// What went wrong since the last call.
    pub(crate) fn take_reports(&mut self) -> Vec<String> {
        std::mem::take(&mut self.reports)
    }

    /// Whether the reader of standard output has left: then nobody watches any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    fn each(&mut self, mut act: impl FnMut(&mut dyn Observer) -> anyhow::Result<()>) {
        let Self {
            listening,
            reports,
            closed,
        } = self;
        listening.retain_mut(|observer| match act(observer.as_mut()) {
            Ok(()) => true,
            Err(error) if out::is_closed(&error) => {
                *closed = true;
                false
            }
            Err(error) => {
                let name = observer.name();
                reports.push(format!(
                    "{name} failed and is dropped; the run goes on: {error:#}"
                ));
                false
            }
        });
    }
}

/// The recorder is synced when a checkpoint is saved and when the run ends, so that a record never
/// lags behind what a resumed run starts from.
impl Observer for Recorder {
    fn name(&self) -> &str {
        "the record of events"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        self.append(envelope)?;
        if matches!(
            envelope.event,
            Event::CheckpointSaved { .. } | Event::RunFinished { .. }
        ) {
            self.sync()?;
        }
        Ok(())
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        Ok(self.hand_over()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;
    use std::rc::Rc;

    use kitchen_types::RunId;

    use super::*;

    struct Counting {
        name: &'static str,
        fails_at: u64,
        seen: Rc<RefCell<Vec<(&'static str, u64)>>>,
    }

    impl Observer for Counting {
        fn name(&self) -> &str {
            self.name
        }

        fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
            anyhow::ensure!(envelope.seq != self.fails_at, "the disk is full");
            self.seen.borrow_mut().push((self.name, envelope.seq));
            Ok(())
        }

        fn rest(&mut self) -> anyhow::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_that_fails_is_reported_once_and_dropped() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let mut observers = Observers::default();
        for (name, fails_at) in [("first", 1), ("second", 99)] {
            observers.add(Counting {
                name,
                fails_at,
                seen: seen.clone(),
            });
        }
        for seq in 0..3 {
            observers.observe(&Envelope {
                run: RunId::new("test").unwrap(),
                seq,
                at_ms: 0,
                event: Event::Paused { step: 1 },
            });
        }
        observers.rest();
        let expected = [("first", 0), ("second", 0), ("second", 1), ("second", 2)];
        assert_eq!(*seen.borrow(), expected);
        assert_eq!(
            observers.take_reports(),
            ["first failed and is dropped; the run goes on: the disk is full"]
        );
        assert!(observers.take_reports().is_empty());
    }
}
