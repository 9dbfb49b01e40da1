//! Runs that survive a reload. Bytes lie in the browser's private files (OPFS), two slots to a
//! name ([`slot`]); what lies where is written down in IndexedDB, whose transaction is the commit.
//! A run that is written to belongs to one tab.
//!
//! ```text
//! IndexedDB `kitchen`                         OPFS
//!   runs     folder       -> RunRecord        kitchen/<folder>/<hash of name>.<slot>
//!   files    folder/name  -> SlotRecord
//!   intents  folder       -> Intent
//! ```
//!
//! A run's store has the names of a run's folder on a workstation. The browser's folder is not
//! called after the run, so that renaming changes one record.

mod browser;
mod database;
mod js;
mod lock;
mod medium;
mod runs;
mod slot;
mod slots;

use super::scope;
pub(super) use browser::BrowserStore;
pub(super) use runs::{CONFIG, Opening, Runs};

#[cfg(test)]
mod browser_tests;
