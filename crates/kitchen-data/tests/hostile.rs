//! Whatever a file holds, opening it gives examples or an error: it never panics, and never takes
//! memory that the file does not account for. The fuzz targets (`fuzz/`) go through the same doors.
#![allow(clippy::unwrap_used)]

mod common;

use kitchen_data::{Memory, Store, tokenizer_from_json};
use kitchen_types::config::*;
use kitchen_types::ports::DatasetStore;
use proptest::prelude::*;

/// Opens `bytes` as every kind of file there is, and reads an example of what opens.
fn open_as_everything(bytes: &[u8]) {
    let labels = common::idx(&[4], &[0, 1, 0, 1]);
    let images = common::idx(&[4, 2, 2], &[0; 16]);
    let png = common::image(image::ImageFormat::Png, 2, 2, [1, 2, 3]);
    let files = Memory::from([
        ("file", bytes.to_vec()),
        ("a/train-images-idx3-ubyte", bytes.to_vec()),
        ("a/train-labels-idx1-ubyte", labels),
        ("b/train-images-idx3-ubyte", images),
        ("b/train-labels-idx1-ubyte", bytes.to_vec()),
        ("c/cat/1.png", bytes.to_vec()),
        ("c/dog/1.png", png),
        ("plain", b"some plain text, over and over. ".repeat(8)),
    ]);
    let store = Store::new(files, "");
    let idx = |path: &str| {
        DataConfig::Idx(IdxConfig {
            path: path.into(),
            validation: 0.25,
            classes: Vec::new(),
        })
    };
    let text = |path: &str, tokenizer| {
        DataConfig::Text(TextConfig {
            path: path.into(),
            context: 4,
            tokenizer,
            ..TextConfig::default()
        })
    };
    let file = || "file".to_owned();
    let configs = [
        DataConfig::Csv(TableConfig {
            path: file(),
            ..TableConfig::default()
        }),
        DataConfig::Jsonl(JsonLinesConfig {
            path: file(),
            context: 4,
            ..JsonLinesConfig::default()
        }),
        DataConfig::Words(WordsConfig {
            path: file(),
            ..WordsConfig::default()
        }),
        idx("a"),
        idx("b"),
        DataConfig::Images(ImageFolderConfig {
            path: "c".into(),
            size: 4,
            ..ImageFolderConfig::default()
        }),
        text("file", TokenizerConfig::Bytes),
        text("file", TokenizerConfig::Characters),
        text("file", TokenizerConfig::Bpe { vocabulary: 300 }),
        text("plain", TokenizerConfig::File { path: file() }),
    ];
    for config in configs {
        if let Ok(splits) = store.open(&config, 1) {
            splits.train.batch(&[0]).unwrap();
            splits.train.describe(0).unwrap();
        }
    }
    // A tokenizer also comes from checkpoints.
    if let Ok(json) = std::str::from_utf8(bytes) {
        let _ = tokenizer_from_json(json);
    }
}

/// Good files of every kind, from which bad ones are made.
fn good_files() -> Vec<Vec<u8>> {
    let pixels: Vec<u8> = (0..16).collect();
    vec![
        common::csv(12).into_bytes(),
        common::idx(&[4, 2, 2], &pixels),
        common::idx(&[4], &[0, 1, 0, 1]),
        common::gzip(&common::idx(&[4, 2, 2], &pixels)),
        common::image(image::ImageFormat::Png, 5, 3, [1, 2, 3]),
        common::image(image::ImageFormat::Jpeg, 5, 3, [1, 2, 3]),
        common::text(20).into_bytes(),
        b"{\"text\": \"one line\"}\n{\"text\": \"and another one\", \"id\": [1, null]}\n".to_vec(),
        br#"{"bpe": {"merges": [[97, 98], [256, 99]], "boundary": true}}"#.to_vec(),
        br#"{"version": "1.0", "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=a)"}, "behavior": "Isolated", "invert": false}, "model": {"type": "WordLevel", "vocab": {"some": 0, "?": 1}, "unk_token": "?"}}"#.to_vec(),
    ]
}

#[test]
fn good_files_open() {
    for file in good_files() {
        open_as_everything(&file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        open_as_everything(&bytes);
    }

    #[test]
    fn arbitrary_tables(text in "[a1,;\"\r\n\t .é-]{0,200}") {
        open_as_everything(text.as_bytes());
    }

    #[test]
    fn arbitrary_idx_headers(
        kind in prop_oneof![Just(8u8), any::<u8>()],
        sides in prop::collection::vec(prop_oneof![0u32..6, any::<u32>()], 0..6),
        values in prop::collection::vec(any::<u8>(), 0..64),
        zipped: bool,
    ) {
        let mut bytes = common::idx(&sides, &values);
        bytes[2] = kind;
        open_as_everything(&if zipped { common::gzip(&bytes) } else { bytes });
    }

    #[test]
    fn good_files_with_a_few_bytes_changed(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        keep in any::<prop::sample::Index>(),
        cut: bool,
    ) {
        let mut bytes = which.get(&good_files()).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        open_as_everything(&bytes);
    }
}
