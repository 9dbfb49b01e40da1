//! Bytes, downloads and metrics.

use async_trait::async_trait;

use crate::event::Envelope;

/// Named bytes that are there whole or not at all. Names are relative, with `/` between parts.
#[async_trait(?Send)]
pub trait BlobStore {
    /// Writes one file. Once this returns it survives a crash; until then the old one stands.
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// Writes a folder of files that appears whole or not at all. The last file is written last.
    /// Errors if the folder exists.
    async fn put_set(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError>;

    /// Reads one file.
    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError>;

    /// Every file whose name starts with `prefix`, in order of name.
    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError>;

    /// Deletes a file, or a folder with all it holds. What is not there is deleted already.
    async fn delete(&self, name: &str) -> Result<(), StoreError>;
}

/// One file of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// Why bytes could not be kept or found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// No such file.
    #[error("`{0}` does not exist")]
    NotFound(String),
    /// It exists already.
    #[error("`{0}` exists already")]
    Exists(String),
    /// A name that leaves the store, or that some file system cannot hold.
    #[error("`{0}` is not a name that can be stored")]
    InvalidName(String),
    /// The medium failed; the text says how.
    #[error("`{name}` could not be {action}: {reason}")]
    Io {
        /// Which file.
        name: String,
        /// Written, read, or whatever was tried.
        action: &'static str,
        /// What the medium said.
        reason: String,
    },
    /// There is no store.
    #[error("{0}")]
    Unsupported(String),
}

/// Public files by name, checked as they arrive.
#[async_trait(?Send)]
pub trait HubClient {
    /// Downloads `file` and checks its length and SHA-256 before handing it over.
    async fn download(&self, file: &HubFile) -> Result<Vec<u8>, HubError>;
}

/// A file of a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// What to call it in the cache.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its length, at most.
    pub max_bytes: u64,
}

/// Why a file could not be downloaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HubError {
    /// The hub could not be reached.
    #[error("{name} could not be downloaded: {reason}; {remedy}")]
    Unreachable {
        /// Which file.
        name: String,
        /// What the network said.
        reason: String,
        /// What to do instead.
        remedy: String,
    },
    /// It is not the file it should be.
    #[error(
        "{name} is not the file it should be: its SHA-256 is {found}, expected {expected}; nothing was kept"
    )]
    WrongHash {
        /// Which file.
        name: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// It is longer than it may be.
    #[error("{name} is longer than {max_bytes} bytes; nothing was kept")]
    TooLong {
        /// Which file.
        name: String,
        /// The most that was allowed.
        max_bytes: u64,
    },
}

/// Keeps what a run said.
#[async_trait(?Send)]
pub trait MetricsStore {
    /// Keeps one envelope.
    async fn record(&mut self, envelope: &Envelope) -> Result<(), StoreError>;

    /// Makes everything recorded survive a crash.
    async fn flush(&mut self) -> Result<(), StoreError>;

    /// Everything recorded so far, in order.
    async fn read(&mut self) -> Result<Vec<Envelope>, StoreError>;
}
