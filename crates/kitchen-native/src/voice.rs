//! How a run is shown: on a screen, in plain lines, in lines of JSON, or not at all.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use kitchen_types::Envelope;

use crate::cli::ShowArgs;
use crate::observe::Observer;
use crate::out;
use crate::plain::Plain;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Drawn on the whole terminal.
    Screen,
    /// Line by line.
    Plain,
    /// Each envelope as a line of JSON.
    Json,
    /// Only how it ended.
    Quiet,
}

impl Voice {
    /// The voice that was asked for, or that fits what standard output is.
    pub(crate) fn choose(show: &ShowArgs) -> Self {
        let term = std::env::var("TERM").ok();
        Self::for_output(show, io::stdout().is_terminal(), term.as_deref())
    }

    fn for_output(show: &ShowArgs, is_terminal: bool, term: Option<&str>) -> Self {
        // Windows has no such variable, and terminals that can draw.
        let can_draw =
            is_terminal && term.map_or(cfg!(windows), |term| !term.is_empty() && term != "dumb");
        match show {
            ShowArgs { json: true, .. } => Self::Json,
            ShowArgs { quiet: true, .. } => Self::Quiet,
            ShowArgs { plain: true, .. } => Self::Plain,
            _ if can_draw => Self::Screen,
            _ => Self::Plain,
        }
    }
}

/// Prints a run in plain lines.
pub(crate) struct PlainLines {
    plain: Plain,
    out: BufWriter<Stdout>,
}

impl PlainLines {
    /// To standard output.
    pub(crate) fn new(plain: Plain) -> Self {
        Self {
            plain,
            out: BufWriter::new(io::stdout()),
        }
    }
}

impl Observer for PlainLines {
    fn name(&self) -> &str {
        "standard output"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        for line in self.plain.lines(envelope) {
            out::named(writeln!(self.out, "{line}"))?;
        }
        Ok(())
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        out::named(self.out.flush())
    }
}

/// Prints each envelope as a line of JSON.
pub(crate) struct JsonLines {
    out: BufWriter<Stdout>,
}

impl JsonLines {
    /// To standard output.
    pub(crate) fn new() -> Self {
        Self {
            out: BufWriter::new(io::stdout()),
        }
    }
}

impl Observer for JsonLines {
    fn name(&self) -> &str {
        "standard output"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        let line = serde_json::to_string(envelope)?;
        out::named(writeln!(self.out, "{line}"))
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        out::named(self.out.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_fits_what_it_speaks_into() {
        let [json, plain, quiet, nothing] = [
            ShowArgs {
                json: true,
                ..ShowArgs::default()
            },
            ShowArgs {
                plain: true,
                ..ShowArgs::default()
            },
            ShowArgs {
                quiet: true,
                ..ShowArgs::default()
            },
            ShowArgs::default(),
        ];
        for (show, is_terminal, term, expected) in [
            (&nothing, true, Some("xterm"), Voice::Screen),
            (&nothing, true, Some("dumb"), Voice::Plain),
            (&nothing, true, Some(""), Voice::Plain),
            (&nothing, false, Some("xterm"), Voice::Plain),
            (&plain, true, Some("xterm"), Voice::Plain),
            (&json, true, Some("xterm"), Voice::Json),
            (&quiet, true, Some("xterm"), Voice::Quiet),
        ] {
            assert_eq!(
                Voice::for_output(show, is_terminal, term),
                expected,
                "{show:?} {term:?}"
            );
        }
    }
}
