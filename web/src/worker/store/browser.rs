//! A run's files in the browser's private file system.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::oneshot;
use js_sys::{AsyncIterator, IteratorNext, Uint8Array};
use kitchen_platform::{Stopwatch, sleep};
use kitchen_types::kept::SlotRecord;
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemRemoveOptions, FileSystemSyncAccessHandle, StorageEstimate,
    StorageManager,
};

use super::database::{Database, Edit, Table};
use super::js::{fault, kept, name_of};
use super::lock::Lock;
use super::medium::{Change, Fault, Medium};
use super::slots::Slots;

/// How long a file that a worker held as it ended may take to be free.
const PATIENCE: Duration = Duration::from_secs(2);

/// A run's files: a folder of the browser's, and the part of the database that speaks of it.
#[derive(Clone)]
pub(super) struct Browser {
    pub(super) id: String,
    pub(super) folder: FileSystemDirectoryHandle,
    pub(super) database: Rc<Database>,
}

#[async_trait(?Send)]
impl Medium for Browser {
    async fn room(&self) -> Option<u64> {
        let (used, quota) = estimate().await?;
        Some(quota.saturating_sub(used))
    }

    async fn write(&self, file: &str, header: &[u8], bytes: &[u8]) -> Result<(), Fault> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let promise = self.folder.get_file_handle_with_options(file, &options);
        let handle = exclusively(&kept(promise).await?).await?;
        let written = write(&handle, header, bytes);
        handle.close();
        written
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>, Fault> {
        let handle = match JsFuture::from(self.folder.get_file_handle(file)).await {
            Ok(handle) => handle.unchecked_into::<FileSystemFileHandle>(),
            Err(error) if name_of(&error) == "NotFoundError" => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        // Not by an access handle, which would shut out whoever writes.
        let file: File = kept(handle.get_file()).await?;
        let buffer = JsFuture::from(file.array_buffer()).await.map_err(fault)?;
        Ok(Some(Uint8Array::new(&buffer).to_vec()))
    }

    async fn remove(&self, file: &str) -> Result<(), Fault> {
        remove(&self.folder, file).await
    }

    async fn files(&self) -> Result<Vec<String>, Fault> {
        names(&self.folder).await
    }

    async fn records(&self) -> Result<Vec<(String, SlotRecord)>, Fault> {
        self.database.all(Table::Files, Some(&self.id)).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), Fault> {
        let edits: Vec<Edit> = changes
            .iter()
            .map(|(name, record)| {
                let (table, key) = (Table::Files, format!("{}/{name}", self.id));
                match record {
                    Some(record) => Edit::put(table, key, record),
                    None => Edit::Remove { table, key },
                }
            })
            .collect();
        self.database.edit(&edits).await
    }
}

/// Opens a file to write, alone.
async fn exclusively(file: &FileSystemFileHandle) -> Result<FileSystemSyncAccessHandle, Fault> {
    let waited = Stopwatch::start();
    loop {
        match JsFuture::from(file.create_sync_access_handle()).await {
            Ok(handle) => return Ok(handle.unchecked_into()),
            Err(error)
                if name_of(&error) == "NoModificationAllowedError"
                    && waited.elapsed() < PATIENCE =>
            {
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(fault(error)),
        }
    }
}

fn write(handle: &FileSystemSyncAccessHandle, header: &[u8], bytes: &[u8]) -> Result<(), Fault> {
    handle.truncate_with_u32(0).map_err(fault)?;
    for part in [header, bytes] {
        let written = handle.write_with_u8_array(part).map_err(fault)?;
        if written != part.len() as f64 {
            return Err(Fault(format!(
                "the browser took {written} of {} bytes; delete runs that are not needed any more",
                part.len()
            )));
        }
    }
    handle.flush().map_err(fault)
}

/// How many bytes this page's data take, and may take.
pub(super) async fn estimate() -> Option<(u64, u64)> {
    let promise = storage().ok()?.estimate().ok()?;
    // A dictionary, of which a browser has no class that could be asked for.
    let estimate: StorageEstimate = JsFuture::from(promise).await.ok()?.unchecked_into();
    Some((estimate.get_usage()? as u64, estimate.get_quota()? as u64))
}

/// The browser's storage for this page; an error outside of a secure context.
pub(super) fn storage() -> Result<StorageManager, Fault> {
    super::js::property(&super::scope().navigator(), "storage")
}

/// A folder in `parent`, which is made if need be.
pub(super) async fn subfolder(
    parent: &FileSystemDirectoryHandle,
    name: &str,
) -> Result<FileSystemDirectoryHandle, Fault> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    kept(parent.get_directory_handle_with_options(name, &options)).await
}

/// Removes a file, or a folder with all it holds.
pub(super) async fn remove(parent: &FileSystemDirectoryHandle, name: &str) -> Result<(), Fault> {
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    match JsFuture::from(parent.remove_entry_with_options(name, &options)).await {
        Err(error) if name_of(&error) != "NotFoundError" => Err(fault(error)),
        _ => Ok(()),
    }
}

/// The names of all that a folder holds.
pub(super) async fn names(folder: &FileSystemDirectoryHandle) -> Result<Vec<String>, Fault> {
    let keys: AsyncIterator = folder.keys();
    let mut found = Vec::new();
    loop {
        let next = JsFuture::from(keys.next().map_err(fault)?).await;
        let next: IteratorNext = next.map_err(fault)?.unchecked_into();
        if next.done() {
            return Ok(found);
        }
        found.extend(next.value().as_string());
    }
}

/// The store of a run that is this tab's alone.
///
/// What it is told to write is written while others do their work, and to the end even if nobody
/// waits for it any more: a run that is dropped leaves no file half open.
#[derive(Clone)]
pub(crate) struct BrowserStore {
    slots: Rc<Slots<Browser>>,
    /// Released with the last of those who write.
    lock: Rc<RefCell<Lock>>,
}

impl BrowserStore {
    pub(super) async fn open(medium: Browser, lock: Lock) -> Result<Self, StoreError> {
        Ok(Self {
            slots: Rc::new(Slots::open(medium).await?),
            lock: Rc::new(RefCell::new(lock)),
        })
    }

    /// Belongs to another name from here on.
    pub(super) fn hold(&self, lock: Lock) {
        *self.lock.borrow_mut() = lock;
    }

    /// Lets `work` go on by itself.
    async fn beside<T: 'static>(
        &self,
        work: impl AsyncFnOnce(&Slots<Browser>) -> Result<T, StoreError> + 'static,
    ) -> Result<T, StoreError> {
        let (sender, outcome) = oneshot::channel();
        let store = self.clone();
        spawn_local(async move {
            // Nobody may be waiting any more.
            let _ = sender.send(work(&store.slots).await);
        });
        outcome.await.unwrap_or_else(|_| {
            Err(StoreError::Unsupported(
                "the browser dropped what it was to write; reload the page".into(),
            ))
        })
    }
}

#[async_trait(?Send)]
impl BlobStore for BrowserStore {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (name, bytes) = (name.to_owned(), bytes.to_vec());
        self.beside(async move |slots| slots.put(&name, &bytes).await)
            .await
    }

    async fn put_set(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
        let folder = folder.to_owned();
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
            .collect();
        self.beside(async move |slots| {
            let files: Vec<(&str, &[u8])> = files
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
                .collect();
            slots.put_set(&folder, &files).await
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.slots.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        self.slots.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.beside(async move |slots| slots.delete(&name).await)
            .await
    }
}
