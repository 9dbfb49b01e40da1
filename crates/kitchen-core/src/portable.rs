//! Checkpoints that travel: a run in one file, which other programs open for its weights, and
//! which goes on here or anywhere else.
//!
//! The file is safetensors. Its tensors are the weights under PyTorch's names, and what the
//! optimizer remembers under the same names with `optimizer.` before them. All else stands in the
//! header's metadata:
//!
//! ```text
//! format            pt, which readers of the Hugging Face world want
//! kitchen.blake3    of the whole file, with zeros in the place of these 64 digits
//! kitchen.config    what was asked for, as JSON
//! kitchen.events    what happened up to here, one envelope a line
//! kitchen.loop      where the training loop stands, as JSON
//! kitchen.manifest  version, run, step, hash of the configuration, fingerprint of the data
//! kitchen.tokenizer how text became tokens, as JSON; for models that write
//! ```

mod file;
mod thin;

use std::collections::BTreeMap;
use std::rc::Rc;

use kitchen_types::checkpoint::{FORMAT, LoopState, PortableManifest};
use kitchen_types::ports::{BlobStore, ModelState, NamedTensor, StoreError};
use kitchen_types::{Envelope, Event, RunConfig, RunId};

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::record::{history, read_lines};

/// What stands before the name of each tensor of the optimizer.
const OPTIMIZER: &str = "optimizer.";

/// The longest file that is read.
pub const MOST_BYTES: u64 = 1 << 30;
/// The longest header: that of safetensors itself, so that PyTorch reads what is written here.
const MOST_HEADER: u64 = 100_000_000;
/// The most tensors.
const MOST_TENSORS: usize = 1 << 16;
/// The most events.
const MOST_EVENTS: usize = 1 << 20;
/// The largest number that a training loop may stand at; beyond it sums would overflow.
const MOST_STEPS: u64 = 1 << 40;

/// A run in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortableFile {
    /// The bytes of a safetensors file.
    pub bytes: Vec<u8>,
    /// Which events were left out so that the file can be read everywhere, in words.
    pub left_out: Option<String>,
}

/// What such a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Portable {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// What was asked for.
    pub config: RunConfig,
    /// What happened up to the checkpoint, numbered from 0.
    pub events: Vec<Envelope>,
    /// Which events were left out, in words.
    pub left_out: Option<String>,
}

/// Why a run cannot be written into one file, or read from it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PortableError {
    /// It is another kind of file, or its end is missing.
    #[error(
        "this is not a whole safetensors file ({0}); if it was downloaded or copied, do so again"
    )]
    NotSafetensors(String),
    /// It holds weights, and nothing to go on from.
    #[error(
        "this safetensors file holds weights only: it lacks `{0}` in its metadata, without which \
         training cannot go on; write one with `export RUN --resumable`, or save one in the page"
    )]
    WeightsOnly(&'static str),
    /// Some of it has changed.
    #[error(
        "the file does not match its checksum: it is damaged, or another program has rewritten \
         it; take the original"
    )]
    Damaged,
    /// It was written by a newer program.
    #[error("its format is {found}, and this program reads up to {FORMAT}; use a newer kitchen")]
    TooNew {
        /// The format it has.
        found: u64,
    },
    /// Something of it is larger than a run can be.
    #[error("{what} of the file: {found}; at most {most} can be read")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        most: u64,
    },
    /// Some entry does not hold what it should.
    #[error("`{entry}` of the file cannot be used: {reason}")]
    Malformed {
        /// Which.
        entry: String,
        /// Why.
        reason: String,
    },
    /// The checkpoint cannot be stored.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a checkpoint of the run that was asked for as `config` and said `events`.
///
/// Where the events would make the header longer than safetensors allows, some are left out: those
/// of stages first, then ever more of the steps.
pub fn pack(
    checkpoint: &Checkpoint,
    config: &RunConfig,
    events: &[Envelope],
) -> Result<PortableFile, PortableError> {
    pack_within(MOST_HEADER, checkpoint, config, events)
}

