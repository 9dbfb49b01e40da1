//! Typed keys, and what stages may do with them.

use std::cell::Cell;
use std::rc::Rc;

use expect_test::expect;
use futures::executor::block_on;
use kitchen_flow::build::*;
use kitchen_flow::{
    Context, Engine, Key, Observer, Queue, Registry, StageError, StageSpec, State, events, validate,
};
use kitchen_types::{Event, Number};
use serde_json::json;

use crate::kit::{COUNT, FLAG, LIST, does, registry, run, state};

const WORD: Key<String> = Key::value("word");
const LOSS: Key<Number> = Key::value("loss");
const LIVE: Key<Cell<u8>> = Key::new("live");

#[test]
fn what_is_put_can_be_read_changed_and_taken() {
    let mut state = State::new();
    state.put(&WORD, "one".into()).unwrap();
    state.get_mut(&WORD).unwrap().push_str(" two");
    assert_eq!(state.get(&WORD).unwrap(), "one two");
    state.put(&WORD, "three".into()).unwrap();
    assert_eq!(state.take(&WORD).unwrap(), "three");
    assert!(!state.contains("word"));
    expect!["there is no `word` (String); put it in the state, or run a stage that writes it"]
        .assert_eq(&state.get(&WORD).unwrap_err().to_string());
}

#[test]
fn a_key_of_another_type_is_refused_in_every_way() {
    const WRONG: Key<u32> = Key::value("word");
    let mut state = State::new();
    state.put(&WORD, "one".into()).unwrap();
    let errors = [
        state.get(&WRONG).unwrap_err(),
        state.get_mut(&WRONG).unwrap_err(),
        state.share(&WRONG).unwrap_err(),
        state.put(&WRONG, 1).unwrap_err(),
        state.take(&WRONG).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.to_string(),
            "`word` holds a String, where a u32 was expected; give one of them another key"
        );
    }
    assert_eq!(state.get(&WORD).unwrap(), "one");
}

#[test]
fn types_that_do_not_match_fail_the_stage_by_name() {
    // The checks before the first step see declared keys only, so this lies to them.
    const LIE: Key<u32> = Key::value("count");
    let stages = registry().with(does(
        StageSpec::new("lie", "declares one type and uses another").changes(&COUNT),
        |ctx| ctx.put(&LIE, 1),
    ));
    let (_, ended) = run(&workflow("w").then(stage("lie")), &stages, &mut state());
    expect!["w/lie: `count` holds a u64, where a u32 was expected; give one of them another key"]
        .assert_eq(&ended.unwrap_err().to_string());
}

#[test]
fn while_a_handle_is_held_values_are_copied_and_resources_only_read() {
    let mut state = State::new();
    state.put(&WORD, "a".into()).unwrap();
    state.put(&LIVE, Cell::new(1)).unwrap();
    let (word, live) = (state.share(&WORD).unwrap(), state.share(&LIVE).unwrap());
    state.get_mut(&WORD).unwrap().push('b');
    assert_eq!(
        (word.as_str(), state.get(&WORD).unwrap().as_str()),
        ("a", "ab")
    );
    expect![
        "`live` (Cell<u8>) is shared at the moment, so it can only be read; drop the handles from `share`, and leave it to one parallel branch"
    ]
    .assert_eq(&state.get_mut(&LIVE).unwrap_err().to_string());
    assert!(state.take(&LIVE).is_err());
    live.set(2);
    drop(live);
    assert_eq!(state.take(&LIVE).unwrap().get(), 2);
}

