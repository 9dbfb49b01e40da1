//! A board is a pure fold: recorded or live, in one go or in two.

use std::collections::BTreeMap;

use expect_test::expect;
use kitchen_types::board::{Board, Phase, domain_share};
use kitchen_types::event::RunStatus;
use kitchen_types::series::Series;
use kitchen_types::supervision::Ask;
use kitchen_types::{Command, Envelope, Event, Number, RunConfig};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::schema::values_of;
use crate::wire::{anomaly, envelope, evaluation, mix, one_of_each, repair, step};

fn recorded(events: impl IntoIterator<Item = Event>) -> Vec<Envelope> {
    events
        .into_iter()
        .zip(0..)
        .map(|(event, seq)| envelope(seq, event))
        .collect()
}

fn started(step: u64) -> Event {
    Event::RunStarted {
        config: Box::default(),
        workflow: "supervised".into(),
        step,
    }
}

fn finished(status: RunStatus, step: u64) -> Event {
    Event::RunFinished {
        status,
        step,
        duration_ms: 1,
        reason: None,
    }
}

/// `count` steps after `after`, the loss of each being its number.
fn steps(after: u64, count: u64) -> impl Iterator<Item = Event> {
    (after + 1..=after + count).map(|number| Event::Stepped(step(number, number as f64)))
}

fn sampled(step: u64) -> Event {
    Event::Sampled {
        step,
        prompt: String::new(),
        text: "cat".into(),
    }
}

/// The steps of the curve `name`.
fn steps_of(board: &Board, name: &str) -> Vec<u64> {
    let buckets = board.curve(name).map(Series::buckets).unwrap_or_default();
    buckets.iter().map(|bucket| bucket.first).collect()
}

/// 3 steps, an evaluation and a checkpoint; killed in the fifth step; resumed from the checkpoint.
fn killed_and_resumed() -> Vec<Envelope> {
    let saved = Event::CheckpointSaved {
        step: 3,
        name: "step-3".into(),
        bytes: 10,
        best: true,
        blocked_ms: 0,
    };
    let restored = Event::Restored {
        step: 3,
        name: "step-3".into(),
        lr: None,
        batch: None,
    };
    let events = [started(0)].into_iter();
    recorded(
        events
            .chain(steps(0, 3))
            .chain([Event::Evaluated(evaluation(3, 0.5)), sampled(3), saved])
            .chain(steps(3, 2))
            .chain([Event::Evaluated(evaluation(5, 0.25)), sampled(5)])
            .chain([started(3), restored])
            .chain(steps(3, 1))
            .chain([finished(RunStatus::Completed, 4)]),
    )
}

#[test]
fn a_recorded_run_is_the_run_as_it_was_watched() {
    for envelopes in [recorded(one_of_each()), killed_and_resumed()] {
        let mut live = Board::default();
        for envelope in &envelopes {
            live.apply(envelope);
        }
        let read: Vec<Envelope> = envelopes
            .iter()
            .map(|envelope| serde_json::to_string(envelope).unwrap())
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect();
        assert_eq!(Board::replay(&read), live);
    }
}

#[test]
fn a_board_can_be_handed_over_in_the_middle() {
    let envelopes = killed_and_resumed();
    let whole = Board::replay(&envelopes);
    for cut in 0..=envelopes.len() {
        let (before, after) = envelopes.split_at(cut);
        let text = serde_json::to_string(&Board::replay(before)).unwrap();
        let mut board: Board = serde_json::from_str(&text).unwrap();
        for envelope in after {
            board.apply(envelope);
        }
        assert_eq!(board, whole, "handed over after {cut} envelopes");
    }
}

/// What a person has set is undone with the steps; what they had set by then is in force again.
#[test]
fn going_back_takes_back_what_was_set_since() {
    let applied = |command, step| Event::CommandApplied { command, step };
    let restored = |lr, batch| Event::Restored {
        step: 2,
        name: "step-2".into(),
        lr,
        batch,
    };
    let set = |restored| {
        let events = [started(0)].into_iter().chain(steps(0, 3));
        let board = Board::replay(&recorded(events.chain([
            applied(Command::SetLearningRate(Number(0.5)), 3),
            applied(Command::SetBatchSize(7), 3),
            restored,
        ])));
        (board.peak_lr, board.batch, board.steered)
    };
    let config = RunConfig::default();
    let asked = (Some(Number(config.lr)), Some(config.batch), None);
    assert_eq!(set(restored(None, None)), asked);
    let earlier = (Some(Number(0.25)), Some(5), None);
    assert_eq!(set(restored(Some(Number(0.25)), Some(5))), earlier);
}

#[test]
fn resuming_forgets_what_was_undone() {
    let envelopes = killed_and_resumed();
    let resumed = envelopes
        .iter()
        .position(|e| matches!(e.event, Event::RunStarted { step: 3, .. }))
        .unwrap();

    let before = Board::replay(&envelopes[..resumed]);
    assert_eq!(steps_of(&before, "train.loss"), [1, 2, 3, 4, 5]);
    assert_eq!(before.best.as_ref().map(|best| best.step), Some(5));
    assert_eq!(before.current_step(), 5);

    let mut board = Board::replay(&envelopes[..=resumed]);
    assert_eq!(steps_of(&board, "train.loss"), [1, 2, 3]);
    assert_eq!(steps_of(&board, "validation.loss"), [3]);
    assert_eq!(board.samples.len(), 1, "that of step 3");
    assert_eq!(board.current_step(), 3);
    assert_eq!(board.phase, Phase::Running);
    assert_eq!(board.checkpoints.len(), 1, "it is still on disk");
    assert!(
        board.step.is_none() && board.evaluation.is_none() && board.best.is_none(),
        "no number of an undone step is shown"
    );

    for envelope in &envelopes[resumed + 1..] {
        board.apply(envelope);
    }
    assert_eq!(steps_of(&board, "train.loss"), [1, 2, 3, 4]);
    assert_eq!(board.current_step(), 4);
    assert_eq!(board.trained_us, 6 * 1000, "the undone steps took time too");
    assert_eq!(
        board.phase,
        Phase::Finished {
            status: RunStatus::Completed,
            reason: None
        }
    );
    assert_eq!(board.seq, Some(envelopes.len() as u64 - 1));
}

