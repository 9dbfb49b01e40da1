//! Rules about Rust code. Each takes one source and gives what breaks the rule in it.

use crate::source::Path;
use crate::{Finding, Source};

/// Crates that judge, describe or hold, and let others wait, spawn and connect.
const QUIET: [&str; 5] = [
    "kitchen-types",
    "kitchen-watch",
    "kitchen-sim",
    "kitchen-data",
    "kitchen-flow",
];

/// Only kitchen-train names burn, or what burn is made of.
pub fn burn_stays_in_kitchen_train(source: &Source) -> Vec<Finding> {
    let is_ours = source.is_product() && !source.is_in(&["kitchen-train"]);
    find_paths(source, is_ours, |path| {
        let first = path.text.split("::").next().unwrap_or_default();
        let is_burn = ["burn", "cubecl", "wgpu"]
            .iter()
            .any(|name| first == *name || first.starts_with(&format!("{name}_")));
        is_burn && path.text.contains("::")
    })
}

/// `cfg` speaks of wasm only in kitchen-platform, in binaries, and in manifests.
pub fn platforms_stay_in_kitchen_platform(source: &Source) -> Vec<Finding> {
    let is_ours =
        source.is_product() && !source.is_in(&["kitchen-platform"]) && !source.is_binary();
    find_paths(source, is_ours, |path| {
        matches!(path.text.as_str(), "target_family" | "target_arch")
    })
}

/// Crates that only describe and judge start no thread, open no socket, hold no async runtime.
pub fn quiet_crates_stay_quiet(source: &Source) -> Vec<Finding> {
    let loud = [
        "std::thread",
        "std::net",
        "std::process::Command",
        "tokio",
        "async_std",
        "smol",
        "rayon",
        "futures::executor",
    ];
    find_paths(source, source.is_in(&QUIET), |path| {
        !path.in_test && loud.iter().any(|prefix| is_within(path, prefix))
    })
}

/// Time is read in kitchen-platform, for a browser has another clock.
pub fn clocks_stay_in_kitchen_platform(source: &Source) -> Vec<Finding> {
    let is_ours = source.is_product() && !source.is_in(&["kitchen-platform"]);
    find_paths(source, is_ours, |path| {
        !path.in_test
            && ["time::Instant", "time::SystemTime"]
                .iter()
                .any(|clock| path.text.contains(clock))
    })
}

/// Only kitchen-native and xtask print.
pub fn printing_stays_in_front_ends(source: &Source) -> Vec<Finding> {
    if source.is_in(&["kitchen-native", "xtask"]) {
        return Vec::new();
    }
    let printers = ["print", "println", "eprint", "eprintln", "dbg"];
    find_tokens(source, |at| {
        let token = &source.tokens[at];
        !token.in_test && printers.contains(&token.text.as_str()) && source.is(at + 1, "!")
    })
}

/// A lint is relaxed only with a reason beside it. (Clippy sees to the rest: no `unwrap`, no
/// `expect`, no `panic!`, no `todo!`.)
pub fn relaxed_lints_have_reasons(source: &Source) -> Vec<Finding> {
    source
        .attributes()
        .into_iter()
        .filter(|(_, in_test, texts)| {
            let relaxes = matches!(texts.as_slice(), ["allow" | "expect", "(", ..]);
            relaxes && !in_test && !texts.contains(&"reason")
        })
        .map(|(line, _, texts)| source.finding(line, texts.concat()))
        .collect()
}

/// There is no global mutable state.
pub fn nothing_global_changes(source: &Source) -> Vec<Finding> {
    find_tokens(source, |at| {
        let token = &source.tokens[at];
        let starts = match token.text.as_str() {
            "static" => declares_mutable(source, at),
            "thread_local" | "lazy_static" => source.is(at + 1, "!"),
            _ => false,
        };
        starts && source.is_product() && !token.in_test
    })
}

/// Whether the `static` at `at` is `mut`, or of a type that changes behind a shared reference.
fn declares_mutable(source: &Source, at: usize) -> bool {
    let declaration = source.tokens[at + 1..]
        .iter()
        .map(|token| token.text.as_str())
        .take_while(|text| !matches!(*text, "=" | ";"));
    declaration.into_iter().any(|text| {
        text.starts_with("Atomic")
            || matches!(
                text,
                "mut" | "Mutex" | "RwLock" | "OnceLock" | "OnceCell" | "Cell" | "RefCell"
            )
    })
}

