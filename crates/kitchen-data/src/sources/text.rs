//! A text of any size, in windows of tokens.

use kitchen_types::config::{TextConfig, TokenizerConfig};
use kitchen_types::ports::{DataError, Splits, TokenizerClient};

use crate::encode::{Documents, TokenCache};
use crate::files::{Bytes, Files};
use crate::read;
use crate::split::check_share;
use crate::tokenizers::{self, ByteTokenizer, Tokenizer};
use crate::tokens::Tokens;
use crate::windows::{TokenizedText, check_context};
use crate::words::thousands;

pub(crate) fn open(
    config: &TextConfig,
    files: &dyn Files,
    cache: &TokenCache<'_>,
) -> Result<Splits, DataError> {
    let text = Text::read(config, files)?;
    let tokenizer = joint_tokenizer(std::slice::from_ref(&text), files)?;
    text.split(tokenizer, cache)
}

/// A text that has been read but not yet turned into tokens.
pub(crate) struct Text {
    config: TextConfig,
    bytes: Bytes,
    /// Bytes of the training part.
    train_bytes: usize,
    /// Characters, or bytes if the tokenizer takes those.
    units: u64,
}

impl Text {
    pub(crate) fn read(config: &TextConfig, files: &dyn Files) -> Result<Self, DataError> {
        read::need_path(&config.path, "file")?;
        check_share(config.validation)?;
        check_context(config.context)?;
        let bytes = files.read(&config.path)?;
        if bytes.is_empty() {
            return Err(DataError::new(
                &config.path,
                "is empty",
                "name a file with text in it",
            ));
        }
        let (units, train_bytes) = if config.tokenizer == TokenizerConfig::Bytes {
            (
                bytes.len() as u64,
                keep_share(bytes.len() as u64, config.validation) as usize,
            )
        } else {
            let text = read::utf8(&config.path, &bytes)?;
            cut_after_share(text, config.validation)
        };
        Ok(Self {
            config: config.clone(),
            bytes,
            train_bytes,
            units,
        })
    }

    /// Both halves of the text, which [`Self::read`] has checked to be UTF-8 unless the tokenizer
    /// takes bytes, and then nobody asks.
    fn halves(&self) -> (&str, &str) {
        match read::utf8(&self.config.path, &self.bytes) {
            Ok(text) => text.split_at_checked(self.train_bytes).unwrap_or_default(),
            Err(_) => ("", ""),
        }
    }

    /// Turns the text into tokens and splits them: the end of the text is held out.
    pub(crate) fn split(
        self,
        tokenizer: Tokenizer,
        cache: &TokenCache<'_>,
    ) -> Result<Splits, DataError> {
        let path = self.config.path.clone();
        let context = self.config.context;
        let unit = match self.config.tokenizer {
            TokenizerConfig::Bytes => "bytes",
            _ => "characters",
        };
        let source = format!(
            "{path}: {} {unit}, {} different tokens ({})",
            thousands(self.units),
            thousands(tokenizer.vocabulary() as u64),
            tokenizer.name(),
        );
        self.tokenize(tokenizer, cache)?
            .split(context, &path, source, Vec::new())
    }

    fn tokenize(
        self,
        tokenizer: Tokenizer,
        cache: &TokenCache<'_>,
    ) -> Result<TokenizedText, DataError> {
        let byte_table = match self.config.tokenizer {
            TokenizerConfig::Bytes => Some(std::array::from_fn(|byte| byte as u32)),
            // The text is its own tokens, but for a table: however long, it need not be encoded.
            TokenizerConfig::Characters if self.bytes.is_ascii() => Some(ascii_table(&tokenizer)),
            _ => None,
        };
        let (tokens, train) = match byte_table {
            Some(table) => (
                Tokens::looked_up(self.bytes.clone(), table),
                self.train_bytes as u64,
            ),
            None => {
                let (train, validation) = self.halves();
                let documents = Documents {
                    train: vec![train],
                    validation: vec![validation],
                    separate: false,
                    place: &self.config.path,
                };
                documents.encode(&tokenizer, cache)?
            }
        };
        Ok(TokenizedText {
            tokens,
            train,
            tokenizer,
        })
    }
}

/// One tokenizer for several texts, so that a token means the same in each. They must agree on
/// how text becomes tokens.
pub(crate) fn joint_tokenizer(texts: &[Text], files: &dyn Files) -> Result<Tokenizer, DataError> {
    let mut kinds = texts.iter().map(|text| &text.config.tokenizer);
    let Some(kind) = kinds.next() else {
        return Ok(Tokenizer::new(ByteTokenizer::new(false)));
    };
    if kinds.any(|other| other != kind) {
        return Err(DataError::new(
            "data.domains",
            "the texts of a mixture have different tokenizers",
            "give all of them the same `tokenizer`",
        ));
    }
    if *kind == TokenizerConfig::Bytes {
        return Ok(Tokenizer::new(ByteTokenizer::new(false)));
    }
    let halves: Vec<(&str, &str)> = texts.iter().map(Text::halves).collect();
    let train: Vec<&str> = halves.iter().map(|(train, _)| *train).collect();
    let all: Vec<&str> = halves
        .iter()
        .flat_map(|(train, held_out)| [*train, *held_out])
        .collect();
    tokenizers::build(kind, files, &train, &all, false)
}

/// How many of `count` are trained on, as nanoGPT rounds it.
fn keep_share(count: u64, validation: f64) -> u64 {
    (count as f64 * (1.0 - validation)) as u64
}

/// The characters of `text`, and the bytes of its training part, which ends between characters.
fn cut_after_share(text: &str, validation: f64) -> (u64, usize) {
    let characters = if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    } as u64;
    let train = keep_share(characters, validation) as usize;
    let cut = if text.is_ascii() {
        train
    } else {
        text.char_indices()
            .nth(train)
            .map_or(text.len(), |(at, _)| at)
    };
    (characters, cut)
}

/// The token of each ASCII character. Those that the text does not have are never looked up.
fn ascii_table(tokenizer: &Tokenizer) -> [u32; 256] {
    std::array::from_fn(|byte| {
        let character = char::from(byte as u8).to_string();
        tokenizer
            .encode(&character)
            .ok()
            .and_then(|tokens| tokens.first().copied())
            .unwrap_or(0)
    })
}
