//! What there is, and what it looks like.

use kitchen_types::config::{
    BuiltinTableConfig, DataConfig, DigitsConfig, HubConfig, IdxConfig, ImageFolderConfig,
    JsonLinesConfig, PlaygroundConfig, PlaygroundShape, SequenceTask, SequenceTaskConfig,
    TableConfig, TableName, TextConfig, WordsConfig,
};
use kitchen_types::ports::{CatalogEntry, DataError, DataOverview, Origin, Splits};

use crate::hub::HUB;

/// Every data set that can be opened by name, and every kind of file that can be.
pub fn catalog() -> Vec<CatalogEntry> {
    let mut entries = built_in();
    entries.extend(playground());
    entries.extend(tasks());
    entries.extend(HUB.iter().map(|set| CatalogEntry {
        name: set.name.into(),
        title: set.title.into(),
        origin: Origin::Hub,
        size: set.size.into(),
        licence: set.licence.into(),
        config: DataConfig::Hub(HubConfig {
            name: set.name.into(),
            ..HubConfig::default()
        }),
    }));
    entries.extend(files());
    entries
}

/// The first `examples` examples to train on, and the counts of all. Errors if they cannot be read.
pub fn overview(splits: &Splits, examples: u64) -> Result<DataOverview, DataError> {
    let train = &*splits.train;
    let shown = (0..examples.min(train.len())).map(|position| train.describe(position));
    Ok(DataOverview {
        source: splits.source.clone(),
        notes: splits.notes.clone(),
        train: train.len(),
        validation: splits.validation.len(),
        spec: train.spec().clone(),
        fingerprint: splits.fingerprint.clone(),
        examples: shown.collect::<Result<_, _>>()?,
    })
}

fn entry(name: &str, title: &str, size: &str, config: DataConfig) -> CatalogEntry {
    CatalogEntry {
        name: name.into(),
        title: title.into(),
        origin: Origin::BuiltIn,
        size: size.into(),
        licence: String::new(),
        config,
    }
}

/// Sets from the smartcore crate, which takes them from the UCI repository, and invented names.
fn built_in() -> Vec<CatalogEntry> {
    let table = |name| {
        DataConfig::Table(BuiltinTableConfig {
            name,
            ..BuiltinTableConfig::default()
        })
    };
    let uci = |entry| CatalogEntry {
        licence: "CC BY 4.0".into(),
        ..entry
    };
    vec![
        uci(entry(
            "digits",
            "handwritten digits (Alpaydin and Kaynak 1998)",
            "1,797 images of 8x8 pixels, 10 classes",
            DataConfig::Digits(DigitsConfig::default()),
        )),
        uci(entry(
            "iris",
            "three species of flowers by four lengths (Fisher 1936)",
            "150 rows, 4 columns, 3 classes",
            table(TableName::Iris),
        )),
        uci(entry(
            "breast-cancer",
            "benign and malignant tumours by measures of their cells (Wolberg et al. 1995)",
            "569 rows, 30 columns, 2 classes",
            table(TableName::BreastCancer),
        )),
        entry(
            "diabetes",
            "the progress of a disease by ten measures (Efron et al. 2004)",
            "442 rows, 10 columns, a number to predict",
            table(TableName::Diabetes),
        ),
        entry(
            "names",
            "invented names, to be modelled letter by letter",
            "4,000 words",
            DataConfig::Words(WordsConfig::default()),
        ),
    ]
}

fn playground() -> impl Iterator<Item = CatalogEntry> {
    use PlaygroundShape::*;
    let shapes = [
        ("spirals", "two arms wound around each other", Spirals),
        ("moons", "two half moons, interlocked", Moons),
        ("circles", "a disc inside a ring", Circles),
        ("xor", "four quadrants, the opposite ones alike", Xor),
        ("gaussians", "two clouds", Gaussians),
    ];
    shapes.into_iter().map(|(name, title, shape)| {
        let config = PlaygroundConfig {
            shape,
            ..PlaygroundConfig::default()
        };
        entry(
            name,
            title,
            "any number of points in the plane",
            DataConfig::Playground(config),
        )
    })
}

fn tasks() -> impl Iterator<Item = CatalogEntry> {
    use SequenceTask::*;
    let tasks = [
        (
            "addition",
            "sums of two numbers, last digit first",
            Addition,
        ),
        ("reversal", "words backwards", Reversal),
        ("sorting", "letters in order", Sorting),
        ("copying", "the same word again", Copying),
        ("parity", "whether the number of ones is odd", Parity),
        ("modular-arithmetic", "sums modulo 97", ModularArithmetic),
        (
            "brackets",
            "whether brackets close as they opened",
            Brackets,
        ),
    ];
    tasks.into_iter().map(|(name, title, task)| {
        let config = SequenceTaskConfig {
            task,
            ..SequenceTaskConfig::default()
        };
        entry(
            name,
            title,
            "any number of questions",
            DataConfig::Sequence(config),
        )
    })
}

fn files() -> impl Iterator<Item = CatalogEntry> {
    let kinds = [
        (
            "text",
            "a text of any size",
            DataConfig::Text(TextConfig::default()),
        ),
        (
            "csv",
            "a table with a header line",
            DataConfig::Csv(TableConfig::default()),
        ),
        (
            "idx",
            "images and labels in the format of MNIST",
            DataConfig::Idx(IdxConfig::default()),
        ),
        (
            "images",
            "a folder with a sub-folder of PNG or JPEG images for each class",
            DataConfig::Images(ImageFolderConfig::default()),
        ),
        (
            "jsonl",
            "one JSON object a line",
            DataConfig::Jsonl(JsonLinesConfig::default()),
        ),
        (
            "words",
            "a word on each line",
            DataConfig::Words(WordsConfig::default()),
        ),
    ];
    kinds.into_iter().map(|(name, title, config)| CatalogEntry {
        origin: Origin::File,
        ..entry(name, title, "set data.path", config)
    })
}
