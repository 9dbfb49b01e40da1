//! A record in chunks, for stores whose files are written as a whole.

use std::rc::Rc;

use async_trait::async_trait;
use kitchen_types::Envelope;
use kitchen_types::ports::{BlobStore, MetricsStore, StoreError, StoredFile};

use super::{Record, read_lines, write_line};

const FOLDER: &str = "events/";
const END: &str = ".jsonl";

/// What is gathered for one chunk at most. Chunks below this are merged.
const CHUNK: u64 = 1 << 20;

/// So many small chunks at the end become one. Each byte is then written anew at most once in so
/// many flushes, until its chunk is full.
const MERGED: usize = 16;

/// Appends envelopes to a store, and reads them back.
///
/// They are gathered in memory; [`MetricsStore::flush`] writes what was gathered as one chunk. A
/// flush that fails loses nothing: the next one tries again.
pub struct StoreRecorder {
    store: Rc<dyn BlobStore>,
    chunks: Vec<StoredFile>,
    /// The number of the first envelope that was gathered, and all of them as lines.
    gathered: Option<(u64, Vec<u8>)>,
}

impl StoreRecorder {
    /// Opens the record in `store` to go on with it: a last line that a crash has torn is cut off.
    /// Returns it with what it comes to so far.
    pub async fn open(store: Rc<dyn BlobStore>) -> Result<(Self, Record), StoreError> {
        let mut record = Record::default();
        let torn = walk(&*store, |envelope| record.take(&envelope)).await?;
        if let Some((name, whole)) = torn {
            match whole.is_empty() {
                true => store.delete(&name).await?,
                false => store.put(&name, &whole).await?,
            }
        }
        let chunks = chunks(&*store).await?;
        let recorder = Self {
            store,
            chunks,
            gathered: None,
        };
        Ok((recorder, record))
    }

    /// Small chunks at the end become one. The merged chunk takes the place of the first of them
    /// before the others go: whatever happens in between, nothing is lost, and what is there twice
    /// is read once.
    async fn merge(&mut self) -> Result<(), StoreError> {
        let small = self
            .chunks
            .iter()
            .rev()
            .take_while(|chunk| chunk.bytes < CHUNK)
            .count();
        if small < MERGED {
            return Ok(());
        }
        let first = self.chunks.len() - small;
        let mut merged = Vec::new();
        for chunk in self.chunks.iter().skip(first) {
            merged.extend(self.store.get(&chunk.name).await?);
        }
        if let Some(chunk) = self.chunks.get_mut(first) {
            self.store.put(&chunk.name, &merged).await?;
            chunk.bytes = merged.len() as u64;
        }
        while self.chunks.len() > first + 1
            && let Some(chunk) = self.chunks.last()
        {
            self.store.delete(&chunk.name).await?;
            self.chunks.pop();
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl MetricsStore for StoreRecorder {
    async fn record(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        let (first, lines) = self.gathered.get_or_insert((envelope.seq, Vec::new()));
        let name = name_of(*first);
        write_line(lines, envelope).map_err(|error| failed(&name, "written", error))?;
        if lines.len() as u64 >= CHUNK {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let Some((first, lines)) = &self.gathered else {
            return Ok(());
        };
        let (name, bytes) = (name_of(*first), lines.len() as u64);
        self.store.put(&name, lines).await?;
        self.gathered = None;
        self.chunks.push(StoredFile { name, bytes });
        // What was gathered is safe. Chunks that could not be merged are merged another time, and a
        // store that no longer works says so at the next flush.
        let _ = self.merge().await;
        Ok(())
    }

    async fn read(&mut self) -> Result<Vec<Envelope>, StoreError> {
        self.flush().await?;
        read(&*self.store).await
    }
}

/// Everything recorded in `store`, in order.
pub async fn read(store: &dyn BlobStore) -> Result<Vec<Envelope>, StoreError> {
    let mut envelopes = Vec::new();
    walk(store, |envelope| envelopes.push(envelope)).await?;
    Ok(envelopes)
}

/// What the record in `store` comes to; one chunk is in memory at a time.
pub async fn replay(store: &dyn BlobStore) -> Result<Record, StoreError> {
    let mut record = Record::default();
    walk(store, |envelope| record.take(&envelope)).await?;
    Ok(record)
}

/// Reads every chunk in order. Gives the last one's name and whole lines where its last line is
/// torn; any other chunk is whole, or an error names it.
async fn walk(
    store: &dyn BlobStore,
    mut take: impl FnMut(Envelope),
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let mut next_seq = 0;
    let mut torn: Option<(String, Vec<u8>)> = None;
    for chunk in chunks(store).await? {
        if let Some((name, _)) = torn {
            return Err(failed(&name, "read", "it ends in the middle of a line"));
        }
        let mut bytes = store.get(&chunk.name).await?;
        let whole = read_lines(bytes.as_slice(), |envelope| {
            // A merge that was cut off has left lines in two chunks.
            if envelope.seq >= next_seq {
                next_seq = envelope.seq.saturating_add(1);
                take(envelope);
            }
        })
        .map_err(|error| failed(&chunk.name, "read", error))?;
        if whole < bytes.len() as u64 {
            bytes.truncate(whole as usize);
            torn = Some((chunk.name, bytes));
        }
    }
    Ok(torn)
}

/// The chunks in `store`, in order.
async fn chunks(store: &dyn BlobStore) -> Result<Vec<StoredFile>, StoreError> {
    let mut chunks = store.list(FOLDER).await?;
    chunks.retain(|file| is_chunk(&file.name));
    chunks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chunks)
}

fn is_chunk(name: &str) -> bool {
    name.strip_prefix(FOLDER)
        .and_then(|name| name.strip_suffix(END))
        .is_some_and(|number| {
            number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

fn name_of(first_seq: u64) -> String {
    format!("{FOLDER}{first_seq:012}{END}")
}

fn failed(name: &str, action: &'static str, reason: impl ToString) -> StoreError {
    StoreError::Io {
        name: name.to_owned(),
        action,
        reason: reason.to_string(),
    }
}
