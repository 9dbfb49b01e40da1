//! The bytes of the file. The layout is written here, and not by the safetensors crate, because
//! that one puts metadata in a random order: the same checkpoint would not give the same bytes.

use std::collections::BTreeMap;

use kitchen_types::ports::NamedTensor;
use safetensors::SafeTensors;
use serde::Serialize;

use super::{MOST_HEADER, MOST_TENSORS, PortableError, limit, malformed};
use crate::checkpoint::{TensorFileError, read_tensors};

/// The metadata entry with the hash of the file.
pub(super) const HASH: &str = "kitchen.blake3";
/// What stands in the place of the hash while the file is hashed.
pub(super) const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What stands before the hash. Quotes within texts are escaped, so that no text looks like it.
const BEFORE_HASH: &[u8] = b"\"kitchen.blake3\":\"";

/// The length of the header, as eight bytes, stands first.
const PREFIX: usize = 8;

#[derive(Serialize)]
struct TensorEntry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// The header: metadata first, then the tensors in order; padded, so that numbers are aligned.
pub(super) fn header(
    tensors: &[(String, &NamedTensor)],
    metadata: &BTreeMap<&str, String>,
) -> Result<Vec<u8>, PortableError> {
    let failed = |error| malformed("__metadata__", error);
    let mut header = b"{\"__metadata__\":".to_vec();
    serde_json::to_writer(&mut header, metadata).map_err(failed)?;
    let mut start = 0;
    for (name, tensor) in tensors {
        let end = start + tensor.values.len() * size_of::<f32>();
        header.push(b',');
        serde_json::to_writer(&mut header, name).map_err(failed)?;
        header.push(b':');
        let entry = TensorEntry {
            dtype: "F32",
            shape: &tensor.shape,
            data_offsets: [start, end],
        };
        serde_json::to_writer(&mut header, &entry).map_err(failed)?;
        start = end;
    }
    header.push(b'}');
    header.resize(header.len().next_multiple_of(PREFIX), b' ');
    Ok(header)
}

/// The whole file, not yet hashed.
pub(super) fn assemble(header: Vec<u8>, tensors: &[(String, &NamedTensor)]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    for (_, tensor) in tensors {
        bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// Puts the hash in its place.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(at) = place_of_hash(&bytes) {
        let hash = blake3::hash(&bytes).to_hex();
        if let Some(place) = bytes.get_mut(at..at + NO_HASH.len()) {
            place.copy_from_slice(hash.as_bytes());
        }
    }
    bytes
}

/// Errors unless `hash` is that of the file.
pub(super) fn verify(bytes: &[u8], hash: &str) -> Result<(), PortableError> {
    let at = place_of_hash(bytes).ok_or(PortableError::Damaged)?;
    let (before, rest) = bytes.split_at(at);
    let (written, after) = rest
        .split_at_checked(NO_HASH.len())
        .ok_or(PortableError::Damaged)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(before);
    hasher.update(NO_HASH.as_bytes());
    hasher.update(after);
    let found = hasher.finalize().to_hex();
    match written == hash.as_bytes() && hash == found.as_str() {
        true => Ok(()),
        false => Err(PortableError::Damaged),
    }
}

fn place_of_hash(bytes: &[u8]) -> Option<usize> {
    // It is near the beginning; a file without one is not searched to its end.
    let start = bytes.get(..bytes.len().min(4096))?;
    let at = start
        .windows(BEFORE_HASH.len())
        .position(|window| window == BEFORE_HASH)?;
    Some(at + BEFORE_HASH.len())
}

/// The metadata of any safetensors file that is not larger than a run can be.
pub(super) fn metadata(bytes: &[u8]) -> Result<BTreeMap<String, String>, PortableError> {
    let (length, _) = bytes
        .split_first_chunk::<PREFIX>()
        .ok_or_else(|| PortableError::NotSafetensors("it is shorter than 8 bytes".into()))?;
    let length = u64::from_le_bytes(*length);
    if length > (bytes.len() - PREFIX) as u64 {
        let reason = "its header is longer than the file";
        return Err(PortableError::NotSafetensors(reason.into()));
    }
    limit("the header", length, MOST_HEADER)?;
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|error| PortableError::NotSafetensors(error.to_string()))?;
    let tensors = header.tensors().len() as u64;
    limit("the tensors", tensors, MOST_TENSORS as u64)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok(metadata.into_iter().collect())
}

/// The tensors, in order of name.
pub(super) fn tensors(bytes: &[u8]) -> Result<Vec<NamedTensor>, PortableError> {
    read_tensors(bytes).map_err(|error| match error {
        TensorFileError::Format(reason) => PortableError::NotSafetensors(reason),
        TensorFileError::Type { ref name, .. } => malformed(name, &error),
    })
}
