//! A run that looks after itself: planted faults, a fault that comes back, people, and crashes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use common::{abandon_after, begin, config, events, finish};
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::checkpoint;
use kitchen_core::store::Memory;
use kitchen_types::board::{Notice, Phase};
use kitchen_types::event::RunStatus;
use kitchen_types::ports::BlobStore;
use kitchen_types::supervision::{AnomalyKind, Strategy, SupervisorState};
use kitchen_types::{Board, Command, Envelope, Event, Number, RunConfig, SampleId};

/// The recipe over fewer steps, with the NaN early.
const SHORT: &[&str] = &[
    "steps=120",
    "faults.nan_at=60",
    "checkpoint.every=20",
    "evaluate.every=40",
];

fn night(arguments: &[&str]) -> RunConfig {
    config("night-shift", arguments)
}

fn short(more: &[&str]) -> RunConfig {
    night(&[SHORT, more].concat())
}

fn ended(board: &Board) -> (RunStatus, String) {
    match &board.phase {
        Phase::Finished { status, reason } => (*status, reason.clone().unwrap_or_default()),
        other => panic!("the run did not end: {other:?}"),
    }
}

fn left_out(board: &Board) -> BTreeSet<SampleId> {
    let repairs = board.incidents.iter().filter_map(|it| it.repair.as_ref());
    repairs.flat_map(|repair| repair.left_out.clone()).collect()
}

/// The ids that the run says it has spoilt.
fn planted(envelopes: &[Envelope]) -> BTreeSet<SampleId> {
    let note = events(envelopes).find_map(|event| match event {
        Event::Warning { message } => {
            message.strip_suffix(" are spoilt on purpose, as faults.samples asks")
        }
        _ => None,
    });
    let ids = note.unwrap().strip_prefix("examples ").unwrap().split(", ");
    ids.map(|id| SampleId(id.parse().unwrap())).collect()
}

fn kept(store: &Memory) -> SupervisorState {
    serde_json::from_slice(&block_on(store.get("supervisor.json")).unwrap()).unwrap()
}

#[test]
fn the_night_shift_ends_as_well_as_a_clean_run_and_names_what_was_planted() {
    let envelopes = finish(begin(&night(&[]), &Memory::default()));
    let board = Board::replay(&envelopes);
    assert_eq!(
        ended(&board).0,
        RunStatus::Completed,
        "{:#?}",
        board.incidents
    );
    assert_eq!(left_out(&board), planted(&envelopes));
    assert_eq!(planted(&envelopes).len(), 4);
    let retried = |kind, strategy| {
        let mut found = board.incidents.iter();
        found.any(|it| {
            it.anomaly.kind == kind && it.repair.as_ref().is_some_and(|r| r.strategy == strategy)
        })
    };
    assert!(retried(AnomalyKind::NotFinite, Strategy::Retry));

    let clean = night(&["faults.samples=0", "faults.nan_at=0", "supervisor=off"]);
    let clean = Board::replay(&finish(begin(&clean, &Memory::default())));
    let accuracy = |board: &Board| board.evaluation.as_ref().unwrap().accuracy.unwrap().0;
    let (with, without) = (accuracy(&board), accuracy(&clean));
    assert!(without > 0.94, "{without}");
    assert!(
        with > without - 0.01,
        "{with} is not within 1 % of {without}"
    );
}

#[test]
fn with_nobody_watching_the_same_faults_are_its_ruin() {
    let board = Board::replay(&finish(begin(
        &night(&["supervisor=off"]),
        &Memory::default(),
    )));
    let (status, reason) = ended(&board);
    assert_eq!(status, RunStatus::Failed);
    assert!(reason.contains("training has diverged"), "{reason}");
}

#[test]
fn a_clean_run_is_left_alone() {
    for recipe in ["digits", "playground", "table"] {
        let watched = config(recipe, &["supervisor=on", "steps=300"]);
        let board = Board::replay(&finish(begin(&watched, &Memory::default())));
        assert_eq!(ended(&board).0, RunStatus::Completed);
        assert!(
            board.incidents.is_empty(),
            "{recipe}: {:#?}",
            board.incidents
        );
    }
}

