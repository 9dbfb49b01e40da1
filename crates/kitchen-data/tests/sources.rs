//! What comes out of good files: the numbers, the classes, and what is said of them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{gzip, idx, image};
use expect_test::expect;
use image::ImageFormat;
use kitchen_data::{Memory, Store, catalog, overview};
use kitchen_types::config::*;
use kitchen_types::ports::{
    CatalogEntry, DataOverview, Dataset, DatasetStore, Inputs, Splits, TargetSpec, Targets,
};

fn open(files: Memory, config: DataConfig) -> Splits {
    Store::new(files, "").open(&config, 1).unwrap()
}

fn open_csv(text: &str, target: &str) -> Splits {
    let files = Memory::from([("t.csv", text.as_bytes().to_vec())]);
    let config = TableConfig {
        path: "t.csv".into(),
        target: target.into(),
        validation: 0.0,
    };
    open(files, DataConfig::Csv(config))
}

fn rows(data: &dyn Dataset) -> Vec<Vec<f32>> {
    let batch = data.batch(&(0..data.len()).collect::<Vec<_>>()).unwrap();
    let count = batch.len();
    match batch.inputs {
        Inputs::Features { values, .. } => values
            .chunks(values.len() / count)
            .map(<[f32]>::to_vec)
            .collect(),
        Inputs::Tokens { .. } => panic!("these are tokens"),
    }
}

fn classes(data: &dyn Dataset) -> Vec<u32> {
    match data
        .batch(&(0..data.len()).collect::<Vec<_>>())
        .unwrap()
        .targets
    {
        Targets::Classes(classes) => classes,
        other => panic!("{other:?}"),
    }
}

