//! Rules about which crate may know which.

use serde_json::Value;

use crate::Finding;

/// Which crates of ours each crate may name. The crates between types and core do not know each
/// other, except that training uses data; the engine and training wait and measure time through
/// the platform.
const ARROWS: &[(&str, &[&str])] = &[
    ("kitchen-types", &[]),
    ("kitchen-platform", &[]),
    ("kitchen-data", &["kitchen-types"]),
    ("kitchen-flow", &["kitchen-types", "kitchen-platform"]),
    (
        "kitchen-train",
        &["kitchen-types", "kitchen-platform", "kitchen-data"],
    ),
    ("kitchen-watch", &["kitchen-types"]),
    ("kitchen-sim", &["kitchen-types"]),
    (
        "kitchen-core",
        &[
            "kitchen-types",
            "kitchen-platform",
            "kitchen-data",
            "kitchen-flow",
            "kitchen-train",
            "kitchen-watch",
            "kitchen-sim",
        ],
    ),
    (
        "kitchen-native",
        &["kitchen-types", "kitchen-platform", "kitchen-core"],
    ),
    (
        "kitchen-web",
        &["kitchen-types", "kitchen-platform", "kitchen-core"],
    ),
    (
        "kitchen-tests",
        &["kitchen-types", "kitchen-platform", "kitchen-core"],
    ),
    ("xtask", &["kitchen-sim"]),
];

/// Dependencies follow the arrows of the plan. `metadata` is what `cargo metadata` says. What only
/// tests need may point anywhere.
pub fn dependencies_follow_the_plan(metadata: &Value) -> Vec<Finding> {
    find(metadata, |package, dependency| {
        let is_ours = ARROWS.iter().any(|(name, _)| *name == dependency);
        match ARROWS.iter().find(|(name, _)| *name == package) {
            Some((_, allowed)) => is_ours && !allowed.contains(&dependency),
            None => is_ours,
        }
    })
}

/// Only kitchen-train depends on burn, or on what burn is made of.
pub fn only_kitchen_train_depends_on_burn(metadata: &Value) -> Vec<Finding> {
    find(metadata, |package, dependency| {
        let is_burn = ["burn", "cubecl", "wgpu"]
            .iter()
            .any(|name| dependency == *name || dependency.starts_with(&format!("{name}-")));
        is_burn && package != "kitchen-train"
    })
}

/// The names of the members of the workspace.
pub fn members(metadata: &Value) -> Vec<String> {
    packages(metadata)
        .map(|package| text(package, "name").to_owned())
        .collect()
}

fn find(metadata: &Value, wrong: impl Fn(&str, &str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in packages(metadata) {
        let name = text(package, "name");
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // The kind of an ordinary dependency is null.
        for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
            let dependency = text(dependency, "name");
            if wrong(name, dependency) {
                found.push(Finding {
                    path: text(package, "manifest_path").to_owned(),
                    line: 1,
                    what: format!("{name} must not depend on {dependency}"),
                });
            }
        }
    }
    found
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({ "name": name, "kind": kind }))
            .collect();
        json!({ "packages": [{
            "name": name,
            "manifest_path": "a/Cargo.toml",
            "dependencies": dependencies,
        }] })
    }

    type Rule = fn(&Value) -> Vec<Finding>;

    #[track_caller]
    fn check(rule: Rule, package: &str, dependency: (&str, Option<&str>), is_wrong: bool) {
        let found = rule(&metadata(package, &[("serde", None), dependency]));
        let expected = format!(
            "a/Cargo.toml:1: {package} must not depend on {}",
            dependency.0
        );
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, vec![expected; usize::from(is_wrong)]);
    }

    #[test]
    fn arrows() {
        let rule = dependencies_follow_the_plan;
        check(rule, "kitchen-train", ("kitchen-data", None), false);
        check(rule, "kitchen-train", ("kitchen-flow", None), true);
        check(rule, "kitchen-train", ("kitchen-flow", Some("dev")), false);
        check(rule, "kitchen-train", ("kitchen-flow", Some("build")), true);
        check(rule, "kitchen-types", ("kitchen-platform", None), true);
        check(rule, "kitchen-unplanned", ("kitchen-core", None), true);
        check(rule, "kitchen-core", ("kitchen-unplanned", None), false);
    }

    #[test]
    fn burn() {
        let rule = only_kitchen_train_depends_on_burn;
        check(rule, "kitchen-train", ("burn", None), false);
        check(rule, "kitchen-core", ("burn", None), true);
        check(rule, "kitchen-core", ("burn-flex", None), true);
        check(rule, "kitchen-core", ("wgpu", Some("build")), true);
        check(rule, "kitchen-core", ("burnish", None), false);
    }

    #[test]
    fn names() {
        assert_eq!(members(&metadata("kitchen-core", &[])), ["kitchen-core"]);
    }
}
