//! One token a byte.

use kitchen_types::ports::{TokenizerClient, TokenizerDefinition, TokenizerError};

use super::definition_json;

/// Tokens 0 to 255 are bytes; 256 separates texts, if there are several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteTokenizer {
    boundary: bool,
}

impl ByteTokenizer {
    pub(crate) fn new(boundary: bool) -> Self {
        Self { boundary }
    }
}

impl TokenizerClient for ByteTokenizer {
    fn name(&self) -> &str {
        "bytes"
    }

    fn vocabulary(&self) -> usize {
        256 + usize::from(self.boundary)
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(text.bytes().map(u32::from).collect())
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let mut bytes = Vec::with_capacity(tokens.len());
        for &token in tokens {
            match u8::try_from(token) {
                Ok(byte) => bytes.push(byte),
                Err(_) if Some(token) == self.boundary() => {}
                Err(_) => {
                    return Err(TokenizerError::UnknownToken {
                        token,
                        vocabulary: self.vocabulary(),
                    });
                }
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn boundary(&self) -> Option<u32> {
        self.boundary.then_some(256)
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        definition_json(&TokenizerDefinition::Bytes {
            boundary: self.boundary,
        })
    }
}
