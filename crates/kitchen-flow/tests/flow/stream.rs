//! A producer beside a consumer.

use std::time::Duration;

use async_trait::async_trait;
use expect_test::expect;
use kitchen_flow::build::*;
use kitchen_flow::{Context, Key, Registry, Stage, StageError, StageSpec, State};
use kitchen_platform::sleep;
use kitchen_types::workflow::{Repeat, Workflow};

use crate::kit::{FLAG, LIST, does, registry, run, said, say, state};

const PIECE: Key<u64> = Key::value("piece");
const MADE: Key<u64> = Key::value("made");
const USED: Key<Vec<u64>> = Key::list("used");
const SEED: Key<u64> = Key::value("seed");

/// Makes 1, 2, 3, ..., taking its time.
struct Make;

#[async_trait(?Send)]
impl Stage for Make {
    fn spec(&self) -> StageSpec {
        StageSpec::new("make", "makes a piece")
            .changes(&MADE)
            .writes(&PIECE)
            .config_or::<u64>("ms", "how long it takes", 0)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        sleep(Duration::from_millis(ctx.config("ms")?)).await;
        *ctx.get_mut(&MADE)? += 1;
        let piece = *ctx.get(&MADE)?;
        ctx.put(&PIECE, piece)
    }
}

/// Uses a piece, taking its time.
struct Use;

#[async_trait(?Send)]
impl Stage for Use {
    fn spec(&self) -> StageSpec {
        StageSpec::new("use", "uses a piece")
            .takes(&PIECE)
            .changes(&USED)
            .config_or::<u64>("ms", "how long it takes", 0)
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let piece = ctx.take(&PIECE)?;
        sleep(Duration::from_millis(ctx.config("ms")?)).await;
        ctx.get_mut(&USED)?.push(piece);
        Ok(())
    }
}

fn stages() -> Registry {
    registry()
        .with(Make)
        .with(Use)
        .with(does(
            StageSpec::new("make_of_seed", "makes a piece of a seed")
                .reads(&SEED)
                .writes(&PIECE),
            |ctx| {
                let seed = *ctx.get(&SEED)?;
                ctx.put(&PIECE, seed * 10)
            },
        ))
        .with(does(
            StageSpec::new("enough", "says when it is enough")
                .reads(&USED)
                .writes(&FLAG),
            |ctx| {
                let enough = ctx.get(&USED)?.len() >= 3;
                ctx.put(&FLAG, enough)
            },
        ))
}

fn start() -> State {
    let mut state = state();
    state.put(&MADE, 0).unwrap();
    state.put(&USED, Vec::new()).unwrap();
    state
}

/// What was used and how many were made.
fn flow(workflow: &Workflow) -> (Vec<u64>, u64) {
    let mut state = start();
    run(workflow, &stages(), &mut state).1.unwrap();
    assert!(
        !state.contains("piece"),
        "the item means something inside the stream only"
    );
    (
        state.get(&USED).unwrap().clone(),
        *state.get(&MADE).unwrap(),
    )
}

#[test]
fn a_producer_faster_than_its_consumer_waits_for_room() {
    let header = stream("piece", Repeat::Times(6)).buffer(2);
    let node = header.between(
        [stage("make")],
        [stage("use").with("ms", 150), stage("say")],
    );
    let mut state = start();
    let (lines, _) = run(&workflow("w").then(node), &stages(), &mut state);
    assert_eq!(state.get(&USED), Ok(&vec![1, 2, 3, 4, 5, 6]));
    // One is being used and two wait: the fourth is made only after the first is used.
    let position = |wanted: &str, nth: usize| {
        let mut found = lines.iter().enumerate().filter(|(_, line)| *line == wanted);
        found.nth(nth).map(|(at, _)| at)
    };
    let made = |nth| position("finished w/stream/producer/make", nth);
    let used = |nth| position("finished w/stream/consumer/use", nth);
    assert!(made(2) < used(0), "{lines:?}");
    assert!(made(3) > used(0), "{lines:?}");
    assert_eq!(said(&lines).len(), 6);
}

#[test]
fn a_producer_slower_than_its_consumer_is_waited_for() {
    let header = stream("piece", Repeat::Times(4)).buffer(3);
    let node = header.between([stage("make").with("ms", 15)], [stage("use")]);
    assert_eq!(flow(&workflow("w").then(node)), (vec![1, 2, 3, 4], 4));
}

#[test]
fn producer_and_consumer_overlap() {
    let clock = kitchen_platform::Stopwatch::start();
    let node = stream("piece", Repeat::Times(6)).between(
        [stage("make").with("ms", 200)],
        [stage("use").with("ms", 200)],
    );
    flow(&workflow("w").then(node));
    // One after the other would take 2.4 s.
    assert!(
        clock.elapsed() < Duration::from_millis(2200),
        "{:?}",
        clock.elapsed()
    );
}

