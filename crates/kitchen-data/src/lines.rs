//! Short texts of their own, each one example: words, questions with answers.

use std::rc::Rc;

use kitchen_types::SampleId;
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, InputSpec, Inputs, Splits, TargetSpec, Targets,
    TokenizerClient,
};

use crate::features::no_such_position;
use crate::fingerprint;
use crate::limits;
use crate::split::hold_out;
use crate::tokenizers::{Characters, Tokenizer};

/// Texts that have been read or made, and are not tokens yet.
pub(crate) struct Draft {
    /// Where they come from, for errors; empty where that is no file.
    pub(crate) place: String,
    /// The texts.
    pub(crate) lines: Vec<Line>,
    /// Every character that they use.
    pub(crate) characters: Vec<char>,
    /// Tokens in one example: one more than the longest text has characters.
    pub(crate) context: usize,
    /// The share held out for validation.
    pub(crate) validation: f64,
    /// Where they come from, in words.
    pub(crate) source: String,
    /// What people should know of them.
    pub(crate) notes: Vec<String>,
}

impl Draft {
    /// Both halves, drawn by `seed`.
    pub(crate) fn split(self, seed: u64) -> Result<Splits, DataError> {
        let (characters, context) = (self.characters.clone(), self.context);
        self.split_as(&characters, context, seed)
    }

    fn split_as(self, characters: &[char], context: usize, seed: u64) -> Result<Splits, DataError> {
        let characters = characters.iter().copied();
        Lines::new(&self.place, self.lines, characters, context)?.split(
            self.validation,
            seed,
            self.source,
            self.notes,
        )
    }
}

/// Both halves of each, over one alphabet and in examples of one length, so that they can be mixed.
pub(crate) fn split_alike(drafts: Vec<Draft>, seed: u64) -> Result<Vec<Splits>, DataError> {
    let all = drafts.iter().flat_map(|draft| &draft.characters);
    let characters: Vec<char> = all.copied().collect();
    let context = drafts.iter().map(|draft| draft.context).max().unwrap_or(0);
    drafts
        .into_iter()
        .map(|draft| draft.split_as(&characters, context, seed))
        .collect()
}

/// Texts with the part of each that is to be learnt.
pub(crate) struct Lines {
    tokenizer: Tokenizer,
    boundary: u32,
    /// All texts, one after the other. No vocabulary of characters comes near 65,536.
    tokens: Vec<u16>,
    /// Where each text begins in `tokens`, and where the last one ends.
    starts: Vec<usize>,
    /// How many tokens of each text are given rather than learnt.
    given: Vec<u16>,
    /// Tokens in one example.
    context: usize,
}

/// One text.
pub(crate) struct Line {
    /// What is given.
    pub(crate) question: String,
    /// What is to be learnt.
    pub(crate) answer: String,
}

impl Lines {
    /// Texts over an alphabet of `characters`. No text is longer than `context - 1` characters.
    /// Errors at `place` if the alphabet is too large.
    pub(crate) fn new(
        place: &str,
        lines: impl IntoIterator<Item = Line>,
        characters: impl IntoIterator<Item = char>,
        context: usize,
    ) -> Result<Self, DataError> {
        let characters = Characters::new(characters, true);
        let boundary = characters.boundary().unwrap_or_default();
        if boundary > u32::from(u16::MAX) {
            return Err(DataError::new(
                place,
                format!("has {boundary} different characters"),
                format!("use words with at most {} different ones", u16::MAX),
            ));
        }
        let mut tokens = Vec::new();
        let mut starts = vec![0];
        let mut given = Vec::new();
        for line in lines {
            for text in [&line.question, &line.answer] {
                let encoded = characters
                    .encode(text)
                    .map_err(|error| crate::tokenizers::at(place, &error))?;
                tokens.extend(encoded.into_iter().map(|token| token as u16));
            }
            starts.push(tokens.len());
            given.push(line.question.chars().count() as u16);
        }
        Ok(Self {
            tokenizer: Tokenizer::new(characters),
            boundary,
            tokens,
            starts,
            given,
            context,
        })
    }

