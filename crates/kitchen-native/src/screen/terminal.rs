//! The terminal itself: entered, drawn on at most fifteen times a second, and left as it was.

use std::io;
use std::time::Duration;

use kitchen_platform::Stopwatch;
use kitchen_types::board::Board;
use ratatui::DefaultTerminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{self, Event};

use super::draw;
use super::ui::{Action, Ui};

/// The time between two frames.
pub(crate) const FRAME: Duration = Duration::from_millis(66);

/// The terminal in the hands of this program. It is given back when this is dropped, and before a
/// panic is reported.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    drawn: Option<Stopwatch>,
    /// What is open, and what was pressed.
    pub(crate) ui: Ui,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn enter(ui: Ui) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        Ok(Self {
            terminal,
            drawn: None,
            ui,
        })
    }

    /// Draws everything anew in the next frame: somebody else may have written on the terminal.
    pub(crate) fn repair(&mut self) -> io::Result<()> {
        self.drawn = None;
        // `Terminal::clear` would ask the terminal where its cursor is, and wait for an answer.
        self.terminal.backend_mut().clear()?;
        self.terminal.swap_buffers();
        Ok(())
    }

    /// Takes in what was pressed, and draws if the last frame is old enough.
    pub(crate) fn tick(&mut self, board: &Board) -> io::Result<Vec<Action>> {
        let mut actions = Vec::new();
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) => actions.extend(self.ui.press(key, board)),
                Event::Resize(..) => self.drawn = None,
                _ => {}
            }
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            self.terminal.draw(|frame| draw(frame, board, &self.ui))?;
            self.drawn = Some(Stopwatch::start());
        }
        Ok(actions)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