fn class_names(splits: &Splits) -> Vec<String> {
    match &splits.train.spec().target {
        TargetSpec::Classes { names } => names.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_becomes_numbers() {
    let table = "\u{feff}size;shape;code;kind\r\n\
                 1;round;a1;pear\r\n\
                 ;\"long; thin\";a2;apple\r\n\
                 3;round;a3;pear\r\n\
                 \r\n\
                 5;NA;a4;\r\n\
                 5;?;a5;apple\r\n";
    let splits = open_csv(table, "");
    // The sizes 1, 3 and 5 have the mean 3 and the deviation 1.633; one is missing, and the row
    // without a kind does not count.
    let z = 1.224_744_9;
    assert_eq!(class_names(&splits), ["apple", "pear"]);
    assert_eq!(classes(&*splits.train), [1, 0, 1, 0]);
    let expected: [&[f32]; 4] = [
        &[-z, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        &[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        &[z, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ];
    for (row, expected) in rows(&*splits.train).iter().zip(expected) {
        assert_eq!(row.len(), expected.len());
        assert!(
            row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{row:?}"
        );
    }
    let overview = overview(&splits, 9).unwrap();
    let said = [
        &overview.notes[..],
        &[overview.source],
        &overview.examples[..],
    ]
    .concat();
    expect![[r#"
        column `size`: 1 missing value became the column's mean
        column `shape`: 2 missing values became no category
        left out 1 row without a target
        t.csv: 4 rows, 3 columns that predict 2 classes
        size 1, shape round, code a1 -> pear
        size 3, shape long; thin, code a2 -> apple
        size 3, shape round, code a3 -> pear
        size 5, shape missing, code a5 -> apple
    "#]]
    .assert_eq(&(said.join("\n") + "\n"));
}

#[test]
fn targets_are_told_apart() {
    let column = |values: &[&str]| {
        let lines: String = values.iter().map(|value| format!("0,{value}\n")).collect();
        open_csv(&format!("x,y\n{lines}"), "y")
    };
    // Whole numbers that come again are classes, in the order of numbers.
    let numbered = column(&["10", "9", "9", "10", "2", "2"]);
    assert_eq!(class_names(&numbered), ["2", "9", "10"]);
    assert_eq!(classes(&*numbered.train), [2, 1, 1, 2, 0, 0]);
    for values in [&["1.5", "2", "1.5", "2"][..], &["1", "2", "3", "4"]] {
        let splits = column(values);
        let spec = splits.train.spec();
        assert_eq!(spec.target, TargetSpec::Values { width: 1 }, "{values:?}");
    }
}

#[test]
fn a_number_to_predict_is_standardised_and_read_back() {
    let splits = open_csv("x,price\n1,100\n2,200\n4,300.5\n", "price");
    let batch = splits.train.batch(&[0, 1, 2]).unwrap();
    let Targets::Values { values, .. } = &batch.targets else {
        panic!()
    };
    let mean = values.iter().sum::<f32>() / 3.0;
    assert!(
        mean.abs() < 1e-6 && values[0] < -1.0 && values[2] > 1.0,
        "{values:?}"
    );
    assert_eq!(splits.train.describe(2).unwrap(), "x 4 -> price 300.5");
}

#[test]
fn idx_files_keep_their_pixels_and_labels() {
    let pixels: Vec<u8> = (0..24).map(|pixel| pixel * 10).collect();
    let files = Memory::from([
        (
            "m/train-images-idx3-ubyte.gz",
            gzip(&idx(&[4, 2, 3], &pixels)),
        ),
        ("m/train-labels-idx1-ubyte", idx(&[4], &[1, 0, 2, 1])),
        ("m/t10k-images-idx3-ubyte", idx(&[1, 2, 3], &[255; 6])),
        ("m/t10k-labels-idx1-ubyte", idx(&[1], &[2])),
    ]);
    let splits = open(
        files,
        DataConfig::Idx(IdxConfig {
            path: "m/".into(),
            validation: 0.0,
            classes: ["cat", "dog", "eel"].map(String::from).into(),
        }),
    );
    let expected: Vec<f32> = pixels
        .iter()
        .map(|pixel| f32::from(*pixel) / 255.0)
        .collect();
    assert_eq!(rows(&*splits.train).concat(), expected);
    assert_eq!(classes(&*splits.train), [1, 0, 2, 1]);
    assert_eq!(rows(&*splits.validation), [[1.0; 6]]);
    assert_eq!(splits.validation.id(0).0, 4);
    assert_eq!(
        splits.validation.describe(0).unwrap(),
        "eel\n██████\n██████"
    );
    assert_eq!(splits.source, "m/: 5 images of 2x3 pixels, 3 classes");
}

#[test]
fn images_are_read_channel_by_channel() {
    let mut files = Memory::new();
    for number in 0..4 {
        files.insert(
            format!("p/red/{number}.png"),
            image(ImageFormat::Png, 6, 3, [255, 0, 51]),
        );
        files.insert(
            format!("p/blue/{number}.jpeg"),
            image(ImageFormat::Jpeg, 3, 6, [0, 0, 255]),
        );
    }
    files.insert("p/.git/HEAD", Vec::new());
    files.insert("p/readme.txt", Vec::new());
    let folder = |gray| {
        DataConfig::Images(ImageFolderConfig {
            path: "p".into(),
            size: 2,
            gray,
            validation: 0.0,
        })
    };
    let colours = open(files.clone(), folder(false));
    assert_eq!(class_names(&colours), ["blue", "red"]);
    assert_eq!(classes(&*colours.train), [0, 0, 0, 0, 1, 1, 1, 1]);
    let red = &rows(&*colours.train)[4];
    assert_eq!(
        red[..],
        [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2, 0.2, 0.2]
    );
    assert_eq!(colours.notes, ["passed over 1 file, neither PNG nor JPEG"]);
    // ITU-R BT.709: red weighs 0.2126 and blue 0.0722, so red with a little blue is 0.227.
    let grey = &rows(&*open(files, folder(true)).train)[4];
    assert_eq!(grey.len(), 4);
    assert!((grey[0] - 0.227).abs() < 0.005, "{grey:?}");
}

#[test]
fn questions_are_given_and_answers_count() {
    let splits = open(
        Memory::new(),
        DataConfig::Sequence(SequenceTaskConfig {
            task: SequenceTask::Addition,
            length: 2,
            samples: 500,
            validation: 0.1,
        }),
    );
    assert_eq!((splits.train.len(), splits.validation.len()), (450, 50));
    let tokenizer = splits.tokenizer.as_ref().unwrap();
    let boundary = tokenizer.boundary().unwrap();
    for position in 0..splits.train.len() {
        let batch = splits.train.batch(&[position]).unwrap();
        let (
            Inputs::Tokens { values: inputs, .. },
            Targets::Tokens {
                values: targets,
                mask,
            },
        ) = (&batch.inputs, &batch.targets)
        else {
            panic!("these are not tokens");
        };
        assert_eq!(inputs[0], boundary);
        let learnt: Vec<u32> = targets
            .iter()
            .zip(mask)
            .filter(|(_, counts)| **counts == 1.0)
            .map(|(token, _)| *token)
            .collect();
        let (last, answer) = learnt.split_last().unwrap();
        assert_eq!(*last, boundary);
        let text = splits.train.describe(position).unwrap();
        let (question, said) = text.split_once('=').unwrap();
        assert_eq!(tokenizer.decode(answer).unwrap(), said);
        let (a, b) = question.split_once('+').unwrap();
        let sum: u32 = said.chars().rev().collect::<String>().parse().unwrap();
        assert_eq!(
            a.parse::<u32>().unwrap() + b.parse::<u32>().unwrap(),
            sum,
            "{text}"
        );
    }
}

#[test]
fn small_tasks_are_asked_in_full() {
    let splits = open(
        Memory::new(),
        DataConfig::Sequence(SequenceTaskConfig {
            task: SequenceTask::Parity,
            length: 6,
            samples: 10_000,
            validation: 0.5,
        }),
    );
    // 2 + 4 + 8 + 16 + 32 + 64 texts of up to six bits.
    assert_eq!(splits.train.len() + splits.validation.len(), 126);
    assert_eq!(splits.notes.len(), 1);
}

#[test]
fn built_in_names_can_be_pronounced_and_are_always_the_same() {
    let splits = open(Memory::new(), DataConfig::Words(WordsConfig::default()));
    let names: BTreeSet<String> = [&splits.train, &splits.validation]
        .iter()
        .flat_map(|half| (0..half.len()).map(|position| half.describe(position).unwrap()))
        .collect();
    assert_eq!(names.len(), 4000);
    assert!(names.iter().all(|name| (3..=16).contains(&name.len())));
    assert!(
        names
            .iter()
            .all(|name| name.contains(['a', 'e', 'i', 'o', 'u', 'y']))
    );
    let first: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
    expect!["babevo babia babisor babondivon"].assert_eq(&first.join(" "));
}

/// Without noise each point lies where its class is defined to be.
#[test]
fn shapes_are_what_they_are_called() {
    let radius = |x: f32, y: f32| x.hypot(y);
    type Rule = fn(f32, f32, f32) -> bool;
    let table: [(PlaygroundShape, Rule); 3] = [
        (PlaygroundShape::Circles, |x, y, class| {
            if class == 0.0 {
                x.hypot(y) <= 0.5
            } else {
                (0.7..=1.0001).contains(&x.hypot(y))
            }
        }),
        (PlaygroundShape::Xor, |x, y, class| {
            (x * y > 0.0) == (class == 1.0)
        }),
        (PlaygroundShape::Moons, |_, y, class| {
            // The upper moon stands on its tips at -1/6, the lower one hangs from 1/6.
            if class == 0.0 { y >= -0.17 } else { y <= 0.17 }
        }),
    ];
    for shape in [
        PlaygroundShape::Spirals,
        PlaygroundShape::Moons,
        PlaygroundShape::Circles,
        PlaygroundShape::Xor,
    ] {
        let splits = open(
            Memory::new(),
            DataConfig::Playground(PlaygroundConfig {
                shape,
                samples: 400,
                noise: 0.0,
                validation: 0.0,
            }),
        );
        let rule = table
            .iter()
            .find(|(known, _)| *known == shape)
            .map(|(_, rule)| rule);
        for (point, class) in rows(&*splits.train).iter().zip(classes(&*splits.train)) {
            let (x, y) = (point[0], point[1]);
            assert!(x.abs() <= 1.001 && y.abs() <= 1.001, "{shape:?} {point:?}");
            assert!(
                rule.is_none_or(|rule| rule(x, y, class as f32)),
                "{shape:?} {point:?} {class}"
            );
            if shape == PlaygroundShape::Spirals {
                let turned = 1.75 * std::f32::consts::TAU * radius(x, y);
                let half = std::f32::consts::PI * class as f32;
                let expected = ((turned + half).sin(), (turned + half).cos());
                let (dx, dy) = (x - radius(x, y) * expected.0, y - radius(x, y) * expected.1);
                assert!(dx.hypot(dy) < 1e-4, "{point:?} {class}");
            }
        }
    }
}

#[test]
fn what_is_listed_and_shown_survives_json() {
    let entries = catalog();
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), entries.len());
    let json = serde_json::to_string(&entries).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<CatalogEntry>>(&json).unwrap(),
        entries
    );
    let shown = overview(&open(Memory::new(), DataConfig::default()), 1).unwrap();
    let json = serde_json::to_string(&shown).unwrap();
    assert_eq!(serde_json::from_str::<DataOverview>(&json).unwrap(), shown);
    expect![[r#"
        1
              ▓▓██░░
              ▓▓██▒▒
              ████░░
          ▒▒██████
              ████
              ████░░
              ████░░
              ▓▓██▓▓"#]]
    .assert_eq(&shown.examples[0]);
}
