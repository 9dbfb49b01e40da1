//! Checkpoints: sets of files from which a run goes on bit for bit.
//!
//! ```text
//! checkpoints/step-000000400-1f3a9c2e/
//!     weights.safetensors   the weights, under PyTorch's names and layouts
//!     optimizer.safetensors what the optimizer remembers of each weight
//!     loop.json             where the training loop stands
//!     tokenizer.json        how text became tokens, for sequence models
//!     manifest.json         the length and BLAKE3 of each of the above; written last
//! ```
//!
//! Verified folders on disk are the truth. What does not verify is passed over, and the newest
//! verified ancestor is used.

mod tensors;

use std::rc::Rc;

use kitchen_types::RunId;
use kitchen_types::checkpoint::{FORMAT, FileRecord, LoopState, Manifest};
use kitchen_types::ports::{BlobStore, ModelState, NamedTensor, StoreError, StoredFile};

pub use tensors::{TensorFileError, read_tensors, write_tensors};

/// The folder of all checkpoints of a run.
const FOLDER: &str = "checkpoints";
const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const LOOP: &str = "loop.json";
const TOKENIZER: &str = "tokenizer.json";
const MANIFEST: &str = "manifest.json";

/// Everything a run needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Which run it belongs to.
    pub run: RunId,
    /// BLAKE3 of the run's configuration.
    pub config_hash: String,
    /// The fingerprint of the data.
    pub data_fingerprint: String,
    /// Weights and optimizer.
    pub model: ModelState,
    /// Where the training loop stands.
    pub state: LoopState,
    /// How text became tokens, as JSON.
    pub tokenizer: Option<String>,
}

