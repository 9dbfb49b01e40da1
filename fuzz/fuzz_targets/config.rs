//! Any text as the configuration of a run: `cargo +nightly fuzz run config`.
#![no_main]

use kitchen_types::RunConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(config) = toml::from_str::<RunConfig>(text) {
        // What was read can be written, and is read again as the same.
        let again = toml::to_string(&config).expect("a configuration can be written");
        let read: RunConfig = toml::from_str(&again).expect("what was written can be read");
        // Numbers may be NaN, which is not equal to itself.
        assert_eq!(format!("{config:?}"), format!("{read:?}"));
    }
});
