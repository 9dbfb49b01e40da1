//! Runs on a simulated cluster: what they learn is what a CPU learns, what they take is what a
//! cluster takes, and what fails there makes them go back.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{abandon_after, begin, config, events, finish};
use futures::executor::block_on;
use kitchen_core::checkpoint::{self, Checkpoint};
use kitchen_core::store::Memory;
use kitchen_types::event::{RunStatus, Step};
use kitchen_types::{Command, Envelope, Event, Number, RunConfig};

fn cluster(recipe: &str, arguments: &[&str]) -> RunConfig {
    config(recipe, &[&["device=cluster"], arguments].concat())
}

fn ran(config: &RunConfig) -> (Vec<Envelope>, Checkpoint) {
    let store = Memory::default();
    let envelopes = finish(begin(config, &store));
    (envelopes, newest(&store))
}

fn newest(store: &Memory) -> Checkpoint {
    let newest = block_on(checkpoint::load_newest(store, u64::MAX)).unwrap();
    newest.found.unwrap().1
}

fn steps(envelopes: &[Envelope]) -> Vec<&Step> {
    let steps = events(envelopes).filter_map(|event| match event {
        Event::Stepped(step) => Some(step),
        _ => None,
    });
    steps.collect()
}

fn weights(checkpoint: &Checkpoint) -> Vec<u32> {
    let tensors = checkpoint.model.weights.iter();
    tensors
        .flat_map(|tensor| tensor.values.iter().map(|value| value.to_bits()))
        .collect()
}

fn reason(envelopes: &[Envelope]) -> String {
    let reasons = events(envelopes).filter_map(|event| match event {
        Event::RunFinished { reason, .. } => reason.clone(),
        _ => None,
    });
    reasons.collect()
}