fn pack_within(
    most_header: u64,
    checkpoint: &Checkpoint,
    config: &RunConfig,
    events: &[Envelope],
) -> Result<PortableFile, PortableError> {
    let step = checkpoint.state.step;
    let mut metadata = BTreeMap::from([
        ("format", "pt".to_owned()),
        (file::HASH, file::NO_HASH.to_owned()),
        ("kitchen.config", json("kitchen.config", config)?),
        ("kitchen.loop", json("kitchen.loop", &checkpoint.state)?),
    ]);
    if let Some(tokenizer) = &checkpoint.tokenizer {
        metadata.insert("kitchen.tokenizer", tokenizer.clone());
    }
    let tensors = tensors(&checkpoint.model)?;
    let mut manifest = PortableManifest {
        format: FORMAT,
        run: checkpoint.run.clone(),
        step,
        config_hash: checkpoint.config_hash.clone(),
        data_fingerprint: checkpoint.data_fingerprint.clone(),
        left_out: None,
    };
    let mut so_far = history(events, &checkpoint.run, step);
    for left_out in thin::LADDER {
        so_far = thin::thin(so_far, *left_out, step);
        manifest.left_out = left_out.in_words();
        metadata.insert("kitchen.manifest", json("kitchen.manifest", &manifest)?);
        metadata.insert("kitchen.events", thin::lines(&so_far));
        let header = file::header(&tensors, &metadata)?;
        if header.len() as u64 <= most_header && so_far.len() <= MOST_EVENTS {
            let bytes = file::seal(file::assemble(header, &tensors));
            limit("the length", bytes.len() as u64, MOST_BYTES)?;
            return Ok(PortableFile {
                bytes,
                left_out: manifest.left_out,
            });
        }
    }
    Err(PortableError::TooLarge {
        what: "the events",
        found: so_far.len() as u64,
        most: MOST_EVENTS as u64,
    })
}

/// Reads a file that [`pack`] has written. Whatever is wrong with it is an error in words.
pub fn unpack(bytes: &[u8]) -> Result<Portable, PortableError> {
    limit("the length", bytes.len() as u64, MOST_BYTES)?;
    let mut metadata = file::metadata(bytes)?;
    let manifest = take(&mut metadata, "kitchen.manifest")?;
    let manifest = read_manifest(&manifest)?;
    file::verify(bytes, &take(&mut metadata, file::HASH)?)?;
    let config: RunConfig = read_json("kitchen.config", &take(&mut metadata, "kitchen.config")?)?;
    let state: LoopState = read_json("kitchen.loop", &take(&mut metadata, "kitchen.loop")?)?;
    let events = read_events(&take(&mut metadata, "kitchen.events")?, &manifest.run)?;
    check_config(&config)?;
    check_state(&state, &manifest)?;
    let (optimizer, weights) = file::tensors(bytes)?
        .into_iter()
        .partition(|tensor: &NamedTensor| tensor.name.starts_with(OPTIMIZER));
    Ok(Portable {
        checkpoint: Checkpoint {
            run: manifest.run,
            config_hash: manifest.config_hash,
            data_fingerprint: manifest.data_fingerprint,
            model: ModelState {
                weights,
                optimizer: without_prefix(optimizer),
            },
            state,
            tokenizer: metadata.remove("kitchen.tokenizer"),
        },
        config,
        events,
        left_out: manifest.left_out,
    })
}

impl Portable {
    /// Makes it the beginning of the run `run`, whose files are in `store`: stores the checkpoint,
    /// and gives what the record begins with. `now_ms` is the time.
    pub async fn settle(
        self,
        run: RunId,
        store: Rc<dyn BlobStore>,
        now_ms: u64,
    ) -> Result<Vec<Envelope>, PortableError> {
        let step = self.checkpoint.state.step;
        let mut record = history(&self.events, &run, step);
        let checkpoint = Checkpoint {
            run: run.clone(),
            ..self.checkpoint
        };
        let event = store_first(&checkpoint, store).await?;
        record.push(Envelope {
            run,
            seq: record.len() as u64,
            at_ms: now_ms,
            event,
        });
        Ok(record)
    }
}

/// Stores the checkpoint that a run begins with, and gives the event that tells of it.
pub(crate) async fn store_first(
    checkpoint: &Checkpoint,
    store: Rc<dyn BlobStore>,
) -> Result<Event, CheckpointError> {
    let packed = checkpoint::pack(checkpoint)?;
    packed.store(store).await?;
    let best = checkpoint.state.patience.best;
    Ok(Event::CheckpointSaved {
        step: packed.step,
        bytes: packed.bytes(),
        best: best.is_some_and(|(step, _)| step == packed.step),
        name: packed.name,
        blocked_ms: 0,
    })
}

