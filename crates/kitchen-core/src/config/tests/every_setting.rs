//! What must hold of every single setting that the types know.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::merge::join;
use super::super::shape::{Kind, Leaf, Shape};
use super::super::{Layers, leaves, schema};

/// Every single setting that the types know, with every variant, by its full path.
fn every_leaf(shape: Shape<'_>, path: &str, found: &mut BTreeMap<String, (Leaf, Option<Value>)>) {
    let join = |key: &str| join(path, key);
    match shape.kind() {
        Kind::Table(fields) => {
            for (name, field) in fields {
                every_leaf(field.shape, &join(name), found);
            }
        }
        Kind::Choice(variants) => {
            for variant in variants {
                if let Some(payload) = variant.payload {
                    every_leaf(payload, &join(variant.name), found);
                }
            }
        }
        // Lists are tested by name above.
        Kind::List(_) => {}
        Kind::Leaf(leaf) => {
            found.insert(path.to_owned(), (leaf, shape.default()));
        }
    }
}

/// Two values of a kind that are not the default of any setting.
fn two_values(leaf: Leaf) -> [Value; 2] {
    match leaf {
        Leaf::Boolean => [json!(true), json!(false)],
        Leaf::Natural => [json!(77), json!(78)],
        Leaf::Number => [json!(0.625), json!(0.375)],
        Leaf::Text => [json!("one"), json!("two")],
        Leaf::Span => [json!(77), json!("78 epochs")],
        Leaf::Other => panic!("a leaf of unknown kind"),
    }
}

#[test]
fn for_every_setting_the_later_layer_wins_and_taking_back_restores_the_default() {
    let schema = schema();
    let mut found = BTreeMap::new();
    every_leaf(Shape::of(&schema), "", &mut found);
    found.remove("recipe");
    assert!(found.len() > 60, "only {} settings", found.len());
    for (path, (leaf, default)) in found {
        let [first, second] = two_values(leaf);
        // The file is JSON, nested as deep as the path.
        let file = path
            .rsplit('.')
            .fold(first.clone(), |inner, key| json!({ key: inner }));
        let base = || Layers::new("empty", "").file("run.json", &file.to_string());
        let value = |layers: Layers| {
            let merged = layers
                .merge()
                .map_err(|problems| format!("{path}: {problems:?}"));
            leaves(&merged.unwrap().config).get(&path).cloned()
        };
        // Other fields of the same variant may have no default; they are given throughout.
        let base = || {
            needed(&path)
                .iter()
                .fold(base(), |layers, needed| layers.arguments(&[needed]))
        };
        assert_eq!(value(base()), Some(first), "{path}");
        let argument = format!("{path}={second}");
        assert_eq!(
            value(base().arguments(&[&argument])),
            Some(second),
            "{path}"
        );
        if let Some(default) = default {
            let again = format!("{path}={default}");
            assert_eq!(
                value(base().arguments(&[&argument, &again])),
                Some(default.clone()),
                "{path}"
            );
            let back = format!("~{path}");
            assert_eq!(
                value(base().arguments(&[&argument, &back])),
                Some(default),
                "{path}"
            );
        }
    }
}

/// What else must be said, so that a configuration with `path` is complete.
fn needed(path: &str) -> &'static [&'static str] {
    match path.strip_prefix("schedule.shape.") {
        Some("polynomial.end") => &["schedule.shape.polynomial.power=2.0"],
        Some("warmup_stable_decay.end") => &["schedule.shape.warmup_stable_decay.decay=9"],
        _ => &[],
    }
}
