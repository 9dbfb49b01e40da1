//! Where a run keeps its files: adapters of [`BlobStore`](kitchen_types::ports::BlobStore).

mod directory;
mod memory;

pub use directory::Directory;
pub use memory::Memory;

use kitchen_types::ports::StoreError;

/// Refuses names that leave the store or that some file system cannot hold.
pub fn check_name(name: &str) -> Result<(), StoreError> {
    let part_is_fine = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.len() <= 128
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if name.split('/').all(part_is_fine) {
        Ok(())
    } else {
        Err(StoreError::InvalidName(name.into()))
    }
}
