//! One layer over another, by presence: what a layer names wins, what it leaves out stands.
//!
//! The tree is always written out in full, in the form that the types serialise to, so that a
//! value that equals its default is still a value that somebody set.

use std::collections::BTreeMap;

use kitchen_types::config::{ConfigProblem, ConfigSource};
use serde_json::{Map, Value};

use super::given::{Given, Written};
use super::help;
use super::leaf::leaf_value;
use super::shape::{Field, Kind, Shape, Variant};

/// Where each setting came from, by path; what is not here is built in.
pub(super) type Origins = BTreeMap<String, ConfigSource>;

/// A tree of settings in the making.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) origins: Origins,
    pub(super) problems: Vec<ConfigProblem>,
}

impl Tree {
    /// The defaults of every field of `shape`.
    pub(super) fn defaults(shape: Shape<'_>) -> Self {
        Self {
            value: shape.default().unwrap_or(Value::Null),
            origins: Origins::new(),
            problems: Vec::new(),
        }
    }

    /// Lays `given` over the tree.
    pub(super) fn overlay(&mut self, shape: Shape<'_>, given: Given) {
        let mut whole = std::mem::take(&mut self.value);
        self.assign(shape, "", &mut whole, given);
        self.value = whole;
    }

    fn assign(&mut self, shape: Shape<'_>, path: &str, node: &mut Value, given: Given) {
        match shape.kind() {
            Kind::Table(fields) => self.assign_table(shape, &fields, path, node, given),
            Kind::Choice(variants) => self.assign_choice(&variants, path, node, given),
            Kind::List(item) => self.assign_list(item, path, node, given),
            Kind::Leaf(leaf) => match leaf_value(leaf, &given) {
                Some(value) => {
                    *node = value;
                    self.origins.insert(path.to_owned(), given.source);
                }
                None => self.wrong_type(path, &given, leaf.expected()),
            },
        }
    }

    fn assign_table(
        &mut self,
        shape: Shape<'_>,
        fields: &BTreeMap<&str, Field<'_>>,
        path: &str,
        node: &mut Value,
        given: Given,
    ) {
        let entries = match given.value {
            Written::Table(entries) => entries,
            // A YAML key with nothing after it, such as `digits:`, is an empty table.
            Written::Nothing => Vec::new(),
            _ => {
                let names = help::list(fields.keys().copied());
                let hint = field_that_takes(fields, &given.value)
                    .map_or_else(String::new, |field| {
                        format!("; did you mean `{}`?", join(path, field))
                    });
                let expected = format!("a table with any of {names}{hint}");
                return self.wrong_type(path, &given, &expected);
            }
        };
        if !node.is_object() {
            *node = shape.default().unwrap_or_else(|| Value::Object(Map::new()));
        }
        for (key, value) in entries {
            let Some((field, children)) = fields.get(key.as_str()).zip(node.as_object_mut()) else {
                self.unknown_key(
                    shape.whole(),
                    path,
                    &key,
                    value.source,
                    fields.keys().copied(),
                );
                continue;
            };
            let child = children.entry(key.as_str()).or_insert(Value::Null);
            self.assign(field.shape, &join(path, &key), child, value);
            if child.is_null() {
                children.remove(key.as_str());
            }
        }
    }

