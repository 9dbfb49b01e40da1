//! A workflow in a file is the workflow that the builder makes.

use kitchen_types::workflow::build::*;
use kitchen_types::workflow::{Repeat, Retry, Workflow};
use serde_json::json;

/// One node of each kind, one policy of each kind, one condition of each kind, as people write it.
const TEXT: &str = r#"
name = "tour"
description = "Shows one of each."

[[steps]]
do = { stage = "load" }
config = { path = "a.csv", rows = 9007199254740993 }
policy = { retry = { attempts = 3, delay_ms = 10 }, timeout_ms = 1000, on_failure = "skip" }

[[steps]]
name = "epochs"
quiet = true
[steps.do.loop]
repeat = { times = 3 }
body = [
    { do = { stage = "step" }, policy = { on_failure = "roll_back", finally = [{ do = { stage = "tidy" } }] } },
    { do = { call = "measure" } },
]

[[steps]]
[steps.do.if]
condition = { all = [{ is = "ready" }, { not = { equals = { key = "mode", value = "dry" } } }] }
then = [{ do = { sequence = [{ do = { stage = "a" } }, { do = { stage = "b" } }] } }]
else = [{ do = { stage = "c" } }]

[[steps]]
[steps.do.parallel]
limit = 2
merge = "in_order"
branches = [{ do = { stage = "left" } }, { do = { stage = "right" } }]

[[steps]]
[steps.do.stream]
producer = [{ do = { stage = "write" } }]
consumer = [{ do = { stage = "read" } }]
item = "sample"
repeat = { until = { any = [{ below = { key = "loss", limit = 0.1 } }, { above = { key = "step", limit = 9.0 } }] } }
buffer = 4
staleness = 2

[[steps]]
do.loop = { repeat = { each = { list = "files", item = "file" } }, body = [{ do = { stage = "read" } }] }

[[steps]]
do.loop = { repeat = { while = { is = "ready" } }, body = [{ do = { stage = "wait" } }] }

[[finally]]
do = { stage = "close" }

[workflows]
measure = [{ do = { stage = "evaluate" } }]
"#;

fn tour() -> Workflow {
    let retry = Retry {
        attempts: 3,
        delay_ms: 10,
        backoff: 2.0,
        max_delay_ms: 120_000,
    };
    workflow("tour")
        .description("Shows one of each.")
        .then(
            stage("load")
                .with("path", "a.csv")
                .with("rows", 9_007_199_254_740_993_u64)
                .retry(retry)
                .timeout_ms(1000)
                .or_skip(),
        )
        .then(repeat(3).named("epochs").quiet().body([
            stage("step").or_roll_back().finally([stage("tidy")]),
            call("measure"),
        ]))
        .then(
            when(all_of([is("ready"), not(equals("mode", "dry"))]))
                .either([sequence([stage("a"), stage("b")])], [stage("c")]),
        )
        .then(
            parallel()
                .at_most(2)
                .merged_in_order()
                .branches([stage("left"), stage("right")]),
        )
        .then(
            stream(
                "sample",
                Repeat::Until(any_of([below("loss", 0.1), above("step", 9.0)])),
            )
            .buffer(4)
            .stale_after(2)
            .between([stage("write")], [stage("read")]),
        )
        .then(for_each("file", "files").body([stage("read")]))
        .then(repeat_while(is("ready")).body([stage("wait")]))
        .finally(stage("close"))
        .define("measure", [stage("evaluate")])
}

#[test]
fn a_file_says_what_the_builder_says() {
    assert_eq!(toml::from_str::<Workflow>(TEXT).unwrap(), tour());
}

#[test]
fn what_is_written_to_a_file_is_read_again() {
    let text = toml::to_string(&tour()).unwrap();
    assert_eq!(toml::from_str::<Workflow>(&text).unwrap(), tour(), "{text}");
}

#[test]
fn what_was_not_asked_for_is_not_written() {
    let short = json!(workflow("w").then(stage("s")));
    assert_eq!(
        short,
        json!({ "name": "w", "description": "", "steps": [{ "do": { "stage": "s" } }] })
    );
}
