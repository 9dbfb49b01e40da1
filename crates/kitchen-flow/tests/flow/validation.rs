//! What is wrong with a workflow is said before its first step.

use std::rc::Rc;

use expect_test::{Expect, expect};
use kitchen_flow::build::*;
use kitchen_flow::{Key, Registry, StageSpec, validate};
use kitchen_types::workflow::{Node, Repeat, Retry, Workflow};

use crate::kit::{self, COUNT, FLAG, LIST, does, lines};

const BATCH: Key<Rc<str>> = Key::new("batch");
const BATCH_AS_NUMBER: Key<u8> = Key::value("batch");
const CLIENT: Key<Box<dyn Fn()>> = Key::new("client");
const WORD: Key<String> = Key::value("word");

fn registry() -> Registry {
    let spec = StageSpec::new;
    let specs = [
        spec("load", "writes a batch").writes(&BATCH),
        spec("look", "reads a batch").reads(&BATCH),
        spec("consume", "takes a batch").takes(&BATCH),
        spec("peek", "reads a batch if there is one").reads_if_there(&BATCH),
        spec("open", "opens a client").writes(&CLIENT),
        spec("train", "changes the client").changes(&CLIENT),
        spec("measure", "reads the client").reads(&CLIENT),
        spec("number", "writes a batch of another type").writes(&BATCH_AS_NUMBER),
        spec("configured", "has settings")
            .config::<u64>("steps", "how many steps to take")
            .config_or::<f64>("rate", "how fast", 0.1),
    ];
    specs.into_iter().fold(kit::registry(), |registry, spec| {
        registry.with(does(spec, |_| Ok(())))
    })
}

fn problems(workflow: &Workflow) -> String {
    let given = [COUNT.info(), FLAG.info(), LIST.info(), WORD.info()];
    match validate(workflow, &registry(), &given) {
        Ok(plan) => format!("sound: {} stages\n", plan.stages().len()),
        Err(problems) => lines(&problems),
    }
}

/// What is wrong with a workflow of these steps.
fn check(nodes: impl IntoIterator<Item = Node>, expect: Expect) {
    let steps = nodes.into_iter().collect();
    expect.assert_eq(&problems(&Workflow {
        steps,
        ..workflow("w")
    }));
}

