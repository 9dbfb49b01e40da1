//! Handwritten digits (UCI, Alpaydin and Kaynak 1998), from the smartcore crate.

use kitchen_types::config::DigitsConfig;
use kitchen_types::ports::{DataError, Splits};
use smartcore::dataset::digits;

use crate::features::{FeatureInputs, FeatureTargets, Features};
use crate::split::hold_out;
use crate::words::Words;

/// Pixels run from 0 to 16: how many of a 4x4 block of the original bitmap were inked.
const BRIGHTEST: f32 = 16.0;

pub(crate) fn open(config: &DigitsConfig, seed: u64) -> Result<Splits, DataError> {
    let digits = digits::load_dataset();
    let classes: Vec<u32> = digits.target.iter().map(|class| *class as u32).collect();
    let halves = hold_out(classes.len(), Some(&classes), config.validation, seed)?;
    let features = Features {
        shape: vec![1, 8, 8],
        inputs: FeatureInputs::Floats(digits.data.iter().map(|v| v / BRIGHTEST).collect()),
        targets: FeatureTargets::Classes {
            names: (0..10).map(|digit| digit.to_string()).collect(),
            of_row: classes,
        },
        words: Words::Picture,
    };
    let source = "1,797 handwritten digits of 8x8 pixels (UCI), built in";
    Ok(features.split(halves, source.into(), Vec::new()))
}
