//! Failures, and what follows them.

use std::time::Duration;

use async_trait::async_trait;
use expect_test::expect;
use futures::executor::block_on;
use futures::future::{Either, select};
use kitchen_flow::build::*;
use kitchen_flow::{
    CancelToken, Context, Engine, RunError, Stage, StageError, StageSpec, State, validate,
};
use kitchen_platform::{Stopwatch, sleep};
use kitchen_types::workflow::Retry;

use crate::kit::{check, check_with, does, registry, run, said, say, state};

#[test]
fn a_failure_ends_the_workflow_but_not_what_always_runs() {
    check(
        &workflow("w")
            .then(stage("say"))
            .then(stage("fail"))
            .then(stage("say").named("never"))
            .finally(stage("say").named("cleanup")),
        expect![[r#"
            started w/say
                w/say: runs
            finished w/say
            started w/fail
            failed w/fail: no luck
            started w/finally/cleanup
                w/finally/cleanup: runs
            finished w/finally/cleanup
            ended: w/fail: no luck
        "#]],
    );
}

#[test]
fn a_retry_succeeds_on_the_last_try() {
    let retry = Retry {
        delay_ms: 1,
        ..Retry::times(3)
    };
    check(
        &workflow("w")
            .then(stage("fail").with("times", 2).retry(retry))
            .then(stage("say")),
        expect![[r#"
            started w/fail
            failed w/fail: no luck
            retried w/fail: attempt 2 in 1 ms
            failed w/fail: no luck
            retried w/fail: attempt 3 in 2 ms
            finished w/fail
            started w/say
                w/say: runs
            finished w/say
            ended well
        "#]],
    );
}

#[test]
fn a_retry_gives_up_after_its_last_try() {
    check(
        &workflow("w").then(sequence([stage("say"), stage("fail")]).retry(Retry::times(2))),
        expect![[r#"
            started w/sequence/say
                w/sequence/say: runs
            finished w/sequence/say
            started w/sequence/fail
            failed w/sequence/fail: no luck
            retried w/sequence: attempt 2 in 0 ms
            started w/sequence/say
                w/sequence/say: runs
            finished w/sequence/say
            started w/sequence/fail
            failed w/sequence/fail: no luck
            ended: w/sequence/fail: no luck
        "#]],
    );
}

#[test]
fn a_failure_can_be_passed_over() {
    check(
        &workflow("w")
            .then(
                sequence([stage("fail"), stage("say").named("never")])
                    .named("optional")
                    .or_skip()
                    .finally([stage("say").named("cleanup")]),
            )
            .then(stage("say").named("after")),
        expect![[r#"
            started w/optional/fail
            failed w/optional/fail: no luck
            skipped w/optional: no luck
            started w/optional/finally/cleanup
                w/optional/finally/cleanup: runs
            finished w/optional/finally/cleanup
            started w/after
                w/after: runs
            finished w/after
            ended well
        "#]],
    );
}

#[test]
fn a_pause_grows_by_its_factor_up_to_its_limit() {
    let table = [
        (Retry::times(3), vec![0, 0, 0]),
        (
            Retry {
                delay_ms: 100,
                ..Retry::times(9)
            },
            vec![0, 100, 200, 400, 800],
        ),
        (
            Retry {
                delay_ms: 100,
                backoff: 1.5,
                max_delay_ms: 300,
                ..Retry::times(9)
            },
            vec![0, 100, 150, 225, 300, 300],
        ),
        (
            Retry {
                delay_ms: 40,
                backoff: 1.0,
                ..Retry::times(9)
            },
            vec![0, 40, 40, 40],
        ),
    ];
    for (retry, pauses) in table {
        let attempts = 1..=pauses.len() as u32;
        let actual: Vec<_> = attempts.map(|n| retry.delay_before_ms(n)).collect();
        assert_eq!(actual, pauses, "{retry:?}");
    }
    // The thousandth power of 2 is beyond any clock; the limit still holds.
    let patient = Retry {
        delay_ms: 1,
        ..Retry::times(2000)
    };
    assert_eq!(patient.delay_before_ms(2000), 120_000);
}

#[test]
fn completed_stages_are_undone_newest_first() {
    check(
        &workflow("w")
            .then(stage("undoable").named("a"))
            .then(stage("say"))
            .then(repeat(2).body([stage("undoable").named("b")]))
            .then(
                // Nothing that stands around a rollback can stop it.
                sequence([stage("fail").or_roll_back()])
                    .retry(Retry::times(3))
                    .or_skip()
                    .finally([stage("say").named("cleanup")]),
            )
            .then(stage("undoable").named("never"))
            .finally(stage("say").named("end")),
        expect![[r#"
            started w/a
                w/a: done
            finished w/a
            started w/say
                w/say: runs
            finished w/say
            started w/loop/b
                w/loop/b: done
            finished w/loop/b
            started w/loop/b
                w/loop/b: done
            finished w/loop/b
            started w/sequence/fail
            failed w/sequence/fail: no luck
            started w/sequence/finally/cleanup
                w/sequence/finally/cleanup: runs
            finished w/sequence/finally/cleanup
                w/loop/b: undone
            rolled back w/loop/b
                w/loop/b: undone
            rolled back w/loop/b
                w/a: undone
            rolled back w/a
            started w/finally/end
                w/finally/end: runs
            finished w/finally/end
            ended: w/sequence/fail: no luck
        "#]],
    );
}

#[test]
fn branches_that_completed_are_undone_too() {
    let registry = registry();
    let workflow = workflow("w")
        .then(parallel().branches([
            stage("undoable").named("a"),
            sequence([stage("undoable").named("b"), stage("fail").or_roll_back()]),
        ]))
        .finally(stage("say"));
    let (lines, _) = run(&workflow, &registry, &mut state());
    assert_eq!(
        said(&lines),
        [
            "w/parallel/a: done",
            "w/parallel/sequence/b: done",
            "w/parallel/sequence/b: undone",
            "w/parallel/a: undone",
            "w/finally/say: runs",
        ]
    );
}

#[test]
fn what_cannot_be_undone_is_told_and_the_rest_is_undone() {
    struct Sticky;
    #[async_trait(?Send)]
    impl Stage for Sticky {
        fn spec(&self) -> StageSpec {
            StageSpec::new("sticky", "cannot be undone after all").can_roll_back()
        }
        async fn run(&self, _ctx: &mut Context<'_>) -> Result<(), StageError> {
            Ok(())
        }
        async fn roll_back(&self, _ctx: &mut Context<'_>) -> Result<(), StageError> {
            Err(StageError::new("the bridge is burnt"))
        }
    }
    check_with(
        &workflow("w")
            .then(stage("undoable"))
            .then(stage("sticky"))
            .then(stage("fail").or_roll_back()),
        &registry().with(Sticky),
        expect![[r#"
            started w/undoable
                w/undoable: done
            finished w/undoable
            started w/sticky
            finished w/sticky
            started w/fail
            failed w/fail: no luck
                w/sticky could not be undone: the bridge is burnt; undo it by hand
                w/undoable: undone
            rolled back w/undoable
            ended: w/fail: no luck
        "#]],
    );
}

#[test]
fn a_cancelled_run_ends_at_the_next_boundary_and_still_cleans_up() {
    check(
        &workflow("w")
            .then(
                repeat(3)
                    .body([
                        stage("say"),
                        when(not(equals("count", 0)))
                            .then([stage("cancel").finally([stage("say").named("last_words")])]),
                        stage("count"),
                    ])
                    .retry(Retry::times(5))
                    .or_skip()
                    .finally([stage("say").named("inner_cleanup")]),
            )
            .finally(stage("say").named("cleanup")),
        expect![[r#"
            started w/loop/say
                w/loop/say: runs
            finished w/loop/say
            started w/loop/count
            finished w/loop/count
            started w/loop/say
                w/loop/say: runs
            finished w/loop/say
            started w/loop/if/then/cancel
                w/loop/if/then/cancel: cancelled
            finished w/loop/if/then/cancel
            started w/loop/if/then/cancel/finally/last_words
                w/loop/if/then/cancel/finally/last_words: runs
            finished w/loop/if/then/cancel/finally/last_words
            started w/loop/finally/inner_cleanup
                w/loop/finally/inner_cleanup: runs
            finished w/loop/finally/inner_cleanup
            started w/finally/cleanup
                w/finally/cleanup: runs
            finished w/finally/cleanup
            ended: the run was cancelled
        "#]],
    );
}

#[test]
fn cancelling_ends_a_pause_at_once() {
    let mut state = state();
    let token = state.get(&crate::kit::CANCEL).unwrap().clone();
    let retry = Retry {
        delay_ms: 60_000,
        ..Retry::times(2)
    };
    let workflow = workflow("w").then(stage("fail").retry(retry));
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        token.cancel();
    });
    let clock = Stopwatch::start();
    let (_, ended) = run(&workflow, &registry(), &mut state);
    assert!(matches!(ended, Err(RunError::Cancelled)));
    assert!(clock.elapsed() < Duration::from_secs(30));
    canceller.join().unwrap();
}

#[test]
fn a_timeout_cuts_a_stage_inside_a_loop() {
    check(
        &workflow("w")
            .then(
                repeat(100)
                    .named("slow")
                    .body([stage("sleep").with("ms", 60_000).finally([stage("say")])])
                    .timeout_ms(50)
                    .or_skip(),
            )
            .then(stage("say").named("after")),
        expect![[r#"
            started w/slow/sleep
                w/slow/sleep: asleep
            started w/slow/sleep/finally/say
                w/slow/sleep/finally/say: runs
            finished w/slow/sleep/finally/say
            failed w/slow: it took longer than 50 ms; give it more time (`timeout_ms`) or less to do
            skipped w/slow: it took longer than 50 ms; give it more time (`timeout_ms`) or less to do
            started w/after
                w/after: runs
            finished w/after
            ended well
        "#]],
    );
}

#[test]
fn a_timeout_ends_a_loop_of_stages_that_never_wait() {
    let workflow = workflow("w").then(
        repeat(u64::MAX)
            .quiet()
            .body([stage("count")])
            .timeout_ms(100),
    );
    let (lines, ended) = run(&workflow, &registry(), &mut state());
    assert!(matches!(ended, Err(RunError::Failed { .. })), "{lines:?}");
}

#[test]
fn an_outer_timeout_is_not_retried_or_skipped_by_the_nodes_inside() {
    check(
        &workflow("w").then(
            sequence([stage("sleep")
                .with("ms", 60_000)
                .timeout_ms(120_000)
                .retry(Retry::times(9))
                .or_skip()])
            .named("limited")
            .timeout_ms(50),
        ),
        expect![[r#"
            started w/limited/sleep
                w/limited/sleep: asleep
            failed w/limited: it took longer than 50 ms; give it more time (`timeout_ms`) or less to do
            ended: w/limited: it took longer than 50 ms; give it more time (`timeout_ms`) or less to do
        "#]],
    );
}

#[test]
fn each_attempt_has_its_own_time() {
    check(
        &workflow("w").then(
            stage("sleep")
                .with("ms", 60_000)
                .timeout_ms(30)
                .retry(Retry::times(2))
                .or_skip(),
        ),
        expect![[r#"
            started w/sleep
                w/sleep: asleep
            failed w/sleep: it took longer than 30 ms; give it more time (`timeout_ms`) or less to do
            retried w/sleep: attempt 2 in 0 ms
                w/sleep: asleep
            failed w/sleep: it took longer than 30 ms; give it more time (`timeout_ms`) or less to do
            skipped w/sleep: it took longer than 30 ms; give it more time (`timeout_ms`) or less to do
            ended well
        "#]],
    );
}

#[test]
fn a_failing_cleanup_fails_the_run_unless_something_failed_before() {
    let cleanup = || stage("fail").named("cleanup");
    let table = [
        (
            workflow("w").then(stage("say")).finally(cleanup()),
            "w/finally/cleanup: no luck",
        ),
        (
            workflow("w").then(stage("fail")).finally(cleanup()),
            "w/fail: no luck",
        ),
        (
            workflow("w").then(stage("say").finally([cleanup()])),
            "w/say/finally/cleanup: no luck",
        ),
        (
            workflow("w")
                .then(stage("cancel"))
                .then(stage("say"))
                .finally(cleanup()),
            "the run was cancelled",
        ),
    ];
    for (workflow, expected) in table {
        let (_, ended) = run(&workflow, &registry(), &mut state());
        assert_eq!(ended.unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_error_shows_what_is_behind_it_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Outer(#[source] std::io::Error);
    let registry = registry().with(does(StageSpec::new("read", "reads"), |_| {
        Err(Outer(std::io::Error::other("the disk is gone")).into())
    }));
    let (_, ended) = run(&workflow("w").then(stage("read")), &registry, &mut state());
    let Err(RunError::Failed { error, .. }) = ended else {
        panic!("it must fail")
    };
    assert_eq!(error.to_string(), "cannot read the file: the disk is gone");
    assert!(error.downcast_ref::<Outer>().is_some());
}

#[test]
fn a_dropped_run_leaves_the_state_usable() {
    let workflow = workflow("w")
        .then(stage("count"))
        .then(stage("sleep").with("ms", 60_000));
    let mut state = state();
    let plan = validate(&workflow, &registry(), &state.keys()).unwrap();
    block_on(async {
        let engine = Engine::new(&());
        let run = Box::pin(engine.run(&plan, &mut state));
        let short = Box::pin(sleep(Duration::from_millis(30)));
        assert!(matches!(select(run, short).await, Either::Right(_)));
    });
    assert_eq!(state.get(&crate::kit::COUNT), Ok(&1));
}

#[test]
fn a_stage_can_watch_for_cancellation() {
    struct Patient;
    #[async_trait(?Send)]
    impl Stage for Patient {
        fn spec(&self) -> StageSpec {
            StageSpec::new("patient", "waits until the run is to end")
        }
        async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
            assert!(!ctx.is_cancelled());
            ctx.cancelled().await;
            say(ctx, ctx.is_cancelled());
            Ok(())
        }
    }
    let registry = registry().with(Patient);
    let workflow = workflow("w").then(stage("patient")).then(stage("say"));
    let plan = validate(&workflow, &registry, &[]).unwrap();
    let token = CancelToken::new();
    let engine = Engine::new(&()).cancelled_by(token.clone());
    let canceller = std::thread::spawn(move || token.cancel());
    let ended = block_on(engine.run(&plan, &mut State::new()));
    assert!(matches!(ended, Err(RunError::Cancelled)));
    canceller.join().unwrap();
}
