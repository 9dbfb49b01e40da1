//! A store that is a folder on disk.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use kitchen_platform::{files, offload};
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};

use super::check_name;

/// Names that begin so are being written: nobody sees them, and the next opening clears them away.
const DRAFT: &str = ".draft-";

/// Files in a folder. What is stored survives a crash of the machine from the moment that the call
/// returns; until then nobody sees any of it.
///
/// Writing happens on a thread of its own, beside the training.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The store in `root`, which is made if need be. Drafts that a crash left behind are cleared
    /// away; call this only where no other process writes there (see [`files::Lock`]).
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { root: root.into() };
        let failed = io_error("opened", ".");
        files::create_dir_all(&store.root).map_err(&failed)?;
        clear_drafts(&store.root).map_err(&failed)?;
        Ok(store)
    }

    /// The store in `root`, to read from while another process may write.
    pub fn reading(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a file of that name lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

#[async_trait(?Send)]
impl BlobStore for Directory {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_name(name)?;
        let (path, bytes) = (self.path(name), bytes.to_vec());
        offload(move || write_file(&path, &bytes))
            .await
            .flatten()
            .map_err(io_error("written", name))
    }

    async fn put_set(&self, folder: &str, set: &[(&str, &[u8])]) -> Result<(), StoreError> {
        check_name(folder)?;
        let mut owned = Vec::with_capacity(set.len());
        for (name, bytes) in set {
            check_name(name)?;
            owned.push(((*name).to_owned(), bytes.to_vec()));
        }
        let path = self.path(folder);
        if path.exists() {
            return Err(StoreError::Exists(folder.into()));
        }
        offload(move || write_set(&path, &owned))
            .await
            .flatten()
            .map_err(io_error("written", folder))
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        check_name(name)?;
        files::read(&self.path(name)).map_err(io_error("read", name))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        // Only the folder that the prefix points into is walked, not the whole store.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut found = Vec::new();
        match walk(&self.path(folder), folder, &mut found) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("listed", prefix)(error));
            }
            _ => {}
        }
        found.retain(|file| file.name.starts_with(prefix));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        match files::remove(&self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("deleted", name)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes beside the target, then takes its place.
fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (parent, draft) = draft_beside(path)?;
    files::create_dir_all(&parent)?;
    files::write_synced(&draft, bytes)?;
    files::rename(&draft, path)?;
    files::sync_dir(&parent)
}

/// Writes a whole folder beside its place, then moves it there: it appears whole or not at all.
fn write_set(path: &Path, set: &[(String, Vec<u8>)]) -> io::Result<()> {
    let (parent, draft) = draft_beside(path)?;
    if draft.exists() {
        files::remove(&draft)?;
    }
    files::create_dir_all(&draft)?;
    for (name, bytes) in set {
        files::write_synced(&draft.join(name), bytes)?;
    }
    files::sync_dir(&draft)?;
    files::rename(&draft, path)?;
    files::sync_dir(&parent)
}

fn draft_beside(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::other("a store's root cannot be replaced"));
    };
    let draft = format!("{DRAFT}{}", name.to_string_lossy());
    Ok((parent.to_owned(), parent.join(draft)))
}

fn clear_drafts(folder: &Path) -> io::Result<()> {
    for name in files::list(folder)? {
        let path = folder.join(&name);
        if name.to_string_lossy().starts_with(DRAFT) {
            files::remove(&path)?;
        } else if path.is_dir() {
            clear_drafts(&path)?;
        }
    }
    Ok(())
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<StoredFile>) -> io::Result<()> {
    for name in files::list(folder)? {
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if name.starts_with(DRAFT) {
            continue;
        }
        let name = match prefix {
            "" => name.into_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        // What was deleted since it was listed is simply not there.
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            walk(&path, &name, found)?;
        } else {
            found.push(StoredFile {
                name,
                bytes: metadata.len(),
            });
        }
    }
    Ok(())
}

fn io_error(action: &'static str, name: &str) -> impl Fn(io::Error) -> StoreError {
    let name = name.to_owned();
    move |error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound(name.clone()),
        _ => StoreError::Io {
            name: name.clone(),
            action,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures::executor::block_on;

    use super::*;
    use crate::store::Memory;

    /// Every store keeps the same promises.
    fn check_store(store: &dyn BlobStore) {
        let names = |prefix| -> Vec<String> {
            let files = block_on(store.list(prefix)).unwrap();
            files.into_iter().map(|file| file.name).collect()
        };
        block_on(store.put("a.txt", b"one")).unwrap();
        block_on(store.put("a.txt", b"two")).unwrap();
        assert_eq!(block_on(store.get("a.txt")).unwrap(), b"two");

        let set: &[(&str, &[u8])] = &[("x", b"1"), ("y", b"22")];
        block_on(store.put_set("sets/first", set)).unwrap();
        assert_eq!(
            block_on(store.put_set("sets/first", set)),
            Err(StoreError::Exists("sets/first".into()))
        );
        assert_eq!(names("sets/"), ["sets/first/x", "sets/first/y"]);
        assert_eq!(names(""), ["a.txt", "sets/first/x", "sets/first/y"]);

        block_on(store.delete("sets/first")).unwrap();
        block_on(store.delete("sets/first")).unwrap();
        assert_eq!(names("sets/"), [""; 0]);
        assert_eq!(
            block_on(store.get("sets/first/x")),
            Err(StoreError::NotFound("sets/first/x".into()))
        );
        for name in [
            "",
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "nul\0",
            "C:\\x",
        ] {
            assert_eq!(
                block_on(store.put(name, b"")),
                Err(StoreError::InvalidName(name.into()))
            );
        }
    }

    #[test]
    fn a_directory_keeps_its_promises() {
        let folder = tempfile::tempdir().unwrap();
        check_store(&Directory::open(folder.path().join("new")).unwrap());
    }

    #[test]
    fn memory_keeps_its_promises() {
        check_store(&Memory::default());
    }

    #[test]
    fn drafts_of_a_crash_are_not_seen_and_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = Directory::open(folder.path()).unwrap();
        block_on(store.put("sets/kept", b"")).unwrap();
        let draft = folder.path().join("sets/.draft-half");
        std::fs::create_dir(&draft).unwrap();
        std::fs::write(draft.join("weights"), b"torn").unwrap();
        assert_eq!(block_on(store.list("")).unwrap().len(), 1);
        Directory::open(folder.path()).unwrap();
        assert!(!draft.exists());
    }
}
