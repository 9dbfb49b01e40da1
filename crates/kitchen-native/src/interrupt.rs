//! Ctrl-C: the first saves and ends, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::Context;

use crate::exit::Exit;

/// Counts how often the person asked for an end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts {
    count: Arc<AtomicU32>,
    screen_is_open: Arc<AtomicBool>,
}

impl Interrupts {
    /// Listens to Ctrl-C from now on.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let interrupts = Self::default();
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.interrupt()).context("Ctrl-C cannot be caught")?;
        Ok(interrupts)
    }

    /// Counts one more; the second one ends the program.
    pub(crate) fn interrupt(&self) {
        if self.count.fetch_add(1, Ordering::SeqCst) > 0 {
            if self.screen_is_open.load(Ordering::SeqCst) {
                ratatui::restore();
            }
            std::process::exit(Exit::Interrupted as i32);
        }
    }

    /// Whether the person asked for an end.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }

    /// Remembers whether the terminal must be given back before the program ends.
    pub(crate) fn screen_is_open(&self, open: bool) {
        self.screen_is_open.store(open, Ordering::SeqCst);
    }
}
