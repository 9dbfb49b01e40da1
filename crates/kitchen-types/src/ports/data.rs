//! Examples: where they come from and how they travel to a training client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::DataConfig;
use crate::ids::SampleId;
use crate::number::{Number, floats};

/// Something that opens data sets by their configuration.
pub trait DatasetStore {
    /// Opens the data set and splits it. Errors name the file, the line or offset, and the remedy.
    fn open(&self, config: &DataConfig, seed: u64) -> Result<Splits, DataError>;
}

/// Both halves of a data set; no id is in both.
pub struct Splits {
    /// What is trained on.
    pub train: Box<dyn Dataset>,
    /// What is held out.
    pub validation: Box<dyn Dataset>,
    /// How text becomes tokens, for sequences.
    pub tokenizer: Option<Box<dyn TokenizerClient>>,
    /// Where the data come from, in words.
    pub source: String,
    /// What a person should know of them: values that were missing, files that were passed over.
    pub notes: Vec<String>,
    /// A hash over everything that could change what is learnt, in hexadecimal.
    pub fingerprint: String,
}

/// Which half of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What is trained on.
    Train,
    /// What is held out.
    Validation,
}

/// Examples in a fixed order, each with a stable id.
pub trait Dataset {
    /// What goes in and what should come out.
    fn spec(&self) -> &DataSpec;

    /// How many examples.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the example at `position` (below [`Self::len`]).
    fn id(&self, position: u64) -> SampleId;

    /// Where the example `id` is, if it is here. Searches one by one unless an adapter knows better.
    fn position(&self, id: SampleId) -> Option<u64> {
        (0..self.len()).find(|position| self.id(*position) == id)
    }

    /// The examples at `positions`, in that order. Errors if one is not below [`Self::len`].
    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError>;

    /// The domains of a mixture, as (name, weight, positions); empty unless it is one.
    fn domains(&self) -> &[DomainRange] {
        &[]
    }

    /// One example in words, for a person.
    fn describe(&self, position: u64) -> Result<String, DataError>;
}

/// The positions of one domain in a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainRange {
    /// What it is called.
    pub name: String,
    /// Its share of each batch, relative to the others.
    pub weight: f64,
    /// The steps before it comes.
    pub from: u64,
    /// Its positions in the data set.
    pub positions: std::ops::Range<u64>,
}

/// What goes in and what should come out: all that a model must know of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// What goes in.
    pub input: InputSpec,
    /// What should come out.
    pub target: TargetSpec,
}

/// What goes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InputSpec {
    /// Numbers of a fixed shape: `[features]`, or `[channels, height, width]` for images.
    Features {
        /// The shape of one example.
        shape: Vec<usize>,
    },
    /// Tokens.
    Tokens {
        /// How many different tokens.
        vocabulary: usize,
        /// Tokens in one example.
        context: usize,
    },
}

/// What should come out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetSpec {
    /// One of these classes.
    Classes {
        /// Their names, in the order of their numbers.
        names: Vec<String>,
    },
    /// Numbers.
    Values {
        /// How many for one example.
        width: usize,
    },
    /// A token at each position.
    NextToken,
}

impl DataSpec {
    /// Outputs of the model for one example (or for one position of it).
    pub fn outputs(&self) -> usize {
        match (&self.target, &self.input) {
            (TargetSpec::Classes { names }, _) => names.len(),
            (TargetSpec::Values { width }, _) => *width,
            (TargetSpec::NextToken, InputSpec::Tokens { vocabulary, .. }) => *vocabulary,
            (TargetSpec::NextToken, InputSpec::Features { .. }) => 0,
        }
    }
}

/// Examples on their way to a training client; plain numbers, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose examples these are, in order.
    pub ids: Vec<SampleId>,
    /// What goes in.
    pub inputs: Inputs,
    /// What should come out.
    pub targets: Targets,
}

impl Batch {
    /// How many examples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many tokens go in; 0 for features.
    pub fn tokens(&self) -> usize {
        match &self.inputs {
            Inputs::Tokens { values, .. } => values.len(),
            Inputs::Features { .. } => 0,
        }
    }
}

