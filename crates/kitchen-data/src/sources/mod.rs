//! Where examples come from, one file for each kind of source.

pub(crate) mod csv;
pub(crate) mod digits;
pub(crate) mod hub;
pub(crate) mod idx;
pub(crate) mod images;
pub(crate) mod jsonl;
pub(crate) mod mixture;
pub(crate) mod playground;
pub(crate) mod sequence;
mod table;
pub(crate) mod tables;
pub(crate) mod text;
pub(crate) mod words;
