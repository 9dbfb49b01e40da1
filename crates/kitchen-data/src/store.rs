//! One door to every source.

use kitchen_types::config::DataConfig;
use kitchen_types::ports::{DataError, DatasetStore, Splits};

use crate::encode::TokenCache;
use crate::files::{Disk, Files};
use crate::sources;

/// Opens data sets of every kind: built in, procedural, from files, and from the cache of downloads.
pub struct Store {
    files: Box<dyn Files>,
    cache: String,
}

impl Store {
    /// A store over `files`. `cache` is the folder with downloads, where tokens of long texts are
    /// kept too; empty if there is none.
    pub fn new(files: impl Files + 'static, cache: impl Into<String>) -> Self {
        Self {
            files: Box::new(files),
            cache: cache.into(),
        }
    }

    /// A store over the file system.
    pub fn on_disk(cache: impl Into<String>) -> Self {
        Self::new(Disk, cache)
    }
}

impl DatasetStore for Store {
    fn open(&self, config: &DataConfig, seed: u64) -> Result<Splits, DataError> {
        let files = &*self.files;
        let cache = TokenCache {
            files,
            folder: &self.cache,
        };
        match config {
            DataConfig::Digits(config) => sources::digits::open(config, seed),
            DataConfig::Table(config) => sources::tables::open(config, seed),
            DataConfig::Playground(config) => sources::playground::open(config, seed),
            DataConfig::Sequence(config) => sources::sequence::make(config, seed)?.split(seed),
            DataConfig::Words(config) => sources::words::read(config, files)?.split(seed),
            DataConfig::Text(config) => sources::text::open(config, files, &cache),
            DataConfig::Csv(config) => sources::csv::open(config, files, seed),
            DataConfig::Idx(config) => sources::idx::open(config, files, seed),
            DataConfig::Images(config) => sources::images::open(config, files, seed),
            DataConfig::Jsonl(config) => sources::jsonl::open(config, files, &cache, seed),
            DataConfig::Hub(config) => {
                let files_of_it = sources::hub::resolve(config, files, &self.cache)?;
                self.open(&files_of_it, seed)
            }
            DataConfig::Mixture(config) => {
                // Resolved first, so that texts by name share a tokenizer with texts by path.
                let config = sources::mixture::resolve(config, files, &self.cache)?;
                sources::mixture::open(&config, files, &cache, seed, |domain| {
                    self.open(domain, seed)
                })
            }
        }
    }
}