#[test]
fn what_was_not_measured_has_no_curve() {
    let mut event = step(1, 2.0);
    event.accuracy = None;
    event.grad_norm = None;
    event.duration_us = 0;
    let board = Board::replay(&recorded([Event::Stepped(event)]));
    let curves: BTreeMap<&str, Option<(u64, f64)>> = board
        .series
        .iter()
        .map(|(name, series)| (name.as_str(), series.last()))
        .collect();
    assert_eq!(
        curves,
        BTreeMap::from([("lr", Some((1, 0.001))), ("train.loss", Some((1, 2.0)))])
    );
}

#[test]
fn the_best_evaluation_stays_when_a_worse_one_comes() {
    let mut worse = evaluation(2, 0.9);
    worse.best = false;
    let board = Board::replay(&recorded([
        Event::Evaluated(evaluation(1, 0.5)),
        Event::Evaluated(worse),
    ]));
    assert_eq!(board.best.map(|best| best.loss), Some(Number(0.5)));
    assert_eq!(
        board.evaluation.map(|newest| newest.loss),
        Some(Number(0.9))
    );
}

#[test]
fn domains_have_curves_and_are_told_when_they_come() {
    let board = Board::replay(&recorded([
        Event::Mixed(mix(0, [1.0, 0.0])),
        Event::Mixed(mix(50, [0.25, 0.75])),
        Event::Mixed(mix(60, [0.5, 0.5])),
    ]));
    let share = |name| board.curve(&domain_share(name)).map(Series::last);
    assert_eq!(share("prose"), Some(Some((60, 0.5))));
    assert_eq!(board.mix, Some(mix(60, [0.5, 0.5])));
    let notices: Vec<&str> = board.notices.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(notices, ["`code` comes from here on"]);
}

#[test]
fn checkpoints_come_and_go() {
    let saved = |step: u64| Event::CheckpointSaved {
        step,
        name: format!("step-{step}"),
        bytes: 1,
        best: false,
        blocked_ms: 0,
    };
    let board = Board::replay(&recorded([
        saved(1),
        saved(2),
        saved(3),
        // Asked for once more before the next step.
        saved(3),
        saved(2),
        Event::CheckpointRemoved {
            name: "step-1".into(),
        },
        Event::CheckpointRejected {
            name: "step-3".into(),
            reason: "its hash is wrong".into(),
        },
    ]));
    let names: Vec<&str> = board.checkpoints.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["step-2"]);
    let notices: Vec<&str> = board.notices.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(
        notices,
        ["checkpoint step-3 was not used: its hash is wrong"]
    );
}

#[test]
fn only_the_newest_notices_and_samples_are_kept() {
    let warnings = (0..200).map(|number| Event::Warning {
        message: number.to_string(),
    });
    let samples = (0..200).map(|number| Event::Sampled {
        step: number,
        prompt: String::new(),
        text: number.to_string(),
    });
    let board = Board::replay(&recorded(warnings.chain(samples)));
    assert_eq!(board.notices.len(), 50);
    assert_eq!(board.samples.len(), 50);
    assert_eq!(board.notices[49].text, "199");
    assert_eq!(board.samples[0].text, "150");
}

/// A recording may be damaged or made up: no envelope that can be read may bring a screen down.
#[test]
fn any_envelopes_are_survived() {
    let envelopes = proptest::collection::vec(values_of::<Envelope>(), 1..8);
    let config = Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&envelopes, |values| {
            let envelopes: Vec<Envelope> = values
                .into_iter()
                .map(|value| serde_json::from_value(value).unwrap())
                .collect();
            let board = Board::replay(&envelopes);
            prop_assert_eq!(board.seq, envelopes.last().map(|last| last.seq));
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_incident_that_is_told_again_is_the_same_one() {
    let ask = Ask {
        incident: 2,
        step: 5,
        reason: "it came back".into(),
        actions: vec![Command::Resume],
    };
    let told = [
        started(0),
        Event::AnomalyFound(anomaly(1)),
        Event::Repaired(repair(1)),
        // Cut off and resumed: what its supervisor knows is told again.
        Event::AnomalyFound(anomaly(1)),
        Event::Repaired(repair(1)),
        Event::AnomalyFound(anomaly(2)),
        Event::PersonAsked(ask.clone()),
    ];
    let mut board = Board::replay(&recorded(told));
    assert_eq!(board.incidents.len(), 2);
    assert_eq!(board.incidents[0].repair, Some(repair(1)));
    assert_eq!(
        board.open_question().and_then(|it| it.ask.clone()),
        Some(ask)
    );
    let answered = Event::PersonAnswered {
        incident: 2,
        step: 3,
    };
    board.apply(&envelope(9, answered));
    assert_eq!(board.open_question(), None);
    let said: Vec<_> = board.notices.iter().map(|it| it.text.as_str()).collect();
    expect![[r#"
        [
            "a jump of the loss at step 5: loss 312.5, expected below 1.25",
            "went back to step 3, and left out example 17",
            "a jump of the loss at step 5: loss 312.5, expected below 1.25",
            "a person is needed: it came back",
        ]
    "#]]
    .assert_debug_eq(&said);
}
