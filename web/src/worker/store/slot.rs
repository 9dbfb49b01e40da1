//! The two places that each name has, and how bytes lie in one.
//!
//! ```text
//! magic (8) · format (4) · generation (8) · length (8) · BLAKE3 (32) · the bytes
//! ```
//!
//! Numbers are little-endian. The hash covers name, generation and bytes, so that neither another
//! name's bytes nor an older generation pass for what was asked for.

use kitchen_types::kept::{Slot, SlotRecord};

const MAGIC: &[u8; 8] = b"KITCHEN\0";

/// The version of the layout that this program writes, and the newest it reads.
const FORMAT: u32 = 1;

/// The length of what precedes the bytes.
pub(super) const HEADER: usize = 8 + 4 + 8 + 8 + 32;

/// Why a slot does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is gone")]
    Gone,
    #[error("it does not begin as it should")]
    Foreign,
    #[error("its layout is {0}, and this page reads up to {FORMAT}; reload the page")]
    TooNew(u32),
    #[error("it was cut off")]
    CutOff,
    #[error("it does not match its checksum")]
    Changed,
}

/// Where a name is written next, and as which generation: never over what was written last.
pub(super) fn next(newest: Option<&SlotRecord>) -> (Slot, u64) {
    match newest {
        None => (Slot::First, 1),
        Some(record) => (record.slot.other(), record.generation + 1),
    }
}

/// The name of the file of a slot. Names are hashed: they hold slashes, and are longer than some
/// file systems allow.
pub(super) fn file_name(name: &str, slot: Slot) -> String {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let number = match slot {
        Slot::First => 0,
        Slot::Second => 1,
    };
    format!("{}.{number}", &hash.as_str()[..32])
}

/// What precedes `bytes` in their slot, and what is written down of them.
pub(super) fn seal(
    name: &str,
    (slot, generation): (Slot, u64),
    bytes: &[u8],
    at_ms: u64,
) -> ([u8; HEADER], SlotRecord) {
    let hash = hash(name, generation, bytes);
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..20].copy_from_slice(&generation.to_le_bytes());
    header[20..28].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    header[28..].copy_from_slice(hash.as_bytes());
    let record = SlotRecord {
        slot,
        generation,
        bytes: bytes.len() as u64,
        blake3: hash.to_hex().to_string(),
        at_ms,
    };
    (header, record)
}

/// The bytes that `record` speaks of, out of their slot's file.
pub(super) fn recorded(
    name: &str,
    record: &SlotRecord,
    file: Option<Vec<u8>>,
) -> Result<Vec<u8>, Damage> {
    let opened = open(name, file)?;
    let same = opened.generation == record.generation && opened.hash == record.blake3;
    same.then_some(opened.bytes).ok_or(Damage::Changed)
}

/// Whether the bytes before them may stand in: not where a newer page has written them, which would
/// lose them without a word.
pub(super) fn stands_in(damage: &Damage) -> bool {
    !matches!(damage, Damage::TooNew(_))
}

/// The bytes before those that `record` speaks of, out of the other slot's file, if that holds an
/// older generation: a newer one was never acknowledged.
pub(super) fn older(name: &str, record: &SlotRecord, file: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let opened = open(name, file).ok()?;
    (opened.generation < record.generation).then_some(opened.bytes)
}

/// What a slot's file holds.
struct Opened {
    generation: u64,
    hash: String,
    bytes: Vec<u8>,
}