#[test]
fn what_is_left_out_never_enters_a_batch_again() {
    let store = Memory::default();
    let config = short(&[]);
    let envelopes = finish(begin(&config, &store));
    let state = kept(&store);
    assert!(!state.blacklist.is_empty());
    assert_eq!(state.blacklist, left_out(&Board::replay(&envelopes)));
    let (_, last) = block_on(checkpoint::load_newest(&store, u64::MAX))
        .unwrap()
        .found
        .unwrap();
    assert_eq!(last.state.blacklist, state.blacklist);
    // After the repair of an example, no step that is anomalous holds it again: each is named once.
    let named: Vec<SampleId> = events(&envelopes)
        .filter_map(|event| match event {
            Event::Repaired(repair) => Some(repair.left_out.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(named.len(), state.blacklist.len());
    // Batches stay full.
    assert!(events(&envelopes).all(|event| match event {
        Event::Stepped(step) => step.samples == 32,
        _ => true,
    }));
}

/// Cut off anywhere and resumed, it ends as if it had not been, with each repair once.
#[test]
fn a_crash_at_any_point_loses_and_repeats_nothing() {
    let config = short(&[]);
    let whole = Memory::default();
    let told = finish(begin(&config, &whole)).len();
    let (_, expected) = block_on(checkpoint::load_newest(&whole, u64::MAX))
        .unwrap()
        .found
        .unwrap();
    for cut in (5..told).step_by(told / 20) {
        let store = Memory::default();
        let mut seen = abandon_after(begin(&config, &store), cut);
        seen.extend(finish(begin(&config, &store)));
        let (_, pieced) = block_on(checkpoint::load_newest(&store, u64::MAX))
            .unwrap()
            .found
            .unwrap();
        assert_eq!(pieced.state, expected.state, "cut after {cut} events");
        assert!(pieced.model == expected.model, "cut after {cut} events");
        let (mine, theirs) = (kept(&store), kept(&whole));
        assert_eq!(
            (mine.incidents, &mine.blacklist),
            (theirs.incidents, &theirs.blacklist),
            "cut after {cut}"
        );
        let board = Board::replay(&seen);
        assert_eq!(
            board.incidents.len() as u64,
            theirs.incidents,
            "cut after {cut}"
        );
    }
}

/// A fault that no example explains, and that comes back until a person is asked.
fn hopeless() -> RunConfig {
    config(
        "digits",
        &[
            "supervisor=on",
            "supervisor.max_retries=1",
            "supervisor.grad_norm_threshold=1e-6",
            "steps=30",
            "checkpoint.every=10",
        ],
    )
}

#[test]
fn where_nobody_can_answer_the_run_ends_waiting_and_resuming_goes_on() {
    let store = Memory::default();
    let mut run = begin(&hopeless(), &store);
    let mut seen = Vec::new();
    while let Some(envelope) = block_on(run.events.next()) {
        if matches!(envelope.event, Event::PersonAsked(_)) {
            // As a front end does that has no screen.
            run.commands.send(Command::Stop);
        }
        seen.push(envelope);
    }
    let board = Board::replay(&seen);
    let (status, reason) = ended(&board);
    assert_eq!(status, RunStatus::Waiting);
    assert!(reason.contains("it came back after 1 repairs"), "{reason}");
    assert!(
        !board
            .open_question()
            .unwrap()
            .ask
            .as_ref()
            .unwrap()
            .actions
            .is_empty()
    );

    let again = begin(&hopeless(), &store);
    // Whatever it is told while it waits, it can do.
    for command in [
        Command::SetLearningRate(Number(0.001)),
        Command::SkipBatch,
        Command::SetBatchSize(16),
        Command::RollBack { step: u64::MAX },
        Command::Save,
        Command::Step,
    ] {
        again.commands.send(command);
    }
    let is_answer = |envelope: &Envelope| matches!(envelope.event, Event::PersonAnswered { .. });
    let mut answers = again.events.filter(|it| std::future::ready(is_answer(it)));
    assert!(block_on(answers.next()).is_some());
    assert_eq!(kept(&store).lr, Some(Number(0.001)));
}

#[test]
fn a_person_who_is_there_answers_and_the_run_goes_on() {
    let mut run = begin(&hopeless(), &Memory::default());
    let mut asked = 0;
    let mut story = Vec::new();
    while let Some(envelope) = block_on(run.events.next()) {
        match &envelope.event {
            Event::PersonAsked(_) if asked == 0 => {
                asked += 1;
                // Twice: the second has no effect.
                run.commands.send(Command::SetClipNorm(Number(0.5)));
                run.commands.send(Command::Resume);
                run.commands.send(Command::Resume);
            }
            Event::PersonAsked(_) => {
                run.commands.send(Command::Stop);
            }
            _ => {}
        }
        story.push(envelope);
    }
    let count =
        |wanted: &dyn Fn(&Event) -> bool| events(&story).filter(|event| wanted(event)).count();
    assert_eq!(
        count(&|event| matches!(event, Event::PersonAnswered { .. })),
        1
    );
    assert_eq!(
        count(&|event| matches!(
            event,
            Event::CommandApplied {
                command: Command::SetClipNorm(_),
                ..
            }
        )),
        1
    );
    assert_eq!(
        count(&|event| matches!(
            event,
            Event::CommandRefused {
                command: Command::Resume,
                ..
            }
        )),
        1
    );
    assert_eq!(ended(&Board::replay(&story)).0, RunStatus::Waiting);
}

/// A learning rate that no network survives: its units put out the same for every example.
#[test]
fn a_network_that_died_is_told_of() {
    let settings = ["supervisor=on", "lr=3", "steps=100", "evaluate.every=50"];
    let seen = finish(begin(&config("digits", &settings), &Memory::default()));
    let notices = Board::replay(&seen).notices;
    let told = |notice: &Notice| notice.text.contains("of the 64 units of layers.1 put out");
    assert_eq!(
        notices.iter().filter(|it| told(it)).count(),
        1,
        "{notices:?}"
    );
}