/// What crosses a border is externally tagged: a tag, flattened or untagged type cannot refuse
/// what it does not know, and buffers what it reads.
pub fn types_are_externally_tagged(source: &Source) -> Vec<Finding> {
    if !source.is_in(&["kitchen-types"]) {
        return Vec::new();
    }
    source
        .attributes()
        .into_iter()
        .filter(|(_, _, texts)| texts.first() == Some(&"serde"))
        .filter(|(_, _, texts)| {
            texts
                .iter()
                .any(|text| matches!(*text, "tag" | "flatten" | "untagged"))
        })
        .map(|(line, _, texts)| source.finding(line, texts.concat()))
        .collect()
}

/// What crosses a border can be kept, shown and compared.
pub fn types_can_be_kept_shown_and_compared(source: &Source) -> Vec<Finding> {
    if !source.is_in(&["kitchen-types"]) {
        return Vec::new();
    }
    source
        .attributes()
        .into_iter()
        .filter(|(_, in_test, texts)| {
            let wanted = ["Clone", "Debug", "PartialEq"];
            !in_test
                && texts.first() == Some(&"derive")
                && texts.contains(&"Serialize")
                && !wanted.iter().all(|name| texts.contains(name))
        })
        .map(|(line, _, texts)| source.finding(line, texts.concat()))
        .collect()
}

/// A measured value in an event is a `Number`, which JSON can hold.
pub fn events_hold_numbers(source: &Source) -> Vec<Finding> {
    let is_event = source.path == "crates/kitchen-types/src/event.rs";
    find_paths(source, is_event, |path| {
        matches!(path.text.as_str(), "f64" | "f32")
    })
}

/// Whether `path` is `prefix` or something in it.
fn is_within(path: &Path, prefix: &str) -> bool {
    path.text
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with("::"))
        || (path.text == prefix && prefix.contains("::"))
}

fn find_paths(source: &Source, applies: bool, wrong: impl Fn(&Path) -> bool) -> Vec<Finding> {
    if !applies {
        return Vec::new();
    }
    source
        .paths()
        .into_iter()
        .filter(wrong)
        .map(|path| source.finding(path.line, path.text))
        .collect()
}

