//! What a run said: one envelope a line, as JSON.
//!
//! A workstation keeps the lines in one file, a browser in a store, in chunks that are named after
//! the number of their first envelope:
//!
//! ```text
//! events/000000000000.jsonl
//! events/000000001187.jsonl
//! ```

mod chunks;
mod history;

use std::io::{self, BufRead, Read};

use kitchen_types::Envelope;
use kitchen_types::board::Board;

pub use chunks::{StoreRecorder, read, replay};
pub use history::history;

/// The longest line that is read. An evaluation of a thousand classes has a million counts; beyond
/// that, it is not a record.
const MAX_LINE: u64 = 64 << 20;

/// What a record comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// How the run stood.
    pub board: Board,
    /// The number of the envelope that comes next.
    pub next_seq: u64,
}

impl Record {
    /// Takes in the next envelope.
    pub fn take(&mut self, envelope: &Envelope) {
        self.board.apply(envelope);
        self.next_seq = envelope.seq.saturating_add(1);
    }
}

/// Reads lines, and returns how many bytes of them are whole. A last line without an end was torn
/// by a crash, and is left out; any other line that is not an envelope is an error that names it.
pub fn read_lines(mut lines: impl BufRead, mut take: impl FnMut(Envelope)) -> io::Result<u64> {
    let mut whole = 0;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let length = Read::take(&mut lines, MAX_LINE).read_until(b'\n', &mut line)? as u64;
        let wrong = |what: String| io::Error::other(format!("line {number} {what}"));
        if length == MAX_LINE {
            return Err(wrong("is too long for an event".into()));
        }
        if line.pop() != Some(b'\n') {
            break;
        }
        let envelope = serde_json::from_slice(&line)
            .map_err(|error| wrong(format!("is not an event: {error}")))?;
        take(envelope);
        whole += length;
    }
    Ok(whole)
}

/// Appends an envelope as a line.
pub fn write_line(lines: &mut impl io::Write, envelope: &Envelope) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, envelope)?;
    lines.write_all(b"\n")
}

#[cfg(test)]
mod tests;
