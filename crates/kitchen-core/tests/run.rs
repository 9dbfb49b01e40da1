//! A run from request to weights, and what people can do to it on the way.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{begin, board, config, events, finish};
use expect_test::expect;
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::store::Memory;
use kitchen_types::board::Phase;
use kitchen_types::event::RunStatus;
use kitchen_types::ports::BlobStore;
use kitchen_types::{Board, Command, Event, Number};

/// The story of a run in a few words: runs of steps are counted, stages left out.
fn story(envelopes: &[kitchen_types::Envelope]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut steps = 0;
    for event in events(envelopes) {
        if let Event::Stepped(_) = event {
            steps += 1;
            continue;
        }
        if matches!(
            event,
            Event::StageStarted { .. } | Event::StageFinished { .. }
        ) {
            continue;
        }
        if steps > 0 {
            lines.push(format!("{steps} steps"));
            steps = 0;
        }
        let json = serde_json::to_value(event).unwrap();
        lines.push(json.as_object().unwrap().keys().next().unwrap().clone());
    }
    lines.join("\n")
}

#[test]
fn the_story_of_a_small_run() {
    let config = config(
        "digits",
        &[
            "steps=6",
            "evaluate.every=3",
            "checkpoint.every=2",
            "model.hidden=[8]",
        ],
    );
    let store = Memory::default();
    let envelopes = finish(begin(&config, &store));
    expect![[r#"
        run_started
        dataset_loaded
        planned
        device_chosen
        session_opened
        2 steps
        checkpoint_saved
        1 steps
        evaluated
        checkpoint_saved
        1 steps
        checkpoint_saved
        2 steps
        evaluated
        checkpoint_saved
        checkpoint_removed
        exported
        exported
        run_finished"#]]
    .assert_eq(&story(&envelopes));

    let numbers: Vec<u64> = envelopes.iter().map(|envelope| envelope.seq).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
    let names: Vec<String> = block_on(store.list("export/"))
        .unwrap()
        .into_iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(names, ["export/card.json", "export/model.safetensors"]);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_another_seed_others() {
    let weights = |seed: &str| {
        let store = Memory::default();
        finish(begin(&config("digits", &["steps=30", seed]), &store));
        block_on(store.get("export/model.safetensors")).unwrap()
    };
    assert!(weights("seed=1") == weights("seed=1"));
    assert!(weights("seed=1") != weights("seed=2"));
}

#[test]
fn digits_are_learnt() {
    let board = board(&config("digits", &["steps=10 epochs"]));
    let accuracy = board.evaluation.unwrap().accuracy.unwrap();
    assert!(accuracy.0 >= 0.95, "{accuracy}");
}

#[test]
fn early_stopping_ends_the_run_and_exports_the_best() {
    let config = config(
        "playground",
        &[
            "steps=5000",
            "lr=0.1",
            "model.hidden=[64,64]",
            "evaluate.every=20",
            "early_stopping.patience=3",
            "data.samples=60",
            "data.noise=0.3",
        ],
    );
    let store = Memory::default();
    let envelopes = finish(begin(&config, &store));
    let board = Board::replay(&envelopes);
    let (stopped, best) = events(&envelopes)
        .find_map(|event| match event {
            Event::StoppedEarly {
                step, best_step, ..
            } => Some((*step, *best_step)),
            _ => None,
        })
        .unwrap();
    assert!(best < stopped && stopped < 5000);
    assert_eq!(board.best.unwrap().step, best);
    let card = block_on(store.get("export/card.json")).unwrap();
    let card: kitchen_types::card::ModelCard = serde_json::from_slice(&card).unwrap();
    assert_eq!(card.step, best);
    assert!(matches!(
        board.phase,
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        }
    ));
}

#[test]
fn divergence_fails_the_run_and_says_what_to_do() {
    let config = config(
        "table",
        &["data.name=diabetes", "lr=1e30", "optimizer.algorithm=sgd"],
    );
    let Phase::Finished { status, reason } = board(&config).phase else {
        panic!("the run did not finish");
    };
    assert_eq!(status, RunStatus::Failed);
    let reason = reason.unwrap();
    assert!(
        reason.contains("training has diverged; lower lr"),
        "{reason}"
    );
}

/// Lets a run take `steps` steps, sends commands, and lets it end.
fn with_commands(
    arguments: &[&str],
    steps: usize,
    commands: &[Command],
) -> Vec<kitchen_types::Envelope> {
    let mut run = begin(&config("playground", arguments), &Memory::default());
    let mut seen = Vec::new();
    let mut stepped = 0;
    while let Some(envelope) = block_on(run.events.next()) {
        if matches!(envelope.event, Event::Stepped(_)) {
            stepped += 1;
            if stepped == steps {
                for command in commands {
                    assert!(run.commands.send(command.clone()));
                }
            }
        }
        seen.push(envelope);
    }
    seen
}

fn applied(envelopes: &[kitchen_types::Envelope]) -> Vec<&Command> {
    events(envelopes)
        .filter_map(|event| match event {
            Event::CommandApplied { command, .. } => Some(command),
            _ => None,
        })
        .collect()
}

#[test]
fn stop_saves_and_ends() {
    let seen = with_commands(&["steps=500"], 10, &[Command::Stop]);
    let board = Board::replay(&seen);
    assert!(matches!(
        board.phase,
        Phase::Finished {
            status: RunStatus::Stopped,
            ..
        }
    ));
    assert_eq!(board.checkpoints.last().unwrap().step, board.current_step());
    assert!(board.current_step() < 20);
}

#[test]
fn a_paused_run_waits_and_goes_on() {
    let seen = with_commands(&["steps=30"], 10, &[Command::Pause, Command::Resume]);
    let pauses: Vec<_> = events(&seen)
        .filter(|event| matches!(event, Event::Paused { .. } | Event::Resumed { .. }))
        .collect();
    assert_eq!(pauses.len(), 2);
    assert_eq!(Board::replay(&seen).current_step(), 30);
}

/// Each wish is one step, whether they come one by one or all at once; what is wished for after one
/// is about the step that it leads to. The last step ends the run.
#[test]
fn a_step_is_one_step_and_the_run_stays_paused() {
    let commands = [
        Command::Pause,
        Command::Step,
        Command::SetLearningRate(Number(0.5)),
        Command::Step,
        Command::Step,
        Command::Resume,
    ];
    let seen = with_commands(&["steps=30", "schedule.shape=constant"], 10, &commands);
    let told = events(&seen).filter_map(|event| match event {
        Event::Paused { step } => Some(format!("paused {step}")),
        Event::Resumed { step } => Some(format!("resumed {step}")),
        Event::CommandApplied { command, step } => Some(format!("{command:?} {step}")),
        Event::Stepped(step) if (11..=15).contains(&step.step) => {
            Some(format!("stepped {} at {}", step.step, step.lr))
        }
        _ => None,
    });
    expect![[r#"
        stepped 11 at 0.01
        paused 11
        Step 11
        stepped 12 at 0.01
        paused 12
        SetLearningRate(0.5) 12
        Step 12
        stepped 13 at 0.5
        paused 13
        Step 13
        stepped 14 at 0.5
        paused 14
        resumed 14
        stepped 15 at 0.5"#]]
    .assert_eq(&told.collect::<Vec<_>>().join("\n"));
    assert_eq!(Board::replay(&seen).current_step(), 30);
}

#[test]
fn a_run_that_goes_on_pauses_after_the_step_and_the_last_step_ends_it() {
    let commands = [Command::Step, Command::Step, Command::Step];
    let seen = with_commands(&["steps=13"], 10, &commands);
    let pauses = events(&seen).filter_map(|event| match event {
        Event::Paused { step } => Some(*step),
        _ => None,
    });
    assert_eq!(pauses.collect::<Vec<_>>(), [12]);
    assert!(matches!(
        Board::replay(&seen).phase,
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        }
    ));
}

#[test]
fn the_learning_rate_changes_and_nonsense_is_refused() {
    let commands = [
        Command::SetLearningRate(Number(0.5)),
        Command::SetLearningRate(Number(f64::NAN)),
        Command::SetLearningRate(Number(-1.0)),
    ];
    let seen = with_commands(&["steps=30", "schedule.shape=constant"], 10, &commands);
    assert_eq!(applied(&seen), [&commands[0]]);
    let rates: Vec<f64> = events(&seen)
        .filter_map(|event| match event {
            Event::Stepped(step) => Some(step.lr.0),
            _ => None,
        })
        .collect();
    assert_eq!((rates.first(), rates.last()), (Some(&0.01), Some(&0.5)));
    let refused = events(&seen).filter(|event| matches!(event, Event::CommandRefused { .. }));
    assert_eq!(refused.count(), 2);
}

#[test]
fn rolling_back_takes_the_same_steps_again() {
    let seen = with_commands(
        &["steps=40", "checkpoint.every=10"],
        25,
        &[Command::RollBack { step: 15 }],
    );
    let losses = |wanted: u64| -> Vec<Number> {
        events(&seen)
            .filter_map(|event| match event {
                Event::Stepped(step) if step.step == wanted => Some(step.loss),
                _ => None,
            })
            .collect()
    };
    let twice = losses(15);
    assert_eq!(
        twice.len(),
        2,
        "step 15 is taken again after going back to step 10"
    );
    assert_eq!(twice[0], twice[1], "and gives the same loss");
    assert_eq!(losses(5).len(), 1);
    assert_eq!(Board::replay(&seen).current_step(), 40);
}

#[test]
fn rolling_back_takes_back_what_was_set_since() {
    let commands = [
        Command::SetBatchSize(8),
        Command::SetLearningRate(Number(0.5)),
        Command::RollBack { step: 15 },
    ];
    let seen = with_commands(&["steps=40", "checkpoint.every=10"], 25, &commands);
    assert_eq!(applied(&seen).len(), 3);
    let board = Board::replay(&seen);
    let config = board.config.as_ref().unwrap();
    assert_eq!(board.batch, Some(config.batch));
    assert_eq!(board.peak_lr, Some(Number(config.lr)));
    // The steps were of that size.
    assert_eq!(board.step.as_ref().unwrap().samples, config.batch as u64);
}
