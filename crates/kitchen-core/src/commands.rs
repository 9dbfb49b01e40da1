//! How a run is told things from outside.

use futures::StreamExt;
use futures::channel::mpsc;
use kitchen_types::Command;

/// Tells a run what to do; can be cloned, and sent to other threads.
#[derive(Clone, Debug)]
pub struct CommandSender(mpsc::UnboundedSender<Command>);

impl CommandSender {
    /// Hands over a command, which has its effect between two steps. Says whether the run still
    /// listens.
    pub fn send(&self, command: Command) -> bool {
        self.0.unbounded_send(command).is_ok()
    }
}

/// The run's end of the line.
#[derive(Debug)]
pub(crate) struct Commands(mpsc::UnboundedReceiver<Command>);

impl Commands {
    /// Both ends of a new line.
    pub(crate) fn channel() -> (CommandSender, Self) {
        let (sender, receiver) = mpsc::unbounded();
        (CommandSender(sender), Self(receiver))
    }

    /// The next command if one is waiting.
    pub(crate) fn waiting(&mut self) -> Option<Command> {
        self.0.try_recv().ok()
    }

    /// The next command, waited for; `None` once nobody can send any more.
    pub(crate) async fn next(&mut self) -> Option<Command> {
        self.0.next().await
    }
}
