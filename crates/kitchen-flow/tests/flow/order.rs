//! What runs, and in which order.

use std::collections::BTreeMap;

use expect_test::expect;
use kitchen_flow::build::*;
use kitchen_flow::{Registry, StageSpec, State, validate};
use kitchen_types::workflow::{Condition, Merge, Node, NodeKind, Policy, Repeat, Workflow};
use proptest::prelude::*;

use crate::kit::{
    self, COUNT, FLAG, ITEM, OTHER, check, check_with, does, registry, run, said, say,
};

#[test]
fn stages_run_one_after_the_other() {
    check(
        &workflow("w")
            .then(stage("say").named("first"))
            .then(sequence([stage("say"), stage("say")]))
            .finally(stage("say")),
        expect![[r#"
            started w/first
                w/first: runs
            finished w/first
            started w/sequence/say
                w/sequence/say: runs
            finished w/sequence/say
            started w/sequence/say#2
                w/sequence/say#2: runs
            finished w/sequence/say#2
            started w/finally/say
                w/finally/say: runs
            finished w/finally/say
            ended well
        "#]],
    );
}

#[test]
fn conditionals_choose_one_branch_each() {
    // `flag` is false and `other` is true.
    let inner = |name: &str| {
        when(is("other"))
            .named(name)
            .either([stage("say").named("yes")], [stage("say").named("no")])
    };
    check(
        &workflow("w")
            .then(when(is("flag")).either(
                [inner("if")],
                [
                    inner("if"),
                    when(not(is("other"))).then([stage("say")]),
                    stage("say").named("after"),
                ],
            ))
            .then(stage("say").named("end")),
        expect![[r#"
            started w/if/else/if/then/yes
                w/if/else/if/then/yes: runs
            finished w/if/else/if/then/yes
            started w/if/else/after
                w/if/else/after: runs
            finished w/if/else/after
            started w/end
                w/end: runs
            finished w/end
            ended well
        "#]],
    );
}

#[test]
fn a_branch_that_changes_its_own_condition_runs_to_its_end() {
    check(
        &workflow("w").then(when(not(is("flag"))).either(
            [stage("set"), stage("say").named("still_here")],
            [stage("say").named("never")],
        )),
        expect![[r#"
            started w/if/then/set
            finished w/if/then/set
            started w/if/then/still_here
                w/if/then/still_here: runs
            finished w/if/then/still_here
            ended well
        "#]],
    );
}

#[test]
fn nested_loops_of_one_name_keep_their_items_apart() {
    let inner = for_each("item", "list")
        .named("loop")
        .body([stage("tell_item")]);
    check(
        &workflow("w").then(for_each("item", "outer").named("loop").quiet().body([
            stage("tell_item").named("before"),
            inner,
            stage("tell_item").named("after"),
        ])),
        expect![[r#"
            started w/loop
                w/loop/before: 1
                w/loop/loop/tell_item: 10
                w/loop/loop/tell_item: 20
                w/loop/after: 1
                w/loop/before: 2
                w/loop/loop/tell_item: 10
                w/loop/loop/tell_item: 20
                w/loop/after: 2
            finished w/loop
            ended well
        "#]],
    );
}

#[test]
fn a_loop_over_nothing_runs_zero_times() {
    let mut state = kit::state();
    state.put(&kit::LIST, vec![]).unwrap();
    let never = || [stage("say")];
    let workflow = workflow("w")
        .then(for_each("item", "list").body(never()))
        .then(repeat(0).body(never()))
        .then(repeat_while(is("flag")).body(never()))
        .then(repeat_until(is("other")).body(never()));
    let (lines, ended) = run(&workflow, &registry(), &mut state);
    assert_eq!(lines, [""; 0]);
    assert!(ended.is_ok());
    assert!(!state.contains("item"));
}

#[test]
fn loops_turn_as_often_as_they_should() {
    let table = [
        (repeat(3), 3),
        (repeat_while(below("count", 4.0)), 4),
        (repeat_until(above("count", 4.0)), 5),
        (repeat_until(equals("count", 2)), 2),
        (repeat_until(any_of([equals("count", 7), is("flag")])), 7),
        (
            repeat_while(all_of([is("other"), not(equals("count", 1))])),
            1,
        ),
        (for_each("item", "list"), 2),
    ];
    for (header, turns) in table {
        let mut state = kit::state();
        let workflow = workflow("w").then(header.clone().body([stage("count")]));
        run(&workflow, &registry(), &mut state).1.unwrap();
        assert_eq!(state.get(&COUNT), Ok(&turns), "{header:?}");
    }
}

#[test]
fn a_list_is_gone_through_as_it_was_at_the_start() {
    let registry = registry().with(does(
        StageSpec::new("grow", "adds to the list").changes(&kit::LIST),
        |ctx| {
            ctx.get_mut(&kit::LIST)?.push(99);
            Ok(())
        },
    ));
    let workflow =
        workflow("w").then(for_each("item", "list").body([stage("grow"), stage("tell_item")]));
    let mut state = kit::state();
    let (lines, _) = run(&workflow, &registry, &mut state);
    assert_eq!(
        said(&lines),
        ["w/loop/tell_item: 10", "w/loop/tell_item: 20"]
    );
    assert_eq!(state.get(&kit::LIST), Ok(&vec![10, 20, 99, 99]));
}

#[test]
fn calls_write_out_their_nodes_in_place() {
    check(
        &workflow("w")
            .define("twice", [stage("say"), call("inner")])
            .define("inner", [stage("say").named("deep")])
            .then(call("twice"))
            .then(call("twice").named("again")),
        expect![[r#"
            started w/twice/say
                w/twice/say: runs
            finished w/twice/say
            started w/twice/inner/deep
                w/twice/inner/deep: runs
            finished w/twice/inner/deep
            started w/again/say
                w/again/say: runs
            finished w/again/say
            started w/again/inner/deep
                w/again/inner/deep: runs
            finished w/again/inner/deep
            ended well
        "#]],
    );
}

#[test]
fn a_quiet_node_is_announced_as_a_whole() {
    check(
        &workflow("w").then(
            repeat(2)
                .named("train")
                .quiet()
                .body([stage("say"), sequence([stage("count")]).quiet()]),
        ),
        expect![[r#"
            started w/train
                w/train/say: runs
                w/train/say: runs
            finished w/train
            ended well
        "#]],
    );
}

#[test]
fn each_place_has_randomness_of_its_own_and_the_same_each_time() {
    let registry = Registry::new().with(does(StageSpec::new("draw", "draws"), |ctx| {
        say(ctx, ctx.random().draw());
        Ok(())
    }));
    let workflow = workflow("w").then(stage("draw")).then(stage("draw"));
    let draws = || {
        let (lines, _) = run(&workflow, &registry, &mut State::new());
        said(&lines)
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let first = draws();
    let number = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    assert_ne!(number(&first[0]), number(&first[1]));
    assert_eq!(first, draws());
}

#[test]
fn settings_reach_their_stage_and_defaults_fill_the_rest() {
    let registry = Registry::new().with(does(
        StageSpec::new("tell", "tells its settings")
            .config::<String>("word", "a word")
            .config_or::<Option<f64>>("rate", "a rate", 0.5),
        |ctx| {
            let (word, rate): (&str, Option<f64>) = (ctx.config("word")?, ctx.config("rate")?);
            say(ctx, format!("{word} {rate:?}"));
            Ok(())
        },
    ));
    check_with(
        &workflow("w")
            .then(stage("tell").with("word", "a"))
            .then(stage("tell").with("word", "b").with("rate", 2)),
        &registry,
        expect![[r#"
            started w/tell
                w/tell: a Some(0.5)
            finished w/tell
            started w/tell#2
                w/tell#2: b Some(2.0)
            finished w/tell#2
            ended well
        "#]],
    );
}

/// What a naive interpreter would do: the stages that it visits, in order.
fn interpret(nodes: &[Node], flags: &BTreeMap<&str, bool>, visits: &mut Vec<String>) {
    for node in nodes {
        match &node.kind {
            NodeKind::Stage(_) => visits.push(node.name.clone()),
            NodeKind::Sequence(nodes) => interpret(nodes, flags, visits),
            NodeKind::Loop {
                repeat: Repeat::Times(times),
                body,
            } => (0..*times).for_each(|_| interpret(body, flags, visits)),
            NodeKind::Loop { body, .. } => (0..2).for_each(|_| interpret(body, flags, visits)),
            NodeKind::If {
                condition: Condition::Is(key),
                then,
                otherwise,
            } => interpret(
                if flags[key.as_str()] { then } else { otherwise },
                flags,
                visits,
            ),
            // One at a time, branches run in the order written down.
            NodeKind::Parallel { branches, .. } => interpret(branches, flags, visits),
            other => panic!("{other:?} is not generated"),
        }
    }
}

fn arbitrary_node() -> impl Strategy<Value = Node> {
    let leaf = "[a-e]".prop_map(|name| stage("say").named(name));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let block = || prop::collection::vec(inner.clone(), 1..4);
        let flag = || prop::sample::select(vec!["flag", "other"]);
        prop_oneof![
            block().prop_map(sequence),
            (0..3_u64, block()).prop_map(|(times, body)| repeat(times).body(body)),
            block().prop_map(|body| for_each("item", "list").body(body)),
            (flag(), block(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(flag, then, otherwise)| when(is(flag)).either(then, otherwise)),
            block().prop_map(|nodes| parallel().at_most(1).branches(nodes)),
            (block(), inner.clone()).prop_map(|(nodes, last)| Node {
                policy: Policy {
                    timeout_ms: Some(60_000),
                    ..Policy::default()
                },
                ..sequence(nodes.into_iter().chain([last]))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_visits_its_stages_in_the_order_that_a_naive_interpreter_predicts(
        nodes in prop::collection::vec(arbitrary_node(), 1..4),
    ) {
        let workflow = Workflow { steps: nodes, ..workflow("w") };
        let mut state = kit::state();
        let flags = BTreeMap::from([
            ("flag", *state.get(&FLAG).unwrap()),
            ("other", *state.get(&OTHER).unwrap()),
        ]);
        let mut predicted = Vec::new();
        interpret(&workflow.steps, &flags, &mut predicted);

        let (lines, ended) = run(&workflow, &registry(), &mut state);
        prop_assert!(ended.is_ok());
        let visited: Vec<_> = said(&lines)
            .iter()
            .map(|line| {
                let path = line.split(':').next().unwrap();
                let last = path.rsplit('/').next().unwrap();
                last.split('#').next().unwrap().to_owned()
            })
            .collect();
        prop_assert_eq!(visited, predicted);
    }

    #[test]
    fn every_stage_of_a_plan_has_a_path_of_its_own(
        nodes in prop::collection::vec(arbitrary_node(), 1..4),
    ) {
        let workflow = Workflow { steps: nodes, ..workflow("w") };
        let plan = validate(&workflow, &registry(), &kit::state().keys()).unwrap();
        let mut paths = plan.stages();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        prop_assert_eq!(paths.len(), count);
    }
}

#[test]
fn a_merge_in_order_is_not_needed_where_nothing_is_written() {
    let plain = parallel().branches([stage("say"), stage("say")]);
    let NodeKind::Parallel { merge, .. } = &plain.kind else {
        panic!("{plain:?}")
    };
    assert_eq!(*merge, Merge::Disjoint);
    assert!(validate(&workflow("w").then(plain), &registry(), &[ITEM.info()]).is_ok());
}