#[test]
fn stale_items_are_dropped_and_made_anew() {
    // Four wait while the first is used; the limit lets an item miss one use, not two.
    let header = stream("piece", Repeat::Times(4)).buffer(4).stale_after(1);
    let node = header.between([stage("make")], [stage("use").with("ms", 200)]);
    let (used, made) = flow(&workflow("w").then(node));
    assert_eq!(used.len(), 4);
    assert_eq!(used[..2], [1, 2]);
    assert!(used[2] > 4, "3 and 4 were made before 1 was used: {used:?}");
    assert!(made > 4, "{made}");
}

#[test]
fn without_staleness_nothing_is_made_twice() {
    let header = stream("piece", Repeat::Times(4)).buffer(4);
    let node = header.between([stage("make")], [stage("use").with("ms", 200)]);
    assert_eq!(flow(&workflow("w").then(node)), (vec![1, 2, 3, 4], 4));
}

#[test]
fn a_limit_of_no_staleness_at_all_still_ends() {
    let header = stream("piece", Repeat::Times(3)).buffer(2).stale_after(0);
    let node = header.between([stage("make")], [stage("use").with("ms", 10)]);
    assert_eq!(flow(&workflow("w").then(node)).0.len(), 3);
}

#[test]
fn a_list_reaches_the_producer_item_by_item() {
    let each = Repeat::Each {
        list: "list".into(),
        item: "seed".into(),
    };
    let node = stream("piece", each).between([stage("make_of_seed")], [stage("use")]);
    assert_eq!(flow(&workflow("w").then(node)).0, [100, 200]);
}

#[test]
fn an_empty_list_streams_nothing() {
    let each = Repeat::Each {
        list: "list".into(),
        item: "seed".into(),
    };
    let node = stream("piece", each).between([stage("make_of_seed")], [stage("use")]);
    let mut state = start();
    state.put(&LIST, vec![]).unwrap();
    run(&workflow("w").then(node), &stages(), &mut state)
        .1
        .unwrap();
    assert_eq!(state.get(&USED), Ok(&vec![]));
}

#[test]
fn a_condition_is_asked_of_the_consumer() {
    let node = stream("piece", Repeat::Until(is("flag")))
        .buffer(2)
        .between([stage("make")], [stage("use"), stage("enough")]);
    assert_eq!(flow(&workflow("w").then(node)).0, [1, 2, 3]);
}

#[test]
fn a_failure_on_either_side_ends_the_other() {
    let ends = |producer: Vec<_>, consumer: Vec<_>| {
        let node = stream("piece", Repeat::Times(1000)).between(producer, consumer);
        let (_, ended) = run(&workflow("w").then(node), &stages(), &mut start());
        ended.unwrap_err().to_string()
    };
    expect!["w/stream/producer/fail: no luck"].assert_eq(&ends(
        vec![stage("make"), stage("fail")],
        vec![stage("use")],
    ));
    expect!["w/stream/consumer/fail: no luck"].assert_eq(&ends(
        vec![stage("make")],
        vec![stage("use"), stage("fail")],
    ));
}

#[test]
fn a_cancelled_stream_ends() {
    let node = stream("piece", Repeat::Times(1000)).between(
        [stage("make").with("ms", 5)],
        [stage("use"), stage("cancel")],
    );
    let workflow = workflow("w").then(node).finally(stage("say"));
    let (lines, ended) = run(&workflow, &stages(), &mut start());
    assert!(matches!(ended, Err(kitchen_flow::RunError::Cancelled)));
    assert_eq!(
        said(&lines),
        ["w/stream/consumer/cancel: cancelled", "w/finally/say: runs"]
    );
}

#[test]
fn a_stream_in_a_loop_starts_afresh_each_time() {
    let node = stream("piece", Repeat::Times(2)).between([stage("make")], [stage("use")]);
    let workflow = workflow("w").then(repeat(2).body([node]));
    assert_eq!(flow(&workflow), (vec![1, 2, 3, 4], 4));
}

#[test]
fn a_live_resource_belongs_to_the_side_that_changes_it() {
    const LOG: Key<Vec<u64>> = Key::new("log");
    let registry = stages().with(does(
        StageSpec::new("log", "logs the piece")
            .reads(&PIECE)
            .changes(&LOG),
        |ctx| {
            let piece = *ctx.get(&PIECE)?;
            ctx.get_mut(&LOG)?.push(piece);
            say(ctx, piece);
            Ok(())
        },
    ));
    let node = stream("piece", Repeat::Times(2)).between([stage("make")], [stage("log")]);
    let mut state = start();
    state.put(&LOG, Vec::new()).unwrap();
    run(&workflow("w").then(node), &registry, &mut state)
        .1
        .unwrap();
    assert_eq!(state.get(&LOG), Ok(&vec![1, 2]));
}