#[test]
fn what_was_not_declared_cannot_be_reached() {
    type Act = fn(&mut Context<'_>) -> Result<(), StageError>;
    let reads = || StageSpec::new("s", "a stage").reads(&COUNT);
    let table: [(StageSpec, Act, &str); 6] = [
        (
            reads(),
            |ctx| ctx.get(&FLAG).map(drop),
            "`flag` was not declared for this; add `.reads(..)`",
        ),
        (
            reads(),
            |ctx| ctx.get_mut(&COUNT).map(drop),
            "`count` was not declared for this; add `.changes(..)`",
        ),
        (
            reads(),
            |ctx| ctx.put(&COUNT, 1),
            "`count` was not declared for this; add `.writes(..)`",
        ),
        (
            reads(),
            |ctx| ctx.take(&COUNT).map(drop),
            "`count` was not declared for this; add `.takes(..)`",
        ),
        (
            reads(),
            |ctx| ctx.find(&FLAG).map(drop),
            "`flag` was not declared for this; add `.reads_if_there(..)`",
        ),
        (
            reads(),
            |ctx| ctx.config::<u8>("x").map(drop),
            "the setting `x` is not declared",
        ),
    ];
    for (spec, act, expected) in table {
        let stages = Registry::new().with(does(spec, act));
        let (_, ended) = run(&workflow("w").then(stage("s")), &stages, &mut state());
        let error = ended.unwrap_err().to_string();
        assert!(error.starts_with(&format!("w/s: {expected}")), "{error}");
    }
}

#[test]
fn what_may_be_missing_is_found_or_not() {
    let stages = registry()
        .with(does(
            StageSpec::new("look", "looks for a word")
                .reads_if_there(&WORD)
                .writes(&FLAG),
            |ctx| {
                let found = ctx.find(&WORD)?.is_some();
                assert_eq!(found, ctx.has(&WORD));
                ctx.put(&FLAG, found)
            },
        ))
        .with(does(
            StageSpec::new("write", "writes a word").writes(&WORD),
            |ctx| ctx.put(&WORD, "w".into()),
        ));
    for (nodes, expected) in [
        (vec![stage("look")], false),
        (vec![stage("write"), stage("look")], true),
    ] {
        let mut state = state();
        run(&workflow("w").then(sequence(nodes)), &stages, &mut state)
            .1
            .unwrap();
        assert_eq!(state.get(&FLAG), Ok(&expected));
    }
}

#[test]
fn a_snapshot_holds_values_and_brings_them_back() {
    let mut state = State::new();
    state.put(&WORD, "a".into()).unwrap();
    state.put(&LOSS, Number(f64::NAN)).unwrap();
    state.put(&LIST, vec![1, u64::MAX]).unwrap();
    state.put(&LIVE, Cell::new(1)).unwrap();
    let snapshot = state.snapshot().unwrap();
    assert_eq!(
        json!(snapshot),
        json!({ "list": [1, u64::MAX], "loss": "NaN", "word": "a" })
    );

    let mut other = State::new();
    let keys = [
        WORD.info(),
        LOSS.info(),
        LIST.info(),
        LIVE.info(),
        FLAG.info(),
    ];
    other.restore(&snapshot, &keys).unwrap();
    assert_eq!(other.get(&LIST), Ok(&vec![1, u64::MAX]));
    assert!(other.get(&LOSS).unwrap().0.is_nan());
    assert_eq!(other.keys().len(), 3);

    const WRONG: Key<bool> = Key::value("word");
    let error = other
        .restore(&snapshot, &[LIST.info(), WRONG.info()])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`word` (bool) cannot be kept in a snapshot: invalid type"),
        "{error}"
    );
}

#[test]
fn nothing_is_made_for_nobody() {
    let stages = Registry::new().with(does(StageSpec::new("s", "emits"), |ctx| {
        ctx.emit(|| panic!("nobody asked for this event"));
        Ok(())
    }));
    let plan = validate(&workflow("w").then(stage("s")), &stages, &[]).unwrap();
    block_on(Engine::new(&()).run(&plan, &mut State::new())).unwrap();
}

#[test]
fn a_run_advances_only_as_far_as_its_events_are_taken() {
    let reached = Rc::new(Cell::new(0));
    let counter = reached.clone();
    let stages = Registry::new().with(does(StageSpec::new("s", "counts"), move |_| {
        counter.set(counter.get() + 1);
        Ok(())
    }));
    let plan = validate(
        &workflow("w").then(repeat(3).body([stage("s")])),
        &stages,
        &[],
    )
    .unwrap();
    let queue = Queue::new();
    let run = async {
        let engine = Engine::new(&queue);
        engine.run(&plan, &mut State::new()).await.unwrap();
    };
    let mut stream = events(queue.clone(), run);
    let mut next = || block_on(futures::StreamExt::next(&mut stream));
    assert_eq!(reached.get(), 0, "nothing runs until polled");
    for turn in 1..=3 {
        assert!(matches!(next(), Some(Event::StageStarted { .. })));
        assert!(matches!(next(), Some(Event::StageFinished { .. })));
        assert_eq!(reached.get(), turn);
    }
    assert_eq!(next(), None);
    assert_eq!(next(), None, "a stream that has ended stays so");
    assert!(!queue.has_waiting());
}
