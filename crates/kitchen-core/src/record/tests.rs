#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use futures::executor::block_on;
use kitchen_types::event::Step;
use kitchen_types::ports::{BlobStore, MetricsStore};
use kitchen_types::{Event, Number, RunId};

use super::*;
use crate::store::Memory;

fn envelope(seq: u64, event: Event) -> Envelope {
    Envelope {
        run: RunId::new("test").unwrap(),
        seq,
        at_ms: 1000 + seq,
        event,
    }
}

fn stepped(step: u64) -> Event {
    Event::Stepped(Step {
        step,
        epoch: 1,
        loss: Number(1.0 / step as f64),
        accuracy: None,
        lr: Number(0.1),
        grad_norm: None,
        update_ratio: None,
        samples: 8,
        tokens: 0,
        duration_us: 10,
    })
}

fn steps(range: std::ops::Range<u64>) -> Vec<Envelope> {
    range.map(|seq| envelope(seq, stepped(seq + 1))).collect()
}

fn names(store: &Memory) -> Vec<String> {
    let files = block_on(store.list("")).unwrap();
    files.into_iter().map(|file| file.name).collect()
}

fn open(store: &Memory) -> (StoreRecorder, Record) {
    block_on(StoreRecorder::open(Rc::new(store.clone()))).unwrap()
}

/// Records `envelopes` with a flush after each `each` of them.
fn record(recorder: &mut StoreRecorder, envelopes: &[Envelope], each: usize) {
    for envelopes in envelopes.chunks(each) {
        for envelope in envelopes {
            block_on(recorder.record(envelope)).unwrap();
        }
        block_on(recorder.flush()).unwrap();
    }
}

#[test]
fn chunks_are_named_after_their_first_envelope_and_read_back_in_order() {
    let store = Memory::default();
    let (mut recorder, before) = open(&store);
    assert_eq!(before, Record::default());
    record(&mut recorder, &steps(0..25), 10);
    assert_eq!(
        names(&store),
        [
            "events/000000000000.jsonl",
            "events/000000000010.jsonl",
            "events/000000000020.jsonl"
        ]
    );
    assert_eq!(block_on(recorder.read()).unwrap(), steps(0..25));
    let (_, again) = open(&store);
    assert_eq!(again.next_seq, 25);
    assert_eq!(again.board, Board::replay(&steps(0..25)));
    assert_eq!(block_on(replay(&store)).unwrap(), again);
}

#[test]
fn what_was_not_flushed_is_not_there_and_nothing_flushed_is_lost() {
    let store = Memory::default();
    let (mut recorder, _) = open(&store);
    record(&mut recorder, &steps(0..3), 3);
    block_on(recorder.record(&steps(3..4)[0])).unwrap();
    assert_eq!(block_on(read(&store)).unwrap(), steps(0..3));
    block_on(recorder.flush()).unwrap();
    assert_eq!(block_on(read(&store)).unwrap(), steps(0..4));
}

#[test]
fn many_small_chunks_become_few() {
    let store = Memory::default();
    let (mut recorder, _) = open(&store);
    for seq in 0..500 {
        record(&mut recorder, &steps(seq..seq + 1), 1);
        assert!(names(&store).len() < 17);
    }
    assert_eq!(block_on(read(&store)).unwrap(), steps(0..500));
}

#[test]
fn a_merge_that_was_cut_off_loses_and_repeats_nothing() {
    // The merged chunk is in its place, and some of the others are still there.
    let store = Memory::default();
    let (mut recorder, _) = open(&store);
    record(&mut recorder, &steps(0..30), 10);
    let mut merged = Vec::new();
    for envelope in steps(0..30) {
        write_line(&mut merged, &envelope).unwrap();
    }
    block_on(store.put("events/000000000000.jsonl", &merged)).unwrap();
    block_on(store.delete("events/000000000020.jsonl")).unwrap();
    assert_eq!(block_on(read(&store)).unwrap(), steps(0..30));
    let (mut recorder, before) = open(&store);
    assert_eq!(before.next_seq, 30);
    record(&mut recorder, &steps(30..60), 1);
    assert_eq!(block_on(read(&store)).unwrap(), steps(0..60));
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_record_goes_on() {
    let whole = Memory::default();
    record(&mut open(&whole).0, &steps(0..4), 2);
    let last = "events/000000000002.jsonl";
    let bytes = block_on(whole.get(last)).unwrap();
    let first_line = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in 0..bytes.len() {
        let store = Memory::default();
        record(&mut open(&store).0, &steps(0..4), 2);
        block_on(store.put(last, &bytes[..cut])).unwrap();
        let kept = if cut < first_line { 2 } else { 3 };
        assert_eq!(
            block_on(read(&store)).unwrap(),
            steps(0..kept),
            "cut at {cut}"
        );
        let (mut recorder, before) = open(&store);
        assert_eq!(before.next_seq, kept, "cut at {cut}");
        record(&mut recorder, &steps(kept..6), 1);
        assert_eq!(block_on(read(&store)).unwrap(), steps(0..6), "cut at {cut}");
    }
}

#[test]
fn damage_in_the_middle_is_an_error_that_names_it() {
    let store = Memory::default();
    record(&mut open(&store).0, &steps(0..4), 2);
    let first = "events/000000000000.jsonl";
    let bytes = block_on(store.get(first)).unwrap();
    block_on(store.put(first, &bytes[..bytes.len() - 3])).unwrap();
    assert_eq!(
        block_on(read(&store)).unwrap_err().to_string(),
        "`events/000000000000.jsonl` could not be read: it ends in the middle of a line"
    );
    block_on(store.put(first, b"{}\n")).unwrap();
    let error = block_on(read(&store)).unwrap_err().to_string();
    assert!(error.contains("line 1 is not an event"), "{error}");
}

#[test]
fn a_history_ends_where_its_checkpoint_was_taken() {
    let saved = |step: u64| Event::CheckpointSaved {
        step,
        name: format!("step-{step}"),
        bytes: 1,
        best: false,
        blocked_ms: 0,
    };
    // Step 4 was over before the checkpoint of step 3 was written; later the run went back to 3,
    // and came by 3 no more.
    let events = [
        stepped(1),
        stepped(2),
        stepped(3),
        stepped(4),
        saved(3),
        stepped(5),
        Event::Restored {
            step: 3,
            name: "step-3".into(),
            lr: None,
            batch: None,
        },
        stepped(4),
        saved(4),
    ];
    let events: Vec<_> = events
        .into_iter()
        .zip(10..)
        .map(|(event, seq)| envelope(seq, event))
        .collect();
    let run = RunId::new("other").unwrap();
    let steps_of = |step| -> Vec<(u64, Option<u64>)> {
        history(&events, &run, step)
            .iter()
            .map(|it| match &it.event {
                Event::Stepped(step) => (it.seq, Some(step.step)),
                _ => (it.seq, None),
            })
            .collect()
    };
    let some = |steps: &[u64]| -> Vec<(u64, Option<u64>)> {
        (0..).zip(steps.iter().map(|step| Some(*step))).collect()
    };
    assert_eq!(steps_of(3), some(&[1, 2, 3]));
    // A checkpoint that nothing tells of: everything up to its step.
    assert_eq!(steps_of(2), some(&[1, 2]));
    assert_eq!(steps_of(4).len(), 6);
    assert!(history(&events, &run, 4).iter().all(|it| it.run == run));
}
