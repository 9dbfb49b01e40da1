//! What holds for every source of data.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use kitchen_data::{Sampler, Store, catalog, overview, tokenizer_from_json};
use kitchen_types::SampleId;
use kitchen_types::ports::{
    Batch, Dataset, DatasetStore, InputSpec, Inputs, Origin, Splits, TargetSpec, Targets,
};
use kitchen_types::random::Key;

fn open_all(seed: u64) -> impl Iterator<Item = (&'static str, Splits)> {
    let store = Store::new(common::files(), "cache");
    common::configs().into_iter().map(move |(name, config)| {
        let splits = store
            .open(&config, seed)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, splits)
    })
}

fn ids(data: &dyn Dataset) -> Vec<SampleId> {
    (0..data.len()).map(|position| data.id(position)).collect()
}

fn whole(data: &dyn Dataset) -> Batch {
    data.batch(&(0..data.len()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn no_id_is_in_both_halves_or_twice_in_one() {
    for (name, splits) in open_all(1) {
        let [train, validation] = [&splits.train, &splits.validation].map(|half| ids(&**half));
        assert!(!train.is_empty() && !validation.is_empty(), "{name}");
        let all: BTreeSet<SampleId> = train.iter().chain(&validation).copied().collect();
        assert_eq!(all.len(), train.len() + validation.len(), "{name}");
    }
}

/// Ids alone would not show a text whose windows overlap the other half, or the same row twice.
#[test]
fn no_token_is_in_both_halves() {
    let mut texts = 0;
    for (name, splits) in open_all(1) {
        let (InputSpec::Tokens { context, .. }, false) =
            (&splits.train.spec().input, name.starts_with("mixture"))
        else {
            continue;
        };
        let batch = whole(&*splits.train);
        if !matches!(&batch.targets, Targets::Tokens { mask, .. } if mask.is_empty()) {
            continue;
        }
        let last = ids(&*splits.train).last().unwrap().0 + *context as u64;
        assert!(last < splits.validation.id(0).0, "{name}");
        texts += 1;
    }
    assert_eq!(texts, 8);
}

#[test]
fn questions_and_words_of_one_half_are_not_in_the_other() {
    let mut lists = 0;
    for (name, splits) in open_all(1) {
        let texts = |half: &dyn Dataset| -> BTreeSet<String> {
            (0..half.len())
                .map(|position| half.describe(position).unwrap())
                .collect()
        };
        let masked = matches!(
            whole(&*splits.validation).targets,
            Targets::Tokens { mask, .. } if !mask.is_empty()
        );
        if masked {
            let [train, validation] = [texts(&*splits.train), texts(&*splits.validation)];
            assert!(train.is_disjoint(&validation), "{name}");
            lists += 1;
        }
    }
    assert_eq!(lists, 10);
}

#[test]
fn batches_have_the_shapes_that_the_spec_promises() {
    for (name, splits) in open_all(1) {
        for half in [&*splits.train, &*splits.validation] {
            let batch = whole(half);
            let count = half.len() as usize;
            assert_eq!(batch.ids, ids(half), "{name}");
            match (&half.spec().input, &batch.inputs) {
                (
                    InputSpec::Features { shape },
                    Inputs::Features {
                        shape: found,
                        values,
                    },
                ) => {
                    assert_eq!(found, shape, "{name}");
                    assert_eq!(
                        values.len(),
                        count * shape.iter().product::<usize>(),
                        "{name}"
                    );
                    assert!(values.iter().all(|value| value.is_finite()), "{name}");
                }
                (
                    InputSpec::Tokens {
                        vocabulary,
                        context,
                    },
                    Inputs::Tokens {
                        context: found,
                        values,
                    },
                ) => {
                    assert_eq!(found, context, "{name}");
                    assert_eq!(values.len(), count * context, "{name}");
                    assert!(
                        values.iter().all(|token| (*token as usize) < *vocabulary),
                        "{name}"
                    );
                }
                (spec, inputs) => panic!("{name}: {spec:?} {inputs:?}"),
            }
            match (&half.spec().target, &batch.targets) {
                (TargetSpec::Classes { names }, Targets::Classes(classes)) => {
                    assert_eq!(classes.len(), count, "{name}");
                    assert!(
                        classes.iter().all(|class| (*class as usize) < names.len()),
                        "{name}"
                    );
                }
                (TargetSpec::Values { width }, Targets::Values { values, .. }) => {
                    assert_eq!(values.len(), count * width, "{name}");
                    assert!(values.iter().all(|value| value.is_finite()), "{name}");
                }
                (TargetSpec::NextToken, Targets::Tokens { values, mask }) => {
                    assert_eq!(values.len(), batch.tokens(), "{name}");
                    assert!(mask.is_empty() || mask.len() == values.len(), "{name}");
                }
                (spec, targets) => panic!("{name}: {spec:?} {targets:?}"),
            }
        }
    }
}

/// In tokens, what comes out at one position goes in at the next, wherever it counts.
#[test]
fn targets_are_the_next_tokens() {
    for (name, splits) in open_all(1) {
        let batch = whole(&*splits.validation);
        let (
            Inputs::Tokens {
                context,
                values: inputs,
            },
            Targets::Tokens {
                values: targets, ..
            },
        ) = (&batch.inputs, &batch.targets)
        else {
            continue;
        };
        for (inputs, targets) in inputs.chunks(*context).zip(targets.chunks(*context)) {
            assert_eq!(inputs[1..], targets[..context - 1], "{name}");
        }
    }
}

#[test]
fn positions_and_ids_belong_together() {
    for (name, splits) in open_all(1) {
        for (half, other) in [
            (&splits.train, &splits.validation),
            (&splits.validation, &splits.train),
        ] {
            for position in 0..half.len() {
                let id = half.id(position);
                assert_eq!(half.position(id), Some(position), "{name}");
                assert_eq!(other.position(id), None, "{name}");
            }
            let beyond = half.batch(&[half.len()]);
            assert!(
                beyond.is_err() && half.describe(half.len()).is_err(),
                "{name}"
            );
        }
    }
}

#[test]
fn the_same_seed_opens_the_same_data() {
    for ((name, first), (_, second)) in open_all(3).zip(open_all(3)) {
        assert_eq!(first.fingerprint, second.fingerprint, "{name}");
        assert_eq!(whole(&*first.train), whole(&*second.train), "{name}");
        assert_eq!(
            whole(&*first.validation),
            whole(&*second.validation),
            "{name}"
        );
    }
}

#[test]
fn fingerprints_tell_data_sets_apart() {
    let fingerprints: BTreeSet<String> =
        open_all(1).map(|(_, splits)| splits.fingerprint).collect();
    assert_eq!(fingerprints.len(), common::configs().len());
    for ((name, first), (_, second)) in open_all(1).zip(open_all(2)) {
        // A text is always cut at the same place, and the test images are always the same.
        let same = matches!(name, "idx with test images")
            || (first.tokenizer.is_some() && whole(&*first.train) == whole(&*second.train));
        assert_eq!(first.fingerprint == second.fingerprint, same, "{name}");
    }
}

#[test]
fn tokenizers_travel_as_json() {
    for (name, splits) in open_all(1) {
        let Some(tokenizer) = splits.tokenizer else {
            continue;
        };
        let again = tokenizer_from_json(&tokenizer.to_json().unwrap()).unwrap();
        assert_eq!(again.to_json(), tokenizer.to_json(), "{name}");
        assert_eq!(again.vocabulary(), tokenizer.vocabulary(), "{name}");
        assert_eq!(again.boundary(), tokenizer.boundary(), "{name}");
        let every: Vec<u32> = (0..tokenizer.vocabulary() as u32).collect();
        assert_eq!(again.decode(&every), tokenizer.decode(&every), "{name}");
        assert!(tokenizer.decode(&[every.len() as u32]).is_err(), "{name}");
    }
}

#[test]
fn every_source_can_be_sampled_and_shown() {
    for (name, splits) in open_all(1) {
        let sampler = Sampler::new(&*splits.train, 8, Key::new(1)).unwrap();
        let positions = sampler
            .positions(&*splits.train, 0, 0, &BTreeSet::new())
            .unwrap();
        assert_eq!(splits.train.batch(&positions).unwrap().len(), 8, "{name}");
        let shown = overview(&splits, 2).unwrap();
        assert_eq!(shown.examples.len(), 2, "{name}");
        assert!(
            shown
                .examples
                .iter()
                .all(|example| !example.trim().is_empty()),
            "{name}"
        );
    }
}

#[test]
fn whatever_the_catalog_has_built_in_opens_without_files() {
    let store = Store::new(kitchen_data::Memory::new(), "");
    for entry in catalog() {
        let opened = store.open(&entry.config, 1);
        match entry.origin {
            Origin::BuiltIn => assert!(opened.is_ok(), "{}: {:?}", entry.name, opened.err()),
            // The built-in names are what a word list without a path means.
            Origin::File if entry.name == "words" => assert!(opened.is_ok()),
            Origin::Hub | Origin::File => assert!(opened.is_err(), "{}", entry.name),
        }
    }
}
