//! What stands where, at one point of a plan.

use std::collections::{BTreeMap, BTreeSet};

use kitchen_types::event::StagePath;

/// What stands where, at one point of a plan.
#[derive(Clone, Default)]
pub(super) struct Keys(BTreeMap<String, Known>);

/// What is known of a key that may be there.
#[derive(Clone)]
pub(super) struct Known {
    /// Whether it is there in every case.
    pub(super) certain: bool,
    /// When it was written, counted in uses of keys; the earliest, where that depends.
    pub(super) since: u64,
    /// The node that wrote it, or on whose account it may be missing.
    pub(super) by: StagePath,
}

impl Keys {
    pub(super) fn get(&self, key: &str) -> Option<&Known> {
        self.0.get(key)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether `key` is there in every case.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|known| known.certain)
    }

    /// Whether `key` was written after `began`, in every case.
    pub(super) fn has_since(&self, key: &str, began: u64) -> bool {
        self.get(key)
            .is_some_and(|known| known.certain && known.since > began)
    }

    pub(super) fn write(&mut self, key: &str, since: u64, by: &StagePath) {
        let known = Known {
            certain: true,
            since,
            by: by.clone(),
        };
        self.0.insert(key.to_owned(), known);
    }

    /// From here on, `key` may be gone on account of the node `by`.
    pub(super) fn lose(&mut self, key: &str, by: &StagePath) {
        if let Some(known) = self.0.get_mut(key) {
            known.certain = false;
            known.by = by.clone();
        }
    }

    /// What stands there after one of two ways that part at the node `by`.
    pub(super) fn or(&self, other: &Self, by: &StagePath) -> Self {
        let mut keys = self.clone();
        for (key, known) in &other.0 {
            let merged = keys.0.entry(key.clone()).or_insert_with(|| known.clone());
            merged.since = merged.since.min(known.since);
        }
        for (key, known) in &mut keys.0 {
            let certain = self.has(key) && other.has(key);
            if known.certain && !certain {
                known.by = by.clone();
            }
            known.certain = certain;
        }
        keys
    }

    /// What stands there if what ran since `start`, and has `taken` keys, may have ended anywhere.
    pub(super) fn interrupted(&self, start: &Self, taken: &BTreeSet<String>) -> Self {
        let mut keys = self.clone();
        for (key, known) in &mut keys.0 {
            known.certain &= start.has(key) && !taken.contains(key);
        }
        keys
    }

    /// Adds what a branch, which found what stood there `before`, did since it `began`.
    pub(super) fn gather(&mut self, before: &Self, end: Self, began: u64) {
        for (key, known) in end.0 {
            let untouched = (before.get(&key))
                .is_some_and(|old| known.since < began && known.certain == old.certain);
            if !untouched {
                self.0.insert(key, known);
            }
        }
    }

    /// Adds what was written after `began`, in every case.
    pub(super) fn extend_since(&mut self, other: Self, began: u64) {
        let written = |known: &Known| known.certain && known.since > began;
        self.0
            .extend(other.0.into_iter().filter(|(_, known)| written(known)));
    }

    /// Gives a name that meant something inside a node the meaning that it had `before`.
    pub(super) fn restore(&mut self, name: &str, before: &Self) {
        match before.get(name) {
            Some(known) => self.0.insert(name.to_owned(), known.clone()),
            None => self.0.remove(name),
        };
    }
}
