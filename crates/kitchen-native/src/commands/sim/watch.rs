//! Shows simulated runs: as lines, or on a screen.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::thread;
use std::time::Duration;

use kitchen_core::sim::story::{Moment, Player, Seconds};
use kitchen_platform::Stopwatch;

use super::plain::Plain;
use super::request::Playlist;
use super::screen;
use crate::awake;
use crate::cli::{ShowArgs, SimFormat, SimWatchArgs};
use crate::exit::Exit;
use crate::out;
use crate::voice::Voice;

/// Simulated seconds for each second on a screen: two hours in a minute or so.
const SCREEN_SPEED: f64 = 100.0;
/// The longest sleep before limits are looked at again.
const NAP: f64 = 0.2;

/// Shows what was asked for.
pub(super) fn watch(args: &SimWatchArgs) -> anyhow::Result<Exit> {
    let mut playlist = Playlist::read(args)?;
    let _awake = awake::hold(args.inhibit);
    let limit = Limit {
        clock: Stopwatch::start(),
        after: args.exit_after_time,
    };
    let format = format(args);
    let speed = args.speed_factor.unwrap_or(match format {
        SimFormat::Tty => SCREEN_SPEED,
        SimFormat::Plain | SimFormat::Jsonl => f64::INFINITY,
    });
    let mut lead = args.instant_print_lines;
    while let Some(spec) = playlist.next() {
        let player = Player::new(spec, speed)?;
        let goes_on = match format {
            SimFormat::Tty => screen::show(player, &mut lead, &limit)?,
            SimFormat::Plain => Lines::plain(lead).show(player, &limit)?,
            SimFormat::Jsonl => Lines::new(Json, lead).show(player, &limit)?,
        };
        lead = 0;
        if !goes_on {
            break;
        }
    }
    Ok(Exit::Ok)
}

/// The format that was asked for, or that fits what standard output is.
fn format(args: &SimWatchArgs) -> SimFormat {
    let fits = match Voice::choose(&ShowArgs::default()) {
        Voice::Screen => SimFormat::Tty,
        _ => SimFormat::Plain,
    };
    match args.format {
        Some(SimFormat::Tty) if !io::stdout().is_terminal() => {
            out::remark("standard output is no terminal, so here are lines");
            SimFormat::Plain
        }
        asked => asked.unwrap_or(fits),
    }
}

/// When to leave, wherever the run is.
pub(super) struct Limit {
    clock: Stopwatch,
    after: Option<Seconds>,
}

impl Limit {
    /// Seconds that are left, if they are limited.
    pub(super) fn left(&self) -> Option<f64> {
        let passed = self.clock.elapsed().as_secs_f64();
        self.after.map(|Seconds(after)| after - passed)
    }

    /// Whether time is up.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left <= 0.0)
    }
}

/// What makes lines of moments.
pub(super) trait Writes {
    fn lines(&mut self, moment: &Moment) -> anyhow::Result<Vec<String>>;
}

impl Writes for Plain {
    fn lines(&mut self, moment: &Moment) -> anyhow::Result<Vec<String>> {
        Ok(self.tell(moment))
    }
}

struct Json;

impl Writes for Json {
    fn lines(&mut self, moment: &Moment) -> anyhow::Result<Vec<String>> {
        Ok(vec![serde_json::to_string(moment)?])
    }
}

/// Standard output, line by line.
pub(super) struct Lines<W> {
    writer: W,
    out: BufWriter<Stdout>,
    /// Lines that come at once.
    lead: u64,
}

impl Lines<Plain> {
    /// Lines for people.
    pub(super) fn plain(lead: u64) -> Self {
        Self::new(Plain::default(), lead)
    }
}

impl<W: Writes> Lines<W> {
    fn new(writer: W, lead: u64) -> Self {
        Self {
            writer,
            out: BufWriter::new(io::stdout()),
            lead,
        }
    }

    /// Shows a run at its pace. Gives whether the next one may begin.
    pub(super) fn show(mut self, mut player: Player, limit: &Limit) -> anyhow::Result<bool> {
        while !player.is_over() {
            if limit.is_over() {
                out::named(self.out.flush())?;
                return Ok(false);
            }
            match player.wait() {
                Some(wait) if self.lead == 0 && wait > 0.0 => self.nap(&mut player, wait, limit)?,
                _ => self.tell(&mut player)?,
            }
        }
        out::named(self.out.flush())?;
        Ok(true)
    }

    fn tell(&mut self, player: &mut Player) -> anyhow::Result<()> {
        let Some(moment) = player.take() else {
            return Ok(());
        };
        for line in self.writer.lines(&moment)? {
            out::named(writeln!(self.out, "{line}"))?;
            self.lead = self.lead.saturating_sub(1);
        }
        Ok(())
    }

    fn nap(&mut self, player: &mut Player, wait: f64, limit: &Limit) -> anyhow::Result<()> {
        out::named(self.out.flush())?;
        let clock = Stopwatch::start();
        let nap = wait.min(NAP).min(limit.left().unwrap_or(NAP)).max(0.0);
        thread::sleep(Duration::from_secs_f64(nap));
        player.pass(clock.elapsed().as_secs_f64());
        Ok(())
    }
}
