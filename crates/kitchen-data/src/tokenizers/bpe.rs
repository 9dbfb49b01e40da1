//! Byte-pair encoding (Sennrich et al. 2016) over bytes, as in GPT-2.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use kitchen_types::ports::{DataError, TokenizerClient, TokenizerDefinition, TokenizerError};

use super::definition_json;
use super::pieces::{PIECE_BYTES, pieces};
use crate::limits;

/// Tokens 0 to 255 are bytes; each merge makes the next one of two tokens before it.
#[derive(Clone, Debug)]
pub(crate) struct Bpe {
    merges: Vec<[u32; 2]>,
    /// The token that each pair becomes.
    joined: HashMap<[u32; 2], u32>,
    /// The bytes of each token.
    spelling: Vec<Vec<u8>>,
    boundary: bool,
}

/// Bytes of text that merges are learnt from, at most. More changes hardly any merge.
const TRAINING_BYTES: usize = 100 << 20;

impl Bpe {
    /// The encoding with these merges. Errors if one joins what is not there yet.
    pub(crate) fn new(merges: Vec<[u32; 2]>, boundary: bool) -> Result<Self, TokenizerError> {
        let wrong = |index: usize, what: &str| {
            TokenizerError::Other(format!("merge {index} of the byte-pair encoding {what}"))
        };
        let mut spelling: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        let mut joined = HashMap::with_capacity(merges.len());
        for (index, pair) in merges.iter().enumerate() {
            let [left, right] = pair.map(|token| spelling.get(token as usize));
            let (Some(left), Some(right)) = (left, right) else {
                return Err(wrong(index, "joins a token that no earlier merge made"));
            };
            let bytes = [left.as_slice(), right].concat();
            if bytes.len() > PIECE_BYTES {
                return Err(wrong(index, "makes a token longer than any piece of text"));
            }
            if joined.insert(*pair, spelling.len() as u32).is_some() {
                return Err(wrong(index, "comes a second time"));
            }
            spelling.push(bytes);
        }
        Ok(Self {
            merges,
            joined,
            spelling,
            boundary,
        })
    }

    /// Learns merges from `texts` until there are `vocabulary` tokens, or until no pair comes
    /// twice. The same texts give the same merges: ties go to the smaller pair.
    pub(crate) fn train(
        texts: &[&str],
        vocabulary: usize,
        boundary: bool,
    ) -> Result<Self, DataError> {
        let smallest = 256 + usize::from(boundary);
        if !(smallest..=limits::VOCABULARY).contains(&vocabulary) {
            return Err(DataError::new(
                "data.tokenizer.bpe.vocabulary",
                format!("{vocabulary} tokens cannot be learnt"),
                format!("use a number from {smallest} to {}", limits::VOCABULARY),
            ));
        }
        let merges = Training::new(texts).merges(vocabulary - smallest);
        Self::new(merges, boundary)
            .map_err(|error| DataError::new("", error.to_string(), "report this"))
    }

    /// Appends the tokens of one piece.
    fn encode_piece(&self, piece: &str, tokens: &mut Vec<u32>) {
        let start = tokens.len();
        tokens.extend(piece.bytes().map(u32::from));
        loop {
            // Merges apply in the order of training, and their tokens are numbered in that order.
            let next = tokens[start..]
                .windows(2)
                .enumerate()
                .filter_map(|(at, pair)| Some((*self.joined.get(pair)?, at)))
                .min();
            let Some((token, at)) = next else { break };
            tokens[start + at] = token;
            tokens.remove(start + at + 1);
        }
    }
}

impl TokenizerClient for Bpe {
    fn name(&self) -> &str {
        "bpe"
    }

