//! What to learn from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataConfig {
    /// 1,797 handwritten digits of 8x8 pixels (UCI, Alpaydin and Kaynak 1998), built in.
    Digits(DigitsConfig),
    /// A small table that is built in.
    Table(BuiltinTableConfig),
    /// Points in the plane, drawn from a shape.
    Playground(PlaygroundConfig),
    /// A procedural task over sequences, with exact answers.
    Sequence(SequenceTaskConfig),
    /// A word list, one example a line, to be modelled letter by letter.
    Words(WordsConfig),
    /// A text of any size.
    Text(TextConfig),
    /// A table in a CSV file.
    Csv(TableConfig),
    /// Images and labels in IDX files (MNIST, Fashion-MNIST), gzipped or not.
    Idx(IdxConfig),
    /// A folder with one sub-folder of PNG or JPEG images for each class.
    Images(ImageFolderConfig),
    /// One JSON object a line.
    Jsonl(JsonLinesConfig),
    /// A data set by name, from the cache that `data get` fills.
    Hub(HubConfig),
    /// Several sources, mixed by weight.
    Mixture(MixtureConfig),
}

impl Default for DataConfig {
    fn default() -> Self {
        Self::Digits(DigitsConfig::default())
    }
}

/// The built-in digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DigitsConfig {
    /// The share of examples held out for validation.
    pub validation: f64,
}

impl Default for DigitsConfig {
    fn default() -> Self {
        Self { validation: 0.2 }
    }
}

/// A small table that is built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BuiltinTableConfig {
    /// Which one.
    pub name: TableName,
    /// The share of examples held out for validation.
    pub validation: f64,
}

impl Default for BuiltinTableConfig {
    fn default() -> Self {
        Self {
            name: TableName::Iris,
            validation: 0.2,
        }
    }
}

/// A table that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableName {
    /// 150 flowers of three species by four lengths (Fisher 1936).
    Iris,
    /// 569 tumours, benign or malignant, by 30 measures of their cells (Wolberg et al. 1995).
    BreastCancer,
    /// 442 patients by ten measures, and the progress of their diabetes (Efron et al. 2004).
    Diabetes,
}

/// Points in the plane, drawn from a shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaygroundConfig {
    /// The shape.
    pub shape: PlaygroundShape,
    /// How many points.
    pub samples: usize,
    /// Standard deviation of the noise, as a share of the shape's size.
    pub noise: f64,
    /// The share of points held out for validation.
    pub validation: f64,
}

impl Default for PlaygroundConfig {
    fn default() -> Self {
        Self {
            shape: PlaygroundShape::Spirals,
            samples: 1000,
            noise: 0.05,
            validation: 0.3,
        }
    }
}

/// A shape of the playground; each has two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaygroundShape {
    /// Two arms wound around each other.
    Spirals,
    /// Two half moons, interlocked.
    Moons,
    /// A disc inside a ring.
    Circles,
    /// Four quadrants, the opposite ones alike.
    Xor,
    /// Two clouds.
    Gaussians,
}

/// A procedural task over sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SequenceTaskConfig {
    /// Which task.
    pub task: SequenceTask,
    /// Digits of each number, or letters, bits or brackets of the question, at most.
    pub length: usize,
    /// How many examples; fewer where there are not so many different questions.
    pub samples: usize,
    /// The share of examples held out for validation.
    pub validation: f64,
}

impl Default for SequenceTaskConfig {
    fn default() -> Self {
        Self {
            task: SequenceTask::Addition,
            length: 2,
            samples: 10_000,
            validation: 0.1,
        }
    }
}

/// A procedural task with exact answers; only the answer is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SequenceTask {
    /// `12+34=` is answered by the sum, last digit first.
    Addition,
    /// A word backwards.
    Reversal,
    /// The letters in order.
    Sorting,
    /// The same again.
    Copying,
    /// Whether the number of ones is even (`0`) or odd (`1`).
    Parity,
    /// The sum of two numbers modulo 97.
    ModularArithmetic,
    /// Whether the brackets close as they opened: `y` or `n`.
    Brackets,
}

