//! A slot for the newest look at what a model has learnt: lossy on purpose.

use std::sync::{Arc, Mutex, PoisonError};

/// A slot that holds only the newest value. Writing never waits for a reader.
#[derive(Debug)]
pub struct Latest<T>(Arc<Mutex<Option<T>>>);

impl<T> Latest<T> {
    /// Puts a value in the place of the one before.
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    /// Takes the newest value, if there is one that nobody took yet.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether somebody has taken the newest value: whoever looks at all looks again.
    pub(crate) fn is_taken(&self) -> bool {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner)).is_none()
    }
}

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}
