//! What is to be told, and what became of it: a list that only grows, one line for each thing.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::Context;
use kitchen_types::notification::{Notification, OutboxLine as Line};

/// One that has not arrived yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) notification: Notification,
    /// How often it was sent.
    pub(super) tries: usize,
    /// When it may be sent again.
    pub(super) due_ms: u64,
}

/// The list.
#[derive(Debug)]
pub(super) struct Outbox {
    file: File,
    /// In the order in which they came; none for those that are done with.
    all: Vec<Option<Waiting>>,
    places: BTreeMap<String, usize>,
}

impl Outbox {
    /// Opens the list to go on with it. A last line that a crash has torn is cut off.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("{} cannot be opened", path.display());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .append(true)
            .open(path)
            .with_context(named)?;
        let mut outbox = Self {
            file: file.try_clone().with_context(named)?,
            all: Vec::new(),
            places: BTreeMap::new(),
        };
        let mut whole = 0;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).with_context(named)? > 0 {
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            let said = serde_json::from_slice(text)
                .with_context(|| format!("{} holds a line that is none", path.display()))?;
            outbox.apply(said);
            whole += line.len() as u64;
            line.clear();
        }
        outbox.file.set_len(whole).with_context(named)?;
        Ok(outbox)
    }

    /// Adds one, unless it was added before.
    pub(super) fn queue(&mut self, notification: Notification) -> anyhow::Result<()> {
        if self.places.contains_key(&notification.id) {
            return Ok(());
        }
        self.write(Line::Queued(notification))
    }

    pub(super) fn tried(&mut self, id: &str, due_ms: u64, why: String) -> anyhow::Result<()> {
        let id = id.to_owned();
        self.write(Line::Tried { id, due_ms, why })
    }

    pub(super) fn delivered(&mut self, id: &str) -> anyhow::Result<()> {
        self.write(Line::Delivered { id: id.to_owned() })
    }

    pub(super) fn give_up(&mut self, id: &str, why: String) -> anyhow::Result<()> {
        let id = id.to_owned();
        self.write(Line::GivenUp { id, why })
    }

    /// Those that have not arrived, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.all.iter().flatten()
    }

    /// It is on disk before anybody acts on it.
    fn write(&mut self, line: Line) -> anyhow::Result<()> {
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .context("the list of notifications cannot be written")?;
        self.apply(line);
        Ok(())
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Queued(notification) => {
                let id = notification.id.clone();
                self.places.insert(id, self.all.len());
                self.all.push(Some(Waiting {
                    notification,
                    tries: 0,
                    due_ms: 0,
                }));
            }
            Line::Tried { id, due_ms, .. } => {
                if let Some(Some(waiting)) = self.place(&id) {
                    waiting.tries += 1;
                    waiting.due_ms = due_ms;
                }
            }
            Line::Delivered { id } | Line::GivenUp { id, .. } => {
                if let Some(waiting) = self.place(&id) {
                    *waiting = None;
                }
            }
        }
    }

    fn place(&mut self, id: &str) -> Option<&mut Option<Waiting>> {
        self.all.get_mut(*self.places.get(id)?)
    }
}
