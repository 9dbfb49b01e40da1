//! Windows onto a text: some tokens go in, and the ones after each come out.

use std::ops::Range;

use kitchen_types::SampleId;
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, InputSpec, Inputs, Splits, TargetSpec, Targets,
    TokenizerClient,
};

use crate::features::no_such_position;
use crate::fingerprint::Fingerprint;
use crate::limits;
use crate::tokenizers::Tokenizer;
use crate::tokens::Tokens;

/// A text in tokens, cut in two.
pub(crate) struct TokenizedText {
    pub(crate) tokens: Tokens,
    /// How many of them are trained on; the others are held out.
    pub(crate) train: u64,
    pub(crate) tokenizer: Tokenizer,
}

impl TokenizedText {
    /// Both halves in windows of `context` tokens. Training windows begin at every token, held-out
    /// ones where the last one ended; no window reaches into the other half. Ids are the positions
    /// of first tokens. Errors unless each half has room for a window (or nothing is held out).
    pub(crate) fn split(
        self,
        context: usize,
        place: &str,
        source: String,
        notes: Vec<String>,
    ) -> Result<Splits, DataError> {
        check_context(context)?;
        let spec = DataSpec {
            input: InputSpec::Tokens {
                vocabulary: self.tokenizer.vocabulary(),
                context,
            },
            target: TargetSpec::NextToken,
        };
        let half = |range: Range<u64>, stride: usize| Windows {
            spec: spec.clone(),
            tokens: self.tokens.clone(),
            tokenizer: self.tokenizer.clone(),
            first: range.start,
            stride: stride as u64,
            // A window has one token more than it takes in: the last one's target.
            len: (range.end - range.start)
                .saturating_sub(context as u64)
                .div_ceil(stride as u64),
            context,
        };
        let all = self.tokens.len();
        let train = half(0..self.train, 1);
        let validation = half(self.train..all, context);
        for (half, tokens, name) in [
            (&train, self.train, "training"),
            (&validation, all - self.train, "validation"),
        ] {
            if half.is_empty() && (tokens > 0 || name == "training") {
                return Err(DataError::new(
                    place,
                    format!(
                        "the {name} part has {tokens} tokens, too few for a context of {context}"
                    ),
                    "use a longer text, a smaller context, or another share for validation",
                ));
            }
        }
        let mut hash = Fingerprint::new("text");
        hash.bytes(self.tokens.bytes());
        hash.bytes(self.tokenizer.to_json().unwrap_or_default().as_bytes());
        hash.number(self.train);
        hash.number(context as u64);
        Ok(Splits {
            train: Box::new(train),
            validation: Box::new(validation),
            tokenizer: Some(Box::new(self.tokenizer)),
            source,
            notes,
            fingerprint: hash.finish(),
        })
    }
}

/// Errors unless a model can take in so many tokens.
pub(crate) fn check_context(context: usize) -> Result<(), DataError> {
    if (1..=limits::CONTEXT).contains(&context) {
        return Ok(());
    }
    Err(DataError::new(
        "data.context",
        format!("an example cannot have {context} tokens"),
        format!("use a number from 1 to {}", limits::CONTEXT),
    ))
}

/// One half of a text.
struct Windows {
    spec: DataSpec,
    tokens: Tokens,
    tokenizer: Tokenizer,
    first: u64,
    stride: u64,
    len: u64,
    context: usize,
}

impl Windows {
    fn start(&self, position: u64) -> Result<u64, DataError> {
        if position < self.len {
            Ok(self.first + position * self.stride)
        } else {
            Err(no_such_position(position, self.len))
        }
    }
}

impl Dataset for Windows {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn id(&self, position: u64) -> SampleId {
        SampleId::new(0, self.first + position * self.stride)
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        let from_first = id.0.checked_sub(self.first)?;
        let position = from_first / self.stride;
        (from_first.is_multiple_of(self.stride) && position < self.len).then_some(position)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let mut ids = Vec::with_capacity(positions.len());
        let mut inputs = Vec::with_capacity(positions.len() * self.context);
        let mut targets = Vec::with_capacity(positions.len() * self.context);
        for &position in positions {
            let start = self.start(position)?;
            ids.push(SampleId::new(0, start));
            self.tokens.append(start, self.context, &mut inputs);
            self.tokens.append(start + 1, self.context, &mut targets);
        }
        Ok(Batch {
            ids,
            inputs: Inputs::Tokens {
                context: self.context,
                values: inputs,
            },
            targets: Targets::Tokens {
                values: targets,
                mask: Vec::new(),
            },
        })
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        let mut tokens = Vec::with_capacity(self.context + 1);
        self.tokens
            .append(self.start(position)?, self.context + 1, &mut tokens);
        self.tokenizer
            .decode(&tokens)
            .map_err(|error| DataError::new("", error.to_string(), "open the text again"))
    }
}
