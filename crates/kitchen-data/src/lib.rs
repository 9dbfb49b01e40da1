//! Data sets: where examples come from, how text becomes tokens, which examples are held out, and
//! in which order the others are read.
//!
//! [`Store`] opens every variant of [`DataConfig`](kitchen_types::config::DataConfig): built-in
//! sets, procedural ones, files (on disk or dropped onto a page), and downloads that are already
//! in a cache. [`Sampler`] says which examples make up each batch.
//!
//! It leaves to others: tensors (kitchen-train), downloads ([`hub`] only knows what and from where;
//! kitchen-native has the network), and the training loop. It starts no thread, opens no socket,
//! and treats every file as hostile: see [`limits`].

pub mod limits;
mod permutation;
mod sampler;
mod split;

pub use sampler::Sampler;