/// What goes in, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Inputs {
    /// Numbers: `[batch] + shape`.
    Features {
        /// The shape of one example.
        shape: Vec<usize>,
        /// All numbers, example by example.
        #[serde(with = "floats")]
        #[schemars(with = "Vec<Number>")]
        values: Vec<f32>,
    },
    /// Tokens: `[batch, context]`.
    Tokens {
        /// Tokens in one example.
        context: usize,
        /// All tokens, example by example.
        values: Vec<u32>,
    },
}

/// What should come out, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// One class for each example: `[batch]`.
    Classes(Vec<u32>),
    /// Numbers: `[batch, width]`.
    Values {
        /// How many for one example.
        width: usize,
        /// All numbers, example by example.
        values: Vec<f32>,
    },
    /// A token at each position: `[batch, context]`.
    Tokens {
        /// All tokens, example by example.
        values: Vec<u32>,
        /// 1 where the position counts, 0 where it does not; empty where all count.
        mask: Vec<f32>,
    },
    /// Nothing is asked: for predictions.
    None,
}

/// Text to tokens and back.
pub trait TokenizerClient {
    /// Its name, for reports.
    fn name(&self) -> &str;

    /// How many different tokens.
    fn vocabulary(&self) -> usize;

    /// The tokens of `text`. Errors on what the vocabulary cannot express.
    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError>;

    /// The text of `tokens`; what is not valid UTF-8 becomes the replacement character.
    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError>;

    /// The token that begins and ends a text, if there is one.
    fn boundary(&self) -> Option<u32> {
        None
    }

    /// Everything needed to build it again, as JSON text, to travel with a checkpoint.
    fn to_json(&self) -> Result<String, TokenizerError>;
}

/// A tokenizer in full, as it travels with a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenizerDefinition {
    /// One token a byte: tokens 0 to 255.
    Bytes {
        /// Whether there is a token 256, which begins and ends a text.
        boundary: bool,
    },
    /// One token a character.
    Characters {
        /// The characters, in the order of their tokens.
        characters: String,
        /// Whether the token after the last of them begins and ends a text.
        boundary: bool,
    },
    /// Byte-pair encoding: tokens 0 to 255 are bytes, each merge makes the next one.
    Bpe {
        /// The two tokens that each merge joins, in the order of training.
        merges: Vec<[u32; 2]>,
        /// Whether the token after the last merge's begins and ends a text.
        boundary: bool,
    },
    /// A `tokenizer.json` of the tokenizers library.
    Library {
        /// Its text.
        json: String,
    },
}

/// Why text and tokens do not match.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TokenizerError {
    /// The text has something that the vocabulary lacks.
    #[error(
        "the vocabulary has no token for {0:?}; train with text that contains it, or use the `bytes` tokenizer"
    )]
    NotInVocabulary(String),
    /// The token does not exist.
    #[error("token {token} is outside the vocabulary of {vocabulary}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// How many there are.
        vocabulary: usize,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// A data set that can be opened by name, or a kind of file that can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogEntry {
    /// What to call it.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How much there is, in words.
    pub size: String,
    /// Under which terms; empty where there is no author but the program.
    pub licence: String,
    /// The configuration that opens it.
    pub config: DataConfig,
}

/// Where a data set comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The program.
    BuiltIn,
    /// A download into the cache.
    Hub,
    /// A file or folder of one's own.
    File,
}

/// A data set at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataOverview {
    /// Where the data come from, in words.
    pub source: String,
    /// What a person should know of them.
    pub notes: Vec<String>,
    /// Examples to train on.
    pub train: u64,
    /// Examples held out.
    pub validation: u64,
    /// What goes in and what should come out.
    pub spec: DataSpec,
    /// A hash over everything that could change what is learnt.
    pub fingerprint: String,
    /// The first examples, in words.
    pub examples: Vec<String>,
}

/// Why data could not be had. The text says what, where, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{what}; {remedy}", where_it_is(.place))]
pub struct DataError {
    /// The file with the line or the offset, such as `iris.csv:17`; empty where there is none.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

fn where_it_is(place: &str) -> String {
    if place.is_empty() {
        String::new()
    } else {
        format!("{place}: ")
    }
}

impl DataError {
    /// An error at a place.
    pub fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
