//! Any bytes as images, with labels that fit some of them: `cargo +nightly fuzz run idx`.
#![no_main]

use kitchen_data::{Memory, Store};
use kitchen_types::config::{DataConfig, IdxConfig};
use kitchen_types::ports::DatasetStore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let labels = vec![0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1];
    let files = Memory::from([
        ("folder/train-images-idx3-ubyte", bytes.to_vec()),
        ("folder/train-labels-idx1-ubyte", labels),
    ]);
    let config = DataConfig::Idx(IdxConfig {
        path: "folder".into(),
        validation: 0.25,
        classes: Vec::new(),
    });
    if let Ok(splits) = Store::new(files, "").open(&config, 1) {
        splits.train.batch(&[0]).expect("what opens can be read");
        splits.train.describe(0).expect("what opens can be shown");
    }
});
