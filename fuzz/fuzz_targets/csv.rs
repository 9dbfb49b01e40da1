//! Any bytes as a table: `cargo +nightly fuzz run csv`.
#![no_main]

use kitchen_data::{Memory, Store};
use kitchen_types::config::{DataConfig, TableConfig};
use kitchen_types::ports::DatasetStore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let config = DataConfig::Csv(TableConfig {
        path: "table.csv".into(),
        ..TableConfig::default()
    });
    let store = Store::new(Memory::from([("table.csv", bytes.to_vec())]), "");
    if let Ok(splits) = store.open(&config, 1) {
        splits.train.batch(&[0]).expect("what opens can be read");
        splits.train.describe(0).expect("what opens can be shown");
    }
});
