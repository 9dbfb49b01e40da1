//! The thread that trains. A run belongs to one thread and never leaves it; what crosses is what it
//! says, and what it is told.

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
}

/// A run on a thread of its own.
pub(crate) struct Training {
    /// What it says; ends with the run.
    pub(crate) said: Receiver<Said>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Training {
    /// Starts a run in `folder`.
    pub(crate) fn start(request: StartRequest, folder: PathBuf) -> anyhow::Result<Self> {
        // Without a bound, so that training never waits for a terminal that does not keep up.
        let (sender, said) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("kitchen-training".to_owned())
            .spawn(move || block_on(train(request, folder, sender)))
            .context("no thread can be started to train on")?;
        Ok(Self { said, thread })
    }

    /// A thread that says what was written down for it.
    #[cfg(test)]
    pub(crate) fn scripted(envelopes: Vec<Envelope>, outcome: anyhow::Result<()>) -> Self {
        let (sender, said) = mpsc::channel();
        let thread = thread::spawn(move || {
            for envelope in envelopes {
                sender.send(Said::Envelope(Box::new(envelope)))?;
            }
            outcome
        });
        Self { said, thread }
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

async fn train(request: StartRequest, folder: PathBuf, said: Sender<Said>) -> anyhow::Result<()> {
    let host = host(Directory::open(folder)?);
    let mut run = kitchen_core::start(request, host).await?;
    let (commands, preview) = (run.commands.clone(), run.preview.clone());
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
        devices: Rc::new(LocalDevices),
        now_ms: kitchen_platform::now_ms,
    }
}
