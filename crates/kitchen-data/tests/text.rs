//! Texts: where they are cut, what a window holds, and where long ones are kept.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use kitchen_data::{Disk, Files, Memory, Sampler, Store};
use kitchen_types::config::{DataConfig, JsonLinesConfig, TextConfig, TokenizerConfig};
use kitchen_types::ports::{Dataset, DatasetStore, Inputs, Splits, Targets};
use kitchen_types::random::Key;

fn config(path: &str, context: usize, tokenizer: TokenizerConfig) -> DataConfig {
    DataConfig::Text(TextConfig {
        path: path.into(),
        context,
        tokenizer,
        validation: 0.1,
    })
}

fn open(text: &str, context: usize, tokenizer: TokenizerConfig) -> Splits {
    let files = Memory::from([("text", text.as_bytes().to_vec())]);
    Store::new(files, "")
        .open(&config("text", context, tokenizer), 1)
        .unwrap()
}

/// The inputs and targets of one window, as text.
fn window(splits: &Splits, half: &dyn Dataset, position: u64) -> (String, String) {
    let batch = half.batch(&[position]).unwrap();
    let (
        Inputs::Tokens { values: inputs, .. },
        Targets::Tokens {
            values: targets, ..
        },
    ) = (batch.inputs, batch.targets)
    else {
        panic!("not tokens");
    };
    let tokenizer = splits.tokenizer.as_ref().unwrap();
    (
        tokenizer.decode(&inputs).unwrap(),
        tokenizer.decode(&targets).unwrap(),
    )
}

#[test]
fn windows_begin_everywhere_in_training_and_end_to_end_in_validation() {
    let text: String = ('a'..='z').cycle().take(100).collect();
    for tokenizer in [TokenizerConfig::Characters, TokenizerConfig::Bytes] {
        let splits = open(&text, 4, tokenizer);
        let (train, validation) = (&*splits.train, &*splits.validation);
        assert_eq!(train.len(), 86);
        assert_eq!(window(&splits, train, 0), ("abcd".into(), "bcde".into()));
        assert_eq!(window(&splits, train, 1), ("bcde".into(), "cdef".into()));
        // The training part is 90 characters long, and the last one is only a target.
        assert_eq!(
            window(&splits, train, 85).1.chars().last(),
            text.chars().nth(89)
        );
        assert_eq!(validation.len(), 2);
        assert_eq!(validation.id(0).0, 90);
        assert_eq!(validation.id(1).0, 94);
        assert_eq!(window(&splits, validation, 1).0, text[94..98]);
    }
}

/// nanoGPT's `data/shakespeare_char/prepare.py` reports 1,003,854 training and 111,540 validation
/// tokens for 1,115,394 characters.
#[test]
fn the_cut_is_that_of_nanogpt() {
    let text = "x y".repeat(1_115_394 / 3);
    let splits = open(&text, 64, TokenizerConfig::Characters);
    assert_eq!(splits.train.len(), 1_003_854 - 64);
    assert_eq!(splits.validation.len(), (111_540 - 1) / 64);
    assert_eq!(splits.validation.id(0).0, 1_003_854);
}

/// An ASCII text is looked up byte by byte, another is encoded: both must say the same.
#[test]
fn the_short_cut_for_ascii_changes_nothing() {
    let plain = common::text(50).replace('ï', "i");
    let fancy = plain.replace('z', "ß");
    let [a, b] = [&plain, &fancy].map(|text| open(text, 8, TokenizerConfig::Characters));
    for position in 0..a.train.len() {
        let (inputs, targets) = window(&b, &*b.train, position);
        let again = (inputs.replace('ß', "z"), targets.replace('ß', "z"));
        assert_eq!(window(&a, &*a.train, position), again);
    }
}

#[test]
fn long_texts_are_encoded_once_and_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let text = common::text(2000).repeat(150);
    assert!(text.len() > 4 << 20 && !text.is_ascii());
    std::fs::write(path("text"), &text).unwrap();
    let config = config(&path("text"), 32, TokenizerConfig::Characters);
    let store = Store::on_disk(path("cache"));
    let in_memory = Store::on_disk("").open(&config, 1).unwrap();
    let first = store.open(&config, 1).unwrap();
    let cached = Disk.list(&path("cache/tokens")).unwrap();
    assert_eq!(cached.len(), 1);
    let second = store.open(&config, 1).unwrap();
    for other in [&first, &second] {
        assert_eq!(other.train.len(), in_memory.train.len());
        assert_eq!(
            other.train.batch(&[7, 100_000]),
            in_memory.train.batch(&[7, 100_000])
        );
        assert_eq!(
            other.validation.batch(&[9]),
            in_memory.validation.batch(&[9])
        );
    }
    // A damaged file is noticed and written anew.
    let file = path(&format!("cache/tokens/{}", cached[0].name));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let third = store.open(&config, 1).unwrap();
    assert_eq!(
        third.train.batch(&[7, 100_000]),
        in_memory.train.batch(&[7, 100_000])
    );
    bytes[1000] ^= 1;
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

/// A long text is its own tokens: opening it takes no memory to speak of, and any window of it can
/// be read. The file is sparse, so that it takes no disk either.
#[test]
fn a_long_text_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large").to_string_lossy().into_owned();
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 28)
        .unwrap();
    let files = Disk.read(&path).unwrap();
    assert!(matches!(files, kitchen_data::Bytes::Mapped(_)));
    let splits = Store::on_disk("")
        .open(&config(&path, 256, TokenizerConfig::Bytes), 1)
        .unwrap();
    let sampler = Sampler::new(&*splits.train, 12, Key::new(1)).unwrap();
    let last = sampler.batches_per_epoch() - 1;
    let positions = sampler
        .positions(&*splits.train, 0, last, &BTreeSet::new())
        .unwrap();
    assert_eq!(splits.train.batch(&positions).unwrap().tokens(), 12 * 256);
}

#[test]
fn documents_are_held_out_whole_and_end_with_a_boundary() {
    let lines: String = (0..20)
        .map(|i| format!("{{\"text\": \"{}\"}}\n", (b'a' + i) as char))
        .collect();
    let files = Memory::from([("lines", lines.into_bytes())]);
    let config = DataConfig::Jsonl(JsonLinesConfig {
        path: "lines".into(),
        context: 2,
        ..JsonLinesConfig::default()
    });
    let splits = Store::new(files, "").open(&config, 1).unwrap();
    let boundary = splits.tokenizer.as_ref().unwrap().boundary().unwrap();
    // 18 and 2 documents of a letter and a boundary each.
    assert_eq!(splits.train.len(), 36 - 2);
    assert_eq!(splits.validation.len(), 1);
    let batch = splits.validation.batch(&[0]).unwrap();
    let Inputs::Tokens { values, .. } = &batch.inputs else {
        panic!()
    };
    assert!(values[0] != boundary && values[1] == boundary);
}
