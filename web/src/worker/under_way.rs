//! The run that is under way, or was the last one.

use std::rc::Rc;

use futures::future::AbortHandle;
use kitchen_core::CommandSender;
use kitchen_types::ports::BlobStore;
use kitchen_types::{Command, RunId};

use super::store::BrowserStore;

/// A run that is under way.
pub(super) struct UnderWay {
    pub(super) run: RunId,
    /// Its files, once they are open.
    pub(super) store: Option<Rc<dyn BlobStore>>,
    /// The same store, where the run is kept.
    pub(super) kept: Option<BrowserStore>,
    pub(super) give_up: AbortHandle,
    /// Where commands go, once it listens.
    commands: Option<CommandSender>,
    /// Those that came before.
    waiting: Vec<Command>,
}

impl UnderWay {
    /// One that does not listen yet.
    pub(super) fn new(run: RunId, give_up: AbortHandle) -> Self {
        Self {
            run,
            store: None,
            kept: None,
            give_up,
            commands: None,
            waiting: Vec::new(),
        }
    }

    /// Tells it something.
    pub(super) fn tell(&mut self, command: Command) {
        match &self.commands {
            // One that has ended does not listen, and has said so.
            Some(commands) => drop(commands.send(command)),
            None => self.waiting.push(command),
        }
    }

    /// It listens: what was said before is said now.
    pub(super) fn listens(&mut self, commands: CommandSender) {
        for command in self.waiting.drain(..) {
            commands.send(command);
        }
        self.commands = Some(commands);
    }
}
