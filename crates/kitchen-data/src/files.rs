//! The one door to bytes: a file system natively, files dropped onto a page in a browser.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use kitchen_types::ports::DataError;

/// Named bytes, for reading. Names are paths, with `/` between parts.
pub trait Files {
    /// The content of a file. Errors name the file and the remedy.
    fn read(&self, path: &str) -> Result<Bytes, DataError>;

    /// What a folder holds, in order of name.
    fn list(&self, folder: &str) -> Result<Vec<Entry>, DataError>;

    /// Whether there is such a file or folder.
    fn exists(&self, path: &str) -> bool;

    /// Keeps what `write` writes, whole or not at all, to be mapped rather than held in memory. The
    /// same path is always given the same bytes. Errors where nothing can be kept; callers then
    /// hold it in memory.
    fn keep(
        &self,
        path: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DataError>;
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, without the folder's.
    pub name: String,
    /// Whether it is a folder itself.
    pub folder: bool,
}

/// The content of a file: held, or mapped into memory page by page as it is read.
#[derive(Clone)]
pub enum Bytes {
    /// All of it.
    Held(Arc<[u8]>),
    /// A window onto the file.
    Mapped(Arc<memmap2::Mmap>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes.into())
    }
}

/// The file system. In a browser, where there is none, each call says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// Files larger than this are mapped. Smaller ones are read, so that a file which someone
/// shortens under us cannot take the process with it.
const MAPPED_BYTES: u64 = 16 << 20;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Bytes, DataError> {
        let fail = |error| io_error(path, &error);
        // A pipe or a device would never end.
        if !fs::metadata(path).map_err(fail)?.is_file() {
            return Err(DataError::new(path, "is not a file", "name a file"));
        }
        let file = File::open(path).map_err(fail)?;
        if file.metadata().map_err(fail)?.len() <= MAPPED_BYTES {
            return Ok(fs::read(path).map_err(fail)?.into());
        }
        Ok(Bytes::Mapped(Arc::new(map(&file).map_err(fail)?)))
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, DataError> {
        let fail = |error| io_error(folder, &error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: entry.path().is_dir(),
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn keep(
        &self,
        path: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DataError> {
        let path = Path::new(path);
        // Two processes may write here at once: they write the same bytes, and whoever reads them
        // checks them.
        let temporary = path.with_extension("partial");
        let kept = (|| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = io::BufWriter::new(File::create(&temporary)?);
            write(&mut file)?;
            file.into_inner()?.sync_all()?;
            fs::rename(&temporary, path)
        })();
        kept.map_err(|error| {
            // What is left of a failed attempt is of no use; that it cannot be removed changes
            // nothing about the error at hand.
            let _ = fs::remove_file(&temporary);
            io_error(&path.to_string_lossy(), &error)
        })
    }
}

/// Maps a file.
#[allow(unsafe_code, reason = "a file can only be mapped so; see SAFETY")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the map is read only and read as plain bytes, each of which is valid. A file that
    // another program shortens meanwhile ends this process by a signal, as it does to any program
    // that maps files; data sets are not written while they are trained on.
    unsafe { memmap2::Mmap::map(file) }
}

fn io_error(path: &str, error: &io::Error) -> DataError {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "check the path; it is taken from the folder you are in",
        io::ErrorKind::PermissionDenied => "make it readable",
        io::ErrorKind::Unsupported => {
            "a browser cannot open files by path; drop the file onto the page instead"
        }
        _ => "check the disk and try again",
    };
    DataError::new(path, describe_io(error), remedy)
}

/// What went wrong, in words that are the same on every system where they can be.
pub(crate) fn describe_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::PermissionDenied => "may not be read".into(),
        io::ErrorKind::Unsupported => "cannot be opened here".into(),
        io::ErrorKind::NotADirectory => "is not a folder".into(),
        _ => error.to_string(),
    }
}

/// Files by name, in memory: what a page was given.
#[derive(Clone, Default)]
pub struct Memory(BTreeMap<String, Bytes>);

impl Memory {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces the one of that name.
    pub fn insert(&mut self, path: impl Into<String>, bytes: Vec<u8>) {
        self.0.insert(path.into(), bytes.into());
    }
}

impl<N: Into<String>, const COUNT: usize> From<[(N, Vec<u8>); COUNT]> for Memory {
    fn from(files: [(N, Vec<u8>); COUNT]) -> Self {
        let mut memory = Self::new();
        for (path, bytes) in files {
            memory.insert(path, bytes);
        }
        memory
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Bytes, DataError> {
        self.0.get(path).cloned().ok_or_else(|| not_given(path))
    }

    fn list(&self, folder: &str) -> Result<Vec<Entry>, DataError> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let mut entries: Vec<Entry> = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => Entry {
                    name: name.into(),
                    folder: true,
                },
                None => Entry {
                    name: rest.into(),
                    folder: false,
                },
            })
            .collect();
        entries.sort();
        entries.dedup();
        if entries.is_empty() {
            return Err(not_given(folder));
        }
        Ok(entries)
    }

    fn exists(&self, path: &str) -> bool {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.0.contains_key(path) || self.0.keys().any(|name| name.starts_with(&prefix))
    }

    fn keep(
        &self,
        path: &str,
        _: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DataError> {
        Err(DataError::new(
            path,
            "files in memory are not written to",
            "hold it in memory",
        ))
    }
}

fn not_given(path: &str) -> DataError {
    DataError::new(
        path,
        "is not among the files that were given",
        "drop the file onto the page, or check its name",
    )
}

/// A path within a folder.
pub(crate) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names(entries: &[Entry]) -> Vec<(&str, bool)> {
        entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.folder))
            .collect()
    }

    #[test]
    fn memory_and_disk_list_the_same_tree() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cats")).unwrap();
        fs::write(folder.path().join("cats/tom.png"), b"1").unwrap();
        fs::write(folder.path().join("readme"), b"2").unwrap();
        let root = folder.path().to_string_lossy().into_owned();
        let memory = Memory::from([
            (format!("{root}/cats/tom.png"), b"1".to_vec()),
            (format!("{root}/readme"), b"2".to_vec()),
        ]);
        for files in [&Disk as &dyn Files, &memory] {
            let entries = files.list(&root).unwrap();
            assert_eq!(names(&entries), [("cats", true), ("readme", false)]);
            assert_eq!(&*files.read(&join(&root, "cats/tom.png")).unwrap(), b"1");
            assert!(files.exists(&join(&root, "cats")));
            assert!(!files.exists(&join(&root, "cat")));
        }
    }

    #[test]
    fn what_is_kept_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = join(&folder.path().to_string_lossy(), "new/tokens");
        let failed = Disk.keep(&path, &mut |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert!(!Disk.exists(&path));
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
        Disk.keep(&path, &mut |file| file.write_all(b"whole"))
            .unwrap();
        assert_eq!(&*Disk.read(&path).unwrap(), b"whole");
    }

    #[test]
    fn large_files_are_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        File::create(&path)
            .unwrap()
            .set_len(MAPPED_BYTES + 1)
            .unwrap();
        let bytes = Disk.read(&path.to_string_lossy()).unwrap();
        assert!(matches!(bytes, Bytes::Mapped(_)));
        assert_eq!(bytes.len() as u64, MAPPED_BYTES + 1);
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Disk.read(&folder.path().to_string_lossy()).err().unwrap();
        assert_eq!(error.what, "is not a file");
    }
}