/// All numbers, with the optimizer's named apart from the weights.
fn tensors(model: &ModelState) -> Result<Vec<(String, &NamedTensor)>, PortableError> {
    if let Some(weight) = model
        .weights
        .iter()
        .find(|weight| weight.name.starts_with(OPTIMIZER))
    {
        return Err(malformed(
            &weight.name,
            "a weight is called as the optimizer's tensors are here; rename it in the model",
        ));
    }
    let weights = model.weights.iter().map(|it| (it.name.clone(), it));
    let optimizer = model.optimizer.iter();
    let optimizer = optimizer.map(|it| (format!("{OPTIMIZER}{}", it.name), it));
    Ok(weights.chain(optimizer).collect())
}

fn without_prefix(mut tensors: Vec<NamedTensor>) -> Vec<NamedTensor> {
    for tensor in &mut tensors {
        tensor.name = tensor.name.split_off(OPTIMIZER.len());
    }
    tensors
}

fn read_manifest(text: &str) -> Result<PortableManifest, PortableError> {
    // A newer manifest may have entries that this program does not know, so its version comes first.
    let tree: serde_json::Value = read_json("kitchen.manifest", text)?;
    match tree.get("format").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(FORMAT) => Err(PortableError::TooNew { found }),
        _ => read_json("kitchen.manifest", text),
    }
}

fn read_events(text: &str, run: &RunId) -> Result<Vec<Envelope>, PortableError> {
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    limit("the events", lines as u64, MOST_EVENTS as u64)?;
    let mut events = Vec::with_capacity(lines);
    let whole = read_lines(text.as_bytes(), |envelope| events.push(envelope))
        .map_err(|error| malformed("kitchen.events", error))?;
    if whole < text.len() as u64 {
        return Err(malformed("kitchen.events", "its last line is torn"));
    }
    let in_order = events.iter().zip(0..).all(|(envelope, seq)| {
        let envelope: &Envelope = envelope;
        envelope.seq == seq && envelope.run == *run
    });
    match in_order {
        true => Ok(events),
        false => Err(malformed(
            "kitchen.events",
            "they are not those of one run, in order from 0",
        )),
    }
}

fn check_config(config: &RunConfig) -> Result<(), PortableError> {
    match crate::config::check(config).into_iter().next() {
        None => Ok(()),
        Some(finding) => Err(malformed("kitchen.config", finding.message)),
    }
}

fn check_state(state: &LoopState, manifest: &PortableManifest) -> Result<(), PortableError> {
    let wrong = |reason: String| Err(malformed("kitchen.loop", reason));
    if state.step != manifest.step {
        return wrong(format!(
            "it stands at step {}, and the manifest at {}",
            state.step, manifest.step
        ));
    }
    let resized = state.resized.iter();
    let numbers = resized.flat_map(|it| {
        let own = [it.batch as u64, it.step, it.epoch, it.taken];
        own.into_iter().chain(it.domains.iter().copied())
    });
    let own = [state.step, state.epoch, state.batch, state.evaluated];
    match numbers.chain(own).find(|number| *number > MOST_STEPS) {
        Some(number) => wrong(format!("it counts to {number}, which no run does")),
        None => Ok(()),
    }
}

fn take(
    metadata: &mut BTreeMap<String, String>,
    entry: &'static str,
) -> Result<String, PortableError> {
    metadata
        .remove(entry)
        .ok_or(PortableError::WeightsOnly(entry))
}

fn limit(what: &'static str, found: u64, most: u64) -> Result<(), PortableError> {
    match found <= most {
        true => Ok(()),
        false => Err(PortableError::TooLarge { what, found, most }),
    }
}

fn json(entry: &str, value: &impl serde::Serialize) -> Result<String, PortableError> {
    serde_json::to_string(value).map_err(|error| malformed(entry, error))
}

fn read_json<T: serde::de::DeserializeOwned>(entry: &str, text: &str) -> Result<T, PortableError> {
    serde_json::from_str(text).map_err(|error| malformed(entry, error))
}

fn malformed(entry: &str, reason: impl ToString) -> PortableError {
    PortableError::Malformed {
        entry: entry.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
#[path = "portable/tests.rs"]
mod tests;
