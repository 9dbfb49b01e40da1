//! Branches that run at the same time.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use expect_test::expect;
use futures::executor::block_on;
use futures::future::{Either, select};
use kitchen_flow::build::*;
use kitchen_flow::{Context, Engine, Key, Stage, StageError, StageSpec, State, validate};
use kitchen_platform::{Stopwatch, sleep};

use crate::kit::{COUNT, FLAG, check, does, registry, run, said, say, state};

const LOG: Key<Vec<&'static str>> = Key::new("log");
const SHARED: Key<RefCell<Vec<u64>>> = Key::new("shared");

#[test]
fn parallel_is_faster_than_sequence() {
    let nap = || stage("sleep").with("ms", 300);
    let time = |node| {
        let clock = Stopwatch::start();
        run(&workflow("w").then(node), &registry(), &mut state())
            .1
            .unwrap();
        clock.elapsed()
    };
    let at_once = time(parallel().branches([nap(), nap(), nap(), nap()]));
    let in_turn = time(sequence([nap(), nap(), nap(), nap()]));
    assert!(at_once * 2 < in_turn, "{at_once:?} and {in_turn:?}");
}

#[test]
fn a_limit_is_kept() {
    let nap = |name: &str, ms: u64| stage("sleep").named(name).with("ms", ms);
    let branches = [nap("a", 900), nap("b", 150), nap("c", 150)];
    let (lines, _) = run(
        &workflow("w").then(parallel().named("p").at_most(2).branches(branches)),
        &registry(),
        &mut state(),
    );
    assert_eq!(
        said(&lines),
        [
            "w/p/a: asleep",
            "w/p/b: asleep",
            "w/p/b: awake",
            "w/p/c: asleep",
            "w/p/c: awake",
            "w/p/a: awake",
        ]
    );
}

