//! The loop between a run and those who watch it.

use std::io;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use kitchen_core::{CommandSender, Latest, Preview};
use kitchen_platform::Stopwatch;
use kitchen_types::board::Board;
use kitchen_types::{Command, Event};

use crate::inbox::Inbox;
use crate::interrupt::Interrupts;
use crate::observe::Observers;
use crate::out;
use crate::plain::Plain;
use crate::screen::{Action, FRAME, Palette, Screen, Ui};
use crate::training::{Said, Training};
use crate::voice::{JsonLines, PlainLines, Voice};

/// Envelopes taken in before the screen and the keys get a turn.
const BATCH: usize = 1024;

/// How often to look for what other processes tell the run.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A run that was watched to its end.
pub(crate) struct Watched {
    /// How it stands.
    pub(crate) board: Board,
    /// How long this session of it took.
    pub(crate) took: Duration,
    /// Whether the person ended it by Ctrl-C.
    pub(crate) interrupted: bool,
    /// Whether the reader of standard output left.
    pub(crate) closed: bool,
}

/// Watches a run to its end, as `observers` do. `board` is how it stood before, `title` what it
/// trains.
pub(crate) fn watch(
    training: Training,
    board: Board,
    mut observers: Observers,
    (voice, title): (Voice, &str),
    interrupts: Interrupts,
) -> anyhow::Result<Watched> {
    match voice {
        Voice::Plain => observers.add(PlainLines::new(Plain::after(board.clone()))),
        Voice::Json => observers.add(JsonLines::new()),
        Voice::Screen | Voice::Quiet => {}
    }
    let screen = match voice {
        Voice::Screen => open_screen(title, &interrupts),
        _ => Ok(None),
    };
    let screen = screen.unwrap_or_else(|error| {
        out::remark(&format!(
            "the terminal cannot be drawn on, so here are lines: {error}"
        ));
        observers.add(PlainLines::new(Plain::after(board.clone())));
        None
    });
    let mut watcher = Watcher {
        board,
        observers,
        screen,
        interrupts,
        line: None,
        told_to_stop: false,
        needs_repair: false,
        looked: Stopwatch::start(),
        clock: Stopwatch::start(),
    };
    watcher.watch(&training);
    // The terminal is given back before anything is said on it.
    watcher.close_screen();
    training.join()?;
    Ok(Watched {
        took: watcher.clock.elapsed(),
        interrupted: watcher.interrupts.any(),
        closed: watcher.observers.is_closed(),
        board: watcher.board,
    })
}

fn open_screen(title: &str, interrupts: &Interrupts) -> io::Result<Option<Screen>> {
    let palette = match std::env::var_os("NO_COLOR") {
        Some(value) if !value.is_empty() => Palette::Plain,
        _ => Palette::Colours,
    };
    let screen = Screen::enter(Ui {
        title: title.to_owned(),
        palette,
        ..Ui::default()
    })?;
    interrupts.screen_is_open(true);
    Ok(Some(screen))
}

struct Watcher {
    board: Board,
    observers: Observers,
    screen: Option<Screen>,
    interrupts: Interrupts,
    line: Option<(CommandSender, Latest<Preview>)>,
    told_to_stop: bool,
    needs_repair: bool,
    looked: Stopwatch,
    clock: Stopwatch,
}

