//! A mixture whose batches follow what is measured of its domains.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{begin, config, events, finish};
use kitchen_core::store::Memory;
use kitchen_types::event::{Evaluation, Mix};
use kitchen_types::{Board, Event};

/// A small forgetting: a hundred steps of sums, then words.
const SMALL: &[&str] = &[
    "steps=160",
    "batch=16",
    "model.width=16",
    "model.heads=2",
    "model.layers=1",
    "schedule.warmup=0",
    "evaluate.every=20",
    "evaluate.samples=40",
    "sample.every=1000",
    "lr=0.005",
    "data.domains=[\
        {name='sums', weight=1, data.sequence={task='addition', length=1, samples=90}},\
        {name='words', weight=99, from=100, data.sequence={task='copying', length=3}}\
    ]",
];

fn run(more: &[&str]) -> Vec<Event> {
    let config = config("forgetting", &[SMALL, more].concat());
    let seen = finish(begin(&config, &Memory::default()));
    events(&seen).cloned().collect()
}

fn mixes(seen: &[Event]) -> Vec<&Mix> {
    let mixes = seen.iter().filter_map(|event| match event {
        Event::Mixed(mix) => Some(mix),
        _ => None,
    });
    mixes.collect()
}

fn evaluations(seen: &[Event]) -> Vec<&Evaluation> {
    let evaluations = seen.iter().filter_map(|event| match event {
        Event::Evaluated(evaluation) => Some(evaluation),
        _ => None,
    });
    evaluations.collect()
}

/// The share of sums after each step that it was told of.
fn of_sums(seen: &[Event]) -> Vec<(u64, f64)> {
    let mixes = mixes(seen).into_iter();
    mixes
        .map(|mix| (mix.step, mix.domains[0].share.0))
        .collect()
}

#[test]
fn without_a_curriculum_domains_come_when_they_are_to() {
    let seen = run(&["curriculum=off"]);
    assert_eq!(of_sums(&seen), [(0, 1.0), (100, 0.01)]);
    assert!(
        mixes(&seen)
            .iter()
            .all(|mix| mix.domains[0].average.is_none())
    );
    for event in &seen {
        if let Event::Stepped(step) = event {
            assert_eq!(step.samples, 16, "step {}", step.step);
        }
    }
}

/// The rule, by hand, from what was measured.
#[test]
fn what_is_forgotten_comes_back() {
    const THRESHOLD: f64 = 0.05;
    let seen = run(&["curriculum.replay.threshold=0.05"]);
    let shares = of_sums(&seen);
    let told = |step: u64| shares.iter().rfind(|(at, _)| *at == step).unwrap().1;
    assert!(
        (0..100).step_by(20).all(|step| told(step) == 1.0),
        "{shares:?}"
    );

    let mut lowest = [f64::INFINITY; 2];
    let mut gains = [1.0; 2];
    let mut most = 0.0_f64;
    for measured in evaluations(&seen) {
        assert_eq!(measured.domains.len(), 2);
        for (index, domain) in measured.domains.iter().enumerate() {
            assert!(domain.exact.is_some() && domain.samples > 0);
            if index == 1 && measured.step < 100 {
                continue;
            }
            lowest[index] = domain.loss.0.min(lowest[index]);
            let rise = domain.loss.0 - lowest[index];
            gains[index] = match rise > THRESHOLD {
                true => gains[index] * (1.0 + rise / THRESHOLD),
                false => 1.0,
            };
        }
        // The last evaluation comes after the last batch.
        if (100..160).contains(&measured.step) {
            let [sums, words] = [gains[0], 99.0 * gains[1]];
            let floored = [sums, words].map(|part| (part / (sums + words)).max(0.01));
            let expected = floored[0] / (floored[0] + floored[1]);
            let share = told(measured.step);
            assert!(
                (share - expected).abs() < 1e-9,
                "step {}: {share}",
                measured.step
            );
            most = most.max(share);
        }
    }
    assert!(most > 0.02, "{shares:?}");
}

#[test]
fn every_rule_keeps_the_batches_full() {
    for rule in [
        "curriculum=doremi",
        "curriculum=odm",
        "curriculum=skill_it",
        "curriculum=replay",
    ] {
        let mut more = vec![rule];
        if rule.ends_with("doremi") {
            more.push("curriculum.reference=[0.5, 0.5]");
        }
        let seen = run(&more);
        let steps = seen.iter().filter_map(|event| match event {
            Event::Stepped(step) => Some(step.samples),
            _ => None,
        });
        assert_eq!(steps.collect::<Vec<_>>(), [16; 160], "{rule}");
        for mix in mixes(&seen) {
            let sum: f64 = mix.domains.iter().map(|it| it.share.0).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{rule}: {mix:?}");
        }
        let last = mixes(&seen).pop().unwrap();
        assert!(last.domains.iter().all(|it| it.average.is_some()), "{rule}");
    }
}

#[test]
fn the_whole_is_what_its_domains_add_up_to() {
    let seen = run(&["curriculum=off", "steps=20"]);
    let measured = evaluations(&seen).pop().unwrap();
    assert_eq!(measured.samples, 40);
    let exact = |it: &kitchen_types::event::DomainScore| it.exact.unwrap().0 * it.samples as f64;
    let right: f64 = measured.domains.iter().map(exact).sum();
    assert!((measured.exact.unwrap().0 * 40.0 - right).abs() < 1e-9);
    let board = {
        let config = config("forgetting", &[SMALL, &["steps=20"]].concat());
        Board::replay(&finish(begin(&config, &Memory::default())))
    };
    let curve = board.curve("validation.loss.sums").unwrap();
    assert_eq!(curve.last(), Some((20, measured.domains[0].loss.0)));
}