fn open(name: &str, file: Option<Vec<u8>>) -> Result<Opened, Damage> {
    let mut header = file.ok_or(Damage::Gone)?;
    if header.len() < HEADER {
        return Err(Damage::CutOff);
    }
    let bytes = header.split_off(HEADER);
    let format = number(&header[8..12]);
    if header[..8] != MAGIC[..] || format == 0 {
        return Err(Damage::Foreign);
    }
    if format > u64::from(FORMAT) {
        return Err(Damage::TooNew(format as u32));
    }
    let (generation, length) = (number(&header[12..20]), number(&header[20..28]));
    if length != bytes.len() as u64 {
        return Err(Damage::CutOff);
    }
    let hash = hash(name, generation, &bytes);
    if header[28..] != hash.as_bytes()[..] {
        return Err(Damage::Changed);
    }
    Ok(Opened {
        generation,
        hash: hash.to_hex().to_string(),
        bytes,
    })
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn hash(name: &str, generation: u64, bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    // The length keeps a name and its bytes apart.
    hasher.update(&(name.len() as u64).to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.update(&generation.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::kept::Slot::{First, Second};

    use super::*;

    const NAME: &str = "checkpoints/step-000000400-1f3a9c2e/loop.json";

    /// The file of a slot, and its record.
    fn slot(place: (Slot, u64), bytes: &[u8]) -> (Vec<u8>, SlotRecord) {
        let (header, record) = seal(NAME, place, bytes, 0);
        ([&header[..], bytes].concat(), record)
    }

    #[test]
    fn slots_alternate() {
        let mut newest = None;
        let mut places = Vec::new();
        for _ in 0..4 {
            let place = next(newest.as_ref());
            newest = Some(slot(place, b"").1);
            places.push(place);
        }
        assert_eq!(places, [(First, 1), (Second, 2), (First, 3), (Second, 4)]);
    }

    #[test]
    fn file_names_are_those_of_one_name_and_slot() {
        assert_eq!(file_name("config.toml", First).len(), 34);
        assert_ne!(
            file_name("config.toml", First),
            file_name("config.toml", Second)
        );
        assert_ne!(file_name("a/b", First), file_name("a-b", First));
    }

    #[test]
    fn what_is_sealed_opens() {
        for bytes in [&b""[..], b"x", &[7; 100_000]] {
            let (file, record) = slot((Second, 6), bytes);
            assert_eq!(recorded(NAME, &record, Some(file)).unwrap(), bytes);
        }
    }

    #[test]
    fn the_header_is_as_described() {
        let (file, _) = slot((First, 0x0102), b"abc");
        assert_eq!(&file[..8], b"KITCHEN\0");
        assert_eq!(&file[8..12], [1, 0, 0, 0]);
        assert_eq!(&file[12..20], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&file[20..28], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((file.len(), &file[60..]), (63, &b"abc"[..]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (file, record) = slot((First, 3), b"weights");
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                recorded(NAME, &record, Some(damaged)).is_err(),
                "bit {bit} was flipped"
            );
        }
        for length in 0..file.len() {
            let cut = Some(file[..length].to_vec());
            assert_eq!(recorded(NAME, &record, cut), Err(Damage::CutOff));
        }
    }

    /// What reading gives, for each state of the recorded slot and of the other one.
    #[test]
    fn the_other_slot_stands_in_where_it_is_older() {
        let (new, record) = slot((Second, 6), b"new");
        let (old, _) = slot((First, 5), b"old");
        // Written after the record, and never acknowledged.
        let (unacknowledged, _) = slot((First, 7), b"next");
        let (foreign, _) = {
            let (header, record) = seal("another/name", (First, 5), b"foreign", 0);
            ([&header[..], b"foreign"].concat(), record)
        };
        let mut damaged = new.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let mut newer_layout = new.clone();
        newer_layout[8] = 2;

        type Table<'a> = &'a [(
            Option<&'a Vec<u8>>,
            Option<&'a Vec<u8>>,
            Result<&'a [u8], Damage>,
        )];
        let table: Table<'_> = &[
            (Some(&new), Some(&old), Ok(b"new")),
            (Some(&new), Some(&unacknowledged), Ok(b"new")),
            (Some(&new), None, Ok(b"new")),
            (Some(&damaged), Some(&old), Ok(b"old")),
            (None, Some(&old), Ok(b"old")),
            (Some(&old), Some(&old), Ok(b"old")),
            (Some(&damaged), Some(&unacknowledged), Err(Damage::Changed)),
            (Some(&damaged), Some(&foreign), Err(Damage::Changed)),
            (Some(&damaged), None, Err(Damage::Changed)),
            (Some(&newer_layout), Some(&old), Err(Damage::TooNew(2))),
            (None, None, Err(Damage::Gone)),
        ];
        for (row, (recorded_slot, other_slot, expected)) in table.iter().enumerate() {
            let read = recorded(NAME, &record, recorded_slot.cloned());
            let read = match read {
                Ok(bytes) => Ok(bytes),
                Err(damage) if stands_in(&damage) => {
                    older(NAME, &record, other_slot.cloned()).ok_or(damage)
                }
                Err(damage) => Err(damage),
            };
            assert_eq!(
                read.as_deref().map_err(Clone::clone),
                *expected,
                "row {row}"
            );
        }
    }
}
