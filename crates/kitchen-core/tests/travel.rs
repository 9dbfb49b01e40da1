//! Runs that travel, branch, and change their batches on the way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{begin, begin_as, config, events, finish, host};
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::checkpoint::{self, Checkpoint};
use kitchen_core::portable::{pack, unpack};
use kitchen_core::receipt::{compare, issue};
use kitchen_core::store::Memory;
use kitchen_core::{Branch, Which, fork};
use kitchen_data::Store;
use kitchen_types::ports::{
    Batch, DataError, DataSpec, Dataset, DatasetStore, DomainRange, Splits,
};
use kitchen_types::receipt::Agreement;
use kitchen_types::{Board, Command, Envelope, Event, RunConfig, RunId, SampleId};

fn last_checkpoint(store: &Memory) -> Checkpoint {
    let newest = block_on(checkpoint::load_newest(store, u64::MAX)).unwrap();
    newest.found.unwrap().1
}

fn bits(checkpoint: &Checkpoint) -> Vec<u32> {
    let model = &checkpoint.model;
    let tensors = model.weights.iter().chain(&model.optimizer);
    tensors
        .flat_map(|tensor| tensor.values.iter().map(|v| v.to_bits()))
        .collect()
}

fn id(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

/// A run that was cut off when it had saved for the second time, and what it said.
fn cut_off(config: &RunConfig) -> (Memory, Vec<Envelope>) {
    let store = Memory::default();
    let mut run = begin(config, &store);
    let (mut said, mut saves) = (Vec::new(), 0);
    while saves < 2 {
        let envelope = block_on(run.events.next()).unwrap();
        saves += u64::from(matches!(envelope.event, Event::CheckpointSaved { .. }));
        said.push(envelope);
    }
    (store, said)
}

#[test]
fn a_run_that_travels_ends_as_one_that_stays_bit_for_bit() {
    for (recipe, arguments) in [
        (
            "digits",
            &["steps=60", "checkpoint.every=12", "model.dropout=0.2"][..],
        ),
        (
            "addition",
            &[
                "steps=50",
                "checkpoint.every=12",
                "model.width=16",
                "model.layers=1",
                "batch=8",
                "evaluate.samples=16",
            ],
        ),
    ] {
        let config = config(recipe, arguments);
        let (store, said) = cut_off(&config);
        let file = pack(&last_checkpoint(&store), &config, &said).unwrap();
        finish(begin(&config, &store));

        let portable = unpack(&file.bytes).unwrap();
        let elsewhere = Memory::default();
        let to = Rc::new(elsewhere.clone());
        let mut record = block_on(portable.settle(id("moved"), to, 0)).unwrap();
        let next = record.len() as u64;
        record.extend(finish(begin_as("moved", next, &config, &elsewhere)));

        let (stayed, moved) = (last_checkpoint(&store), last_checkpoint(&elsewhere));
        assert_eq!(moved.state, stayed.state, "{recipe}");
        assert!(
            bits(&moved) == bits(&stayed),
            "{recipe}: the weights differ"
        );
        assert!(record.iter().map(|it| it.seq).eq(0..record.len() as u64));
        // Its curve is whole: every step is there, once.
        let board = Board::replay(&record);
        let curve = board.curve("train.loss").unwrap().buckets();
        assert!(curve.iter().all(|bucket| bucket.count == 1));
        assert_eq!(curve.len() as u64, board.current_step(), "{recipe}");
    }
}

fn branch(store: &Memory, config: &RunConfig, step: u64) -> Branch {
    block_on(Branch::at(store, config, Which::Step(step))).unwrap()
}

fn grow(
    branch: Branch,
    config: &RunConfig,
    said: &[Envelope],
) -> Result<(Memory, Vec<Envelope>), String> {
    let store = Memory::default();
    let to = Rc::new(store.clone());
    let data = Store::on_disk("");
    let forked = block_on(fork(branch, id("branch"), config, (said, 5), &data, to));
    forked
        .map(|forked| (store, forked.events))
        .map_err(|error| error.to_string())
}

#[test]
fn a_branch_with_nothing_changed_ends_as_the_run_does() {
    let config = config(
        "digits",
        &[
            "steps=50",
            "checkpoint.every=20",
            "checkpoint.keep=10",
            "model.hidden=[16]",
        ],
    );
    let store = Memory::default();
    let said = finish(begin(&config, &store));
    let (branched, record) = grow(branch(&store, &config, 20), &config, &said).unwrap();
    let ends = &record[record.len() - 2..];
    assert_eq!(
        ends[0].event,
        Event::Forked {
            from: id("test"),
            step: 20
        }
    );
    let board = Board::replay(&record);
    assert_eq!((board.current_step(), board.checkpoints.len()), (20, 1));
    assert_eq!(board.forked.unwrap().run, id("test"));

    finish(begin_as("branch", record.len() as u64, &config, &branched));
    assert!(bits(&last_checkpoint(&branched)) == bits(&last_checkpoint(&store)));
}

#[test]
fn a_branch_with_another_rate_goes_its_own_way_from_there() {
    let base = config(
        "digits",
        &["steps=40", "checkpoint.every=20", "model.hidden=[16]"],
    );
    let store = Memory::default();
    let said = finish(begin(&base, &store));
    let branch = branch(&store, &base, 20);
    let other = RunConfig {
        lr: 0.02,
        ..branch.config.clone()
    };
    let (branched, mut record) = grow(branch, &other, &said).unwrap();
    let next = record.len() as u64;
    record.extend(finish(begin_as("branch", next, &other, &branched)));
    let losses = |envelopes: &[Envelope]| -> Vec<_> {
        events(envelopes)
            .filter_map(|event| match event {
                Event::Stepped(step) => Some(step.loss),
                _ => None,
            })
            .collect()
    };
    let (before, after) = (losses(&said), losses(&record));
    assert_eq!(
        before[..21],
        after[..21],
        "step 21 still has the old weights"
    );
    assert_ne!(before[21..], after[21..]);
    assert_eq!(Board::replay(&record).peak_lr.unwrap().0, 0.02);
}

#[test]
fn another_rule_begins_its_optimizer_anew() {
    let base = config(
        "digits",
        &["steps=40", "checkpoint.every=20", "model.hidden=[16]"],
    );
    let store = Memory::default();
    let said = finish(begin(&base, &store));
    let other = config(
        "digits",
        &[
            "steps=40",
            "checkpoint.every=20",
            "model.hidden=[16]",
            "optimizer.algorithm=lion",
            "lr=0.0003",
        ],
    );
    let (branched, _) = grow(branch(&store, &base, 20), &other, &said).unwrap();
    assert!(last_checkpoint(&branched).model.optimizer.is_empty());
    let board = Board::replay(&finish(begin_as("branch", 0, &other, &branched)));
    assert_eq!(board.current_step(), 40);
    let end = last_checkpoint(&branched);
    assert_eq!(end.state.optimizer_from, 20);
    // Going on from there, it goes on with what the new rule remembers.
    let names = end.model.optimizer.iter().map(|it| it.name.as_str());
    assert!(names.clone().any(|name| name.ends_with(".exp_avg")));
    assert!(!names.clone().any(|name| name.ends_with(".exp_avg_sq")));
}

#[test]
fn what_cannot_change_in_a_branch_is_refused_in_words() {
    let arguments = ["steps=40", "checkpoint.every=20", "model.hidden=[16]"];
    let base = config("digits", &arguments);
    let store = Memory::default();
    finish(begin(&base, &store));
    for (argument, expected) in [
        (
            "model.hidden=[8]",
            "`model.mlp.hidden` cannot change in a branch",
        ),
        ("model=cnn", "cannot change in a branch"),
        ("seed=9", "`seed` decides which examples are held out"),
        (
            "data.validation=0.5",
            "the data are not those that test was trained on",
        ),
        (
            "steps=20",
            "nothing would be left to train: the checkpoint stands at step 20",
        ),
    ] {
        let mut changed: Vec<_> = arguments.to_vec();
        changed.push(argument);
        let said = grow(branch(&store, &base, 20), &config("digits", &changed), &[]);
        let said = said.unwrap_err();
        assert!(said.contains(expected), "{argument}: {said}");
    }
    let dropout = config("digits", &[&arguments[..], &["model.dropout=0.5"]].concat());
    assert!(grow(branch(&store, &base, 20), &dropout, &[]).is_ok());
}

/// A data set that notes which examples are asked for in batches of training.
struct Noting {
    inner: Box<dyn Dataset>,
    seen: Rc<RefCell<Vec<Vec<SampleId>>>>,
}

impl Dataset for Noting {
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
        let ids = positions.iter().map(|it| self.inner.id(*it)).collect();
        self.seen.borrow_mut().push(ids);
        self.inner.batch(positions)
    }

    fn domains(&self) -> &[DomainRange] {
        self.inner.domains()
    }

    fn describe(&self, position: u64) -> Result<String, DataError> {
        self.inner.describe(position)
    }
}