    /// Both halves, drawn by `seed`.
    pub(crate) fn split(
        self,
        share: f64,
        seed: u64,
        source: String,
        notes: Vec<String>,
    ) -> Result<Splits, DataError> {
        if self.given.len() > limits::EXAMPLES {
            return Err(DataError::new(
                "",
                format!("there are {} texts", self.given.len()),
                format!("use at most {}", limits::EXAMPLES),
            ));
        }
        let halves = hold_out(self.given.len(), None, share, seed)?;
        let spec = DataSpec {
            input: InputSpec::Tokens {
                vocabulary: self.tokenizer.vocabulary(),
                context: self.context,
            },
            target: TargetSpec::NextToken,
        };
        let all = Rc::new(self);
        let half = |rows| LineSet {
            spec: spec.clone(),
            all: Rc::clone(&all),
            rows,
        };
        let (train, validation) = (half(halves.train), half(halves.validation));
        Ok(Splits {
            fingerprint: fingerprint::of_examples(&[&train, &validation]),
            train: Box::new(train),
            validation: Box::new(validation),
            tokenizer: Some(Box::new(all.tokenizer.clone())),
            source,
            notes,
        })
    }

    /// The tokens of a text, and how many of them are given.
    fn text(&self, row: u32) -> (&[u16], usize) {
        let row = row as usize;
        let bounds = self
            .starts
            .get(row)
            .copied()
            .zip(self.starts.get(row + 1).copied());
        let text = bounds.and_then(|(start, end)| self.tokens.get(start..end));
        let given = self.given.get(row).copied().unwrap_or(0);
        (text.unwrap_or_default(), usize::from(given))
    }

    /// Appends one example.
    ///
    /// In goes the boundary and then the text; out comes the text and then the boundary. Both are
    /// filled up with boundaries. The given part and the filling do not count.
    fn append(&self, row: u32, inputs: &mut Vec<u32>, targets: &mut Vec<u32>, mask: &mut Vec<f32>) {
        let (text, given) = self.text(row);
        let end = targets.len() + self.context;
        inputs.push(self.boundary);
        inputs.extend(text.iter().map(|token| u32::from(*token)));
        inputs.resize(end, self.boundary);
        targets.extend(text.iter().map(|token| u32::from(*token)));
        targets.resize(end, self.boundary);
        mask.resize(mask.len() + given, 0.0);
        mask.resize(mask.len() + text.len() + 1 - given, 1.0);
        mask.resize(end, 0.0);
    }
}

/// One half of the texts. Ids are their numbers in the source.
struct LineSet {
    spec: DataSpec,
    all: Rc<Lines>,
    /// In ascending order.
    rows: Vec<u32>,
}

impl LineSet {
    fn row(&self, position: u64) -> Result<u32, DataError> {
        let row = usize::try_from(position)
            .ok()
            .and_then(|at| self.rows.get(at));
        row.copied()
            .ok_or_else(|| no_such_position(position, self.len()))
    }
}

impl Dataset for LineSet {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    fn id(&self, position: u64) -> SampleId {
        // No source has as many texts as `u32::MAX`, so what is not there has an id of no example.
        SampleId::new(0, u64::from(self.row(position).unwrap_or(u32::MAX)))
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        let row = u32::try_from(id.0).ok()?;
        self.rows
            .binary_search(&row)
            .ok()
            .map(|position| position as u64)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let room = positions.len() * self.all.context;
        let mut ids = Vec::with_capacity(positions.len());
        let mut inputs = Vec::with_capacity(room);
        let mut targets = Vec::with_capacity(room);
        let mut mask = Vec::with_capacity(room);
        for &position in positions {
            let row = self.row(position)?;
            ids.push(SampleId::new(0, u64::from(row)));
            self.all.append(row, &mut inputs, &mut targets, &mut mask);
        }
        Ok(Batch {
            ids,
            inputs: Inputs::Tokens {
                context: self.all.context,
                values: inputs,
            },
            targets: Targets::Tokens {
                values: targets,
                mask,
            },
        })
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        let (text, _) = self.all.text(self.row(position)?);
        let tokens: Vec<u32> = text.iter().map(|token| u32::from(*token)).collect();
        self.all
            .tokenizer
            .decode(&tokens)
            .map_err(|error| DataError::new("", error.to_string(), "open the words again"))
    }
}