/// A word list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WordsConfig {
    /// A text file with one word a line; empty takes the built-in list of invented names.
    pub path: String,
    /// The share of words held out for validation.
    pub validation: f64,
}

impl Default for WordsConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            validation: 0.1,
        }
    }
}

/// A text of any size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextConfig {
    /// A text file.
    pub path: String,
    /// Tokens in one example.
    pub context: usize,
    /// How text becomes tokens.
    pub tokenizer: TokenizerConfig,
    /// The share of the text, at its end, held out for validation.
    pub validation: f64,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            context: 64,
            tokenizer: TokenizerConfig::Characters,
            validation: 0.1,
        }
    }
}

/// How text becomes tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenizerConfig {
    /// One token a byte.
    Bytes,
    /// One token for each character that the text uses.
    Characters,
    /// Byte-pair encoding, trained on the text.
    Bpe {
        /// How many tokens.
        vocabulary: usize,
    },
    /// A `tokenizer.json` of the tokenizers library.
    File {
        /// Where it is.
        path: String,
    },
}

/// A table in a CSV file with a header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TableConfig {
    /// The file.
    pub path: String,
    /// The column to predict; empty takes the last one. Texts and a few whole numbers are classes,
    /// other numbers are values.
    pub target: String,
    /// The share of rows held out for validation.
    pub validation: f64,
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            target: String::new(),
            validation: 0.2,
        }
    }
}

/// Images and labels in IDX files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdxConfig {
    /// The folder with `train-images-idx3-ubyte` and its three companions, gzipped or not.
    pub path: String,
    /// The share of training images held out for validation; 0 validates on the test images.
    pub validation: f64,
    /// Names of the classes, in order; empty numbers them.
    pub classes: Vec<String>,
}

impl Default for IdxConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            validation: 0.0,
            classes: Vec::new(),
        }
    }
}

/// A folder of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFolderConfig {
    /// The folder with one sub-folder for each class.
    pub path: String,
    /// Images are resized to so many pixels in height and width.
    pub size: usize,
    /// Whether colours are dropped.
    pub gray: bool,
    /// The share of images held out for validation.
    pub validation: f64,
}

impl Default for ImageFolderConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            size: 28,
            gray: true,
            validation: 0.2,
        }
    }
}

/// One JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonLinesConfig {
    /// The file.
    pub path: String,
    /// The field with the text to model.
    pub text: String,
    /// Tokens in one example.
    pub context: usize,
    /// How text becomes tokens.
    pub tokenizer: TokenizerConfig,
    /// The share of lines held out for validation.
    pub validation: f64,
}

impl Default for JsonLinesConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            text: "text".into(),
            context: 64,
            tokenizer: TokenizerConfig::Characters,
            validation: 0.1,
        }
    }
}

/// A data set by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HubConfig {
    /// The name, as `data ls` shows it.
    pub name: String,
    /// A folder that holds its files already; empty takes the cache.
    pub path: String,
    /// Tokens in one example, where the data set is a text.
    pub context: usize,
    /// How text becomes tokens, where the data set is a text.
    pub tokenizer: TokenizerConfig,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            name: "fashion-mnist".into(),
            path: String::new(),
            context: 64,
            tokenizer: TokenizerConfig::Characters,
        }
    }
}

/// Several sources, mixed by weight. All must have the same inputs and targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MixtureConfig {
    /// The sources.
    pub domains: Vec<Domain>,
}

/// One source of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// What to call it.
    pub name: String,
    /// Its share of each batch, relative to the other weights.
    pub weight: f64,
    /// The steps before it comes; the other domains share the batches until then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub from: u64,
    /// Where it comes from.
    pub data: DataConfig,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
