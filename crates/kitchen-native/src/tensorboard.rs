//! The measurements of a run as files that TensorBoard reads.
//!
//! A file is a row of records, each framed as a [TFRecord]: its length, a masked checksum of that,
//! the bytes, a masked checksum of those. The bytes are an `Event` of TensorFlow's [protocol
//! buffers][event]; the few fields that scalars need are written by hand.
//!
//! [TFRecord]: https://www.tensorflow.org/tutorials/load_data/tfrecord
//! [event]: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use kitchen_platform::files;
use kitchen_types::Envelope;

use crate::observe::Observer;
use crate::scalars::{Measured, measured};

/// The name of the folder of such files in a run's folder.
pub(crate) const FOLDER: &str = "tensorboard";

/// Writes one file for each session of a run.
#[derive(Debug)]
pub(crate) struct TensorBoard {
    folder: PathBuf,
    /// Opened with the first envelope, whose time names it.
    file: Option<BufWriter<File>>,
}

impl TensorBoard {
    /// Writes into `folder`, which is made.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        files::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            file: None,
        })
    }

    fn file(&mut self, at_ms: u64) -> anyhow::Result<&mut BufWriter<File>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.folder, at_ms)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Observer for TensorBoard {
    fn name(&self) -> &str {
        "the writer of TensorBoard's files"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        if let Some((step, measured)) = measured(&envelope.event) {
            let what = What::Measured(measured);
            let record = record(&event(envelope.at_ms, step, &what));
            self.file(envelope.at_ms)?.write_all(&record)?;
        }
        Ok(())
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        match &mut self.file {
            Some(file) => Ok(file.flush()?),
            None => Ok(()),
        }
    }
}

/// TensorBoard reads the files of a folder in the order of their names.
fn open(folder: &Path, at_ms: u64) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(format!("events.out.tfevents.{at_ms:013}.kitchen"));
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut file = BufWriter::new(file);
    file.write_all(&record(&event(at_ms, 0, &What::Version)))?;
    Ok(file)
}

/// What an event says.
#[derive(Debug, PartialEq)]
enum What {
    /// The version of the file's format.
    Version,
    /// What was measured.
    Measured(Measured),
}

/// An `Event`.
fn event(at_ms: u64, step: u64, what: &What) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, at_ms as f64 / 1e3);
    event.varint(2, step);
    match what {
        What::Version => event.bytes(3, b"brain.Event:2"),
        What::Measured(Measured::Scalars(scalars)) => event.bytes(5, &summary(scalars)),
        What::Measured(Measured::Restart) => {
            let mut log = Message::default();
            // `SessionLog.START`.
            log.varint(1, 1);
            event.bytes(7, &log.0);
        }
    }
    event.0
}

/// A `Summary`.
fn summary(scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in scalars {
        let mut one = Message::default();
        one.bytes(1, tag.as_bytes());
        one.float(2, *value as f32);
        summary.bytes(1, &one.0);
    }
    summary.0
}

/// A message of protocol buffers that is being written. Fields are named by their numbers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u8, wire_type: u8) {
        // Fields up to 15 have keys of one byte.
        self.0.push(field << 3 | wire_type);
    }

    fn varint(&mut self, field: u8, value: u64) {
        self.key(field, 0);
        self.bare_varint(value);
    }

    fn double(&mut self, field: u8, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, value: &[u8]) {
        self.key(field, 2);
        self.bare_varint(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u8, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn bare_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A message in the frame of a TFRecord.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(message.len() + 16);
    record.extend(length);
    record.extend(masked_checksum(&length).to_le_bytes());
    record.extend(message);
    record.extend(masked_checksum(message).to_le_bytes());
    record
}

/// A CRC-32C, turned and shifted so that the checksum of bytes that hold one is no special case.
fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::{Event, RunId};

    use super::*;

    /// The first record that TensorFlow 2 writes, but for its time.
    #[test]
    fn a_file_begins_as_others_do() {
        let version = event(0, 0, &What::Version);
        let mut expected = vec![0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0x1a, 13];
        expected.extend(b"brain.Event:2");
        assert_eq!(version, expected);
        // The check value of CRC-32C (RFC 3720, B.4: 32 bytes of zeros), masked.
        let unmasked = masked_checksum(&[0; 32])
            .wrapping_sub(0xa282_ead8)
            .rotate_left(15);
        assert_eq!(unmasked, 0x8a91_36aa);
    }

    #[test]
    fn numbers_take_the_bytes_that_they_need() {
        // From the documentation of protocol buffers: 150 is `96 01`.
        let mut message = Message::default();
        message.varint(1, 150);
        message.bytes(2, b"testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
    }

    #[test]
    fn steps_evaluations_and_ways_back_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = TensorBoard::create(folder.path()).unwrap();
        let restored = Event::Restored {
            step: 7,
            name: "7".into(),
            lr: None,
            batch: None,
        };
        for (seq, event) in [Event::Paused { step: 1 }, restored]
            .into_iter()
            .enumerate()
        {
            let envelope = Envelope {
                run: RunId::new("test").unwrap(),
                seq: seq as u64,
                at_ms: 1_700_000_000_000 + seq as u64,
                event,
            };
            writer.observe(&envelope).unwrap();
        }
        writer.rest().unwrap();
        let name = "events.out.tfevents.1700000000001.kitchen";
        let written = std::fs::read(folder.path().join(name)).unwrap();
        let frames = 2 * 16;
        let (version, restart) = (26, 9 + 2 + 4);
        assert_eq!(written.len(), frames + version + restart);
    }
}
