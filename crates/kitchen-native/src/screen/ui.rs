//! What the screen keeps that is not about the run: colours, what is open, what was pressed.

use std::time::Duration;

use kitchen_core::Surface;
use kitchen_types::board::{Board, Phase};
use kitchen_types::{Command, Number};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::style::{Color, Modifier, Style};

use crate::inbox;

/// A key raises the learning rate by a quarter, or takes that back.
const LR_FACTOR: f64 = 1.25;

/// The most bytes of a typed command.
const LONGEST: usize = 400;

/// What the screen keeps that is not about the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ui {
    /// What the recipe trains, in a line.
    pub(crate) title: String,
    /// The colours.
    pub(crate) palette: Palette,
    /// How long this session has gone on.
    pub(crate) elapsed: Duration,
    /// Reports of this front end, such as an observer that failed; newest last.
    pub(crate) reports: Vec<String>,
    /// What the model makes of the plane, where its inputs are two numbers.
    pub(crate) surface: Option<Surface>,
    /// The command that is being typed, while one is.
    pub(crate) prompt: Option<String>,
    /// Whether the help is open.
    pub(crate) help: bool,
    /// Whether the run was told to save and end.
    pub(crate) stopping: bool,
    /// The learning rate that was asked for by key.
    pub(crate) asked_lr: Option<f64>,
    /// The batch size that was asked for by key.
    pub(crate) asked_batch: Option<usize>,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Tell the run.
    Tell(Command),
    /// As Ctrl-C does: save and end, or end at once if asked again.
    Interrupt,
}

impl Ui {
    /// What a key means now.
    pub(crate) fn press(&mut self, key: KeyEvent, board: &Board) -> Option<Action> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let command = match key.code {
            KeyCode::Char('c') if control => {
                self.stopping = true;
                return Some(Action::Interrupt);
            }
            _ if control => return None,
            code if self.prompt.is_some() => return self.type_on(code),
            KeyCode::Char(':') => {
                self.prompt = Some(String::new());
                return None;
            }
            KeyCode::Char(' ') if board.phase == Phase::Paused => Command::Resume,
            KeyCode::Char(' ') => Command::Pause,
            KeyCode::Char('.') => Command::Step,
            KeyCode::Char('s') => Command::Save,
            KeyCode::Char('q') => {
                self.stopping = true;
                Command::Stop
            }
            KeyCode::Up => self.learning_rate(board, LR_FACTOR)?,
            KeyCode::Down => self.learning_rate(board, 1.0 / LR_FACTOR)?,
            KeyCode::Right => self.batch(board, |batch| batch.saturating_mul(2))?,
            KeyCode::Left => self.batch(board, |batch| batch / 2)?,
            KeyCode::Char('?') => {
                self.help = !self.help;
                return None;
            }
            KeyCode::Esc => {
                self.help = false;
                return None;
            }
            _ => return None,
        };
        Some(Action::Tell(command))
    }

    /// A key while a command is being typed.
    fn type_on(&mut self, code: KeyCode) -> Option<Action> {
        let mut line = self.prompt.take()?;
        match code {
            KeyCode::Esc => return None,
            KeyCode::Enter => return self.understand(&line),
            KeyCode::Char(letter) if line.len() < LONGEST => line.push(letter),
            KeyCode::Backspace => drop(line.pop()),
            _ => {}
        }
        self.prompt = Some(line);
        None
    }

    /// What a typed line tells the run. What is no command is reported.
    fn understand(&mut self, line: &str) -> Option<Action> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return None;
        }
        match inbox::parse(&words) {
            Ok(command) => {
                self.stopping |= command == Command::Stop;
                Some(Action::Tell(command))
            }
            Err(error) => {
                self.reports.push(format!("{error:#}"));
                None
            }
        }
    }

    fn learning_rate(&mut self, board: &Board, factor: f64) -> Option<Command> {
        let now = self.asked_lr.or(board.peak_lr.map(Number::get))?;
        self.asked_lr = Some(now * factor);
        Some(Command::SetLearningRate(Number(now * factor)))
    }

    fn batch(&mut self, board: &Board, change: fn(usize) -> usize) -> Option<Command> {
        let asked = change(self.asked_batch.or(board.batch)?).max(1);
        self.asked_batch = Some(asked);
        Some(Command::SetBatchSize(asked))
    }
}

/// The colours, or none (see <https://no-color.org>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Palette {
    /// Sixteen named colours, which the terminal's own theme decides.
    #[default]
    Colours,
    /// Bold, dim and reverse only.
    Plain,
}

impl Palette {
    /// Whether colours may tell things apart.
    pub(crate) fn has_colours(self) -> bool {
        self == Self::Colours
    }

    /// What is measured while training.
    pub(crate) fn train(self) -> Style {
        self.foreground(Color::Cyan)
    }

    /// What is measured on held-out examples.
    pub(crate) fn validation(self) -> Style {
        self.foreground(Color::Yellow)
    }

    /// A domain of a mixture.
    pub(crate) fn domain(self, index: usize) -> Style {
        const COLOURS: [Color; 6] = [
            Color::Cyan,
            Color::Yellow,
            Color::Green,
            Color::Magenta,
            Color::Blue,
            Color::Red,
        ];
        let colour = COLOURS.get(index % COLOURS.len()).copied();
        self.foreground(colour.unwrap_or(Color::Reset))
    }

    pub(crate) fn good(self) -> Style {
        self.foreground(Color::Green)
    }

    pub(crate) fn alert(self) -> Style {
        self.foreground(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn key(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn badge(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    pub(crate) fn quiet(self) -> Style {
        match self {
            Self::Colours => Style::new().fg(Color::DarkGray),
            Self::Plain => Style::new().add_modifier(Modifier::DIM),
        }
    }

    fn foreground(self, color: Color) -> Style {
        match self {
            Self::Colours => Style::new().fg(color),
            Self::Plain => Style::new(),
        }
    }
}
