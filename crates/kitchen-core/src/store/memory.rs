//! A store that lives as long as the process: for tests, and where nothing can be kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};

use super::check_name;

/// Files in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Memory(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

#[async_trait(?Send)]
impl BlobStore for Memory {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        check_name(name)?;
        self.0.borrow_mut().insert(name.into(), bytes.to_vec());
        Ok(())
    }

    async fn put_set(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
        check_name(folder)?;
        if !self.list(&format!("{folder}/")).await?.is_empty() {
            return Err(StoreError::Exists(folder.into()));
        }
        for (name, _) in files {
            check_name(name)?;
        }
        let mut kept = self.0.borrow_mut();
        for (name, bytes) in files {
            kept.insert(format!("{folder}/{name}"), bytes.to_vec());
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let kept = self.0.borrow();
        let bytes = kept
            .get(name)
            .ok_or_else(|| StoreError::NotFound(name.into()))?;
        Ok(bytes.clone())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        let kept = self.0.borrow();
        let found = kept.iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(found
            .map(|(name, bytes)| StoredFile {
                name: name.clone(),
                bytes: bytes.len() as u64,
            })
            .collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let inside = format!("{name}/");
        self.0
            .borrow_mut()
            .retain(|kept, _| kept != name && !kept.starts_with(&inside));
        Ok(())
    }
}