#[derive(Default)]
struct NotingStore(Rc<RefCell<Vec<Vec<SampleId>>>>);

impl DatasetStore for NotingStore {
    fn open(
        &self,
        config: &kitchen_types::config::DataConfig,
        seed: u64,
    ) -> Result<Splits, DataError> {
        let splits = Store::on_disk("").open(config, seed)?;
        Ok(Splits {
            train: Box::new(Noting {
                inner: splits.train,
                seen: self.0.clone(),
            }),
            ..splits
        })
    }
}

/// Lets a run go on, sends `command` once `step` steps were reported, and gives what it said.
fn told(config: &RunConfig, store: &Memory, step: usize, command: Command) -> Vec<Envelope> {
    let mut run = begin(config, store);
    let (mut said, mut stepped) = (Vec::new(), 0);
    while let Some(envelope) = block_on(run.events.next()) {
        if matches!(envelope.event, Event::Stepped(_)) {
            stepped += 1;
            if stepped == step {
                assert!(run.commands.send(command.clone()));
            }
        }
        said.push(envelope);
    }
    said
}

/// 1,438 examples are trained on; batches of 32 are 44 steps an epoch, of 100 they are 14.
#[test]
fn another_batch_size_takes_over_where_the_last_batch_ended() {
    let base = config(
        "digits",
        &[
            "steps=2 epochs",
            "checkpoint.every=5",
            "evaluate.every=1 epoch",
            "schedule.warmup=0",
            "model.hidden=[8]",
        ],
    );
    let said = told(&base, &Memory::default(), 20, Command::SetBatchSize(100));
    let at = events(&said)
        .find_map(|event| match event {
            Event::CommandApplied { step, .. } => Some(*step),
            _ => None,
        })
        .unwrap();
    let left = (1438 - 32 * at) / 100;
    let steps: Vec<_> = events(&said)
        .filter_map(|event| match event {
            Event::Stepped(step) => Some((step.epoch, step.samples)),
            _ => None,
        })
        .collect();
    let of = |epoch, samples| steps.iter().filter(|it| **it == (epoch, samples)).count() as u64;
    assert_eq!((of(1, 32), of(1, 100), of(2, 100)), (at, left, 14));
    let ends: Vec<u64> = events(&said)
        .filter_map(|event| match event {
            Event::EpochFinished { step, .. } => Some(*step),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [at + left, at + left + 14]);
    let measured: Vec<u64> = events(&said)
        .filter_map(|event| match event {
            Event::Evaluated(it) => Some(it.step),
            _ => None,
        })
        .collect();
    assert_eq!(measured, ends, "once an epoch");
    let board = Board::replay(&said);
    assert_eq!(
        (board.steps_planned, board.batch),
        (at + left + 14, Some(100))
    );
    assert_eq!(board.steered, Some(at));
    // From where a person stepped in, the settings alone promise nothing.
    let receipt = issue(&board, None).unwrap();
    assert!(receipt.points.iter().all(|point| point.step <= at));
    assert_eq!(compare(&receipt, &board).agreement, Agreement::Exact);
}

/// Which examples are read: none twice and none left out within an epoch, live or in a branch.
#[test]
fn no_example_is_repeated_or_skipped_when_batches_change() {
    let base = config(
        "digits",
        &[
            "steps=44",
            "checkpoint.every=10",
            "checkpoint.keep=10",
            "schedule.warmup=0",
            "model.hidden=[8]",
        ],
    );
    let store = Memory::default();
    finish(begin(&base, &store));
    let branch = branch(&store, &base, 20);
    let other = RunConfig {
        batch: 50,
        steps: kitchen_types::config::Span::Epochs(1),
        ..branch.config.clone()
    };
    let (branched, _) = grow(branch, &other, &[]).unwrap();

    let read = |config: &RunConfig, store: &Memory| -> Vec<SampleId> {
        let noting = NotingStore::default();
        let seen = noting.0.clone();
        let run = common::begin_with(id("x"), 0, config, host(store, Rc::new(noting)));
        finish(run);
        // The first was read to see what a step takes.
        seen.borrow()
            .iter()
            .skip(1)
            .filter(|ids| ids.len() == config.batch)
            .flatten()
            .copied()
            .collect()
    };
    let before: Vec<_> = read(&base, &Memory::default())[..20 * 32].to_vec();
    let after = read(&other, &branched);
    assert_eq!(after.len(), (1438 - 640) / 50 * 50);
    let mut all: Vec<_> = before.iter().chain(&after).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), before.len() + after.len());
}

