//! Data sets: where examples come from, how text becomes tokens, which examples are held out, and
//! in which order the others are read.
//!
//! [`Store`] opens every variant of [`DataConfig`](kitchen_types::config::DataConfig): built-in
//! sets, procedural ones, files (on disk or dropped onto a page), and downloads that are already
//! in a cache. [`Sampler`] says which examples make up each batch. [`catalog`] lists what there is.
//!
//! It leaves to others: tensors (kitchen-train), downloads ([`hub`] only knows what and from where;
//! kitchen-native has the network), and the training loop. It starts no thread, opens no socket,
//! and treats every file as hostile: see [`limits`].

mod catalog;
mod encode;
mod features;
mod files;
mod fingerprint;
pub mod hub;
pub mod limits;
mod lines;
mod permutation;
mod read;
mod sampler;
mod sources;
mod split;
mod store;
mod tokenizers;
mod tokens;
mod windows;
mod words;

pub use catalog::{catalog, overview};
pub use files::{Bytes, Disk, Entry, Files, Memory};
pub use sampler::Sampler;
pub use store::Store;
pub use tokenizers::tokenizer_from_json;
