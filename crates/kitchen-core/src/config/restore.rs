//! Taking back: `~key` puts a setting back to its default.

use kitchen_types::config::ConfigSource;
use serde_json::Value;

use super::merge::{Tree, active, is_under, join};
use super::shape::{Kind, Shape};

impl Tree {
    /// Puts what `keys` name back to what `base` (the recipe) says or, where that says nothing,
    /// to the default of its type. `source` is who asked.
    pub(super) fn restore(
        &mut self,
        shape: Shape<'_>,
        base: &Self,
        keys: &[&str],
        source: &ConfigSource,
    ) {
        let mut whole = std::mem::take(&mut self.value);
        let back = Some(base.value.clone());
        let restored = self.put_back(shape, "", &mut whole, back, keys, source);
        self.value = whole;
        if let Some(path) = restored {
            self.forget(&path);
            let of_base = base
                .origins
                .iter()
                .filter(|(known, _)| is_under(known, &path));
            self.origins
                .extend(of_base.map(|(known, origin)| (known.clone(), origin.clone())));
        }
    }

    /// Follows `keys` down from `node`, where `back` is what would be put there, and returns the
    /// full path of what was put back.
    fn put_back(
        &mut self,
        shape: Shape<'_>,
        path: &str,
        node: &mut Value,
        back: Option<Value>,
        keys: &[&str],
        source: &ConfigSource,
    ) -> Option<String> {
        let Some((key, rest)) = keys.split_first() else {
            *node = back.unwrap_or(Value::Null);
            return Some(path.to_owned());
        };
        match shape.kind() {
            Kind::Table(fields) => {
                let (Some(field), Some(children)) = (fields.get(key), node.as_object_mut()) else {
                    let keys = fields.keys().copied();
                    self.unknown_key(shape.whole(), path, key, source.clone(), keys);
                    return None;
                };
                let back = child(back, key).or_else(|| field.shape.default());
                let node = children.entry(*key).or_insert(Value::Null);
                let path = join(path, key);
                let restored = self.put_back(field.shape, &path, node, back, rest, source);
                if node.is_null() {
                    children.remove(*key);
                }
                restored
            }
            Kind::Choice(variants) => {
                let chosen = active(&variants, node).and_then(|v| v.payload.map(|p| (v, p)));
                let Some((variant, payload)) = chosen else {
                    return self.nothing_there(path, key, source);
                };
                let rest = if *key == variant.name { rest } else { keys };
                let back = child(back, variant.name).or_else(|| payload.default());
                let node = node.get_mut(variant.name)?;
                self.put_back(payload, &join(path, variant.name), node, back, rest, source)
            }
            Kind::List(item) => {
                let index = key.parse::<usize>().ok();
                let Some(node) = index.and_then(|index| node.get_mut(index)) else {
                    return self.nothing_there(path, key, source);
                };
                let back = child(back, key).or_else(|| item.default());
                self.put_back(item, &join(path, key), node, back, rest, source)
            }
            Kind::Leaf(_) => self.nothing_there(path, key, source),
        }
    }

    fn nothing_there(&mut self, path: &str, key: &str, source: &ConfigSource) -> Option<String> {
        let message = format!("`{path}` holds no `{key}` that could be put back to its default");
        self.problem(path, source.clone(), message);
        None
    }
}

fn child(value: Option<Value>, key: &str) -> Option<Value> {
    match value? {
        Value::Object(mut map) => map.remove(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?).cloned(),
        _ => None,
    }
}