fn find_tokens(source: &Source, wrong: impl Fn(usize) -> bool) -> Vec<Finding> {
    (0..source.tokens.len())
        .filter(|&at| wrong(at))
        .map(|at| source.finding(source.tokens[at].line, source.tokens[at].text.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    type Rule = fn(&Source) -> Vec<Finding>;

    /// `rule` finds exactly `expected`, as `line: what`, in `text` at `path`.
    #[track_caller]
    fn check(rule: Rule, path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = rule(&Source::new(path, text).unwrap())
            .into_iter()
            .map(|finding| format!("{}: {}", finding.line, finding.what))
            .collect();
        assert_eq!(found, expected, "in {path}: {text}");
    }

    const CORE: &str = "crates/kitchen-core/src/a.rs";
    const TYPES: &str = "crates/kitchen-types/src/a.rs";

    #[test]
    fn burn() {
        let rule = burn_stays_in_kitchen_train;
        check(
            rule,
            CORE,
            "\nuse burn::tensor::Tensor;",
            &["2: burn::tensor::Tensor"],
        );
        check(
            rule,
            CORE,
            "fn f() { burn_flex::x() }",
            &["1: burn_flex::x"],
        );
        check(rule, CORE, "// burn::x\nlet burn = \"burn::x\";", &[]);
        check(rule, "crates/kitchen-train/src/a.rs", "use burn::x;", &[]);
    }

    #[test]
    fn platforms() {
        let rule = platforms_stay_in_kitchen_platform;
        let text = "#[cfg(target_family = \"wasm\")]\nfn f() {}";
        check(rule, CORE, text, &["1: target_family"]);
        check(
            rule,
            CORE,
            "if cfg!(target_arch = \"wasm32\") {}",
            &["1: target_arch"],
        );
        check(rule, "crates/kitchen-native/src/main.rs", text, &[]);
        check(rule, "web/src/bin/app.rs", text, &[]);
        check(rule, "crates/kitchen-platform/src/lib.rs", text, &[]);
    }

    #[test]
    fn quiet_crates() {
        let rule = quiet_crates_stay_quiet;
        check(rule, TYPES, "use std::{fs, thread};", &["1: std::thread"]);
        check(
            rule,
            TYPES,
            "std::thread::spawn(f);",
            &["1: std::thread::spawn"],
        );
        check(
            rule,
            TYPES,
            "use std::net::TcpStream;",
            &["1: std::net::TcpStream"],
        );
        check(
            rule,
            TYPES,
            "#[tokio::main]\nfn main() {}",
            &["1: tokio::main"],
        );
        check(
            rule,
            TYPES,
            "#[cfg(test)]\nmod tests { use std::thread; }",
            &[],
        );
        check(
            rule,
            "crates/kitchen-native/src/a.rs",
            "use std::net::TcpStream;",
            &[],
        );
    }

    #[test]
    fn clocks() {
        let rule = clocks_stay_in_kitchen_platform;
        check(
            rule,
            CORE,
            "use std::time::{Duration, Instant};",
            &["1: std::time::Instant"],
        );
        check(
            rule,
            CORE,
            "web_time::SystemTime::now()",
            &["1: web_time::SystemTime::now"],
        );
        check(
            rule,
            CORE,
            "std::time::SystemTime::now()",
            &["1: std::time::SystemTime::now"],
        );
        check(rule, CORE, "use std::time::Duration;", &[]);
        check(
            rule,
            "crates/kitchen-platform/src/native.rs",
            "use std::time::Instant;",
            &[],
        );
        check(rule, "xtask/src/run.rs", "use std::time::Instant;", &[]);
    }

    #[test]
    fn printing() {
        let rule = printing_stays_in_front_ends;
        check(
            rule,
            CORE,
            "fn f() {\n    println!(\"x\");\n}",
            &["2: println"],
        );
        check(rule, CORE, "// println!\nwriteln!(f, \"println!\")", &[]);
        check(rule, "crates/kitchen-native/src/a.rs", "println!();", &[]);
        check(rule, "crates/kitchen-core/tests/a.rs", "println!();", &[]);
    }

    #[test]
    fn reasons() {
        let rule = relaxed_lints_have_reasons;
        check(
            rule,
            CORE,
            "\n#[allow(dead_code)]\nfn f() {}",
            &["2: allow(dead_code)"],
        );
        check(
            rule,
            CORE,
            "#![expect(clippy::unwrap_used)]",
            &["1: expect(clippy::unwrap_used)"],
        );
        check(
            rule,
            CORE,
            "#[expect(clippy::unwrap_used, reason = \"it is there\")]\nfn f() {}",
            &[],
        );
        check(
            rule,
            CORE,
            "#[cfg(test)]\nmod tests { #![allow(clippy::unwrap_used)] }",
            &[],
        );
    }

    #[test]
    fn global_state() {
        let rule = nothing_global_changes;
        check(rule, CORE, "static mut X: u8 = 0;", &["1: static"]);
        check(
            rule,
            CORE,
            "static X: AtomicU64 = AtomicU64::new(0);",
            &["1: static"],
        );
        check(
            rule,
            CORE,
            "static X: OnceLock<u8> = OnceLock::new();",
            &["1: static"],
        );
        check(
            rule,
            CORE,
            "thread_local! { static X: u8 = 0 }",
            &["1: thread_local"],
        );
        check(
            rule,
            CORE,
            "fn f(x: &'static Mutex<u8>) {}\nstatic X: &[u8] = &[];",
            &[],
        );
    }

    #[test]
    fn tags() {
        let rule = types_are_externally_tagged;
        check(
            rule,
            TYPES,
            "#[serde(tag = \"kind\")]\nenum E {}",
            &["1: serde(tag=\"kind\")"],
        );
        check(
            rule,
            TYPES,
            "struct S {\n#[serde(default, flatten)]\nx: X }",
            &["2: serde(default,flatten)"],
        );
        check(
            rule,
            TYPES,
            "#[serde(untagged)]\nenum E {}",
            &["1: serde(untagged)"],
        );
        check(rule, TYPES, "#[serde(rename = \"tag\")]\nenum E {}", &[]);
        check(rule, CORE, "#[serde(untagged)]\nenum E {}", &[]);
    }

    #[test]
    fn derives() {
        let rule = types_can_be_kept_shown_and_compared;
        check(
            rule,
            TYPES,
            "#[derive(Clone, Debug, Serialize)]\nstruct S;",
            &["1: derive(Clone,Debug,Serialize)"],
        );
        check(
            rule,
            TYPES,
            "#[derive(Clone, Debug, PartialEq, Serialize)]\nstruct S;",
            &[],
        );
        check(rule, TYPES, "#[derive(Clone)]\nstruct S;", &[]);
    }

    #[test]
    fn events() {
        let rule = events_hold_numbers;
        let path = "crates/kitchen-types/src/event.rs";
        check(
            rule,
            path,
            "struct S {\n    loss: Option<f64>,\n}",
            &["2: f64"],
        );
        check(rule, path, "struct S { loss: Number } // f64", &[]);
        check(rule, TYPES, "struct S { loss: f64 }", &[]);
    }
}
