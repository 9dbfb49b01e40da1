//! Words for messages: what could have been meant.

use super::merge::join;
use super::shape::{Kind, Shape};

/// How alike two names must be, by Jaro and Winkler, for one to be suggested for the other.
const ALIKE: f64 = 0.8;

/// What other programs call some settings.
const ELSEWHERE: &[(&str, &str)] = &[
    ("learning_rate", "lr"),
    ("epochs", "steps=\"20 epochs\""),
    ("max_iters", "steps"),
    ("block_size", "data.context"),
    ("n_layer", "model.layers"),
    ("n_head", "model.heads"),
    ("n_embd", "model.width"),
    ("weight_decay", "optimizer.algorithm.weight_decay"),
];

/// What to say of a key that no setting has. `whole` is where other places are searched for it.
pub(super) fn unknown_key<'k>(
    whole: Shape<'_>,
    path: &str,
    key: &str,
    keys: impl Iterator<Item = &'k str>,
) -> String {
    let keys: Vec<_> = keys.collect();
    format!(
        "there is no key `{key}` in {}; {}its keys are {}",
        place(path),
        hint(whole, key, &keys),
        list(keys.iter().copied()),
    )
}

/// What to say of a name that no variant has.
pub(super) fn unknown_name<'k>(
    path: &str,
    name: &str,
    names: impl Iterator<Item = &'k str>,
) -> String {
    let names: Vec<_> = names.collect();
    let hint = nearest(name, &names).map(|name| format!("did you mean `{name}`? "));
    format!(
        "`{path}` cannot be `{name}`; {}it is one of {}",
        hint.unwrap_or_default(),
        list(names.iter().copied()),
    )
}

/// The path as it stands in a sentence.
pub(super) fn place(path: &str) -> String {
    if path.is_empty() {
        "the configuration".to_owned()
    } else {
        format!("`{path}`")
    }
}

/// The names as `a`, `b`, `c`.
pub(super) fn list<'k>(names: impl Iterator<Item = &'k str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn hint(whole: Shape<'_>, key: &str, keys: &[&str]) -> String {
    if let Some(name) = nearest(key, keys) {
        return format!("did you mean `{name}`? ");
    }
    let mut elsewhere = Vec::new();
    find_key(whole, "", key, &mut elsewhere);
    if !elsewhere.is_empty() {
        let some = list(elsewhere.iter().map(String::as_str).take(3));
        return format!("it is a key elsewhere: {some}; here ");
    }
    let called = ELSEWHERE.iter().find(|(theirs, _)| *theirs == key);
    called.map_or_else(String::new, |(_, ours)| format!("did you mean `{ours}`? "))
}

/// The name most like `wrong`, if one is alike.
fn nearest<'k>(wrong: &str, names: &[&'k str]) -> Option<&'k str> {
    let likeness = |name: &str| strsim::jaro_winkler(wrong, name);
    let best = names
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= ALIKE).then_some(best)
}

/// Every path that ends in `key`. Lists are left out: what they hold is data, which holds lists.
fn find_key(shape: Shape<'_>, path: &str, key: &str, found: &mut Vec<String>) {
    match shape.kind() {
        Kind::Table(fields) => {
            for (name, field) in fields {
                let path = join(path, name);
                find_key(field.shape, &path, key, found);
                if name == key {
                    found.push(path);
                }
            }
        }
        Kind::Choice(variants) => {
            for variant in variants {
                if let Some(payload) = variant.payload {
                    find_key(payload, &join(path, variant.name), key, found);
                }
            }
        }
        Kind::List(_) | Kind::Leaf(_) => {}
    }
}
