//! A workflow that passes the checks never misses a key.

use kitchen_flow::build::*;
use kitchen_flow::{Key, Registry, StageSpec, State, describe, validate};
use kitchen_types::workflow::{Node, Repeat, Retry, Workflow};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::kit::{self, FLAG, LIST, OTHER, does, run};

const A: Key<String> = Key::value("a");
const B: Key<String> = Key::value("b");
/// A live resource.
const C: Key<std::cell::Cell<u8>> = Key::new("c");

fn registry() -> Registry {
    let spec = |name| StageSpec::new(name, "uses a key");
    kit::registry()
        .with(does(spec("write_a").writes(&A), |ctx| {
            ctx.put(&A, "a".into())
        }))
        .with(does(spec("read_a").reads(&A), |ctx| ctx.get(&A).map(drop)))
        .with(does(spec("change_a").changes(&A), |ctx| {
            ctx.get_mut(&A)?.push('+');
            Ok(())
        }))
        .with(does(spec("take_a").takes(&A), |ctx| ctx.take(&A).map(drop)))
        .with(does(spec("write_b").writes(&B), |ctx| {
            ctx.put(&B, "b".into())
        }))
        .with(does(spec("read_b").reads(&B), |ctx| ctx.get(&B).map(drop)))
        .with(does(spec("move").takes(&A).writes(&B), |ctx| {
            let a = ctx.take(&A)?;
            ctx.put(&B, a)
        }))
        .with(does(spec("open").writes(&C), |ctx| ctx.put(&C, 0.into())))
        .with(does(spec("use").changes(&C), |ctx| {
            *ctx.get_mut(&C)?.get_mut() += 1;
            Ok(())
        }))
        .with(does(spec("look").reads(&C), |ctx| ctx.get(&C).map(drop)))
        .with(does(spec("close").takes_if_there(&C), |ctx| {
            if ctx.has(&C) {
                ctx.take(&C)?;
            }
            Ok(())
        }))
}

fn arbitrary_node() -> impl Strategy<Value = Node> {
    let stages = [
        "write_a", "read_a", "change_a", "take_a", "write_b", "read_b", "move", "open", "use",
        "look", "close", "say",
    ];
    let fails = (1..3_u32).prop_map(|times| stage("fail").with("times", times));
    let leaf = prop_oneof![
        8 => prop::sample::select(stages.to_vec()).prop_map(stage),
        1 => fails,
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let block = || prop::collection::vec(inner.clone(), 1..4);
        let flag = || prop::sample::select(vec!["flag", "other"]);
        prop_oneof![
            block().prop_map(sequence),
            (0..3_u64, block()).prop_map(|(times, body)| repeat(times).body(body)),
            block().prop_map(|body| for_each("item", "list").body(body)),
            (flag(), block(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(flag, then, otherwise)| when(is(flag)).either(then, otherwise)),
            block().prop_map(|nodes| parallel().branches(nodes)),
            block().prop_map(|nodes| parallel().merged_in_order().branches(nodes)),
            (block(), block()).prop_map(|(producer, consumer)| {
                stream("a", Repeat::Times(2)).between(producer, consumer)
            }),
            block().prop_map(|nodes| sequence(nodes).or_skip()),
            block().prop_map(|nodes| sequence(nodes).retry(Retry::times(3))),
            (block(), block()).prop_map(|(nodes, after)| sequence(nodes).finally(after)),
        ]
    })
}

#[test]
fn what_passes_the_checks_never_misses_a_key() {
    let nodes = (
        prop::collection::vec(arbitrary_node(), 1..5),
        prop::collection::vec(arbitrary_node(), 0..2),
    );
    let mut runner = TestRunner::deterministic();
    let (mut sound, mut unsound) = (0, 0);
    for _ in 0..6000 {
        let (steps, finally) = nodes.new_tree(&mut runner).unwrap().current();
        let workflow = Workflow {
            steps,
            finally,
            ..workflow("w")
        };
        let mut state = State::new();
        state.put(&FLAG, false).unwrap();
        state.put(&OTHER, true).unwrap();
        state.put(&LIST, vec![1, 2]).unwrap();
        state.put(&A, "a".into()).unwrap();
        if validate(&workflow, &registry(), &state.keys()).is_err() {
            unsound += 1;
            continue;
        }
        sound += 1;
        let (lines, _) = run(&workflow, &registry(), &mut state);
        let complaint = lines
            .iter()
            .find(|line| line.starts_with("failed") && !line.ends_with("no luck"));
        assert_eq!(complaint, None, "{}", describe(&workflow, &registry()));
    }
    // Both kinds must turn up often, or this shows nothing.
    assert!(
        sound > 500 && unsound > 500,
        "{sound} sound, {unsound} unsound"
    );
}
