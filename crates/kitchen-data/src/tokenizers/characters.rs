//! One token a character.

use std::collections::{BTreeSet, HashMap};

use kitchen_types::ports::{TokenizerClient, TokenizerDefinition, TokenizerError};

use super::definition_json;

/// Tokens are the characters of a vocabulary, in its order; the token after the last separates
/// texts, if there are several.
#[derive(Clone, Debug)]
pub(crate) struct Characters {
    characters: Vec<char>,
    tokens: HashMap<char, u32>,
    boundary: bool,
}

impl Characters {
    /// A vocabulary of `characters`; one that comes again adds nothing.
    pub(crate) fn new(characters: impl IntoIterator<Item = char>, boundary: bool) -> Self {
        let mut list = Vec::new();
        let mut tokens = HashMap::new();
        for character in characters {
            tokens.entry(character).or_insert_with(|| {
                list.push(character);
                list.len() as u32 - 1
            });
        }
        Self {
            characters: list,
            tokens,
            boundary,
        }
    }

    /// The characters of `texts`, in Unicode's order.
    pub(crate) fn of_texts(texts: &[&str], boundary: bool) -> Self {
        let mut ascii = [false; 128];
        let mut others = BTreeSet::new();
        for text in texts {
            // Most long texts are ASCII, and a table is faster than a set.
            for byte in text.bytes().filter(u8::is_ascii) {
                if let Some(seen) = ascii.get_mut(usize::from(byte)) {
                    *seen = true;
                }
            }
            if !text.is_ascii() {
                others.extend(text.chars().filter(|character| !character.is_ascii()));
            }
        }
        let ascii = (0u8..)
            .zip(ascii)
            .filter(|(_, seen)| *seen)
            .map(|(byte, _)| char::from(byte));
        Self::new(ascii.chain(others), boundary)
    }
}

impl TokenizerClient for Characters {
    fn name(&self) -> &str {
        "characters"
    }

    fn vocabulary(&self) -> usize {
        self.characters.len() + usize::from(self.boundary)
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        text.chars()
            .map(|character| {
                self.tokens
                    .get(&character)
                    .copied()
                    .ok_or_else(|| TokenizerError::NotInVocabulary(character.to_string()))
            })
            .collect()
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let mut text = String::with_capacity(tokens.len());
        for &token in tokens {
            match self.characters.get(token as usize) {
                Some(character) => text.push(*character),
                None if Some(token) == self.boundary() => {}
                None => {
                    return Err(TokenizerError::UnknownToken {
                        token,
                        vocabulary: self.vocabulary(),
                    });
                }
            }
        }
        Ok(text)
    }

    fn boundary(&self) -> Option<u32> {
        self.boundary.then_some(self.characters.len() as u32)
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        definition_json(&TokenizerDefinition::Characters {
            characters: self.characters.iter().collect(),
            boundary: self.boundary,
        })
    }
}
