//! One workflow, built in Rust, read from TOML and JSON, and described.

use expect_test::expect;
use kitchen_flow::build::*;
use kitchen_flow::{describe, validate};
use kitchen_types::workflow::{Repeat, Retry, Workflow};

use crate::kit::{registry, state};

/// Something of everything.
fn built() -> Workflow {
    workflow("everything")
        .description("shows what a workflow can hold")
        .define("again", [stage("say"), stage("count")])
        .then(stage("set").with("to", false).named("clear"))
        .then(
            repeat_until(any_of([is("flag"), above("count", 9.5)]))
                .named("train")
                .quiet()
                .body([
                    stage("count"),
                    when(not(equals("count", 3))).either([call("again")], [stage("set")]),
                ]),
        )
        .then(parallel().at_most(2).merged_in_order().branches([
            stage("sleep").with("ms", 5).timeout_ms(1000),
            sequence([stage("say"), stage("undoable")]).or_roll_back(),
        ]))
        .then(
            stage("fail")
                .retry(Retry {
                    delay_ms: 10,
                    ..Retry::times(3)
                })
                .or_skip()
                .finally([stage("tell_count")]),
        )
        .then(
            stream("flag", Repeat::Times(4))
                .buffer(2)
                .stale_after(1)
                .between([stage("set")], [stage("say")]),
        )
        .then(for_each("item", "list").body([stage("tell_item")]))
        .then(repeat_while(all_of([is("flag"), below("count", 2.0)])).body([stage("count")]))
        .finally(stage("say"))
}

const WRITTEN: &str = r#"
name = "everything"
description = "shows what a workflow can hold"

[workflows]
again = [{ do.stage = "say" }, { do.stage = "count" }]

[[steps]]
name = "clear"
do.stage = "set"
config = { to = false }

[[steps]]
name = "train"
quiet = true
[steps.do.loop]
repeat.until.any = [{ is = "flag" }, { above = { key = "count", limit = 9.5 } }]
[[steps.do.loop.body]]
do.stage = "count"
[[steps.do.loop.body]]
[steps.do.loop.body.do.if]
condition.not.equals = { key = "count", value = 3 }
then = [{ do.call = "again" }]
else = [{ do.stage = "set" }]

[[steps]]
[steps.do.parallel]
limit = 2
merge = "in_order"
[[steps.do.parallel.branches]]
do.stage = "sleep"
config.ms = 5
policy.timeout_ms = 1000
[[steps.do.parallel.branches]]
do.sequence = [{ do.stage = "say" }, { do.stage = "undoable" }]
policy.on_failure = "roll_back"

[[steps]]
do.stage = "fail"
[steps.policy]
retry = { attempts = 3, delay_ms = 10 }
on_failure = "skip"
finally = [{ do.stage = "tell_count" }]

[[steps]]
[steps.do.stream]
item = "flag"
repeat.times = 4
buffer = 2
staleness = 1
producer = [{ do.stage = "set" }]
consumer = [{ do.stage = "say" }]

[[steps]]
do.loop = { repeat.each = { list = "list", item = "item" }, body = [{ do.stage = "tell_item" }] }

[[steps]]
[steps.do.loop]
repeat.while.all = [{ is = "flag" }, { below = { key = "count", limit = 2.0 } }]
body = [{ do.stage = "count" }]

[[finally]]
do.stage = "say"
"#;

#[test]
fn the_builder_and_toml_make_the_same_tree() {
    assert_eq!(toml::from_str::<Workflow>(WRITTEN).unwrap(), built());
    assert!(validate(&built(), &registry(), &state().keys()).is_ok());
}

#[test]
fn a_workflow_survives_toml_and_json() {
    let workflow = built();
    let text = toml::to_string(&workflow).unwrap();
    assert_eq!(toml::from_str::<Workflow>(&text).unwrap(), workflow);
    let text = serde_json::to_string(&workflow).unwrap();
    assert_eq!(serde_json::from_str::<Workflow>(&text).unwrap(), workflow);
}

#[test]
fn what_a_tree_does_not_know_is_refused() {
    let table = [
        (
            "name = 'w'\n[[steps]]\ndo.stage = 's'\nretries = 3",
            "unknown field `retries`",
        ),
        (
            "name = 'w'\n[[steps]]\ndo.jump = 's'",
            "unknown variant `jump`",
        ),
        ("name = 'w'\n[[steps]]\nname = 's'", "missing field `do`"),
        (
            "name = 'w'\n[[steps]]\ndo.loop = { repeat.times = 2 }",
            "missing field `body`",
        ),
    ];
    for (text, expected) in table {
        let error = toml::from_str::<Workflow>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_description_is_a_tree_that_people_can_read() {
    expect![[r#"
        everything: shows what a workflow can hold
        ├─ clear = set(to=false): sets a flag (-> flag)
        ├─ train: until (`flag` or `count` > 9.5) [quiet]
        │  ├─ count: adds 1 (count -> count)
        │  └─ if: not `count` = 3
        │     ├─ then
        │     │  └─ again: call again
        │     └─ else
        │        └─ set: sets a flag (-> flag)
        ├─ parallel: at the same time, at most 2 at once, the last one counts
        │  ├─ sleep(ms=5): sleeps [within 1000 ms]
        │  └─ sequence [or roll back]
        │     ├─ say: says that it runs
        │     └─ undoable: does what it can undo
        ├─ fail: fails [up to 3 attempts, or skip]
        │  └─ finally
        │     └─ tell_count: tells the count (count)
        ├─ stream: 4 times `flag`, 2 waiting, stale after 1
        │  ├─ producer
        │  │  └─ set: sets a flag (-> flag)
        │  └─ consumer
        │     └─ say: says that it runs
        ├─ loop: for each `item` of `list`
        │  └─ tell_item: tells the item (item)
        ├─ loop: while (`flag` and `count` < 2)
        │  └─ count: adds 1 (count -> count)
        ├─ finally
        │  └─ say: says that it runs
        └─ to call: again
           ├─ say: says that it runs
           └─ count: adds 1 (count -> count)
    "#]]
    .assert_eq(&describe(&built(), &registry()));
}
