//! The loop around the screen: time passes, keys are read, frames are drawn.

use std::io;

use kitchen_core::sim::story::{Limits, Metric, Moment, Player};
use kitchen_core::told;
use kitchen_platform::Stopwatch;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as Input};

use super::grid::arrange;
use super::keys::{Action, action};
use super::{LOG, View, draw, grid_area};
use crate::commands::sim::watch::{Limit, Lines};
use crate::out;
use crate::screen::{FRAME, Palette};

/// Shows a run on the whole terminal, and what it came to when the terminal is given back. Gives
/// whether the next one may begin.
pub(in super::super) fn show(
    player: Player,
    lead: &mut u64,
    limit: &Limit,
) -> anyhow::Result<bool> {
    let terminal = match ratatui::try_init() {
        Ok(terminal) => terminal,
        Err(error) => {
            out::remark(&format!(
                "the terminal cannot be drawn on, so here are lines: {error}"
            ));
            return Lines::plain(*lead).show(player, limit);
        }
    };
    let mut screen = Screen::new(terminal, player, *lead);
    let end = screen.run(limit);
    drop(screen.terminal.take());
    ratatui::restore();
    for line in &screen.summary {
        out::line(line)?;
    }
    Ok(end? == End::Over)
}

/// How a run left the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Everything was told.
    Over,
    /// A person or a limit ended it.
    Left,
}

struct Screen {
    terminal: Option<DefaultTerminal>,
    player: Player,
    view: View,
    /// Moments that come at once.
    lead: u64,
    summary: Vec<String>,
}

impl Screen {
    fn new(terminal: DefaultTerminal, player: Player, lead: u64) -> Self {
        let view = View::of(&player, palette());
        Self {
            terminal: Some(terminal),
            player,
            view,
            lead,
            summary: Vec::new(),
        }
    }

    fn run(&mut self, limit: &Limit) -> io::Result<End> {
        let mut clock = Stopwatch::start();
        self.draw()?;
        while !limit.is_over() {
            let before = std::mem::replace(&mut clock, Stopwatch::start());
            self.player.pass(before.elapsed().as_secs_f64());
            for moment in self.due() {
                self.hear(&moment);
            }
            self.draw()?;
            if self.player.is_over() {
                return Ok(End::Over);
            }
            if event::poll(FRAME)?
                && let Input::Key(key) = event::read()?
                && let Some(action) = action(key)
                && let Some(end) = self.act(action)
            {
                return Ok(end);
            }
        }
        Ok(End::Left)
    }

    fn due(&mut self) -> Vec<Moment> {
        if self.lead == 0 {
            return self.player.all_due();
        }
        let lead = std::mem::take(&mut self.lead);
        let moments = std::iter::from_fn(|| self.player.take());
        moments.take(lead.min(1 << 20) as usize).collect()
    }

    fn hear(&mut self, moment: &Moment) {
        if let Some(line) = told::summary(&moment.event) {
            self.summary.push(line);
        }
        self.view.say(told::told(&moment.event));
    }

    fn act(&mut self, action: Action) -> Option<End> {
        let player = &mut self.player;
        match action {
            Action::Pause => player.is_paused = !player.is_paused,
            Action::Faster => player.faster(),
            Action::Slower => player.slower(),
            Action::Leap => player.leap(),
            Action::NextMetric => self.view.metric = self.view.metric.next(),
            Action::Break => {
                let said = match player.break_gpu() {
                    Some((node, gpu)) => format!("broken    by you: GPU {gpu} of node {node}"),
                    None => "broken    nothing: no step is being made".to_owned(),
                };
                self.view.say(Some(said));
            }
            Action::Quit | Action::Interrupt => return Some(End::Left),
        }
        None
    }

    fn draw(&mut self) -> io::Result<()> {
        self.view.follow(&self.player);
        let (player, view) = (&self.player, &self.view);
        if let Some(terminal) = &mut self.terminal {
            terminal.draw(|frame| {
                let grid = grid_area(frame.area());
                let each = arrange(view.gpus, view.per_node, grid.width, grid.height).each;
                let cells = player.story().cells(player.now, each);
                draw(frame, &player.board, &cells, view);
            })?;
        }
        Ok(())
    }
}

/// No colours where people want none (see <https://no-color.org>).
fn palette() -> Palette {
    match std::env::var_os("NO_COLOR") {
        Some(value) if !value.is_empty() => Palette::Plain,
        _ => Palette::Colours,
    }
}

impl View {
    pub(super) fn of(player: &Player, palette: Palette) -> Self {
        let cluster = &player.story().setting().job.cluster;
        let mut view = Self {
            palette,
            metric: Metric::Utilisation,
            speed: 0.0,
            is_paused: false,
            now: 0.0,
            log: Vec::new(),
            gpus: cluster.devices,
            per_node: cluster.devices_per_node,
            limits: Limits::of(player.story().setting()),
        };
        view.follow(player);
        view
    }

    /// Takes over what the person has changed.
    pub(super) fn follow(&mut self, player: &Player) {
        self.speed = player.speed;
        self.is_paused = player.is_paused;
        self.now = player.now;
    }

    /// Adds a line to what happened.
    pub(super) fn say(&mut self, line: Option<String>) {
        self.log.extend(line);
        let surplus = self.log.len().saturating_sub(LOG);
        self.log.drain(..surplus);
    }
}
