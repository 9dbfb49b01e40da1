//! Any bytes as lines of JSON: `cargo +nightly fuzz run jsonl`.
#![no_main]

use kitchen_data::{Memory, Store};
use kitchen_types::config::{DataConfig, JsonLinesConfig};
use kitchen_types::ports::DatasetStore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let config = DataConfig::Jsonl(JsonLinesConfig {
        path: "lines.jsonl".into(),
        context: 4,
        ..JsonLinesConfig::default()
    });
    let store = Store::new(Memory::from([("lines.jsonl", bytes.to_vec())]), "");
    if let Ok(splits) = store.open(&config, 1) {
        splits.train.batch(&[0]).expect("what opens can be read");
        splits.train.describe(0).expect("what opens can be shown");
    }
});