    fn assign_choice(
        &mut self,
        variants: &[Variant<'_>],
        path: &str,
        node: &mut Value,
        given: Given,
    ) {
        let source = given.source.clone();
        match given.value {
            Written::Text(name) => match find(variants, &name) {
                Some(variant) => self.choose(variant, path, node, source),
                None => self.unknown_variant(path, &name, source, variants),
            },
            Written::Table(entries) => {
                let (named, fields): (Vec<_>, Vec<_>) = entries
                    .into_iter()
                    .partition(|(key, _)| find(variants, key).is_some());
                self.assign_variant(variants, path, node, named);
                self.assign_active(variants, path, node, fields);
            }
            _ => {
                let names = help::list(variants.iter().map(|variant| variant.name));
                self.wrong_type(path, &given, &format!("one of {names}"));
            }
        }
    }

    /// Chooses the variant that `named` names, and fills its fields.
    fn assign_variant(
        &mut self,
        variants: &[Variant<'_>],
        path: &str,
        node: &mut Value,
        named: Vec<(String, Given)>,
    ) {
        let names: Vec<_> = named.iter().map(|(name, _)| name.clone()).collect();
        let mut named = named.into_iter();
        let Some((name, value)) = named.next() else {
            return;
        };
        if let Some((_, second)) = named.next() {
            let names = help::list(names.iter().map(String::as_str));
            let message = format!(
                "`{path}` is one thing at a time, and this names {names}; keep one of them"
            );
            return self.problem(path, second.source, message);
        }
        let Some(variant) = find(variants, &name) else {
            return;
        };
        self.choose(variant, path, node, value.source.clone());
        let inner = join(path, &name);
        match (variant.payload, node.get_mut(&name)) {
            (Some(payload), Some(fields)) => self.assign(payload, &inner, fields, value),
            _ if matches!(value.value, Written::Nothing) => {}
            _ => {
                let message =
                    format!("`{inner}` has no settings of its own; write `{path} = \"{name}\"`");
                self.problem(&inner, value.source, message);
            }
        }
    }

    /// Fills fields whose variant is left out, because it is the one that is active.
    fn assign_active(
        &mut self,
        variants: &[Variant<'_>],
        path: &str,
        node: &mut Value,
        fields: Vec<(String, Given)>,
    ) {
        let payload = active(variants, node).and_then(|v| Some((v.name, v.payload?)));
        for (key, value) in fields {
            let is_table = matches!(value.value, Written::Table(_));
            match payload.and_then(|(name, payload)| Some((payload, name, node.get_mut(name)?))) {
                Some((payload, name, inner)) if !is_table || payload.has(&key) => {
                    let source = value.source.clone();
                    let field = Given::new(Written::Table(vec![(key, value)]), source);
                    self.assign(payload, &join(path, name), inner, field);
                }
                // A table with a name that is not known was meant as a variant.
                _ => self.unknown_variant(path, &key, value.source, variants),
            }
        }
    }

    /// Makes `variant` the active one. Another one is replaced, with all its fields; naming the
    /// active one changes nothing.
    fn choose(&mut self, variant: Variant<'_>, path: &str, node: &mut Value, source: ConfigSource) {
        if active_name(node) != Some(variant.name) {
            self.forget(path);
            *node = variant.fresh();
        }
        self.origins.insert(path.to_owned(), source);
    }

    fn assign_list(&mut self, item: Shape<'_>, path: &str, node: &mut Value, given: Given) {
        let (append, source) = (given.append, given.source.clone());
        let mut list = match node {
            Value::Array(list) => std::mem::take(list),
            _ => Vec::new(),
        };
        let items = match given.value {
            Written::List(items) => items,
            Written::Table(entries) if entries.iter().all(|(key, _)| is_index(key)) => {
                for (key, value) in entries {
                    self.assign_item(item, path, &mut list, &key, value);
                }
                *node = Value::Array(list);
                return;
            }
            _ if append => vec![Given {
                append: false,
                ..given
            }],
            _ => {
                self.wrong_type(path, &given, "a list such as `[64, 32]`");
                *node = Value::Array(list);
                return;
            }
        };
        if !append {
            self.forget(path);
            list.clear();
        }
        for given in items {
            let mut value = Value::Null;
            self.assign(
                item,
                &join(path, &list.len().to_string()),
                &mut value,
                given,
            );
            list.push(value);
        }
        self.origins.insert(path.to_owned(), source);
        *node = Value::Array(list);
    }

    fn assign_item(
        &mut self,
        item: Shape<'_>,
        path: &str,
        list: &mut [Value],
        key: &str,
        given: Given,
    ) {
        let length = list.len();
        match key
            .parse::<usize>()
            .ok()
            .and_then(|index| list.get_mut(index))
        {
            Some(node) => self.assign(item, &join(path, key), node, given),
            None => {
                let message =
                    format!("`{path}` has {length} entries, counted from 0, and none is {key}");
                self.problem(path, given.source, message);
            }
        }
    }

    /// Forgets where `path` and all under it came from.
    pub(super) fn forget(&mut self, path: &str) {
        self.origins.retain(|known, _| !is_under(known, path));
    }

    fn wrong_type(&mut self, path: &str, given: &Given, expected: &str) {
        let message = format!(
            "{} is {}, expected {expected}",
            help::place(path),
            given.value
        );
        self.problem(path, given.source.clone(), message);
    }

    pub(super) fn unknown_key<'k>(
        &mut self,
        whole: Shape<'_>,
        path: &str,
        key: &str,
        source: ConfigSource,
        keys: impl Iterator<Item = &'k str>,
    ) {
        let message = help::unknown_key(whole, path, key, keys);
        self.problem(&join(path, key), source, message);
    }

    fn unknown_variant(
        &mut self,
        path: &str,
        name: &str,
        source: ConfigSource,
        variants: &[Variant<'_>],
    ) {
        let message = help::unknown_name(path, name, variants.iter().map(|v| v.name));
        self.problem(path, source, message);
    }

    pub(super) fn problem(&mut self, path: &str, origin: ConfigSource, message: String) {
        self.problems.push(ConfigProblem {
            origin,
            path: path.to_owned(),
            message,
        });
    }
}

/// `path` with one more key.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Whether `known` is `path` or lies under it.
pub(super) fn is_under(known: &str, path: &str) -> bool {
    path.is_empty()
        || known
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The variant called `name`.
pub(super) fn find<'s>(variants: &[Variant<'s>], name: &str) -> Option<Variant<'s>> {
    variants
        .iter()
        .find(|variant| variant.name == name)
        .copied()
}

/// The variant that `node` holds.
pub(super) fn active<'s>(variants: &[Variant<'s>], node: &Value) -> Option<Variant<'s>> {
    find(variants, active_name(node)?)
}

/// The field that is a choice among names, of which `written` is one.
fn field_that_takes<'s>(
    fields: &BTreeMap<&'s str, Field<'_>>,
    written: &Written,
) -> Option<&'s str> {
    let Written::Text(text) = written else {
        return None;
    };
    let takes = |field: &Field<'_>| match field.shape.kind() {
        Kind::Choice(variants) => find(&variants, text).is_some(),
        _ => false,
    };
    let mut fields = fields.iter().filter(|(_, field)| takes(field));
    fields.next().map(|(name, _)| *name)
}

fn active_name(node: &Value) -> Option<&str> {
    match node {
        Value::String(name) => Some(name),
        Value::Object(map) => map.keys().next().map(String::as_str),
        _ => None,
    }
}

fn is_index(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}
