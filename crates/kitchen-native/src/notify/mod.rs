//! Tells people of a run that they do not watch: a webhook, signed as [Standard Webhooks] has it, or
//! a Slack channel. What is to be told is written down first, and crossed out once it has arrived.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod delivery;
mod outbox;
mod request;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use anyhow::Context;
use kitchen_types::Envelope;
use kitchen_types::notification::Notification;

use crate::cli::ShowArgs;
use crate::observe::Observer;
use delivery::{Delivery, SCHEDULE, Shared, held};
use outbox::Outbox;
use request::{Endpoint, SECRET};

/// The name of the list in a run's folder.
const OUTBOX: &str = "outbox.jsonl";

/// Writes down what is worth telling; a thread delivers it.
pub(crate) struct Notifier {
    outbox: Shared,
    /// Closed when the run is over.
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Notifier {
    /// The one that was asked for, if one was, for the run in `folder`.
    pub(crate) fn asked_for(args: &ShowArgs, folder: &Path) -> anyhow::Result<Option<Self>> {
        let Some(url) = &args.notify else {
            return Ok(None);
        };
        let endpoint = Endpoint::new(url, std::env::var(SECRET).ok())?;
        Self::start(folder, endpoint).map(Some)
    }

    /// For the run in `folder`; what did not arrive the last time is tried again.
    fn start(folder: &Path, endpoint: Endpoint) -> anyhow::Result<Self> {
        let outbox = Arc::new(Mutex::new(Outbox::open(&folder.join(OUTBOX))?));
        let (sender, ended) = mpsc::channel();
        let delivery = Delivery::new(endpoint, outbox.clone(), SCHEDULE);
        let thread = thread::Builder::new()
            .name("kitchen-notify".to_owned())
            .spawn(move || delivery.run(&ended))
            .context("no thread can be started to notify from")?;
        Ok(Self {
            outbox,
            ended: Some(sender),
            thread: Some(thread),
        })
    }
}

impl Observer for Notifier {
    fn name(&self) -> &str {
        "the notifier"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        match Notification::of(envelope) {
            Some(notification) => held(&self.outbox).queue(notification),
            None => Ok(()),
        }
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Drop for Notifier {
    /// Waits for what is under way; the rest stays in the list.
    fn drop(&mut self) {
        self.ended = None;
        if let Some(thread) = self.thread.take() {
            // Whatever has happened to it, the list is on disk.
            let _ = thread.join();
        }
    }
}

/// How many notifications wait in the list of a run.
pub(crate) fn waiting(folder: &Path) -> anyhow::Result<usize> {
    Ok(Outbox::open(&folder.join(OUTBOX))?.waiting().count())
}
