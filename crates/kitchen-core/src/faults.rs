//! Faults that are planted on purpose, so that people and tests see what a run makes of them.

use std::collections::BTreeSet;

use kitchen_types::config::FaultsConfig;
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, DatasetStore, DomainRange, InputSpec, Inputs, Splits,
    TargetSpec, Targets,
};
use kitchen_types::random::Key;
use kitchen_types::{RunConfig, SampleId};

/// Opens the data of `config`, with the faults that it asks for in the half that is trained on.
pub(crate) fn open_data(store: &dyn DatasetStore, config: &RunConfig) -> Result<Splits, DataError> {
    let mut splits = store.open(&config.data, config.seed)?;
    let faults = &config.faults;
    if faults.samples == 0 && faults.nan_at == 0 {
        return Ok(splits);
    }
    check(faults, splits.train.spec(), splits.train.len())?;
    if faults.samples > 0 {
        let spoilt = Spoilt::plant(splits.train, faults, config.seed);
        let ids: Vec<String> = spoilt.ids().map(|id| id.to_string()).collect();
        splits.notes.push(format!(
            "examples {} are spoilt on purpose, as faults.samples asks",
            ids.join(", ")
        ));
        splits.train = Box::new(spoilt);
        let what = format!("{}/{}/{}", splits.fingerprint, faults.samples, faults.scale);
        splits.fingerprint = blake3::hash(what.as_bytes()).to_hex().to_string();
    }
    Ok(splits)
}

fn check(faults: &FaultsConfig, spec: &DataSpec, len: u64) -> Result<(), DataError> {
    let error = |setting, what: String| DataError::new(setting, what, "leave it at 0");
    if !matches!(spec.input, InputSpec::Features { .. }) {
        let what = "faults can be planted among numbers, and these data are tokens";
        return Err(error("faults", what.into()));
    }
    if faults.samples > 0 && !matches!(spec.target, TargetSpec::Classes { .. }) {
        let what = "examples are spoilt by a wrong class, and these data have none";
        return Err(error("faults.samples", what.into()));
    }
    if faults.samples > len / 2 {
        let what = format!("more than half of the {len} examples would be spoilt");
        return Err(error("faults.samples", what));
    }
    Ok(())
}

/// Puts a NaN among the values of a batch, as a flipped bit in its memory would leave it.
pub(crate) fn flip_a_bit(batch: &mut Batch) {
    if let Inputs::Features { values, .. } = &mut batch.inputs
        && let Some(value) = values.first_mut()
    {
        *value = f32::NAN;
    }
}

/// Examples, some of which have a wrong class and far too large values.
struct Spoilt {
    inner: Box<dyn Dataset>,
    positions: BTreeSet<u64>,
    scale: f32,
    classes: u32,
}

impl Spoilt {
    fn plant(inner: Box<dyn Dataset>, faults: &FaultsConfig, seed: u64) -> Self {
        let mut draw = Key::new(seed).purpose("faults/samples").rng();
        let mut positions = BTreeSet::new();
        while (positions.len() as u64) < faults.samples {
            positions.insert(draw.below(inner.len()));
        }
        let classes = match &inner.spec().target {
            TargetSpec::Classes { names } => names.len() as u32,
            _ => 1,
        };
        Self {
            inner,
            positions,
            scale: faults.scale as f32,
            classes,
        }
    }

    fn ids(&self) -> impl Iterator<Item = SampleId> {
        self.positions
            .iter()
            .map(|position| self.inner.id(*position))
    }

    fn spoil(&self, batch: &mut Batch, row: usize) {
        if let Inputs::Features { shape, values } = &mut batch.inputs {
            let width = shape.iter().product::<usize>().max(1);
            for value in values.iter_mut().skip(row * width).take(width) {
                *value *= self.scale;
            }
        }
        if let Targets::Classes(classes) = &mut batch.targets
            && let Some(class) = classes.get_mut(row)
        {
            *class = (*class + 1) % self.classes.max(1);
        }
    }
}

impl Dataset for Spoilt {
    fn spec(&self) -> &DataSpec {
        self.inner.spec()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn id(&self, position: u64) -> SampleId {
        self.inner.id(position)
    }

    fn position(&self, id: SampleId) -> Option<u64> {
        self.inner.position(id)
    }

    fn batch(&self, positions: &[u64]) -> Result<Batch, DataError> {
        let mut batch = self.inner.batch(positions)?;
        for (row, position) in positions.iter().enumerate() {
            if self.positions.contains(position) {
                self.spoil(&mut batch, row);
            }
        }
        Ok(batch)
    }

    fn domains(&self) -> &[DomainRange] {
        self.inner.domains()
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        let words = self.inner.describe(position)?;
        Ok(match self.positions.contains(&position) {
            true => format!("{words} (spoilt on purpose)"),
            false => words,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn opened(recipe: &str, faults: FaultsConfig) -> Result<Splits, DataError> {
        let recipe = crate::Recipe::find(recipe).unwrap();
        let layers = crate::config::Layers::new(recipe.name, recipe.settings);
        let config = RunConfig {
            faults,
            ..layers.resolve().unwrap().config
        };
        open_data(&kitchen_data::Store::on_disk(""), &config)
    }

    fn faults(samples: u64) -> FaultsConfig {
        FaultsConfig {
            samples,
            scale: 100.0,
            nan_at: 0,
        }
    }

    #[test]
    fn so_many_examples_are_spoilt_and_no_other() {
        let sound = opened("digits", faults(0)).unwrap();
        let spoilt = opened("digits", faults(5)).unwrap();
        assert_ne!(sound.fingerprint, spoilt.fingerprint);
        let all: Vec<u64> = (0..sound.train.len()).collect();
        let (before, after) = (
            sound.train.batch(&all).unwrap(),
            spoilt.train.batch(&all).unwrap(),
        );
        let (Targets::Classes(was), Targets::Classes(is)) = (&before.targets, &after.targets)
        else {
            unreachable!("digits have classes");
        };
        let changed = was.iter().zip(is).filter(|(was, is)| was != is);
        assert_eq!(changed.count(), 5);
        let sum = |batch: &Batch| match &batch.inputs {
            Inputs::Features { values, .. } => values.iter().map(|v| f64::from(*v)).sum::<f64>(),
            Inputs::Tokens { .. } => 0.0,
        };
        assert!(sum(&after) > 1.2 * sum(&before));
        let note = spoilt.notes.last().unwrap();
        assert!(note.contains("spoilt on purpose"), "{note}");
    }

    #[test]
    fn what_cannot_be_spoilt_is_refused() {
        for (recipe, samples, expected) in [
            ("addition", 1, "these data are tokens"),
            ("digits", 1000, "more than half"),
        ] {
            let error = opened(recipe, faults(samples)).map(drop).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