impl Watcher {
    fn watch(&mut self, training: &Training) {
        loop {
            match training.said.recv_timeout(FRAME) {
                Ok(said) => {
                    let more = training.said.try_iter().take(BATCH);
                    for said in std::iter::once(said).chain(more) {
                        self.settle(&said, &training.inbox);
                        self.hear(said);
                    }
                    self.observers.rest();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.report();
            self.pass_on(&training.inbox);
            self.stop_if_asked();
            if let Err(error) = self.draw() {
                self.close_screen();
                out::remark(&format!(
                    "the screen failed and is dropped; the run goes on: {error}"
                ));
            }
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Began { commands, preview } => self.line = Some((commands, preview)),
            Said::Envelope(envelope) => {
                // Graphics drivers write remarks on standard error while they are opened.
                self.needs_repair |= matches!(envelope.event, Event::SessionOpened { .. });
                self.board.apply(&envelope);
                self.observers.observe(&envelope);
                // Without a screen nobody sees the question; it stays open.
                if matches!(envelope.event, Event::PersonAsked(_)) && self.screen.is_none() {
                    self.tell(Command::Stop);
                }
            }
            Said::Remark(remark) => self.remark(remark),
        }
    }

    /// Crosses out what other processes told the run, once it has answered.
    fn settle(&mut self, said: &Said, inbox: &Inbox) {
        if let Said::Envelope(envelope) = said
            && let Err(reason) = inbox.hear(&envelope.event)
        {
            self.remark(reason);
        }
    }

    /// Passes on what other processes tell the run.
    fn pass_on(&mut self, inbox: &Inbox) {
        if self.line.is_none() || self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = Stopwatch::start();
        for told in inbox.take() {
            match told {
                Ok(command) => self.tell(command),
                Err(reason) => self.remark(reason),
            }
        }
    }

    /// Tells the person which observers have failed.
    fn report(&mut self) {
        for report in self.observers.take_reports() {
            self.remark(report);
        }
    }

    fn remark(&mut self, remark: String) {
        match &mut self.screen {
            Some(screen) => screen.ui.reports.push(remark),
            None => out::remark(&remark),
        }
    }

    fn stop_if_asked(&mut self) {
        let asked = self.interrupts.any() || self.observers.is_closed();
        if asked && !self.told_to_stop && self.line.is_some() {
            self.told_to_stop = true;
            self.tell(Command::Stop);
            match &mut self.screen {
                Some(screen) => screen.ui.stopping = true,
                None if self.interrupts.any() => {
                    out::remark("saving and ending; press Ctrl-C again to end at once");
                }
                None => {}
            }
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let Some(screen) = &mut self.screen else {
            return Ok(());
        };
        if std::mem::take(&mut self.needs_repair) {
            screen.repair()?;
        }
        screen.ui.elapsed = self.clock.elapsed();
        if let Some(Preview::Surface(surface)) =
            self.line.as_ref().and_then(|(_, look)| look.take())
        {
            screen.ui.surface = Some(surface);
        }
        for action in screen.tick(&self.board)? {
            match action {
                Action::Tell(command) => self.tell(command),
                Action::Interrupt => self.interrupts.interrupt(),
            }
        }
        Ok(())
    }

    fn close_screen(&mut self) {
        self.screen = None;
        self.interrupts.screen_is_open(false);
    }

    /// Tells the run something. One that does not listen any more has ended, which it will say.
    fn tell(&self, command: Command) {
        if let Some((commands, _)) = &self.line {
            commands.send(command);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::board::Phase;
    use kitchen_types::event::RunStatus;
    use kitchen_types::ports::MetricsStore;

    use super::*;
    use crate::record::{self, Recorder};
    use crate::scripted;

    #[test]
    fn what_is_said_is_recorded_and_folded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(record::EVENTS);
        let envelopes = scripted::finished_digits().envelopes;
        let (recorder, _) = Recorder::open(&path).unwrap();
        let training = Training::scripted(envelopes.clone(), Ok(()), recorder);
        let quiet = (Voice::Quiet, "");
        let watched = watch(
            training,
            Board::default(),
            Observers::default(),
            quiet,
            Interrupts::default(),
        )
        .unwrap();
        let status = RunStatus::Completed;
        assert_eq!(
            watched.board.phase,
            Phase::Finished {
                status,
                reason: None
            }
        );
        assert_eq!(watched.board, Board::replay(&envelopes));
        assert!(!watched.interrupted && !watched.closed);
        let recorded = futures::executor::block_on(Recorder::open(&path).unwrap().0.read());
        assert_eq!(recorded.unwrap(), envelopes);
    }

    #[test]
    fn a_run_that_cannot_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, _) = Recorder::open(&folder.path().join(record::EVENTS)).unwrap();
        let failed = Err(anyhow::anyhow!("no such workflow"));
        let training = Training::scripted(Vec::new(), failed, recorder);
        let quiet = (Voice::Quiet, "");
        let watched = watch(
            training,
            Board::default(),
            Observers::default(),
            quiet,
            Interrupts::default(),
        );
        assert_eq!(watched.err().unwrap().to_string(), "no such workflow");
    }
}
