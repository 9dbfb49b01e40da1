//! The supervisor as a machine: what must hold of it whatever it sees, and whole incidents.
#![allow(clippy::unwrap_used)]

use expect_test::{Expect, expect};
use kitchen_types::config::Supervision;
use kitchen_types::ports::PerSample;
use kitchen_types::supervision::{
    AnomalyKind, Knobs, Measure, MonitorState, Strategy, SupervisorPhase, SupervisorState,
};
use kitchen_types::{Command, Event, Number, SampleId};
use kitchen_watch::{Effect, Finding, Measured, Seen, Suspects, next, observe, suspects};
use proptest::prelude::*;
use proptest::strategy::Strategy as _;

fn finding(since: u64, kind: AnomalyKind) -> Finding {
    Finding {
        kind,
        since,
        of: Measure::Loss,
        value: f64::NAN,
        threshold: None,
    }
}

fn knobs(state: &SupervisorState) -> Knobs {
    Knobs {
        lr: state.lr.unwrap_or(Number(0.1)),
        clip_norm: state.clip_norm.unwrap_or_default(),
        left_out: state.blacklist.len() as u64,
    }
}

fn norms(norms: &[f64], first_id: u64) -> Suspects {
    let found = PerSample {
        ids: (first_id..).map(SampleId).take(norms.len()).collect(),
        losses: vec![Number(1.0); norms.len()],
        grad_norms: norms.iter().copied().map(Number).collect(),
        method: "given".into(),
    };
    suspects(&found, None, &Supervision::default())
}

fn examined(state: &SupervisorState, found: Suspects) -> Seen {
    Seen::Examined {
        found: Ok(found),
        method: "given".into(),
        weights_of: 400,
        knobs: knobs(state),
    }
}

/// Takes an incident at `since` from sight to its end; what was said, and the next state.
fn incident(
    state: SupervisorState,
    since: u64,
    kind: AnomalyKind,
    found: &[f64],
) -> (SupervisorState, Vec<String>) {
    let rules = Supervision::default();
    let mut said = Vec::new();
    let mut see = |state, seen| {
        let (state, effects) = next(state, seen, &rules);
        said.extend(effects.into_iter().map(|effect| match effect {
            Effect::Say(Event::AnomalyFound(it)) => it.to_string(),
            Effect::Say(Event::Diagnosed(it)) => it.to_string(),
            Effect::Say(Event::Repaired(it)) => it.to_string(),
            Effect::Say(Event::PersonAsked(it)) => it.to_string(),
            other => format!("{other:?}"),
        }));
        state
    };
    let ids = (0..found.len() as u64).map(SampleId).collect();
    let finding = finding(since, kind);
    let state = see(state, Seen::Found { finding, ids });
    let state = see(state, Seen::WentBack { to: since - 10 });
    let seen = examined(&state, norms(found, 0));
    let state = see(state, seen);
    (state, said)
}

fn check(incidents: &[(u64, AnomalyKind, &[f64])], expected: Expect) {
    let mut state = SupervisorState::default();
    let mut story = String::new();
    for (since, kind, found) in incidents {
        let (after, said) = incident(state, *since, *kind, found);
        state = after;
        story.push_str(&(said.join("\n") + "\n"));
    }
    expected.assert_eq(&story);
}

