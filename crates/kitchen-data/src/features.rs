//! Examples that are numbers of a fixed shape: tables, images, points.

use std::sync::Arc;

use kitchen_types::SampleId;
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, InputSpec, Inputs, Splits, TargetSpec, Targets,
};

use crate::fingerprint;
use crate::split::Halves;
use crate::words::{Answer, Words};

/// All examples of a source, before they are split.
pub(crate) struct Features {
    /// The shape of one example's inputs.
    pub(crate) shape: Vec<usize>,
    pub(crate) inputs: FeatureInputs,
    pub(crate) targets: FeatureTargets,
    pub(crate) words: Words,
}

/// Inputs, example by example.
pub(crate) enum FeatureInputs {
    /// Numbers as they go in.
    Floats(Vec<f32>),
    /// Pixels from 0 to 255, which go in as 0 to 1. A quarter of the memory of floats.
    Pixels(Vec<u8>),
}

/// Targets, example by example.
pub(crate) enum FeatureTargets {
    /// One of the classes of these names.
    Classes {
        names: Vec<String>,
        of_row: Vec<u32>,
    },
    /// One number.
    Values(Vec<f32>),
}

impl Features {
    /// Both halves as they leave this crate.
    pub(crate) fn split(self, halves: Halves, source: String, notes: Vec<String>) -> Splits {
        let spec = DataSpec {
            input: InputSpec::Features {
                shape: self.shape.clone(),
            },
            target: match &self.targets {
                FeatureTargets::Classes { names, .. } => TargetSpec::Classes {
                    names: names.clone(),
                },
                FeatureTargets::Values(_) => TargetSpec::Values { width: 1 },
            },
        };
        let all = Arc::new(self);
        let half = |rows| FeatureSet {
            spec: spec.clone(),
            all: Arc::clone(&all),
            rows,
        };
        let (train, validation) = (half(halves.train), half(halves.validation));
        Splits {
            fingerprint: fingerprint::of_examples(&[&train, &validation]),
            train: Box::new(train),
            validation: Box::new(validation),
            tokenizer: None,
            source,
            notes,
        }
    }

    fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Appends the inputs of `row`.
    fn append_inputs(&self, row: u32, into: &mut Vec<f32>) {
        let width = self.width();
        let range = row as usize * width..(row as usize + 1) * width;
        match &self.inputs {
            FeatureInputs::Floats(values) => {
                into.extend_from_slice(values.get(range).unwrap_or_default());
            }
            FeatureInputs::Pixels(values) => {
                let pixels = values.get(range).unwrap_or_default();
                into.extend(pixels.iter().map(|pixel| f32::from(*pixel) / 255.0));
            }
        }
    }
}

/// One half of the examples. Ids are rows of the source.
struct FeatureSet {
    spec: DataSpec,
    all: Arc<Features>,
    /// In ascending order; each is below the number of rows of `all`.
    rows: Vec<u32>,
}

impl FeatureSet {
    fn row(&self, position: u64) -> Result<u32, DataError> {
        let row = usize::try_from(position)
            .ok()
            .and_then(|at| self.rows.get(at));
        row.copied()
            .ok_or_else(|| no_such_position(position, self.len()))
    }
}

/// Why there is no example at `position`.
pub(crate) fn no_such_position(position: u64, len: u64) -> DataError {
    DataError::new(
        "",
        format!("there is no example at position {position} of {len}"),
        "use a position below the number of examples",
    )
}

impl Dataset for FeatureSet {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    fn id(&self, position: u64) -> SampleId {
        // No source has as many rows as `u32::MAX`, so what is not there has an id of no example.
        SampleId::new(0, u64::from(self.row(position).unwrap_or(u32::MAX)))
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        let row = u32::try_from(id.0).ok()?;
        self.rows
            .binary_search(&row)
            .ok()
            .map(|position| position as u64)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let mut ids = Vec::with_capacity(positions.len());
        let mut values = Vec::with_capacity(positions.len() * self.all.width());
        for &position in positions {
            let row = self.row(position)?;
            ids.push(SampleId::new(0, u64::from(row)));
            self.all.append_inputs(row, &mut values);
        }
        let targets = match &self.all.targets {
            FeatureTargets::Classes { of_row, .. } => Targets::Classes(pick(of_row, &ids)),
            FeatureTargets::Values(of_row) => Targets::Values {
                width: 1,
                values: pick(of_row, &ids),
            },
        };
        Ok(Batch {
            ids,
            inputs: Inputs::Features {
                shape: self.all.shape.clone(),
                values,
            },
            targets,
        })
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        let row = self.row(position)?;
        let mut values = Vec::with_capacity(self.all.width());
        self.all.append_inputs(row, &mut values);
        let at = row as usize;
        let answer = match &self.all.targets {
            FeatureTargets::Classes { names, of_row } => Answer::Class(
                of_row
                    .get(at)
                    .and_then(|class| names.get(*class as usize))
                    .map_or("", String::as_str),
            ),
            FeatureTargets::Values(of_row) => {
                Answer::Value(of_row.get(at).copied().unwrap_or(f32::NAN))
            }
        };
        Ok(self.all.words.say(&self.all.shape, &values, &answer))
    }
}

fn pick<T: Copy>(of_row: &[T], ids: &[SampleId]) -> Vec<T> {
    ids.iter()
        .filter_map(|id| of_row.get(id.index() as usize).copied())
        .collect()
}
