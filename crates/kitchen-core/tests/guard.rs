//! A guard keeps an update from the weights, and says so.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{begin, config, events, finish};
use kitchen_core::store::Memory;
use kitchen_types::board::Phase;
use kitchen_types::event::{RunStatus, Step};
use kitchen_types::{Board, Envelope, Event, Number};

const WITH_A_NAN: &[&str] = &["steps=60", "faults.nan_at=30", "supervisor=off"];

fn run(more: &[&str]) -> Vec<Envelope> {
    let config = config("digits", &[WITH_A_NAN, more].concat());
    finish(begin(&config, &Memory::default()))
}

fn status(seen: &[Envelope]) -> RunStatus {
    match Board::replay(seen).phase {
        Phase::Finished { status, .. } => status,
        other => panic!("the run did not end: {other:?}"),
    }
}

fn step(seen: &[Envelope], wanted: u64) -> &Step {
    let mut steps = events(seen).filter_map(|event| match event {
        Event::Stepped(step) => Some(step),
        _ => None,
    });
    steps.find(|step| step.step == wanted).unwrap()
}

#[test]
fn a_nan_is_skipped_and_told_where_the_run_would_have_ended() {
    assert_eq!(status(&run(&[])), RunStatus::Failed);
    for guard in ["skip_step", "zclip", "adagc", "spam"].map(|guard| format!("guard={guard}")) {
        let guard = guard.as_str();
        let seen = run(&[guard]);
        assert_eq!(status(&seen), RunStatus::Completed, "{guard}");
        let skipped = step(&seen, 30);
        assert!(skipped.loss.0.is_nan(), "{guard}: {skipped:?}");
        assert_eq!(skipped.update_ratio, Some(Number(0.0)), "{guard}");
        assert!(step(&seen, 31).loss.is_finite(), "{guard}");
        let told = "the guard skipped the update of step 30: loss NaN";
        let notices = Board::replay(&seen).notices;
        let mut texts = notices.iter().map(|notice| &notice.text);
        assert!(texts.any(|text| text == told), "{guard}: {notices:?}");
    }
}

#[test]
fn a_nan_at_every_step_ends_the_run_all_the_same() {
    let broken = config("digits", &["guard=skip_step", "steps=60", "lr=1e30"]);
    let seen = finish(begin(&broken, &Memory::default()));
    assert_eq!(status(&seen), RunStatus::Failed);
}

#[test]
fn a_guard_tells_every_gradient_norm() {
    let seen = run(&["guard=zclip"]);
    let norms = events(&seen).filter_map(|event| match event {
        Event::Stepped(step) => Some(step.grad_norm.is_some()),
        _ => None,
    });
    assert_eq!(norms.collect::<Vec<_>>(), [true; 60]);
}
