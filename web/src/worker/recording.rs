//! Writes down what a run says, beside the training.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::channel::oneshot;
use kitchen_platform::Stopwatch;
use kitchen_types::page::FromWorker;
use kitchen_types::ports::{MetricsStore, StoreError};
use kitchen_types::{Envelope, Event};
use wasm_bindgen_futures::spawn_local;

use super::say;

/// How much of a run's story a crash may cost. The run itself goes on from its checkpoint, whatever
/// was said after it.
const EVERY: Duration = Duration::from_secs(2);

/// How often a checkpoint takes the story up to it along.
const WITH_CHECKPOINTS: Duration = Duration::from_secs(1);

/// After so many failures in a row the medium does not come back.
const MOST_FAILURES: u32 = 30;

/// What a run says, on its way to the store. Once this is dropped, what is still on its way is
/// written all the same.
pub(super) struct Recording {
    envelopes: UnboundedSender<Envelope>,
    written: oneshot::Receiver<()>,
}

impl Recording {
    /// Begins to write.
    pub(super) fn start(metrics: impl MetricsStore + 'static) -> Self {
        let (envelopes, said) = mpsc::unbounded();
        let (sender, written) = oneshot::channel();
        spawn_local(async move {
            let outcome = write_down(metrics, said).await;
            if let Err(error) = outcome {
                say(&FromWorker::Notice {
                    message: format!(
                        "what this run says is no longer recorded ({error}); its curves will have \
                         a gap, and its checkpoints are not concerned"
                    ),
                });
            }
            let _ = sender.send(());
        });
        Self { envelopes, written }
    }

    /// Takes in what was said.
    pub(super) fn take(&self, envelope: &Envelope) {
        // Nobody listens once it has failed for good, which was said.
        let _ = self.envelopes.unbounded_send(envelope.clone());
    }

    /// Waits until all is written.
    pub(super) async fn end(self) {
        drop(self.envelopes);
        let _ = self.written.await;
    }
}

async fn write_down(
    mut metrics: impl MetricsStore,
    mut said: UnboundedReceiver<Envelope>,
) -> Result<(), StoreError> {
    let mut waiting = VecDeque::new();
    let mut since = Stopwatch::start();
    let mut failures = 0;
    while let Some(envelope) = said.next().await {
        let patience = patience(&envelope.event);
        waiting.push_back(envelope);
        if since.elapsed() < patience {
            continue;
        }
        since = Stopwatch::start();
        match write(&mut metrics, &mut waiting).await {
            Ok(()) => failures = 0,
            // The next try may succeed: nothing is lost.
            Err(_) if failures < MOST_FAILURES => failures += 1,
            failed => return failed,
        }
    }
    write(&mut metrics, &mut waiting).await
}

async fn write(
    metrics: &mut impl MetricsStore,
    waiting: &mut VecDeque<Envelope>,
) -> Result<(), StoreError> {
    while let Some(envelope) = waiting.pop_front() {
        metrics.record(&envelope).await?;
    }
    metrics.flush().await
}

/// How long what was said up to this may have waited.
fn patience(event: &Event) -> Duration {
    match event {
        // People may leave after this.
        Event::Paused { .. } | Event::RunFinished { .. } => Duration::ZERO,
        Event::CheckpointSaved { .. } => WITH_CHECKPOINTS,
        _ => EVERY,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;
    use std::rc::Rc;

    use async_trait::async_trait;
    use futures::FutureExt;
    use kitchen_types::RunId;

    use super::*;

    /// How often it will fail, what it was told, and what it has kept.
    type Told = (u32, Vec<u64>, Vec<u64>);

    /// A medium that fails so many times, and what it has kept since.
    #[derive(Clone, Default)]
    struct Medium(Rc<RefCell<Told>>);

    #[async_trait(?Send)]
    impl MetricsStore for Medium {
        async fn record(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
            self.0.borrow_mut().1.push(envelope.seq);
            Ok(())
        }

        async fn flush(&mut self) -> Result<(), StoreError> {
            let (failures, gathered, kept) = &mut *self.0.borrow_mut();
            if *failures > 0 {
                *failures -= 1;
                return Err(StoreError::Unsupported("full".into()));
            }
            kept.append(gathered);
            Ok(())
        }

        async fn read(&mut self) -> Result<Vec<Envelope>, StoreError> {
            Ok(Vec::new())
        }
    }

    /// What is kept of so many pauses, where the first `failures` flushes fail.
    fn kept(pauses: u64, failures: u32) -> (Vec<u64>, Result<(), StoreError>) {
        let medium = Medium::default();
        medium.0.borrow_mut().0 = failures;
        let (sender, said) = mpsc::unbounded();
        for seq in 0..pauses {
            let envelope = Envelope {
                run: RunId::new("test").unwrap(),
                seq,
                at_ms: 0,
                event: Event::Paused { step: seq },
            };
            sender.unbounded_send(envelope).unwrap();
        }
        drop(sender);
        let outcome = write_down(medium.clone(), said).now_or_never().unwrap();
        let kept = medium.0.borrow().2.clone();
        (kept, outcome)
    }

    #[test]
    fn everything_is_written_in_order() {
        assert_eq!(kept(5, 0), ((0..5).collect(), Ok(())));
    }

    #[test]
    fn a_medium_that_comes_back_has_lost_nothing() {
        assert_eq!(kept(40, 30), ((0..40).collect(), Ok(())));
    }

    #[test]
    fn a_medium_that_stays_away_is_given_up() {
        let (kept, outcome) = kept(200, 100);
        assert!(kept.is_empty() && outcome.is_err());
    }
}
