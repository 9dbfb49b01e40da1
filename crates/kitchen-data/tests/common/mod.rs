//! Small files of every kind, made here.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::io::{Cursor, Write};

use expect_test::Expect;
use flate2::Compression;
use flate2::write::GzEncoder;
use image::{ImageFormat, RgbImage};
use kitchen_data::{Memory, Store};
use kitchen_types::config::*;
use kitchen_types::ports::DatasetStore;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An IDX file of bytes: the shape, then the values.
pub(crate) fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|side| side.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// An image of one colour.
pub(crate) fn image(format: ImageFormat, width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_pixel(width, height, image::Rgb(colour));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A text with some words, each line another.
pub(crate) fn text(lines: usize) -> String {
    let words = ["salt", "Zwiebel", "basil", "naïve", "leek", "12", "grams,"];
    (0..lines)
        .map(|line| {
            let word = |i: usize| words[(line * 31 + i * 17 + line * line) % words.len()];
            format!("{} {} {}\n", word(1), word(2), word(3))
        })
        .collect()
}

pub(crate) fn csv(rows: usize) -> String {
    let mut table = String::from("width,colour,height,kind\n");
    for row in 0..rows {
        let colour = ["red", "green", "\"deep, blue\""][row % 3];
        let kind = ["apple", "pear"][row % 2];
        table.push_str(&format!("{},{colour},{}.5,{kind}\n", row % 7, row * 3 % 11));
    }
    table
}

/// Files of every kind under the names that [`configs`] uses.
pub(crate) fn files() -> Memory {
    let pixels: Vec<u8> = (0..30 * 6).map(|i| (i * 7) as u8).collect();
    let labels: Vec<u8> = (0..30).map(|i| i % 3).collect();
    let jsonl: String = (0..40)
        .map(|i| format!("{{\"id\": {i}, \"text\": \"line {i} has \\u00e9 and a \\n break\"}}\n"))
        .collect();
    let words: String = (0..50)
        .map(|i| format!("w{}\n", "ab".repeat(i % 5 + 1) + &i.to_string()))
        .collect();
    let mut files = Memory::from([
        ("table.csv", csv(40).into_bytes()),
        ("mnist/train-images-idx3-ubyte", idx(&[30, 2, 3], &pixels)),
        (
            "mnist/train-labels-idx1-ubyte.gz",
            gzip(&idx(&[30], &labels)),
        ),
        (
            "mnist/t10k-images.idx3-ubyte.gz",
            gzip(&idx(&[10, 2, 3], &pixels[..60])),
        ),
        ("mnist/t10k-labels-idx1-ubyte", idx(&[10], &labels[..10])),
        ("text.txt", text(200).into_bytes()),
        ("ascii.txt", text(150).replace('ï', "i").into_bytes()),
        ("lines.jsonl", jsonl.into_bytes()),
        ("words.txt", words.into_bytes()),
        ("cache/tiny-shakespeare/input.txt", text(300).into_bytes()),
    ]);
    for class in 0..2u8 {
        for number in 0..6u8 {
            let colour = [class * 200, number * 40, 10];
            let (extension, format) = match number % 2 {
                0 => ("png", ImageFormat::Png),
                _ => ("JPG", ImageFormat::Jpeg),
            };
            let path = format!("photos/class{class}/{number}.{extension}");
            files.insert(path, image(format, 20, 10 + u32::from(number), colour));
        }
    }
    files.insert("photos/class0/notes.txt", b"not an image".to_vec());
    files
}

fn text_config(path: &str, tokenizer: TokenizerConfig) -> DataConfig {
    DataConfig::Text(TextConfig {
        path: path.into(),
        context: 16,
        tokenizer,
        validation: 0.1,
    })
}

/// A configuration for every kind of source, over [`files`] with the cache `cache`.
pub(crate) fn configs() -> Vec<(&'static str, DataConfig)> {
    let table = |name| {
        DataConfig::Table(BuiltinTableConfig {
            name,
            validation: 0.2,
        })
    };
    let task = |task| {
        DataConfig::Sequence(SequenceTaskConfig {
            task,
            length: 4,
            samples: 200,
            validation: 0.1,
        })
    };
    let shape = |shape| {
        DataConfig::Playground(PlaygroundConfig {
            shape,
            samples: 100,
            ..PlaygroundConfig::default()
        })
    };
    let idx = |validation| {
        DataConfig::Idx(IdxConfig {
            path: "mnist".into(),
            validation,
            classes: Vec::new(),
        })
    };
    let images = |gray| {
        DataConfig::Images(ImageFolderConfig {
            path: "photos".into(),
            size: 8,
            gray,
            validation: 0.25,
        })
    };
    let jsonl = |tokenizer| {
        DataConfig::Jsonl(JsonLinesConfig {
            path: "lines.jsonl".into(),
            context: 8,
            tokenizer,
            ..JsonLinesConfig::default()
        })
    };
    let domain = |name: &str, weight, data| Domain {
        name: name.into(),
        weight,
        from: 0,
        data,
    };
    vec![
        ("digits", DataConfig::default()),
        ("iris", table(TableName::Iris)),
        ("breast cancer", table(TableName::BreastCancer)),
        ("diabetes", table(TableName::Diabetes)),
        ("spirals", shape(PlaygroundShape::Spirals)),
        ("moons", shape(PlaygroundShape::Moons)),
        ("circles", shape(PlaygroundShape::Circles)),
        ("xor", shape(PlaygroundShape::Xor)),
        ("gaussians", shape(PlaygroundShape::Gaussians)),
        ("addition", task(SequenceTask::Addition)),
        ("reversal", task(SequenceTask::Reversal)),
        ("sorting", task(SequenceTask::Sorting)),
        ("copying", task(SequenceTask::Copying)),
        ("parity", task(SequenceTask::Parity)),
        ("modular arithmetic", task(SequenceTask::ModularArithmetic)),
        ("brackets", task(SequenceTask::Brackets)),
        ("names", DataConfig::Words(WordsConfig::default())),
        (
            "words of a file",
            DataConfig::Words(WordsConfig {
                path: "words.txt".into(),
                validation: 0.1,
            }),
        ),
        (
            "csv",
            DataConfig::Csv(TableConfig {
                path: "table.csv".into(),
                ..TableConfig::default()
            }),
        ),
        (
            "csv of a number",
            DataConfig::Csv(TableConfig {
                path: "table.csv".into(),
                target: "height".into(),
                validation: 0.2,
            }),
        ),
        ("idx with test images", idx(0.0)),
        ("idx without", idx(0.2)),
        ("grey images", images(true)),
        ("colour images", images(false)),
        ("bytes", text_config("text.txt", TokenizerConfig::Bytes)),
        (
            "characters",
            text_config("text.txt", TokenizerConfig::Characters),
        ),
        (
            "ASCII characters",
            text_config("ascii.txt", TokenizerConfig::Characters),
        ),
        (
            "bpe",
            text_config("text.txt", TokenizerConfig::Bpe { vocabulary: 300 }),
        ),
        ("jsonl bytes", jsonl(TokenizerConfig::Bytes)),
        ("jsonl characters", jsonl(TokenizerConfig::Characters)),
        ("jsonl bpe", jsonl(TokenizerConfig::Bpe { vocabulary: 280 })),
        (
            "hub",
            DataConfig::Hub(HubConfig {
                name: "tiny-shakespeare".into(),
                ..HubConfig::default()
            }),
        ),
        (
            "mixture of texts",
            DataConfig::Mixture(MixtureConfig {
                domains: vec![
                    domain(
                        "ascii",
                        1.0,
                        text_config("ascii.txt", TokenizerConfig::Characters),
                    ),
                    domain(
                        "umlauts",
                        3.0,
                        text_config("text.txt", TokenizerConfig::Characters),
                    ),
                ],
            }),
        ),
        (
            "mixture of shapes",
            DataConfig::Mixture(MixtureConfig {
                domains: vec![
                    domain("moons", 1.0, shape(PlaygroundShape::Moons)),
                    domain("xor", 2.0, shape(PlaygroundShape::Xor)),
                ],
            }),
        ),
        (
            "mixture of tasks",
            DataConfig::Mixture(MixtureConfig {
                domains: vec![
                    domain("copying", 1.0, task(SequenceTask::Copying)),
                    domain("sorting", 1.0, task(SequenceTask::Sorting)),
                ],
            }),
        ),
    ]
}

/// The name of a bad data set, and what is said of it.
pub(crate) fn check(name: &str, files: Vec<(&str, Vec<u8>)>, config: DataConfig) -> String {
    let mut memory = Memory::new();
    for (path, bytes) in files {
        memory.insert(path, bytes);
    }
    match Store::new(memory, "cache").open(&config, 1) {
        Ok(splits) => panic!("{name} was opened: {}", splits.source),
        Err(error) => format!("{name}\n    {error}\n"),
    }
}

/// Compares what was said of a group of files.
pub(crate) fn check_all<const COUNT: usize>(said: [String; COUNT], expected: Expect) {
    expected.assert_eq(&said.concat());
}
