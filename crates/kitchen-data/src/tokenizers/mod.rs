//! How text becomes tokens.

mod bpe;
mod bytes;
mod characters;
mod library;
mod pieces;

use std::rc::Rc;

use kitchen_types::config::TokenizerConfig;
use kitchen_types::ports::{DataError, TokenizerClient, TokenizerDefinition, TokenizerError};

use crate::files::Files;
use crate::limits;

pub(crate) use bpe::Bpe;
pub(crate) use bytes::ByteTokenizer;
pub(crate) use characters::Characters;
pub(crate) use library::Library;

/// A tokenizer that several data sets share.
#[derive(Clone)]
pub(crate) struct Tokenizer(Rc<dyn TokenizerClient>);

impl Tokenizer {
    pub(crate) fn new(tokenizer: impl TokenizerClient + 'static) -> Self {
        Self(Rc::new(tokenizer))
    }
}

impl TokenizerClient for Tokenizer {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn vocabulary(&self) -> usize {
        self.0.vocabulary()
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.0.encode(text)
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        self.0.decode(tokens)
    }

    fn boundary(&self) -> Option<u32> {
        self.0.boundary()
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        self.0.to_json()
    }
}

/// The tokenizer that [`TokenizerClient::to_json`] described. Errors say what is wrong with it.
pub fn tokenizer_from_json(json: &str) -> Result<Box<dyn TokenizerClient>, TokenizerError> {
    let definition: TokenizerDefinition = serde_json::from_str(json).map_err(|error| {
        TokenizerError::Other(format!(
            "this is not a tokenizer that Kitchen wrote: {error}"
        ))
    })?;
    Ok(match definition {
        TokenizerDefinition::Bytes { boundary } => Box::new(ByteTokenizer::new(boundary)),
        TokenizerDefinition::Characters {
            characters,
            boundary,
        } => Box::new(Characters::new(characters.chars(), boundary)),
        TokenizerDefinition::Bpe { merges, boundary } => Box::new(Bpe::new(merges, boundary)?),
        TokenizerDefinition::Library { json } => Box::new(Library::new(json.as_bytes())?),
    })
}

/// The JSON text of a definition.
fn definition_json(definition: &TokenizerDefinition) -> Result<String, TokenizerError> {
    serde_json::to_string(definition).map_err(|error| TokenizerError::Other(error.to_string()))
}

/// Makes a tokenizer for texts, of which `train` is what may be learnt from and `all` is what must
/// be expressible. With `boundary` it has a token that separates texts.
///
/// Characters are collected from all of the text, as is usual: that a character occurs tells
/// nothing of where. Merges are learnt from the training half alone.
pub(crate) fn build(
    config: &TokenizerConfig,
    files: &dyn Files,
    train: &[&str],
    all: &[&str],
    boundary: bool,
) -> Result<Tokenizer, DataError> {
    match config {
        TokenizerConfig::Bytes => Ok(Tokenizer::new(ByteTokenizer::new(boundary))),
        TokenizerConfig::Characters => {
            let characters = Characters::of_texts(all, boundary);
            if characters.vocabulary() > limits::VOCABULARY {
                return Err(DataError::new(
                    "data.tokenizer",
                    format!(
                        "the text has {} different characters",
                        characters.vocabulary()
                    ),
                    "use the `bytes` tokenizer",
                ));
            }
            Ok(Tokenizer::new(characters))
        }
        TokenizerConfig::Bpe { vocabulary } => {
            Bpe::train(train, *vocabulary, boundary).map(Tokenizer::new)
        }
        TokenizerConfig::File { path } => read(files, path),
    }
}

/// Reads a `tokenizer.json`.
pub(crate) fn read(files: &dyn Files, path: &str) -> Result<Tokenizer, DataError> {
    let bytes = files.read(path)?;
    let remedy = "use a `tokenizer.json` of the tokenizers library";
    if bytes.len() > limits::TOKENIZER_BYTES {
        return Err(DataError::new(
            path,
            format!("has {} bytes, more than a tokenizer has", bytes.len()),
            remedy,
        ));
    }
    let library =
        Library::new(&bytes).map_err(|error| DataError::new(path, error.to_string(), remedy))?;
    Ok(Tokenizer::new(library))
}

/// An encoding error at a place.
pub(crate) fn at(place: &str, error: &TokenizerError) -> DataError {
    let what = match error {
        TokenizerError::NotInVocabulary(text) => {
            format!("the tokenizer has no token for {text:?}")
        }
        other => other.to_string(),
    };
    let remedy = "use the `bytes` tokenizer, which expresses anything";
    DataError::new(place, what, remedy)
}

#[cfg(test)]
mod tests;