#[test]
fn an_error_in_one_branch_ends_the_others_at_their_next_boundary() {
    check(
        &workflow("w")
            .then(
                parallel().branches([
                    sequence([stage("sleep").with("ms", 50), stage("say").named("never")])
                        .named("slow")
                        .finally([stage("say").named("cleanup")]),
                    stage("fail"),
                    stage("say").named("begun"),
                ]),
            )
            .finally(stage("say").named("end")),
        expect![[r#"
            started w/parallel/slow/sleep
            started w/parallel/fail
            started w/parallel/begun
                w/parallel/slow/sleep: asleep
            failed w/parallel/fail: no luck
                w/parallel/begun: runs
            finished w/parallel/begun
                w/parallel/slow/sleep: awake
            finished w/parallel/slow/sleep
            started w/parallel/slow/finally/cleanup
                w/parallel/slow/finally/cleanup: runs
            finished w/parallel/slow/finally/cleanup
            started w/finally/end
                w/finally/end: runs
            finished w/finally/end
            ended: w/parallel/fail: no luck
        "#]],
    );
}

#[test]
fn a_skipped_failure_leaves_the_neighbours_alone() {
    let workflow = workflow("w").then(parallel().branches([
        stage("fail").or_skip(),
        sequence([stage("sleep").with("ms", 20), stage("say")]),
    ]));
    let (lines, ended) = run(&workflow, &registry(), &mut state());
    assert!(ended.is_ok());
    assert_eq!(said(&lines).last(), Some(&"w/parallel/sequence/say: runs"));
}

#[test]
fn each_branch_changes_its_own_copy_and_the_merge_is_in_order() {
    let slow_then_count = sequence([stage("sleep").with("ms", 50), stage("count")]);
    let fast = sequence([stage("count"), stage("count"), stage("count")]);
    for (branches, expected) in [
        ([slow_then_count.clone(), fast.clone()], 3),
        ([fast, slow_then_count], 1),
    ] {
        let mut state = state();
        let workflow = workflow("w").then(parallel().merged_in_order().branches(branches));
        run(&workflow, &registry(), &mut state).1.unwrap();
        assert_eq!(state.get(&COUNT), Ok(&expected));
    }
}

#[test]
fn a_branch_that_did_not_write_does_not_undo_what_another_wrote() {
    let mut state = state();
    let idle = when(is("flag")).then([stage("set").with("to", false)]);
    let workflow = workflow("w").then(parallel().merged_in_order().branches([stage("set"), idle]));
    run(&workflow, &registry(), &mut state).1.unwrap();
    assert_eq!(state.get(&FLAG), Ok(&true));
}

#[test]
fn a_live_resource_goes_to_the_branch_that_changes_it_and_comes_back() {
    let registry = registry()
        .with(does(
            StageSpec::new("log", "writes to the log").changes(&LOG),
            |ctx| {
                ctx.get_mut(&LOG)?.push("logged");
                Ok(())
            },
        ))
        .with(does(
            StageSpec::new("push", "adds to what is shared").reads(&SHARED),
            |ctx| {
                ctx.get(&SHARED)?.borrow_mut().push(1);
                Ok(())
            },
        ));
    let mut state = state();
    state.put(&LOG, Vec::new()).unwrap();
    state.put(&SHARED, RefCell::default()).unwrap();
    let writer = sequence([stage("log"), stage("push"), stage("log")]);
    let workflow = workflow("w")
        .then(parallel().branches([writer, stage("push"), stage("fail").or_skip()]))
        .then(stage("log"));
    run(&workflow, &registry, &mut state).1.unwrap();
    assert_eq!(state.get(&LOG), Ok(&vec!["logged"; 3]));
    assert_eq!(state.get(&SHARED).unwrap().borrow().len(), 2);
}

#[test]
fn a_resource_lent_to_a_branch_is_back_after_a_failure_and_after_a_drop() {
    struct Hold;
    #[async_trait(?Send)]
    impl Stage for Hold {
        fn spec(&self) -> StageSpec {
            StageSpec::new("hold", "uses the log for long").changes(&LOG)
        }
        async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
            ctx.get_mut(&LOG)?.push("held");
            sleep(Duration::from_secs(60)).await;
            Ok(())
        }
    }
    let registry = registry().with(Hold);
    let held = |node, patience_ms| {
        let mut state = state();
        state.put(&LOG, Vec::new()).unwrap();
        let plan = validate(&workflow("w").then(node), &registry, &state.keys()).unwrap();
        let failed = block_on(async {
            let engine = Engine::new(&());
            let run = Box::pin(engine.run(&plan, &mut state));
            let short = Box::pin(sleep(Duration::from_millis(patience_ms)));
            matches!(select(run, short).await, Either::Left((Err(_), _)))
        });
        format!("failed: {failed}, {:?}", state.get(&LOG).unwrap())
    };
    let hold = || parallel().branches([stage("hold"), stage("say")]);
    assert_eq!(held(hold(), 100), r#"failed: false, ["held"]"#);
    assert_eq!(
        held(hold().timeout_ms(10), 30_000),
        r#"failed: true, ["held"]"#
    );
}

#[test]
fn branches_run_on_one_thread_without_send() {
    const CELL: Key<Rc<RefCell<u32>>> = Key::new("cell");
    let registry = registry().with(does(StageSpec::new("bump", "adds 1").reads(&CELL), |ctx| {
        *ctx.get(&CELL)?.borrow_mut() += 1;
        say(ctx, "bumped");
        Ok(())
    }));
    let mut state = State::new();
    state.put(&CELL, Rc::default()).unwrap();
    let workflow = workflow("w").then(parallel().branches([stage("bump"), stage("bump")]));
    let (lines, _) = run(&workflow, &registry, &mut state);
    assert_eq!(
        said(&lines),
        ["w/parallel/bump: bumped", "w/parallel/bump#2: bumped"]
    );
    assert_eq!(*state.get(&CELL).unwrap().borrow(), 2);
}
