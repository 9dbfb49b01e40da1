//! A run that is cut off and resumed ends as an uninterrupted one does, bit for bit.
#![allow(clippy::unwrap_used)]

mod common;

use common::{abandon_after, begin, config, events, finish};
use futures::executor::block_on;
use kitchen_core::checkpoint::{self, Checkpoint};
use kitchen_core::store::Memory;
use kitchen_types::{Event, RunConfig};

fn last_checkpoint(store: &Memory) -> Checkpoint {
    let newest = block_on(checkpoint::load_newest(store, u64::MAX)).unwrap();
    newest.found.unwrap().1
}

fn uninterrupted(config: &RunConfig) -> Checkpoint {
    let store = Memory::default();
    finish(begin(config, &store));
    last_checkpoint(&store)
}

/// Cuts the run after each of `cuts` events, resumes it, and lets it end.
fn interrupted(config: &RunConfig, cuts: &[usize]) -> (Checkpoint, Vec<u64>) {
    let store = Memory::default();
    for cut in cuts {
        abandon_after(begin(config, &store), *cut);
    }
    let last = finish(begin(config, &store));
    let resumed_at = events(&last)
        .filter_map(|event| match event {
            Event::Restored { step, .. } => Some(*step),
            _ => None,
        })
        .collect();
    (last_checkpoint(&store), resumed_at)
}

fn bits(checkpoint: &Checkpoint) -> Vec<u32> {
    let tensors = checkpoint
        .model
        .weights
        .iter()
        .chain(&checkpoint.model.optimizer);
    tensors
        .flat_map(|tensor| tensor.values.iter().map(|v| v.to_bits()))
        .collect()
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let table: &[(&str, &[&str])] = &[
        // Dropout, mid-epoch saves, evaluation in between.
        (
            "digits",
            &[
                "steps=120",
                "checkpoint.every=25",
                "evaluate.every=40",
                "model.dropout=0.3",
            ],
        ),
        // Several batches a step, and an epoch's end between two saves.
        (
            "playground",
            &[
                "steps=60",
                "checkpoint.every=7",
                "optimizer.accumulate=3",
                "optimizer.algorithm=sgd",
            ],
        ),
        // A guard that skips a NaN, clips now and then, and remembers what for.
        (
            "digits",
            &[
                "steps=60",
                "checkpoint.every=17",
                "faults.nan_at=20",
                "guard=zclip",
                "guard.warmup=5",
                "guard.z_threshold=1.0",
            ],
        ),
        // A sequence model with samples written on the way.
        (
            "addition",
            &[
                "steps=30",
                "checkpoint.every=8",
                "sample.every=10",
                "evaluate.every=12",
                "model.width=16",
                "model.layers=1",
                "model.dropout=0.1",
                "batch=8",
                "evaluate.samples=32",
            ],
        ),
        // A mixture whose shares follow its evaluations, several batches a step.
        (
            "forgetting",
            &[
                "steps=60",
                "checkpoint.every=7",
                "optimizer.accumulate=2",
                "curriculum.floor=0.2",
                "data.domains=[\
                    {name='sums', weight=1, data.sequence={task='addition', samples=100}},\
                    {name='words', weight=5, from=20, data.sequence={task='copying', length=3}}\
                ]",
                "model.width=16",
                "model.layers=1",
                "batch=8",
                "evaluate.every=5",
                "evaluate.samples=32",
            ],
        ),
    ];
    for (recipe, arguments) in table {
        let config = config(recipe, arguments);
        let whole = uninterrupted(&config);
        let (pieced, resumed_at) = interrupted(&config, &[60, 75, 5]);
        assert_eq!(pieced.state, whole.state, "{recipe}");
        assert!(
            bits(&pieced) == bits(&whole),
            "{recipe}: weights or optimizer differ"
        );
        assert!(
            resumed_at.iter().all(|step| *step > 0) && resumed_at.len() == 1,
            "{recipe}: {resumed_at:?}"
        );
    }
}

#[test]
fn a_finished_run_that_is_resumed_changes_nothing() {
    let config = config("digits", &["steps=20", "model.hidden=[8]"]);
    let store = Memory::default();
    finish(begin(&config, &store));
    let before = last_checkpoint(&store);
    let again = finish(begin(&config, &store));
    assert_eq!(last_checkpoint(&store), before);
    assert!(!events(&again).any(|event| matches!(event, Event::Stepped(_))));
}

#[test]
fn data_that_changed_are_refused() {
    let store = Memory::default();
    finish(begin(&config("playground", &["steps=5"]), &store));
    let other = finish(begin(
        &config("playground", &["steps=9", "data.noise=0.3"]),
        &store,
    ));
    let reason = events(&other).find_map(|event| match event {
        Event::RunFinished { reason, .. } => reason.clone(),
        _ => None,
    });
    assert!(
        reason
            .unwrap()
            .contains("the data are not those of step-000000005")
    );
}
