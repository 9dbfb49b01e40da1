//! A `tokenizer.json` of the tokenizers library.

use kitchen_types::ports::{TokenizerClient, TokenizerDefinition, TokenizerError};

use super::definition_json;

/// A tokenizer that someone else trained.
pub(crate) struct Library {
    tokenizer: tokenizers::Tokenizer,
    vocabulary: usize,
    boundary: Option<u32>,
}

/// What the tokens that begin and end a text are called, the likeliest first.
const BOUNDARIES: [&str; 6] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "[SEP]",
    "<|im_end|>",
];

impl Library {
    /// Reads the JSON text. Errors say what the library found wrong with it.
    pub(crate) fn new(json: &[u8]) -> Result<Self, TokenizerError> {
        let mut tokenizer =
            tokenizers::Tokenizer::from_bytes(json).map_err(|error| other(&error))?;
        // Examples are cut here, not there.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| other(&error))?;
        // Numbers may have gaps, and a model needs a row for each up to the largest.
        let largest = tokenizer.get_vocab(true).into_values().max();
        let vocabulary = largest.map_or(0, |largest| (largest as usize).saturating_add(1));
        if vocabulary == 0 || vocabulary > 1 << 24 {
            return Err(TokenizerError::Other(format!(
                "the tokenizer has {vocabulary} tokens, which no model can have"
            )));
        }
        let boundary = BOUNDARIES
            .iter()
            .find_map(|name| tokenizer.token_to_id(name));
        Ok(Self {
            tokenizer,
            vocabulary,
            boundary,
        })
    }
}

fn other(error: &tokenizers::Error) -> TokenizerError {
    TokenizerError::Other(format!(
        "this is not a tokenizer of the tokenizers library: {error}"
    ))
}

impl TokenizerClient for Library {
    fn name(&self) -> &str {
        "file"
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|_| TokenizerError::NotInVocabulary(text.chars().take(20).collect()))?;
        Ok(encoding.get_ids().to_vec())
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        if let Some(&token) = tokens
            .iter()
            .find(|token| **token as usize >= self.vocabulary)
        {
            return Err(TokenizerError::UnknownToken {
                token,
                vocabulary: self.vocabulary,
            });
        }
        self.tokenizer
            .decode(tokens, true)
            .map_err(|error| other(&error))
    }

    fn boundary(&self) -> Option<u32> {
        self.boundary
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        let json = self
            .tokenizer
            .to_string(false)
            .map_err(|error| other(&error))?;
        definition_json(&TokenizerDefinition::Library { json })
    }
}