#[test]
fn a_run_whose_batches_changed_is_resumed_exactly() {
    let base = config(
        "playground",
        &[
            "steps=80",
            "checkpoint.every=10",
            "checkpoint.keep=9",
            "optimizer.accumulate=2",
        ],
    );
    let whole = Memory::default();
    told(&base, &whole, 15, Command::SetBatchSize(7));
    let end = last_checkpoint(&whole);
    let resized = end.state.resized.clone().unwrap();
    assert_eq!(resized.batch, 7);

    // Everything after a checkpoint of the changed run goes, as after a crash.
    let pieced = whole.clone();
    let saved = block_on(checkpoint::list(&pieced)).unwrap();
    for it in saved.iter().rev().take(2) {
        block_on(checkpoint::delete(&pieced, &it.name)).unwrap();
    }
    let before = last_checkpoint(&pieced);
    assert!(before.state.step < 80 && before.state.step > resized.step);
    let said = finish(begin(&base, &pieced));
    assert!(events(&said).any(|event| matches!(event, Event::Restored { .. })));
    let again = last_checkpoint(&pieced);
    assert_eq!(again.state, end.state);
    assert!(bits(&again) == bits(&end));
}

#[test]
fn a_batch_size_that_is_none_is_refused() {
    let base = config("playground", &["steps=30"]);
    for size in [0, 1 << 21] {
        let said = told(&base, &Memory::default(), 5, Command::SetBatchSize(size));
        let refused = events(&said).find_map(|event| match event {
            Event::CommandRefused { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(refused.unwrap().contains("it must be from 1 to 1048576"));
        assert_eq!(Board::replay(&said).current_step(), 30);
    }
}
