//! A configuration as text: its schema, its canonical form, and how two of them differ.

use std::collections::BTreeMap;

use kitchen_types::RunConfig;
use kitchen_types::report::SettingChange;
use serde_json::Value;

use super::merge::join;

/// The JSON Schema of a whole configuration (draft 2020-12), with help texts and defaults.
pub fn schema() -> Value {
    schemars::schema_for!(RunConfig).to_value()
}

/// The configuration written out in full, as TOML that reads back to an equal one.
///
/// Errors where a number does not fit TOML, which [`super::check`] refuses beforehand.
pub fn to_toml(config: &RunConfig) -> Result<String, toml::ser::Error> {
    toml::to_string(config)
}

/// Every setting in which `old` and `new` differ, in order of path.
pub fn diff(old: &RunConfig, new: &RunConfig) -> Vec<SettingChange> {
    let (mut old, mut new) = (leaves(old), leaves(new));
    let mut paths: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    let differences = paths.into_iter().map(|path| SettingChange {
        old: old.remove(&path),
        new: new.remove(&path),
        path,
    });
    differences.filter(|one| one.old != one.new).collect()
}

/// Every single value of a configuration, by its full path. A list is one value unless it holds
/// tables; a variant without settings is the value of its choice.
pub fn leaves(config: &RunConfig) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    // Serialising plain data to a tree cannot fail: no map has keys other than texts.
    let tree = serde_json::to_value(config).unwrap_or_default();
    collect("", tree, &mut found);
    found
}

fn collect(path: &str, value: Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(&join(path, &key), value, found);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (index, value) in list.into_iter().enumerate() {
                collect(&join(path, &index.to_string()), value, found);
            }
        }
        value => {
            found.insert(path.to_owned(), value);
        }
    }
}