#[test]
fn unknown_names() {
    check(
        [
            stage("laod"),
            repeat(2).body([stage("xyzzy")]),
            call("twise"),
        ],
        expect![[r#"
            w/laod: there is no stage `laod`; did you mean `load`?
            w/loop/xyzzy: there is no stage `xyzzy`
            w/twise: there is no sub-workflow `twise`
        "#]],
    );
    let misspelt = workflow("w")
        .define("twice", [stage("say")])
        .then(call("twise"));
    expect![[r#"
        w/twise: there is no sub-workflow `twise`; did you mean `twice`?
        w: the sub-workflow `twice` is never called; call it or remove it
    "#]]
    .assert_eq(&problems(&misspelt));
}

#[test]
fn recursive_calls() {
    let workflow = workflow("w")
        .define("a", [stage("say"), call("b")])
        .define("b", [when(is("flag")).then([call("a")])])
        .then(call("a"));
    expect![[r#"
        w/a/b/if/then/a: `a` calls itself; a repetition is a loop
    "#]]
    .assert_eq(&problems(&workflow));
}

#[test]
fn empty_blocks() {
    check(
        [
            repeat(2).body([]),
            parallel().branches([]),
            when(is("flag")).then([]),
            sequence([]),
            stream("count", Repeat::Times(1)).between([], []),
        ],
        expect![[r#"
            w/loop: the loop's body is empty; put a stage in it or remove it
            w/parallel: the parallel block is empty; put a stage in it or remove it
            w/if/then: the branch is empty; put a stage in it or remove it
            w/sequence: the sequence is empty; put a stage in it or remove it
            w/stream/producer: the producer is empty; put a stage in it or remove it
            w/stream/consumer: the consumer is empty; put a stage in it or remove it
        "#]],
    );
    check(
        [],
        expect![[r#"
        w: the workflow is empty; put a stage in it or remove it
    "#]],
    );
}

#[test]
fn settings() {
    check(
        [
            stage("configured"),
            stage("configured").with("steps", 3).with("rat", 1.0),
            stage("configured").with("steps", "many"),
            stage("configured").with("steps", 3).with("rate", 1),
            repeat(2).body([stage("say")]).with("times", 3),
        ],
        expect![[r#"
            w/configured: stage `configured` needs the setting `steps` (how many steps to take)
            w/configured#2: stage `configured` has no setting `rat`; did you mean `rate`?
            w/configured#3: the setting `steps` of stage `configured` is unusable: invalid type: string "many", expected u64
            w/loop: only stages have settings, so nothing reads `times`; move it to a stage
        "#]],
    );
}

#[test]
fn policies() {
    check(
        [
            stage("say").retry(Retry::times(0)),
            stage("say").retry(Retry {
                backoff: 0.5,
                ..Retry::times(2)
            }),
            stage("say").retry(Retry {
                backoff: f64::NAN,
                ..Retry::times(2)
            }),
            stage("say").timeout_ms(0),
            stream("flag", Repeat::Times(1))
                .buffer(0)
                .between([stage("set")], [stage("say")]),
        ],
        expect![[r#"
            w/say: 0 attempts would never try; attempts counts the first one, so it is at least 1
            w/say#2: the backoff is 0.5; each pause is multiplied by it, so it must be at least 1
            w/say#3: the backoff is NaN; each pause is multiplied by it, so it must be at least 1
            w/say#4: a timeout of 0 ms leaves no time; give it more or remove it
            w/stream: a buffer for 0 items lets nothing pass; it holds at least 1
        "#]],
    );
}

#[test]
fn names_depth_and_size() {
    check(
        [stage("say").named("a/b")],
        expect![[r#"
        w: `a/b` contains `/`, which separates the parts of a path; choose another name
    "#]],
    );
    let deep = (0..70).fold(stage("say"), |node, _| sequence([node]));
    let text = {
        let workflow = workflow("w").then(deep);
        problems(&workflow)
    };
    assert!(text.ends_with("nodes lie more than 64 deep within each other; use fewer levels\n"));
    let wide = (1..20).fold(
        workflow("w").define("n0", [stage("say")]).then(call("n19")),
        |workflow, n| {
            let below = format!("n{}", n - 1);
            workflow.define(format!("n{n}"), [call(below.clone()), call(below)])
        },
    );
    let text = problems(&wide);
    assert!(
        text.ends_with(
            "the workflow has more than 10000 nodes when every call is written out; use loops\n"
        ),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn workflows_that_nobody_calls() {
    let workflow = workflow("w")
        .define("spare", [stage("say")])
        .then(stage("say"));
    expect![[r#"
        w: the sub-workflow `spare` is never called; call it or remove it
    "#]]
    .assert_eq(&problems(&workflow));
}

#[test]
fn reads_without_a_writer() {
    check(
        [
            stage("look"),
            stage("look").named("told_once"),
            stage("load"),
        ],
        expect![[r#"
            w/look: reads `batch`, which nothing before it writes; put `load` or `number` before it
        "#]],
    );
    check(
        [
            when(is("flga")).then([stage("say")]),
            repeat_until(above("lst", 1.0)).body([stage("say")]),
            for_each("item", "missing").body([stage("say")]),
        ],
        expect![[r#"
            w/if: reads `flga`, which nothing before it writes; did you mean `flag`?
            w/loop: reads `lst`, which nothing before it writes; did you mean `list`?
            w/loop#2: reads `missing`, which nothing before it writes
        "#]],
    );
}

#[test]
fn writers_on_some_ways_only() {
    check(
        [when(is("flag")).then([stage("load")]), stage("look")],
        expect![[r#"
            w/look: reads `batch`, which may be missing on account of w/if; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
    check(
        [
            when(is("flag")).either([stage("load")], [stage("load")]),
            stage("look"),
        ],
        expect![[r#"
            sound: 3 stages
        "#]],
    );
    check(
        [when(is("flag")).then([stage("load")]), stage("peek")],
        expect![[r#"
            sound: 2 stages
        "#]],
    );
    check(
        [
            repeat_until(is("flag")).body([stage("load")]),
            stage("look"),
        ],
        expect![[r#"
            w/look: reads `batch`, which may be missing on account of w/loop; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
    check(
        [repeat(2).body([stage("load")]), stage("look")],
        expect![[r#"
            sound: 2 stages
        "#]],
    );
    check(
        [stage("load").or_skip(), stage("look")],
        expect![[r#"
            w/look: reads `batch`, which may be missing on account of w/load; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
    check(
        [
            stage("load"),
            when(is("flag")).then([stage("consume")]),
            stage("look"),
        ],
        expect![[r#"
            w/look: reads `batch`, which may be missing on account of w/if/then/consume; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
    check(
        [stage("load"), stage("consume"), stage("look")],
        expect![[r#"
            w/look: reads `batch`, which may be missing on account of w/consume; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
}

#[test]
fn what_is_gone_the_second_time() {
    check(
        [
            stage("load"),
            repeat(2).named("loop").body([stage("consume")]),
        ],
        expect![[r#"
            w/loop/consume: reads `batch`, which the nodes here take away, so that the next turn misses it
        "#]],
    );
    check(
        [stage("load"), repeat(1).body([stage("consume")])],
        expect![[r#"
            sound: 2 stages
        "#]],
    );
    check(
        [repeat(2).body([stage("load"), stage("consume")])],
        expect![[r#"
            sound: 2 stages
        "#]],
    );
    check(
        [
            stage("load"),
            repeat(2).body([stage("consume"), stage("load")]),
        ],
        expect![[r#"
            sound: 3 stages
        "#]],
    );
    check(
        [stage("load"), stage("consume").retry(Retry::times(2))],
        expect![[r#"
            w/consume: reads `batch`, which the nodes here take away, so that the next attempt misses it
        "#]],
    );
}

#[test]
fn what_always_runs_cannot_count_on_what_failed() {
    let reads = workflow("w").then(stage("load")).finally(stage("look"));
    expect![[r#"
        w/finally/look: reads `batch`, which may be missing on account of w/load; write it before, or let the stage do without it (`reads_if_there`)
    "#]].assert_eq(&problems(&reads));
    let peeks = workflow("w").then(stage("load")).finally(stage("peek"));
    expect![[r#"
        sound: 2 stages
    "#]]
    .assert_eq(&problems(&peeks));
    check(
        [
            sequence([stage("load"), stage("say")]).finally([stage("look")]),
            stage("look"),
        ],
        expect![[r#"
            w/sequence/finally/look: reads `batch`, which may be missing on account of w/sequence/load; write it before, or let the stage do without it (`reads_if_there`)
        "#]],
    );
    check(
        [stage("say").finally([stage("load")]), stage("look")],
        expect![[r#"
            sound: 3 stages
        "#]],
    );
}

#[test]
fn types_that_do_not_match() {
    check(
        [stage("number"), stage("look")],
        expect![[r#"
        w/look: uses `batch` as a Rc<str>, but w/number uses it as a u8; rename one of the keys
    "#]],
    );
    check(
        [
            when(is("count")).then([stage("say")]),
            when(below("flag", 1.0)).then([stage("say")]),
            when(above("word", 1.0)).then([stage("say")]),
            when(equals("count", "three")).then([stage("say")]),
            when(equals("word", "three")).then([stage("say")]),
            for_each("item", "count").body([stage("say")]),
            for_each("flag", "list").body([stage("say")]),
        ],
        expect![[r#"
            w/if: asks whether `count` is true, but it is a u64; ask for another key
            w/if#2: asks whether `flag` is below 1, but it is a bool; ask for another key
            w/if#3: asks whether `word` is above 1, but it is a String; ask for another key
            w/if#4: asks whether `count` is "three", but it is a u64; ask for another key
            w/loop: goes through `count`, but it is a u64; name a key that is declared with `Key::list`
            w/loop#2: uses `flag` as a u64, but the given state uses it as a bool; rename one of the keys
        "#]],
    );
    check(
        [stage("load"), when(equals("batch", 1)).then([stage("say")])],
        expect![[r#"
            w/if: asks whether `batch` is 1, but it is a Rc<str>; ask for another key
        "#]],
    );
}

#[test]
fn impossible_merges() {
    check(
        [parallel().branches([
            stage("load").named("a"),
            sequence([stage("say"), stage("load")]).named("b"),
        ])],
        expect![[r#"
            w/parallel/a: both w/parallel/a and w/parallel/b write `batch`; let only one of them do it (branches of a parallel block can also be merged `in_order`, where the last one counts)
        "#]],
    );
    check(
        [
            parallel()
                .merged_in_order()
                .branches([stage("load"), stage("load")]),
            stage("look"),
        ],
        expect![[r#"
            sound: 3 stages
        "#]],
    );
    check(
        [
            stage("open"),
            parallel().branches([stage("train"), stage("measure")]),
        ],
        expect![[r#"
            w/parallel/train: w/parallel/train changes `client`, a live resource, while w/parallel/measure uses it; run them one after the other, or give each its own
        "#]],
    );
    check(
        [
            stage("open"),
            parallel().merged_in_order().branches([
                stage("measure"),
                stage("train"),
                stage("train"),
            ]),
        ],
        expect![[r#"
            w/parallel/train: w/parallel/train changes `client`, a live resource, while w/parallel/measure uses it; run them one after the other, or give each its own
            w/parallel/train#2: w/parallel/train#2 changes `client`, a live resource, while w/parallel/measure uses it; run them one after the other, or give each its own
            w/parallel/train: w/parallel/train changes `client`, a live resource, while w/parallel/train#2 uses it; run them one after the other, or give each its own
        "#]],
    );
    check(
        [
            stage("open"),
            parallel().branches([stage("measure"), stage("measure")]),
        ],
        expect![[r#"
            sound: 3 stages
        "#]],
    );
}

#[test]
fn branches_do_not_see_each_other() {
    check(
        [parallel().branches([stage("load"), stage("look")])],
        expect![[r#"
            w/parallel/look: reads `batch`, which nothing before it writes; put `load` or `number` before it
        "#]],
    );
    check(
        [
            parallel().branches([stage("load"), stage("open")]),
            stage("look"),
            stage("measure"),
        ],
        expect![[r#"
            sound: 4 stages
        "#]],
    );
}

#[test]
fn streams() {
    let times = || Repeat::Times(2);
    check(
        [stream("batch", times()).between([stage("load")], [stage("consume")])],
        expect![[r#"
            sound: 2 stages
        "#]],
    );
    check(
        [stream("batch", times()).between([stage("say")], [stage("look")])],
        expect![[r#"
            w/stream: the producer does not always write `batch`, the item that it is to make
        "#]],
    );
    check(
        [
            stream("batch", times()).between([stage("load")], [stage("look")]),
            stage("look"),
        ],
        expect![[r#"
            w/look: reads `batch`, which nothing before it writes; put `load` or `number` before it
        "#]],
    );
    check(
        [
            stage("open"),
            stream("batch", Repeat::Until(is("flag"))).between(
                [stage("load"), stage("train")],
                [stage("look"), stage("measure")],
            ),
        ],
        expect![[r#"
            w/stream/producer: w/stream/producer changes `client`, a live resource, while w/stream/consumer uses it; run them one after the other, or give each its own
        "#]],
    );
    check(
        [stream("batch", times()).between(
            [stage("load"), stage("count")],
            [stage("look"), stage("count")],
        )],
        expect![[r#"
            w/stream/producer: both w/stream/producer and w/stream/consumer write `count`; let only one of them do it (branches of a parallel block can also be merged `in_order`, where the last one counts)
        "#]],
    );
}

#[test]
fn calls_are_checked_where_they_are_made() {
    let workflow = workflow("w")
        .define("use", [stage("look")])
        .then(call("use").named("too_early"))
        .then(stage("consume"))
        .then(stage("load"))
        .then(call("use"));
    expect![[r#"
        w/too_early/look: reads `batch`, which nothing before it writes; put `load` or `number` before it
    "#]].assert_eq(&problems(&workflow));
}
