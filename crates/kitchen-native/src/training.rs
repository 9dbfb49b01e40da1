//! The thread that trains. A run belongs to one thread and never leaves it; what crosses is what it
//! says, and what it is told.
//!
//! What it says is recorded on a thread between this one and those who watch: training never waits
//! for the disk, and the record never for a reader who does not keep up.

use std::iter;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::data::Store;
use kitchen_core::store::Directory;
use kitchen_core::{CommandSender, Host, Latest, LocalDevices, Preview, StartRequest};
use kitchen_types::Envelope;

use crate::inbox::Inbox;
use crate::observe::Observers;
use crate::record::Recorder;

/// Things said that are recorded before they are passed on.
const BATCH: usize = 1024;

/// What comes from the thread that trains.
pub(crate) enum Said {
    /// The run has begun, and listens.
    Began {
        /// Tells it what to do.
        commands: CommandSender,
        /// Its newest look at what the model has learnt.
        preview: Latest<Preview>,
    },
    /// Something happened.
    Envelope(Box<Envelope>),
    /// Something a person should know of how it is recorded.
    Remark(String),
}

/// A run on a thread of its own.
pub(crate) struct Training {
    /// What it says; ends with the run.
    pub(crate) said: Receiver<Said>,
    /// What other processes tell it.
    pub(crate) inbox: Inbox,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Training {
    /// Starts a run in `folder`.
    pub(crate) fn start(
        request: StartRequest,
        folder: PathBuf,
        recorder: Recorder,
    ) -> anyhow::Result<Self> {
        let inbox = Inbox::of(&folder);
        let told = inbox.clone();
        // Without a bound, so that training never waits for a disk or a terminal.
        let (sender, fresh) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("kitchen-training".to_owned())
            .spawn(move || block_on(train(request, folder, told, sender)))
            .context("no thread can be started to train on")?;
        let said = recorded(fresh, recorder)?;
        Ok(Self {
            said,
            inbox,
            thread,
        })
    }

    /// A thread that says what was written down for it.
    #[cfg(test)]
    pub(crate) fn scripted(
        envelopes: Vec<Envelope>,
        outcome: anyhow::Result<()>,
        recorder: Recorder,
    ) -> Self {
        let (sender, fresh) = mpsc::channel();
        let said = recorded(fresh, recorder).unwrap_or_else(|error| unreachable!("{error}"));
        let thread = thread::spawn(move || {
            for envelope in envelopes {
                sender.send(Said::Envelope(Box::new(envelope)))?;
            }
            outcome
        });
        Self {
            said,
            inbox: Inbox::of("no run".as_ref()),
            thread,
        }
    }

    /// Waits for the thread, after it has said its last. Errors where the run could not be started,
    /// or the thread panicked.
    pub(crate) fn join(self) -> anyhow::Result<()> {
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(_) => anyhow::bail!(
                "the training thread panicked, which is a bug; the run can be resumed from its last checkpoint"
            ),
        }
    }
}

/// Passes on what is said, once it is recorded.
fn recorded(fresh: Receiver<Said>, recorder: Recorder) -> anyhow::Result<Receiver<Said>> {
    let (sender, said) = mpsc::channel();
    let pass_on = move || {
        let mut record = Observers::default();
        record.add(recorder);
        while let Ok(first) = fresh.recv() {
            let waiting = fresh.try_iter().take(BATCH);
            let mut batch: Vec<_> = iter::once(first).chain(waiting).collect();
            for said in &batch {
                if let Said::Envelope(envelope) = said {
                    record.observe(envelope);
                }
            }
            record.rest();
            batch.extend(record.take_reports().into_iter().map(Said::Remark));
            // Where nobody listens any more the run ends too, by the same sign.
            if batch.into_iter().any(|said| sender.send(said).is_err()) {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("kitchen-record".to_owned())
        .spawn(pass_on)
        .context("no thread can be started to record on")?;
    Ok(said)
}

async fn train(
    request: StartRequest,
    folder: PathBuf,
    inbox: Inbox,
    said: Sender<Said>,
) -> anyhow::Result<()> {
    let host = host(Directory::open(folder)?);
    let mut run = kitchen_core::start(request, host).await?;
    let (commands, preview) = (run.commands.clone(), run.preview.clone());
    // What waits is obeyed before the first step.
    for told in inbox.take() {
        match told {
            Ok(command) => drop(commands.send(command)),
            Err(reason) => drop(said.send(Said::Remark(reason))),
        }
    }
    let mut somebody_listens = said.send(Said::Began { commands, preview }).is_ok();
    while somebody_listens && let Some(envelope) = run.events.next().await {
        somebody_listens = said.send(Said::Envelope(Box::new(envelope))).is_ok();
    }
    Ok(())
}

/// What this machine lends a run that keeps its files in `store`.
pub(crate) fn host(store: Directory) -> Host {
    let cache = crate::hub::cache_folder();
    Host {
        store: Rc::new(store),
        data: Rc::new(Store::on_disk(cache.to_string_lossy())),
        devices: Rc::new(LocalDevices::default()),
        now_ms: kitchen_platform::now_ms,
    }
}
