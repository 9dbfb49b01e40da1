//! A table on its way to numbers: columns standardised, categories one-hot, missing values filled.

use kitchen_types::ports::{DataError, Splits};

use crate::features::{FeatureInputs, FeatureTargets, Features};
use crate::split::hold_out;
use crate::words::{ColumnWords, Words};

/// Rows and columns as a source said them.
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) target: TargetColumn,
}

/// A column that is an input.
pub(crate) enum Column {
    /// A number in each row; NaN where it is missing.
    Number { name: String, rows: Vec<f64> },
    /// One of `values` in each row; `u32::MAX` where it is missing.
    Category {
        name: String,
        values: Vec<String>,
        rows: Vec<u32>,
    },
}

/// Marks a category that is missing.
pub(crate) const MISSING: u32 = u32::MAX;

/// The column to predict.
pub(crate) enum TargetColumn {
    /// One of these classes in each row.
    Classes { names: Vec<String>, rows: Vec<u32> },
    /// A number in each row.
    Number { name: String, rows: Vec<f64> },
}

impl Table {
    /// Splits the rows and turns them into numbers.
    ///
    /// Numbers are standardised with mean and deviation of the training rows alone: those of all
    /// rows would tell the model something of the held-out ones. A missing number becomes the
    /// mean, a missing category none of the categories.
    pub(crate) fn split(
        self,
        share: f64,
        seed: u64,
        mut source: String,
        notes: Vec<String>,
    ) -> Result<Splits, DataError> {
        let (rows, classes) = match &self.target {
            TargetColumn::Classes { rows, .. } => (rows.len(), Some(rows.as_slice())),
            TargetColumn::Number { rows, .. } => (rows.len(), None),
        };
        let halves = hold_out(rows, classes, share, seed)?;
        let columns: Vec<(ColumnWords, Column)> = self
            .columns
            .into_iter()
            .map(|column| column.standardise(&halves.train))
            .collect();
        let width: usize = columns.iter().map(|(words, _)| words.width()).sum();
        let mut values = Vec::with_capacity(rows * width);
        for row in 0..rows {
            for (words, column) in &columns {
                column.append(row, words.width(), &mut values);
            }
        }
        let (targets, target) = match self.target {
            TargetColumn::Classes { names, rows } => {
                let targets = FeatureTargets::Classes {
                    names,
                    of_row: rows,
                };
                (targets, ColumnWords::plain("class"))
            }
            TargetColumn::Number { name, rows } => {
                let (mean, deviation) = moments(&rows, &halves.train);
                source = format!(
                    "{source}; {name} is in standard deviations (1 is {deviation:.4}) from its mean {mean:.4}"
                );
                let rows = rows
                    .iter()
                    .map(|v| ((v - mean) / deviation) as f32)
                    .collect();
                let words = ColumnWords::Number {
                    name,
                    mean,
                    deviation,
                };
                (FeatureTargets::Values(rows), words)
            }
        };
        let features = Features {
            shape: vec![width],
            inputs: FeatureInputs::Floats(values),
            targets,
            words: Words::Columns {
                columns: columns.into_iter().map(|(words, _)| words).collect(),
                target,
            },
        };
        Ok(features.split(halves, source, notes))
    }
}

impl Column {
    /// The column with mean 0 and deviation 1 over the training rows, and how it reads.
    fn standardise(self, train: &[u32]) -> (ColumnWords, Self) {
        match self {
            Self::Number { name, mut rows } => {
                let (mean, deviation) = moments(&rows, train);
                for value in &mut rows {
                    *value = (*value - mean) / deviation;
                }
                let words = ColumnWords::Number {
                    name: name.clone(),
                    mean,
                    deviation,
                };
                (words, Self::Number { name, rows })
            }
            Self::Category { name, values, rows } => {
                let words = ColumnWords::Category {
                    name: name.clone(),
                    values: values.clone(),
                };
                (words, Self::Category { name, values, rows })
            }
        }
    }

    /// Appends the inputs that `row` of this column becomes.
    fn append(&self, row: usize, width: usize, into: &mut Vec<f32>) {
        match self {
            Self::Number { rows, .. } => {
                let value = rows.get(row).copied().unwrap_or(f64::NAN);
                into.push(if value.is_nan() { 0.0 } else { value as f32 });
            }
            Self::Category { rows, .. } => {
                let chosen = rows.get(row).copied().unwrap_or(MISSING) as usize;
                into.extend((0..width).map(|value| if value == chosen { 1.0 } else { 0.0 }));
            }
        }
    }
}

/// Mean and standard deviation (over n, as scikit-learn's `StandardScaler`) of the values that
/// are there; a column that does not vary has deviation 1, so that it becomes 0 everywhere.
fn moments(values: &[f64], rows: &[u32]) -> (f64, f64) {
    let present = || {
        rows.iter()
            .filter_map(|row| values.get(*row as usize).copied())
            .filter(|value| !value.is_nan())
    };
    let count = present().count().max(1) as f64;
    let mean = present().sum::<f64>() / count;
    let variance = present().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    // Rounding alone gives a constant column a deviation of about its size times 1e-16.
    if deviation > 1e-12 * mean.abs() {
        (mean, deviation)
    } else {
        (mean, 1.0)
    }
}
