//! Polls a run, passes on what it says, and sees to it that it is saved often enough.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::LocalBoxStream;
use futures::{FutureExt, StreamExt};
use kitchen_core::data::{Memory as Files, Store};
use kitchen_core::{
    CommandSender, Devices, Host, Latest, Preview, QuestionSender, StartError, StartRequest, start,
};
use kitchen_platform::{Stopwatch, sleep, yield_now};
use kitchen_types::event::RunStatus;
use kitchen_types::page::FromWorker;
use kitchen_types::ports::BlobStore;
use kitchen_types::{Command, Envelope, Event};

use super::recording::Recording;
use super::saving::Saving;
use super::say;

/// How long training goes on before the page hears of it: at most 30 batches a second.
const BATCH: Duration = Duration::from_millis(34);

/// Whoever has paused for this long may leave; who steps on by hand is not held up by saving.
const SETTLED: Duration = Duration::from_millis(500);

/// What this tab lends a run.
pub(super) fn host(files: Files, store: Rc<dyn BlobStore>, devices: Rc<dyn Devices>) -> Host {
    Host {
        store,
        data: Rc::new(Store::new(files, "")),
        devices,
        now_ms: kitchen_platform::now_ms,
    }
}

/// A run that has come to its end.
pub(super) struct Driven {
    /// Whoever polls it goes on answering questions.
    pub(super) afterwards: LocalBoxFuture<'static, ()>,
    /// Why it failed, if it did.
    pub(super) failure: Option<String>,
}

/// Runs to the end. `listening` is handed the lines for commands and for questions.
pub(super) async fn drive(
    request: StartRequest,
    host: Host,
    recording: Recording,
    listening: impl FnOnce(CommandSender, QuestionSender),
) -> Result<Driven, StartError> {
    let mut run = start(request, host).await?;
    listening(run.commands.clone(), run.questions);
    let mut batch = Batch::new(run.preview);
    let clock = Stopwatch::start();
    let mut saving = Saving::default();
    let mut failure = None;
    loop {
        let next = match run.events.next().now_or_never() {
            Some(next) => next,
            None => {
                batch.send();
                next(&mut run.events, &mut saving, clock, &run.commands).await
            }
        };
        let Some(envelope) = next else { break };
        recording.take(&envelope);
        if let Event::RunFinished {
            status: RunStatus::Failed,
            reason,
            ..
        } = &envelope.event
        {
            failure = Some(reason.clone().unwrap_or_default());
        }
        if saving.is_due(&envelope.event, clock.elapsed()) {
            run.commands.send(Command::Save);
        }
        batch.envelopes.push(envelope);
        if batch.age.elapsed() >= BATCH {
            batch.send();
            // Commands are delivered while nothing else runs.
            yield_now().await;
        }
    }
    batch.send();
    recording.end().await;
    Ok(Driven {
        afterwards: run.afterwards,
        failure,
    })
}

/// The next of `events`. A run that stays paused with steps that are not saved is told to save.
async fn next(
    events: &mut LocalBoxStream<'static, Envelope>,
    saving: &mut Saving,
    clock: Stopwatch,
    commands: &CommandSender,
) -> Option<Envelope> {
    if saving.may_be_left() {
        match select(events.next(), pin!(sleep(SETTLED))).await {
            Either::Left((next, _)) => return next,
            Either::Right(_) => {
                saving.asked(clock.elapsed());
                commands.send(Command::Save);
            }
        }
    }
    events.next().await
}

/// What the page has not heard yet.
struct Batch {
    envelopes: Vec<Envelope>,
    preview: Latest<Preview>,
    age: Stopwatch,
}

impl Batch {
    fn new(preview: Latest<Preview>) -> Self {
        Self {
            envelopes: Vec::new(),
            preview,
            age: Stopwatch::start(),
        }
    }

    fn send(&mut self) {
        if !self.envelopes.is_empty() {
            say(&FromWorker::Envelopes(std::mem::take(&mut self.envelopes)));
        }
        if let Some(preview) = self.preview.take() {
            say(&FromWorker::Preview(preview));
        }
        self.age = Stopwatch::start();
    }
}