fn refusals(envelopes: &[Envelope]) -> Vec<&str> {
    let refusals = events(envelopes).filter_map(|event| match event {
        Event::CommandRefused { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    refusals.collect()
}

const SHORT: [&str; 3] = ["steps=60", "checkpoint.every=20", "model.hidden=[16]"];

/// Of `cluster.incidents`: a node fails at that second of the simulated clock.
fn failure(at: &str) -> String {
    format!("cluster.incidents=[{{at='{at}',what={{node_failure={{node=0}}}}}}]")
}

#[test]
fn it_learns_what_a_cpu_learns_in_the_time_of_a_cluster() {
    let (on_cpu, expected) = ran(&config("digits", &SHORT));
    let (simulated, found) = ran(&cluster("digits", &SHORT));
    let losses = |envelopes| -> Vec<_> { steps(envelopes).iter().map(|it| it.loss).collect() };
    assert_eq!(losses(&simulated), losses(&on_cpu));
    assert!(weights(&found) == weights(&expected));

    let durations: Vec<u64> = steps(&simulated).iter().map(|it| it.duration_us).collect();
    let (least, most) = (durations.iter().min(), durations.iter().max());
    assert!(most.unwrap() - least.unwrap() <= 1, "{durations:?}");
    // What frameworks for large models add to a step, which dwarfs the work on a small network.
    assert!((5_000..20_000).contains(most.unwrap()), "{durations:?}");

    let chosen = events(&simulated).find_map(|event| match event {
        Event::DeviceChosen { chosen, reason, .. } => Some((chosen.as_str(), reason.as_str())),
        _ => None,
    });
    let (chosen, reason) = chosen.unwrap();
    assert_eq!(chosen, "cluster");
    assert!(reason.contains("in tp 1, pp 1, dp 8"), "{reason}");
}

#[test]
fn what_fails_makes_it_go_back_and_end_all_the_same() {
    let (_, expected) = ran(&cluster("digits", &SHORT));
    // The first checkpoint takes 2 s, twenty steps 0.12 s, the next checkpoint 2 s.
    let failing = cluster("digits", &[&SHORT[..], &[&failure("4200ms")]].concat());
    let (envelopes, found) = ran(&failing);
    assert!(weights(&found) == weights(&expected));
    let story: Vec<String> = events(&envelopes)
        .filter_map(|event| match event {
            Event::Interrupted { interruption, .. } => Some(interruption.to_string()),
            Event::Restored { step, .. } => Some(format!("from step {step}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        story,
        [
            "power supply (node 0), 4 s after the beginning: 420 s of standing still",
            "from step 20"
        ]
    );
    assert!(steps(&envelopes).len() > 60, "steps were taken again");
}

#[test]
fn one_that_is_cut_off_goes_on_as_if_nothing_had_been() {
    let failing = cluster("digits", &[&SHORT[..], &[&failure("4200ms")]].concat());
    let (whole, expected) = ran(&failing);
    let store = Memory::default();
    // In the first steps, shortly before the failure, and after it.
    for cut in [20, 30, 60] {
        abandon_after(begin(&failing, &store), cut);
    }
    let pieced = finish(begin(&failing, &store));
    let found = newest(&store);
    assert!(weights(&found) == weights(&expected));
    assert_eq!(found.model.optimizer, expected.model.optimizer, "the clock");
    let last = |envelopes| steps(envelopes).last().map(|it| it.duration_us);
    assert_eq!(last(&pieced), last(&whole));
}

#[test]
fn its_checkpoints_go_on_without_it() {
    let store = Memory::default();
    let short = cluster("digits", &SHORT);
    abandon_after(begin(&short, &store), 50);
    let on_cpu = config("digits", &SHORT);
    let envelopes = finish(begin(&on_cpu, &store));
    let (_, expected) = ran(&on_cpu);
    assert!(events(&envelopes).any(|it| matches!(it, Event::Restored { step: 20, .. })));
    assert!(weights(&newest(&store)) == weights(&expected));
}

#[test]
fn every_kind_of_model_has_its_time() {
    let few = [
        "steps=2",
        "batch=8",
        "evaluate.samples=8",
        "sample.tokens=2",
    ];
    for (recipe, arguments) in [
        ("digits", &["model=cnn", "model.channels=[2]"][..]),
        ("playground", &["model.hidden=[4]"]),
        ("addition", &["model.layers=1", "model.width=16"]),
        ("names", &["model=rnn", "model.width=8"]),
    ] {
        let asked = cluster(recipe, &[&few[..], arguments].concat());
        let (envelopes, _) = ran(&asked);
        let steps = steps(&envelopes);
        assert_eq!(steps.len(), 2, "{recipe}: {}", reason(&envelopes));
        assert!(steps.iter().all(|it| it.duration_us > 1_000), "{recipe}");
    }
}

/// A batch that does not divide leaves some GPUs with less to do, and ends no run.
#[test]
fn batches_may_change_their_size_on_the_way() {
    let few = [
        "steps=4",
        "model.layers=1",
        "model.width=16",
        "evaluate.samples=8",
    ];
    let run = begin(&cluster("addition", &few), &Memory::default());
    assert!(run.commands.send(Command::SetBatchSize(13)));
    let envelopes = finish(run);
    let samples: Vec<u64> = steps(&envelopes).iter().map(|it| it.samples).collect();
    assert_eq!(samples, [64, 13, 13, 13], "{}", reason(&envelopes));
}

#[test]
fn what_cannot_be_is_refused() {
    for (recipe, arguments, expected) in [
        (
            "digits",
            &["cluster.accelerator=abacus"][..],
            "there is no accelerator `abacus`",
        ),
        (
            "digits",
            &["cluster.incidents=[{at='1s',what={node_failure={node=3}}}]"],
            "concerns node 3, but there are 1",
        ),
        (
            "addition",
            &["cluster.gpus=1009"],
            "no layout divides this model and 64 sequences a step over 1009 GPUs",
        ),
        (
            "digits",
            &[
                "checkpoint.every=1000000",
                "evaluate.every=1000000",
                "steps=1000000",
                "cluster.failures_per_day=1e6",
            ],
            "the cluster failed 20 times since the last checkpoint",
        ),
    ] {
        let envelopes = finish(begin(&cluster(recipe, arguments), &Memory::default()));
        let ended = events(&envelopes).find_map(|event| match event {
            Event::RunFinished { status, .. } => Some(*status),
            _ => None,
        });
        assert_eq!(ended, Some(RunStatus::Failed), "{recipe} {arguments:?}");
        let reason = reason(&envelopes);
        assert!(reason.contains(expected), "{reason}");
    }
}

/// At this pace the second step would be seen after months.
#[test]
fn a_slow_clock_can_be_sent_ahead_and_learns_the_same() {
    let slow = cluster("digits", &[&SHORT[..], &["cluster.speed=1e-9"]].concat());
    let store = Memory::default();
    let run = begin(&slow, &store);
    for command in [
        Command::Seek(Number(0.0)),
        Command::SetSpeed(Number(-1.0)),
        Command::SetSpeed(Number(1e-10)),
        Command::Seek(Number(1e6)),
    ] {
        run.commands.send(command);
    }
    let envelopes = finish(run);
    let [late, backwards] = refusals(&envelopes)[..] else {
        panic!("{:?}", refusals(&envelopes));
    };
    assert!(late.contains("goes forward only"), "{late}");
    assert!(backwards.contains("is not a speed"), "{backwards}");
    let (_, expected) = ran(&config("digits", &SHORT));
    assert!(weights(&newest(&store)) == weights(&expected));
}

#[test]
fn the_time_of_this_machine_has_no_speed() {
    let run = begin(&config("digits", &SHORT), &Memory::default());
    run.commands.send(Command::SetSpeed(Number(2.0)));
    run.commands.send(Command::Seek(Number(60.0)));
    let envelopes = finish(run);
    assert_eq!(refusals(&envelopes).len(), 2);
    assert!(refusals(&envelopes)[0].contains("is not simulated"));
}
