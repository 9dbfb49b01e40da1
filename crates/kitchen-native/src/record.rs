//! Keeps what a run said: one envelope a line, as JSON, in `events.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use kitchen_core::record::{read_lines, write_line};
use kitchen_types::Envelope;
use kitchen_types::board::Board;
use kitchen_types::ports::{MetricsStore, StoreError};

/// The name of the record in a run's folder.
pub(crate) const EVENTS: &str = "events.jsonl";

/// Appends envelopes to a file, and reads them back.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    file: BufWriter<File>,
}

/// What a record comes to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// How the run stood.
    pub(crate) board: Board,
    /// The number of the envelope that comes next.
    pub(crate) next_seq: u64,
    /// How many bytes of it are whole lines; what follows was torn by a crash.
    whole: u64,
}

impl Recorder {
    /// Opens the record at `path` to go on with it: a last line that a crash has torn is cut off.
    /// Returns it with what it comes to so far.
    pub(crate) fn open(path: &Path) -> Result<(Self, Record), StoreError> {
        let record = replay(path)?;
        let failed = failure(path, "opened");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(&failed)?;
        file.set_len(record.whole).map_err(&failed)?;
        file.seek(SeekFrom::End(0)).map_err(&failed)?;
        let recorder = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        };
        Ok((recorder, record))
    }

    /// Adds one envelope; it is in the operating system's hands after [`Self::hand_over`].
    pub(crate) fn append(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        write_line(&mut self.file, envelope).map_err(failure(&self.path, "written"))
    }

    /// Hands everything to the operating system: it survives the end of this process, however that
    /// comes about.
    pub(crate) fn hand_over(&mut self) -> Result<(), StoreError> {
        self.file.flush().map_err(failure(&self.path, "written"))
    }

    /// Makes everything survive a crash of the machine.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.hand_over()?;
        let synced = self.file.get_ref().sync_data();
        synced.map_err(failure(&self.path, "written"))
    }
}

#[async_trait(?Send)]
impl MetricsStore for Recorder {
    async fn record(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        self.append(envelope)
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.sync()
    }

    async fn read(&mut self) -> Result<Vec<Envelope>, StoreError> {
        self.hand_over()?;
        envelopes(&self.path)
    }
}

/// What the record at `path` comes to. It is folded as it is read, however long it is; no file is
/// an empty record.
pub(crate) fn replay(path: &Path) -> Result<Record, StoreError> {
    let mut record = Record::default();
    record.whole = read(path, |envelope| {
        record.board.apply(&envelope);
        record.next_seq = envelope.seq + 1;
    })?;
    Ok(record)
}

/// Everything in the record at `path`, in order.
pub(crate) fn envelopes(path: &Path) -> Result<Vec<Envelope>, StoreError> {
    let mut envelopes = Vec::new();
    read(path, |envelope| envelopes.push(envelope))?;
    Ok(envelopes)
}

/// Reads a record, and returns how many bytes of it are whole lines.
fn read(path: &Path, take: impl FnMut(Envelope)) -> Result<u64, StoreError> {
    let failed = failure(path, "read");
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        file => read_lines(BufReader::new(file.map_err(&failed)?), take).map_err(failed),
    }
}

fn failure(path: &Path, action: &'static str) -> impl Fn(io::Error) -> StoreError {
    let name = path.display().to_string();
    move |error| StoreError::Io {
        name: name.clone(),
        action,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures::executor::block_on;
    use kitchen_types::{Event, RunId};

    use super::*;

    fn envelope(seq: u64) -> Envelope {
        Envelope {
            run: RunId::new("test").unwrap(),
            seq,
            at_ms: 1000 + seq,
            event: Event::Paused { step: seq },
        }
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS);
        let (mut recorder, before) = Recorder::open(&path).unwrap();
        assert_eq!(before, Record::default());
        for seq in 0..3 {
            block_on(recorder.record(&envelope(seq))).unwrap();
        }
        let expected: Vec<_> = (0..3).map(envelope).collect();
        assert_eq!(block_on(recorder.read()).unwrap(), expected);
        block_on(recorder.flush()).unwrap();
        assert_eq!(replay(&path).unwrap().next_seq, 3);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_record_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS);
        let (mut recorder, _) = Recorder::open(&path).unwrap();
        recorder.append(&envelope(0)).unwrap();
        recorder.append(&envelope(1)).unwrap();
        recorder.sync().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        // Wherever a crash cuts the second line, the first stands, and the record goes on after it.
        for cut in first_line..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut recorder, before) = Recorder::open(&path).unwrap();
            assert_eq!(before.board, Board::replay(&[envelope(0)]), "cut at {cut}");
            recorder.append(&envelope(before.next_seq)).unwrap();
            recorder.hand_over().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS);
        std::fs::write(&path, "{\"run\": 5}\n{}\n").unwrap();
        let error = replay(&path).unwrap_err().to_string();
        assert!(
            error.contains("could not be read: line 1 is not an event"),
            "{error}"
        );
    }
}