/// A checkpoint of a store, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The name of its folder.
    pub name: String,
    /// After which step it was taken.
    pub step: u64,
    /// The size of its files.
    pub bytes: u64,
}

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// A file is not what the manifest says.
    #[error("{file} does not match its checksum; the checkpoint is damaged")]
    Damaged {
        /// Which file.
        file: String,
    },
    /// It was written by a newer program.
    #[error("its format is {found}, and this program reads up to {FORMAT}; use a newer kitchen")]
    TooNew {
        /// The format it has.
        found: u32,
    },
    /// A file does not hold what it should.
    #[error("{file} cannot be read: {reason}")]
    Malformed {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A checkpoint as files, ready to be stored.
#[derive(Debug)]
pub struct Packed {
    /// The name of its folder, which depends on nothing but what is in it.
    pub name: String,
    /// After which step it was taken.
    pub step: u64,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Packed {
    /// The size of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// Stores it, whole or not at all. One that is there already is left alone: its name tells
    /// that it is the same.
    pub async fn store(&self, store: Rc<dyn BlobStore>) -> Result<(), StoreError> {
        let files: Vec<_> = self.files.iter().map(|(n, b)| (*n, b.as_slice())).collect();
        match store
            .put_set(&format!("{FOLDER}/{}", self.name), &files)
            .await
        {
            Err(StoreError::Exists(_)) => Ok(()),
            outcome => outcome,
        }
    }
}

/// Turns a checkpoint into files.
pub fn pack(checkpoint: &Checkpoint) -> Result<Packed, CheckpointError> {
    let step = checkpoint.state.step;
    let mut files = vec![
        (WEIGHTS, encode(WEIGHTS, &checkpoint.model.weights)?),
        (OPTIMIZER, encode(OPTIMIZER, &checkpoint.model.optimizer)?),
        (LOOP, to_json(LOOP, &checkpoint.state)?),
    ];
    if let Some(tokenizer) = &checkpoint.tokenizer {
        files.push((TOKENIZER, tokenizer.clone().into_bytes()));
    }
    let manifest = Manifest {
        format: FORMAT,
        run: checkpoint.run.clone(),
        step,
        config_hash: checkpoint.config_hash.clone(),
        data_fingerprint: checkpoint.data_fingerprint.clone(),
        files: files
            .iter()
            .map(|(name, bytes)| record(name, bytes))
            .collect(),
    };
    let manifest = to_json(MANIFEST, &manifest)?;
    let name = format!("step-{step:09}-{}", fingerprint(&manifest));
    files.push((MANIFEST, manifest));
    Ok(Packed { name, step, files })
}

/// Every checkpoint with a manifest, oldest first. Nothing is verified yet.
pub async fn list(store: &dyn BlobStore) -> Result<Vec<Saved>, StoreError> {
    Ok(among(store.list(&format!("{FOLDER}/")).await?))
}

/// Every checkpoint among the files of a store, which come in order of name; oldest first.
pub fn among(files: impl IntoIterator<Item = StoredFile>) -> Vec<Saved> {
    let mut found: Vec<Saved> = Vec::new();
    for file in files {
        let mut parts = file.name.split('/');
        let (Some(FOLDER), Some(name), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let Some(step) = step_of(name) else { continue };
        match found.last_mut().filter(|saved| saved.name == name) {
            Some(saved) => saved.bytes += file.bytes,
            None => found.push(Saved {
                name: name.into(),
                step,
                bytes: file.bytes,
            }),
        }
    }
    found.sort_by(|a, b| (a.step, &a.name).cmp(&(b.step, &b.name)));
    found
}

/// Reads one checkpoint, and checks every file against the manifest.
pub async fn load(store: &dyn BlobStore, name: &str) -> Result<Checkpoint, CheckpointError> {
    let manifest = read(store, name, MANIFEST).await?;
    if !name.ends_with(&fingerprint(&manifest)) {
        return Err(damaged(MANIFEST));
    }
    let manifest: Manifest = from_json(MANIFEST, &manifest)?;
    if manifest.format > FORMAT {
        return Err(CheckpointError::TooNew {
            found: manifest.format,
        });
    }
    let weights = read_verified(store, name, &manifest, WEIGHTS).await?;
    let optimizer = read_verified(store, name, &manifest, OPTIMIZER).await?;
    let state = read_verified(store, name, &manifest, LOOP).await?;
    let tokenizer = match manifest.files.iter().any(|file| file.name == TOKENIZER) {
        true => Some(text(
            TOKENIZER,
            read_verified(store, name, &manifest, TOKENIZER).await?,
        )?),
        false => None,
    };
    Ok(Checkpoint {
        model: ModelState {
            weights: decode(WEIGHTS, &weights)?,
            optimizer: decode(OPTIMIZER, &optimizer)?,
        },
        state: from_json(LOOP, &state)?,
        tokenizer,
        run: manifest.run,
        config_hash: manifest.config_hash,
        data_fingerprint: manifest.data_fingerprint,
    })
}

/// The newest checkpoint at or before `step` that verifies, with the ones that did not.
pub async fn load_newest(store: &dyn BlobStore, step: u64) -> Result<Newest, StoreError> {
    let mut rejected = Vec::new();
    for saved in list(store).await?.into_iter().rev() {
        if saved.step > step {
            continue;
        }
        match load(store, &saved.name).await {
            Ok(checkpoint) => {
                return Ok(Newest {
                    found: Some((saved.name, checkpoint)),
                    rejected,
                });
            }
            Err(error) => rejected.push((saved.name, error)),
        }
    }
    Ok(Newest {
        found: None,
        rejected,
    })
}

/// What [`load_newest`] found.
#[derive(Debug)]
pub struct Newest {
    /// The checkpoint and its name.
    pub found: Option<(String, Checkpoint)>,
    /// Newer ones that cannot be used, and why.
    pub rejected: Vec<(String, CheckpointError)>,
}

/// Which checkpoints to delete so that the newest `keep` stay (never fewer than two), and those
/// named in `pinned`.
pub fn superfluous<'a>(saved: &'a [Saved], keep: usize, pinned: &[&str]) -> Vec<&'a Saved> {
    let old = saved.len().saturating_sub(keep.max(2));
    saved[..old]
        .iter()
        .filter(|saved| !pinned.contains(&saved.name.as_str()))
        .collect()
}

/// Deletes a checkpoint.
pub async fn delete(store: &dyn BlobStore, name: &str) -> Result<(), StoreError> {
    store.delete(&format!("{FOLDER}/{name}")).await
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.split('-').next()?.parse().ok()
}

fn record(name: &str, bytes: &[u8]) -> FileRecord {
    FileRecord {
        name: name.into(),
        bytes: bytes.len() as u64,
        blake3: blake3::hash(bytes).to_hex().to_string(),
    }
}

async fn read(store: &dyn BlobStore, name: &str, file: &str) -> Result<Vec<u8>, StoreError> {
    store.get(&format!("{FOLDER}/{name}/{file}")).await
}

async fn read_verified(
    store: &dyn BlobStore,
    name: &str,
    manifest: &Manifest,
    file: &str,
) -> Result<Vec<u8>, CheckpointError> {
    let bytes = read(store, name, file).await?;
    if manifest.files.contains(&record(file, &bytes)) {
        Ok(bytes)
    } else {
        Err(damaged(file))
    }
}

/// What ties a folder's name to its manifest, and the manifest ties the name to every other file.
fn fingerprint(manifest: &[u8]) -> String {
    blake3::hash(manifest).to_hex()[..8].to_owned()
}

fn damaged(file: &str) -> CheckpointError {
    CheckpointError::Damaged { file: file.into() }
}

fn encode(file: &str, tensors: &[NamedTensor]) -> Result<Vec<u8>, CheckpointError> {
    write_tensors(tensors, None).map_err(|error| malformed(file, error))
}

fn decode(file: &str, bytes: &[u8]) -> Result<Vec<NamedTensor>, CheckpointError> {
    read_tensors(bytes).map_err(|error| malformed(file, error))
}

fn to_json<T: serde::Serialize>(file: &str, value: &T) -> Result<Vec<u8>, CheckpointError> {
    serde_json::to_vec_pretty(value).map_err(|error| malformed(file, error))
}

fn from_json<T: serde::de::DeserializeOwned>(
    file: &str,
    bytes: &[u8],
) -> Result<T, CheckpointError> {
    serde_json::from_slice(bytes).map_err(|error| malformed(file, error))
}

fn text(file: &str, bytes: Vec<u8>) -> Result<String, CheckpointError> {
    String::from_utf8(bytes).map_err(|error| malformed(file, error))
}

fn malformed(file: &str, reason: impl ToString) -> CheckpointError {
    CheckpointError::Malformed {
        file: file.into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
#[path = "checkpoint/tests.rs"]
mod tests;
