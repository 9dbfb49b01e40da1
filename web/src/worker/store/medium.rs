//! What [`Slots`](super::slots::Slots) asks of a browser: files that are flushed, and an index whose
//! changes are one.

use async_trait::async_trait;
use kitchen_types::kept::SlotRecord;

/// Why the browser did not do it, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(super) String);

/// One change to the index: what a name's record becomes, or that it goes.
pub(super) type Change = (String, Option<SlotRecord>);

/// Files of one folder, and the index of one run.
#[async_trait(?Send)]
pub(super) trait Medium {
    /// How many bytes more there is room for, where the browser says.
    async fn room(&self) -> Option<u64>;

    /// Writes a file, over what was there. Once this returns it survives a crash; until then it may
    /// hold anything.
    async fn write(&self, file: &str, header: &[u8], bytes: &[u8]) -> Result<(), Fault>;

    /// Reads a file; none where there is no such file.
    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>, Fault>;

    /// Removes a file. One that is not there is removed already.
    async fn remove(&self, file: &str) -> Result<(), Fault>;

    /// The names of all files.
    async fn files(&self) -> Result<Vec<String>, Fault>;

    /// The whole index.
    async fn records(&self) -> Result<Vec<(String, SlotRecord)>, Fault>;

    /// Makes all changes to the index, or none. Once this returns they survive a crash.
    async fn commit(&self, changes: &[Change]) -> Result<(), Fault>;
}
