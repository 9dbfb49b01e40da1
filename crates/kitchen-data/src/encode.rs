//! Encoding a long text once: piece by piece, into a file where there is a cache, so that neither
//! the text nor its tokens need fit into memory.

use std::io::{self, Write};

use kitchen_types::ports::{DataError, TokenizerClient};

use crate::files::{Files, join};
use crate::fingerprint::Fingerprint;
use crate::tokenizers::{self, Tokenizer};
use crate::tokens::{Tokens, Width};

/// Where the tokens of long texts are kept.
pub(crate) struct TokenCache<'a> {
    pub(crate) files: &'a dyn Files,
    /// A folder; empty if there is none.
    pub(crate) folder: &'a str,
}

/// What is to be encoded.
pub(crate) struct Documents<'a> {
    pub(crate) train: Vec<&'a str>,
    pub(crate) validation: Vec<&'a str>,
    /// Whether each ends with the tokenizer's boundary.
    pub(crate) separate: bool,
    /// Where they come from, for errors.
    pub(crate) place: &'a str,
}

/// Texts shorter than this are encoded anew each time, in memory: it takes less than a second.
const CACHED_BYTES: usize = 4 << 20;
/// Text encoded at once.
const CHUNK_BYTES: usize = 1 << 20;

impl Documents<'_> {
    /// All tokens, the training ones first, and how many those are.
    pub(crate) fn encode(
        &self,
        tokenizer: &Tokenizer,
        cache: &TokenCache<'_>,
    ) -> Result<(Tokens, u64), DataError> {
        let width = Width::of_vocabulary(tokenizer.vocabulary());
        if self.bytes() >= CACHED_BYTES
            && !cache.folder.is_empty()
            && let Some(cached) = self.encode_cached(tokenizer, width, cache)
        {
            return Ok(cached);
        }
        let mut held = Vec::new();
        let (train, all) = self.write(tokenizer, width, &mut held).map_err(|error| {
            let in_words = |error: io::Error| {
                DataError::new(self.place, error.to_string(), "free some memory")
            };
            error.downcast::<DataError>().unwrap_or_else(in_words)
        })?;
        Ok((Tokens::written(held.into(), width, all), train))
    }

    fn bytes(&self) -> usize {
        self.train
            .iter()
            .chain(&self.validation)
            .map(|text| text.len())
            .sum()
    }

    /// The tokens from the cache, where they are put first if need be. None if the cache cannot be
    /// written, or the text cannot be encoded: encoding in memory then succeeds, or says why.
    fn encode_cached(
        &self,
        tokenizer: &Tokenizer,
        width: Width,
        cache: &TokenCache<'_>,
    ) -> Option<(Tokens, u64)> {
        let path = join(
            cache.folder,
            &format!("tokens/{}.tokens", self.name(tokenizer)),
        );
        if let Some(known) = open(cache.files, &path, width) {
            return Some(known);
        }
        let mut write = |file: &mut dyn Write| {
            let mut file = Hashing {
                file,
                hash: blake3::Hasher::new(),
            };
            let (train, _) = self.write(tokenizer, width, &mut file)?;
            file.write_all(&train.to_le_bytes())?;
            let hash = file.hash.finalize();
            file.file.write_all(hash.as_bytes())
        };
        cache.files.keep(&path, &mut write).ok()?;
        open(cache.files, &path, width)
    }

    /// What the cached file is called: a hash of all that its tokens depend on.
    fn name(&self, tokenizer: &Tokenizer) -> String {
        let mut hash = Fingerprint::new("tokens");
        hash.bytes(tokenizer.to_json().unwrap_or_default().as_bytes());
        hash.number(u64::from(self.separate));
        for half in [&self.train, &self.validation] {
            hash.number(half.len() as u64);
            for text in half {
                hash.bytes(text.as_bytes());
            }
        }
        hash.finish()
    }

    /// Writes the tokens; returns how many are trained on, and how many there are.
    fn write(
        &self,
        tokenizer: &Tokenizer,
        width: Width,
        into: &mut dyn Write,
    ) -> io::Result<(u64, u64)> {
        let boundary = tokenizer.boundary().filter(|_| self.separate);
        let mut counts = [0u64; 2];
        for (half, count) in [&self.train, &self.validation].into_iter().zip(&mut counts) {
            for text in half {
                for chunk in chunks(text) {
                    let tokens = tokenizer
                        .encode(chunk)
                        .map_err(|error| io::Error::other(tokenizers::at(self.place, &error)))?;
                    width.write(&tokens, into)?;
                    *count += tokens.len() as u64;
                }
                if let Some(boundary) = boundary {
                    width.write(&[boundary], into)?;
                    *count += 1;
                }
            }
        }
        let [train, validation] = counts;
        Ok((train, train + validation))
    }
}

/// The tokens of a cached file, if it is there and whole. After the tokens come the number of
/// those to train on and the hash of all before.
fn open(files: &dyn Files, path: &str, width: Width) -> Option<(Tokens, u64)> {
    if !files.exists(path) {
        return None;
    }
    let bytes = files.read(path).ok()?;
    let (body, hash) = bytes.split_last_chunk::<{ blake3::OUT_LEN }>()?;
    if blake3::hash(body).as_bytes() != hash {
        return None;
    }
    let (tokens, train) = body.split_last_chunk::<8>()?;
    let count = width.count(tokens.len());
    Some((
        Tokens::written(bytes.clone(), width, count),
        u64::from_le_bytes(*train),
    ))
}

/// `text` in chunks of about a megabyte that end with a line, where lines are shorter than that.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let most = rest.floor_char_boundary(CHUNK_BYTES);
        let (head, _) = rest.split_at(most);
        let end = match head.rfind('\n') {
            Some(line_end) if most < rest.len() => line_end + 1,
            _ => most,
        };
        let (chunk, others) = rest.split_at(end);
        rest = others;
        Some(chunk)
    })
}

/// Hashes what it writes.
struct Hashing<'a> {
    file: &'a mut dyn Write,
    hash: blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
