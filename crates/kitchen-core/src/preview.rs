//! The newest look at what a model has learnt: lossy on purpose.

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

/// What a model makes of the whole plane, where its inputs are two numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// After which step.
    pub step: u64,
    /// Cells from left to right and from bottom to top.
    pub size: usize,
    /// The plane shown is the square from `-extent` to `extent`.
    pub extent: f32,
    /// The likeliest class of each cell, row by row from the bottom.
    pub classes: Vec<u32>,
    /// How likely that class is.
    pub confidence: Vec<f32>,
}

/// The newest look at what a model has learnt.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// The decision surface of a model of the plane.
    Surface(Surface),
}
