//! Every touch of the disk that a run's store makes.
//!
//! One small module, so that crashes and faults can be tested in one place. Each error names the
//! file. In the browser each call answers [`io::ErrorKind::Unsupported`], as the standard library
//! does there.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The whole content of a file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| explain("read", path, error))
}

/// When a file was last written, in milliseconds since 1970; `None` where nobody knows.
pub fn written_ms(path: &Path) -> Option<u64> {
    let written = fs::metadata(path).and_then(|file| file.modified()).ok()?;
    let since = written.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Writes a file anew and waits until its content is on disk. Its name is on disk only after
/// [`sync_dir`] of its directory.
pub fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| explain("write", path, error))
}

/// Gives a file or directory another name, in one step; a file of that name is replaced.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).map_err(|error| explain("rename", from, error))
}

/// Waits until the names in a directory are on disk.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    // Windows opens no directories, and writes names through by itself.
    if cfg!(windows) {
        return Ok(());
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| explain("sync", path, error))
}

/// Makes a directory and those above it; one that exists is left as it is.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| explain("create", path, error))
}

/// Removes a file, or a directory with everything in it. A link is removed, not what it points to.
pub fn remove(path: &Path) -> io::Result<()> {
    let remove = || {
        if fs::symlink_metadata(path)?.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
    };
    remove().map_err(|error| explain("remove", path, error))
}

/// The names in a directory, sorted.
pub fn list(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(path)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| explain("list", path, error))?;
    names.sort();
    Ok(names)
}

/// A file held by one process at a time. The host lets go of it when this is dropped, and when
/// the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, creating its file if need be; `None` where somebody else holds it.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| explain("open", path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(explain("lock", path, error)),
        }
    }
}

/// Keeps the kind, on which callers branch, and adds what was tried and where.
fn explain(verb: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot {verb} {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_written_replaced_renamed_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (draft, kept) = (folder.path().join("draft"), folder.path().join("kept"));
        write_synced(&kept, b"old").unwrap();
        write_synced(&draft, b"a longer text").unwrap();
        write_synced(&draft, b"new").unwrap();
        assert_eq!(list(folder.path()).unwrap(), ["draft", "kept"]);
        rename(&draft, &kept).unwrap();
        sync_dir(folder.path()).unwrap();
        assert_eq!(list(folder.path()).unwrap(), ["kept"]);
        assert_eq!(read(&kept).unwrap(), b"new");
        remove(&kept).unwrap();
        assert!(list(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn directories_are_made_and_removed_whole() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_dir_all(&deep).unwrap();
        create_dir_all(&deep).unwrap();
        write_synced(&deep.join("file"), b"").unwrap();
        remove(&folder.path().join("a")).unwrap();
        assert!(list(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_file_and_keep_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        for error in [
            read(&absent).unwrap_err(),
            rename(&absent, &absent).unwrap_err(),
            remove(&absent).unwrap_err(),
            list(&absent).unwrap_err(),
            write_synced(&absent.join("file"), b"").unwrap_err(),
            Lock::try_acquire(&absent.join("lock")).unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
            assert!(error.to_string().contains("absent"), "{error}");
        }
    }

    #[test]
    fn a_lock_is_held_once_and_free_again_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
