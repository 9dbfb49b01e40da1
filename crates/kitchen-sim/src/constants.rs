//! What no datasheet says: the constants that were fitted, or taken from a source.
//!
//! They stand in one file, `data/constants.csv`, with unit, bounds and meaning. None depends on a
//! model, a table or a row.

use serde::{Deserialize, Serialize};

/// Declares the constants once: as a structure, by name, and in order.
macro_rules! constants {
    ($($name:ident),* $(,)?) => {
        /// The fitted constants; their meanings stand in `data/constants.csv`.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[expect(missing_docs, reason = "data/constants.csv describes each")]
        pub struct Constants { $(pub $name: f64),* }

        impl Constants {
            /// The names of all constants, in the order of [`Self::values`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The values of all constants.
            #[must_use]
            pub fn values(&self) -> Vec<f64> {
                vec![$(self.$name),*]
            }

            /// Constants with these values, of which there must be as many as names.
            #[must_use]
            pub fn of(values: &[f64]) -> Option<Self> {
                let mut values = values.iter().copied();
                let made = Self { $($name: values.next()?),* };
                values.next().is_none().then_some(made)
            }
        }
    };
}

constants! {
    gemm_share,
    fp8_share,
    fp4_share,
    young_loss,
    throttle_w,
    gemm_half_k,
    gemm_gap_us,
    unaligned_share,
    hbm_share,
    elementwise_passes,
    unfused_passes,
    logit_bytes,
    quantise_bytes,
    block_scale,
    compiled_share,
    flash1_share,
    flash2_share,
    flash3_share,
    flash_ageing,
    flash_backward,
    flash_half_head,
    launch_layer_ms,
    launch_collective_ms,
    micro_step_ms,
    step_ms,
    optimizer_bytes,
    accumulate_bytes,
    link_share,
    network_share,
    collective_us,
    collective_hop_us,
    collective_node_us,
    tp_hidden,
    dp_hidden,
    overlap_slowdown,
    jitter,
}

/// One line of the file of constants.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The value.
    pub value: f64,
    /// What a physicist would guess without the calibration table.
    pub prior: f64,
    /// By which factor that guess may be wrong; 1 where it is taken from a source and not fitted.
    pub spread: f64,
    /// The unit.
    pub unit: String,
    /// What it is.
    pub meaning: String,
}

/// Why a file of constants was not read.
#[derive(Debug, thiserror::Error)]
pub enum ConstantsError {
    /// It is not the table that it should be.
    #[error("the constants cannot be read: {0}")]
    Table(#[from] csv::Error),
    /// It names other constants, or in another order.
    #[error("line {line} of the constants should be `{expected}`, not `{found}`")]
    Name {
        /// Counted from 1, without the header.
        line: usize,
        /// The constant that belongs here.
        expected: String,
        /// What stands here.
        found: String,
    },
}

/// The lines of a file of constants.
///
/// # Errors
///
/// If the text is not such a table, or lacks a constant, or has one too many.
pub fn read_constants(text: &str) -> Result<Vec<Line>, ConstantsError> {
    let lines: Vec<Line> = csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()?;
    let names = Constants::NAMES;
    for place in 0..names.len().max(lines.len()) {
        let expected = names.get(place).copied().unwrap_or("nothing");
        let found = lines
            .get(place)
            .map_or("nothing", |line| line.name.as_str());
        if found != expected {
            return Err(ConstantsError::Name {
                line: place + 1,
                expected: expected.to_owned(),
                found: found.to_owned(),
            });
        }
    }
    Ok(lines)
}

/// A file of constants with these lines.
///
/// # Errors
///
/// If the text cannot be written, which memory does not refuse.
pub fn write_constants(lines: &[Line]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.serialize(line)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of the constants that the crate was built with.
///
/// # Errors
///
/// If the bundled file is malformed, which a test rules out.
pub fn bundled_lines() -> Result<Vec<Line>, ConstantsError> {
    read_constants(include_str!("../data/constants.csv"))
}

impl Constants {
    /// The constants that the crate was built with.
    ///
    /// # Errors
    ///
    /// If the bundled file is malformed, which a test rules out.
    pub fn bundled() -> Result<Self, ConstantsError> {
        Self::from_lines(&bundled_lines()?)
    }

    /// The constants of `lines`, as [`read_constants`] gives them.
    ///
    /// # Errors
    ///
    /// If a constant is missing.
    pub fn from_lines(lines: &[Line]) -> Result<Self, ConstantsError> {
        let values: Vec<f64> = lines.iter().map(|line| line.value).collect();
        Self::of(&values).ok_or_else(|| ConstantsError::Name {
            line: lines.len(),
            expected: format!("{} constants", Self::NAMES.len()),
            found: format!("{}", lines.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_bundled_file_is_sound_and_small() {
        let lines = bundled_lines().unwrap();
        assert!(lines.len() <= 40);
        for line in lines {
            assert!(line.value.is_finite() && line.value >= 0.0, "{}", line.name);
            assert!(line.meaning.len() > 10, "{} means nothing", line.name);
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = include_str!("../data/constants.csv");
        assert_eq!(
            write_constants(&read_constants(text).unwrap()).unwrap(),
            text
        );
    }

    #[test]
    fn a_wrong_name_is_refused() {
        let text = include_str!("../data/constants.csv").replacen("gemm_share", "gem_share", 1);
        let error = read_constants(&text).unwrap_err().to_string();
        assert_eq!(
            error,
            "line 1 of the constants should be `gemm_share`, not `gem_share`"
        );
    }
}