#[test]
fn an_example_is_blamed_and_left_out() {
    check(
        &[(50, AnomalyKind::LossSpike, &[1.0, 900.0, 1.1, 0.9])],
        expect![[r#"
            a jump of the loss at step 50: loss NaN
            GoBack { to: 48 }
            Examine { ids: [SampleId(0), SampleId(1), SampleId(2), SampleId(3)] }
            4 examples of those steps were examined: example 1 with gradients up to 857.1429 times the usual
            went back to step 400, and left out example 1
        "#]],
    );
}

#[test]
fn what_no_example_explains_is_tried_again_then_calmed_then_asked_about() {
    let nothing: &[f64] = &[1.0, 1.2, 1.1, 0.9];
    let nan = AnomalyKind::NotFinite;
    check(
        &[
            (50, nan, nothing),
            (50, nan, nothing),
            (60, nan, nothing),
            (50, nan, nothing),
        ],
        expect![[r#"
            a number that is not finite at step 50: loss NaN
            GoBack { to: 48 }
            Examine { ids: [SampleId(0), SampleId(1), SampleId(2), SampleId(3)] }
            4 examples of those steps were examined: none stands out (gradient norms up to 1.2, median 1.05)
            went back to step 400, and tried again: no example explains it
            a number that is not finite at step 50: loss NaN
            GoBack { to: 48 }
            Examine { ids: [SampleId(0), SampleId(1), SampleId(2), SampleId(3)] }
            4 examples of those steps were examined: none stands out (gradient norms up to 1.2, median 1.05)
            went back to step 400, and lowered lr from 0.1 to 0.05, with gradients clipped at 1
            a number that is not finite at step 60: loss NaN
            GoBack { to: 58 }
            Examine { ids: [SampleId(0), SampleId(1), SampleId(2), SampleId(3)] }
            4 examples of those steps were examined: none stands out (gradient norms up to 1.2, median 1.05)
            went back to step 400, and lowered lr from 0.05 to 0.025, with gradients clipped at 0.5
            a number that is not finite at step 50: loss NaN
            GoBack { to: 48 }
            Examine { ids: [SampleId(0), SampleId(1), SampleId(2), SampleId(3)] }
            4 examples of those steps were examined: none stands out (gradient norms up to 1.2, median 1.05)
            a person is needed: it came back after 3 repairs, and no example explains it; lower the learning rate, or clip the gradient more
            Wait
        "#]],
    );
}

/// What can be seen, in any order.
fn anything() -> impl proptest::strategy::Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        Just(Op::Began),
        (0..400_u64, 0..4_usize).prop_map(|(since, kind)| Op::Found(since, kind)),
        Just(Op::WentBack),
        Just(Op::CannotGoBack),
        (0..3000_u64, prop::collection::vec(-1.0..1e4, 0..80))
            .prop_map(|(first, norms)| Op::Examined(first, norms)),
        Just(Op::Unknown),
        Just(Op::Answered),
        (0..9_u64).prop_map(Op::Told),
    ];
    prop::collection::vec(op, 0..120)
}

#[derive(Clone, Debug)]
enum Op {
    Began,
    Found(u64, usize),
    WentBack,
    CannotGoBack,
    Examined(u64, Vec<f64>),
    Unknown,
    Answered,
    Told(u64),
}

impl Op {
    fn seen(self, state: &SupervisorState) -> Seen {
        let kinds = [
            AnomalyKind::NotFinite,
            AnomalyKind::LossSpike,
            AnomalyKind::GradientExplosion,
            AnomalyKind::Divergence,
        ];
        let knobs = knobs(state);
        match self {
            Self::Began => Seen::Began,
            Self::Found(since, kind) => Seen::Found {
                finding: finding(since, kinds[kind]),
                ids: (0..3000).map(|id| SampleId(1 << 50 | id)).collect(),
            },
            Self::WentBack => Seen::WentBack { to: 1 },
            Self::CannotGoBack => Seen::CannotGoBack { knobs },
            Self::Examined(first, given) => examined(state, norms(&given, first)),
            Self::Unknown => Seen::Examined {
                found: Err("the client cannot do that".into()),
                method: String::new(),
                weights_of: 0,
                knobs,
            },
            Self::Answered => Seen::Answered { step: 1 },
            Self::Told(id) => Seen::Told(Command::BlacklistSamples(vec![SampleId(id)])),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Whatever is seen, in whatever order: what is left out stays left out, the state is small and
    /// survives JSON, and repairs that find nothing to blame are bounded until a person answers.
    #[test]
    fn what_must_hold(ops in anything()) {
        let rules = Supervision::default();
        let mut state = SupervisorState::default();
        let mut blind = Vec::new();
        for op in ops {
            let seen = op.seen(&state);
            let answers = matches!((&seen, &state.phase), (Seen::Answered { .. }, SupervisorPhase::Waiting));
            let before = state.clone();
            let (after, effects) = next(state, seen, &rules);
            prop_assert!(after.blacklist.is_superset(&before.blacklist));
            for effect in &effects {
                if let Effect::Say(Event::Repaired(repair)) = effect
                    && !matches!(before.newest.as_ref().map(|it| &it.repair), Some(Some(told)) if told == repair)
                    && repair.strategy != Strategy::Surgical
                {
                    blind.push(repair.step);
                }
            }
            if answers {
                blind.clear();
            }
            if let Some(newest) = blind.last() {
                let near = blind.iter().filter(|step| step.abs_diff(*newest) <= rules.retry_window);
                prop_assert!(near.count() <= rules.max_retries);
            }
            let json = serde_json::to_string(&after).unwrap();
            prop_assert!(json.len() < 64 << 10, "{} bytes", json.len());
            prop_assert_eq!(&serde_json::from_str::<SupervisorState>(&json).unwrap(), &after);
            state = after;
        }
    }

    /// Any numbers at all.
    #[test]
    fn detectors_never_panic(values in prop::collection::vec((any::<f64>(), prop::option::of(any::<f64>())), 0..300)) {
        let mut state = MonitorState::default();
        for ((loss, grad_norm), step) in values.into_iter().zip(0..) {
            observe(&mut state, Measured { step, loss, grad_norm }, &Supervision::default());
        }
    }
}