    fn vocabulary(&self) -> usize {
        self.spelling.len() + usize::from(self.boundary)
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let mut tokens = Vec::with_capacity(text.len() / 3);
        // Words come again and again: each is merged once.
        let mut known: HashMap<&str, std::ops::Range<usize>> = HashMap::new();
        for piece in pieces(text) {
            match known.get(piece) {
                Some(range) => tokens.extend_from_within(range.clone()),
                None => {
                    let start = tokens.len();
                    self.encode_piece(piece, &mut tokens);
                    known.insert(piece, start..tokens.len());
                }
            }
        }
        Ok(tokens)
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let mut bytes = Vec::with_capacity(tokens.len() * 3);
        for &token in tokens {
            match self.spelling.get(token as usize) {
                Some(spelling) => bytes.extend_from_slice(spelling),
                None if Some(token) == self.boundary() => {}
                None => {
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
        self.boundary.then_some(self.spelling.len() as u32)
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        definition_json(&TokenizerDefinition::Bpe {
            merges: self.merges.clone(),
            boundary: self.boundary,
        })
    }
}

/// Different pieces with how often each comes, and the pairs in them.
struct Training {
    words: Vec<Word>,
    pairs: HashMap<[u32; 2], Pair>,
    /// Pairs by count, the smaller pair first among equals. Counts here may be out of date.
    queue: BinaryHeap<(u64, Reverse<[u32; 2]>)>,
}

struct Word {
    tokens: Vec<u32>,
    count: u64,
}

#[derive(Default)]
struct Pair {
    count: u64,
    /// The words that have, or had, this pair.
    words: BTreeSet<usize>,
}

impl Training {
    fn new(texts: &[&str]) -> Self {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut bytes = 0;
        for piece in texts.iter().flat_map(|text| pieces(text)) {
            bytes += piece.len();
            if bytes > TRAINING_BYTES {
                break;
            }
            *counts.entry(piece).or_insert(0) += 1;
        }
        let mut training = Self {
            words: Vec::with_capacity(counts.len()),
            pairs: HashMap::new(),
            queue: BinaryHeap::new(),
        };
        for (index, (piece, count)) in counts.into_iter().enumerate() {
            let tokens: Vec<u32> = piece.bytes().map(u32::from).collect();
            training.add_pairs(index, &tokens, count);
            training.words.push(Word { tokens, count });
        }
        training.queue = training
            .pairs
            .iter()
            .map(|(pair, found)| (found.count, Reverse(*pair)))
            .collect();
        training
    }

    fn merges(mut self, most: usize) -> Vec<[u32; 2]> {
        let mut merges = Vec::new();
        while merges.len() < most
            && let Some(pair) = self.pop_commonest()
        {
            let token = 256 + merges.len() as u32;
            merges.push(pair);
            self.join(pair, token);
        }
        merges
    }

    /// The pair that comes most often, if it comes at least twice.
    fn pop_commonest(&mut self) -> Option<[u32; 2]> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.pairs.get(&pair).map_or(0, |found| found.count);
            if now == count && count >= 2 {
                return Some(pair);
            }
            // The count was out of date: back into the queue with the right one.
            if now < count && now >= 2 {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    /// Replaces `pair` by `token` in every word that has it.
    fn join(&mut self, pair: [u32; 2], token: u32) {
        let Some(found) = self.pairs.remove(&pair) else {
            return;
        };
        let mut touched = BTreeSet::new();
        for index in found.words {
            let Some(word) = self.words.get_mut(index) else {
                continue;
            };
            let (old, count) = (std::mem::take(&mut word.tokens), word.count);
            let new = join_pair(&old, pair, token);
            self.remove_pairs(&old, count);
            touched.extend(self.add_pairs(index, &new, count));
            if let Some(word) = self.words.get_mut(index) {
                word.tokens = new;
            }
        }
        for pair in touched {
            if let Some(found) = self.pairs.get(&pair) {
                self.queue.push((found.count, Reverse(pair)));
            }
        }
    }

    /// Counts the pairs of a word, and returns them.
    fn add_pairs(&mut self, index: usize, tokens: &[u32], count: u64) -> Vec<[u32; 2]> {
        let mut pairs = Vec::with_capacity(tokens.len());
        for pair in tokens
            .windows(2)
            .filter_map(|pair| <[u32; 2]>::try_from(pair).ok())
        {
            let found = self.pairs.entry(pair).or_default();
            found.count += count;
            found.words.insert(index);
            pairs.push(pair);
        }
        pairs
    }

    fn remove_pairs(&mut self, tokens: &[u32], count: u64) {
        for pair in tokens.windows(2) {
            if let Some(found) = self.pairs.get_mut(pair) {
                found.count = found.count.saturating_sub(count);
            }
        }
    }
}

fn join_pair(tokens: &[u32], pair: [u32; 2], token: u32) -> Vec<u32> {
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    loop {
        rest = match rest {
            [left, right, others @ ..] if [*left, *right] == pair => {
                joined.push(token);
                others
            }
            [first, others @ ..] => {
                joined.push(*first);
                others
            }
            [] => return joined,
        };
    }
}
