//! A store over two slots to a name: nothing is overwritten in place, and the index's transaction
//! is the commit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::future::join_all;
use futures::lock::Mutex;
use kitchen_core::store::check_name;
use kitchen_types::kept::{Slot, SlotRecord};
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};

use super::medium::{Change, Fault, Medium};
use super::slot;

/// The files of one run.
pub(super) struct Slots<M> {
    medium: M,
    /// The index, as it stands on the medium.
    records: RefCell<BTreeMap<String, SlotRecord>>,
    /// One write at a time: which slot is free is known once the write before it has ended.
    writing: Mutex<()>,
}

impl<M: Medium> Slots<M> {
    /// The store on `medium`, for its only writer. Files that a crash left without a record are
    /// swept away.
    pub(super) async fn open(medium: M) -> Result<Self, StoreError> {
        let store = Self::reading(medium).await?;
        store.sweep().await.map_err(failure("opened", "."))?;
        Ok(store)
    }

    /// The store on `medium` as it stands, to read from while others may write.
    pub(super) async fn reading(medium: M) -> Result<Self, StoreError> {
        let records = medium.records().await.map_err(failure("opened", "."))?;
        Ok(Self {
            medium,
            records: RefCell::new(records.into_iter().collect()),
            writing: Mutex::new(()),
        })
    }

    async fn sweep(&self) -> Result<(), Fault> {
        let known: BTreeSet<String> = self
            .records
            .borrow()
            .keys()
            .flat_map(|name| Slot::BOTH.map(|slot| slot::file_name(name, slot)))
            .collect();
        let found = self.medium.files().await?;
        let orphans = found.iter().filter(|file| !known.contains(*file));
        // One that cannot be removed costs room, and nothing else.
        join_all(orphans.map(|file| self.medium.remove(file))).await;
        Ok(())
    }

    fn record(&self, name: &str) -> Option<SlotRecord> {
        self.records.borrow().get(name).cloned()
    }

    /// Writes all of `files`, or none.
    async fn write(&self, files: &[(String, &[u8])]) -> Result<(), Fault> {
        self.check_room(files).await?;
        let at_ms = kitchen_platform::now_ms();
        let sealed: Vec<_> = files
            .iter()
            .map(|(name, bytes)| {
                let place = slot::next(self.record(name).as_ref());
                let (header, record) = slot::seal(name, place, bytes, at_ms);
                (name, header, *bytes, record)
            })
            .collect();
        let writes = sealed.iter().map(|(name, header, bytes, record)| {
            let file = slot::file_name(name, record.slot);
            async move { self.medium.write(&file, header, bytes).await }
        });
        // Each comes to its end, whatever becomes of the others: a file that is left open is locked.
        let written: Result<Vec<()>, Fault> = join_all(writes).await.into_iter().collect();
        let changes: Vec<Change> = sealed
            .iter()
            .map(|(name, _, _, record)| ((*name).clone(), Some(record.clone())))
            .collect();
        let outcome = match written {
            Ok(_) => self.commit(&changes).await,
            Err(fault) => Err(fault),
        };
        if outcome.is_err() {
            // What was written before the room ran out is in the way of the next try.
            let torn = sealed.iter().map(|(name, _, _, record)| async {
                let file = slot::file_name(name, record.slot);
                self.medium.remove(&file).await
            });
            join_all(torn).await;
        }
        outcome
    }

    async fn check_room(&self, files: &[(String, &[u8])]) -> Result<(), Fault> {
        let each = |(_, bytes): &(String, &[u8])| (slot::HEADER + bytes.len()) as u64;
        let needed: u64 = files.iter().map(each).sum();
        match self.medium.room().await {
            Some(room) if room < needed => Err(Fault(format!(
                "{needed} bytes are needed, and the browser has room for {room}; \
                 delete runs that are not needed any more, or download them first"
            ))),
            _ => Ok(()),
        }
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), Fault> {
        self.medium.commit(changes).await?;
        let mut records = self.records.borrow_mut();
        for (name, record) in changes {
            match record {
                Some(record) => records.insert(name.clone(), record.clone()),
                None => records.remove(name),
            };
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl<M: Medium> BlobStore for Slots<M> {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_name(name)?;
        let _one = self.writing.lock().await;
        let files = [(name.to_owned(), bytes)];
        self.write(&files).await.map_err(failure("written", name))
    }

    async fn put_set(&self, folder: &str, set: &[(&str, &[u8])]) -> Result<(), StoreError> {
        check_name(folder)?;
        let mut files = Vec::with_capacity(set.len());
        for (name, bytes) in set {
            check_name(name)?;
            files.push((format!("{folder}/{name}"), *bytes));
        }
        let _one = self.writing.lock().await;
        if !self.list(&format!("{folder}/")).await?.is_empty() {
            return Err(StoreError::Exists(folder.into()));
        }
        self.write(&files).await.map_err(failure("written", folder))
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let Some(record) = self.record(name) else {
            return Err(StoreError::NotFound(name.into()));
        };
        let failed = failure("read", name);
        let read = async |slot: Slot| self.medium.read(&slot::file_name(name, slot)).await;
        let file = read(record.slot).await.map_err(&failed)?;
        let damage = match slot::recorded(name, &record, file) {
            Ok(bytes) => return Ok(bytes),
            Err(damage) => damage,
        };
        if slot::stands_in(&damage) {
            let file = read(record.slot.other()).await.map_err(&failed)?;
            if let Some(bytes) = slot::older(name, &record, file) {
                return Ok(bytes);
            }
        }
        Err(failed(Fault(damage.to_string())))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        let records = self.records.borrow();
        let found = records
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix));
        Ok(found
            .map(|(name, record)| StoredFile {
                name: name.clone(),
                bytes: record.bytes,
            })
            .collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        let _one = self.writing.lock().await;
        let inside = format!("{name}/");
        let changes: Vec<Change> = self
            .records
            .borrow()
            .keys()
            .filter(|kept| *kept == name || kept.starts_with(&inside))
            .map(|kept| (kept.clone(), None))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.commit(&changes)
            .await
            .map_err(failure("deleted", name))?;
        // Without a record nobody reads them; those that stay are swept away on opening.
        let files = changes
            .iter()
            .flat_map(|(kept, _)| Slot::BOTH.map(|slot| slot::file_name(kept, slot)));
        join_all(files.map(|file| async move { self.medium.remove(&file).await })).await;
        Ok(())
    }
}

fn failure(action: &'static str, name: &str) -> impl Fn(Fault) -> StoreError {
    let name = name.to_owned();
    move |fault| StoreError::Io {
        name: name.clone(),
        action,
        reason: fault.0,
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
