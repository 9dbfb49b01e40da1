//! Polls a run, and passes on what it says.

use std::rc::Rc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kitchen_core::data::{Memory as Files, Store};

use kitchen_core::store::Memory;
use kitchen_core::{
    CommandSender, Host, Latest, LocalDevices, Preview, StartError, StartRequest, start,
};
use kitchen_platform::{Stopwatch, yield_now};
use kitchen_types::Envelope;
use kitchen_types::page::FromWorker;

use super::say;

/// How long training goes on before the page hears of it: at most 30 batches a second.
const BATCH: Duration = Duration::from_millis(34);

/// What this tab lends a run.
pub(super) fn host(files: Files) -> Host {
    Host {
        store: Rc::new(Memory::default()),
        data: Rc::new(Store::new(files, "")),
        devices: Rc::new(LocalDevices),
        now_ms: kitchen_platform::now_ms,
    }
}

/// Runs to the end. `listening` is handed the line for commands.
pub(super) async fn drive(
    request: StartRequest,
    host: Host,
    listening: impl FnOnce(CommandSender),
) -> Result<(), StartError> {
    let mut run = start(request, host).await?;
    listening(run.commands.clone());
    let mut batch = Batch::new(run.preview.clone());
    loop {
        let next = match run.events.next().now_or_never() {
            Some(next) => next,
            None => {
                batch.send();
                run.events.next().await
            }
        };
        let Some(envelope) = next else { break };
        batch.envelopes.push(envelope);
        if batch.age.elapsed() >= BATCH {
            batch.send();
            // Commands are delivered while nothing else runs.
            yield_now().await;
        }
    }
    batch.send();
    Ok(())
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
