//! How good the supervisor is on real runs: small networks on digits, in some of which something is
//! planted. `KITCHEN_STUDY=300` takes so many of each kind, for the figures in
//! docs/supervision.md; a few are taken otherwise.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::collections::BTreeSet;

use common::{begin, config, events};
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::store::Memory;
use kitchen_types::board::Phase;
use kitchen_types::event::RunStatus;
use kitchen_types::supervision::AnomalyKind;
use kitchen_types::{Board, Event, SampleId};

const STEPS: u64 = 150;

fn runs() -> u64 {
    match std::env::var("KITCHEN_STUDY") {
        Ok(runs) => runs.parse().unwrap(),
        Err(_) => 8,
    }
}

/// A supervised run, and the ids that were spoilt in it.
fn watched(seed: u64, faults: &[&str]) -> (Board, BTreeSet<SampleId>) {
    let (seed, steps) = (format!("seed={seed}"), format!("steps={STEPS}"));
    let usual = [
        "supervisor=on",
        "model.hidden=[24]",
        "checkpoint.every=25",
        "evaluate.every=75",
        &seed,
        &steps,
    ];
    let run = begin(
        &config("digits", &[&usual, faults].concat()),
        &Memory::default(),
    );
    // Nobody answers: where a person is asked, the run ends.
    drop(run.commands);
    let envelopes: Vec<_> = block_on(run.events.collect());
    let spoilt = events(&envelopes).find_map(|event| match event {
        Event::Warning { message } => message
            .strip_suffix(" are spoilt on purpose, as faults.samples asks")?
            .strip_prefix("examples "),
        _ => None,
    });
    let spoilt = spoilt.into_iter().flat_map(|ids| ids.split(", "));
    let spoilt = spoilt.map(|id| SampleId(id.parse().unwrap())).collect();
    let board = Board::replay(&envelopes);
    let Phase::Finished { status, .. } = &board.phase else {
        panic!("the run did not end: {:?}", board.phase);
    };
    let expected = match board.open_question() {
        Some(_) => RunStatus::Waiting,
        None => RunStatus::Completed,
    };
    assert_eq!(*status, expected, "{seed} {faults:?}");
    (board, spoilt)
}

fn left_out(board: &Board) -> BTreeSet<SampleId> {
    let repairs = board.incidents.iter().filter_map(|it| it.repair.as_ref());
    repairs.flat_map(|repair| repair.left_out.clone()).collect()
}

#[test]
fn runs_without_a_fault_raise_no_alarm() {
    let raised: Vec<u64> = (0..runs())
        .filter(|&seed| !watched(seed, &[]).0.incidents.is_empty())
        .collect();
    eprintln!("false alarms in {} of {} runs", raised.len(), runs());
    assert!(raised.is_empty(), "seeds {raised:?}");
}

#[test]
fn every_nan_is_found_at_its_step() {
    for seed in 0..runs() {
        let step = 1 + seed * 37 % STEPS;
        let (board, _) = watched(seed, &[&format!("faults.nan_at={step}")]);
        let found: Vec<_> = board.incidents.iter().map(|it| &it.anomaly).collect();
        let [anomaly] = found.as_slice() else {
            panic!("seed {seed}, step {step}: {found:?}");
        };
        assert_eq!((anomaly.kind, anomaly.step), (AnomalyKind::NotFinite, step));
        assert!(left_out(&board).is_empty(), "seed {seed}");
    }
}

/// In a few the question comes first: a person is asked, and what is left is not looked for.
#[test]
fn spoilt_examples_are_found_and_only_they_are_left_out() {
    let (mut planted, mut named, mut asked) = (0, 0, 0);
    for seed in 0..runs() {
        let (board, spoilt) = watched(seed, &["faults.samples=2"]);
        let left_out = left_out(&board);
        assert!(
            !board.incidents.is_empty(),
            "seed {seed}: nothing was found"
        );
        assert!(left_out.is_subset(&spoilt), "seed {seed}: {left_out:?}");
        if board.open_question().is_some() {
            asked += 1;
            continue;
        }
        planted += spoilt.len();
        named += left_out.len();
    }
    eprintln!("{named} of {planted} spoilt examples were named; {asked} runs asked");
    // Of few runs that is all of them.
    assert!(100 * named >= 98 * planted, "{named} of {planted}");
    assert!(10 * asked <= runs(), "{asked} runs asked");
}
