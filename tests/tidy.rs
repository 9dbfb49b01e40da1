//! The rules that keep the house whole. Each failure names the rule and every file and line that
//! breaks it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use kitchen_tests::rules::{code, graph, text};
use kitchen_tests::{Finding, Source, repository};

/// Holds if nothing was found.
#[track_caller]
fn hold(rule: &str, found: Vec<Finding>) {
    let lines: Vec<String> = found.iter().map(|finding| format!("  {finding}")).collect();
    assert!(found.is_empty(), "the rule: {rule}\n{}", lines.join("\n"));
}

#[track_caller]
fn hold_in_code(rule: &str, judge: fn(&Source) -> Vec<Finding>) {
    let sources = Source::all(&repository::texts().unwrap()).unwrap();
    assert!(sources.len() > 20, "only {} sources", sources.len());
    hold(rule, sources.iter().flat_map(judge).collect());
}

#[track_caller]
fn hold_in_texts(rule: &str, judge: fn(&str, &str) -> Vec<Finding>) {
    let texts = repository::texts().unwrap();
    let found = texts.iter().flat_map(|(path, text)| judge(path, text));
    hold(rule, found.collect());
}

#[test]
fn only_kitchen_train_names_burn() {
    let rule = "only kitchen-train names burn; elsewhere, use its TrainingClient";
    hold_in_code(rule, code::burn_stays_in_kitchen_train);
    hold(
        rule,
        graph::only_kitchen_train_depends_on_burn(&repository::metadata().unwrap()),
    );
}

#[test]
fn wasm_is_named_only_in_kitchen_platform_and_binaries() {
    hold_in_code(
        "what differs on wasm goes into kitchen-platform, or is an `Err(Unsupported)`",
        code::platforms_stay_in_kitchen_platform,
    );
}

#[test]
fn quiet_crates_have_no_threads_sockets_or_runtimes() {
    hold_in_code(
        "types, watch, sim, data and flow start nothing; kitchen-platform spawns for them",
        code::quiet_crates_stay_quiet,
    );
}

#[test]
fn what_crosses_a_border_is_externally_tagged() {
    hold_in_code(
        "kitchen-types has no serde `tag`, `flatten` or `untagged`",
        code::types_are_externally_tagged,
    );
}

#[test]
fn what_crosses_a_border_can_be_kept_shown_and_compared() {
    hold_in_code(
        "what derives Serialize in kitchen-types derives Clone, Debug and PartialEq too",
        code::types_can_be_kept_shown_and_compared,
    );
}

#[test]
fn events_hold_numbers() {
    hold_in_code(
        "a measured value in an event is a `Number`",
        code::events_hold_numbers,
    );
}

#[test]
fn crates_introduce_themselves() {
    hold_in_texts(
        "a lib.rs opens by saying what the crate is for and what it leaves to others",
        text::crates_introduce_themselves,
    );
}

#[test]
fn clocks_are_read_in_kitchen_platform() {
    hold_in_code(
        "`Instant` and `SystemTime` stand only in kitchen-platform, which has a clock",
        code::clocks_stay_in_kitchen_platform,
    );
}

#[test]
fn only_front_ends_print() {
    hold_in_code(
        "only kitchen-native and xtask print; elsewhere, return it or emit an event",
        code::printing_stays_in_front_ends,
    );
}

#[test]
fn relaxed_lints_have_reasons() {
    hold_in_code(
        "outside of tests, `#[expect(...)]` and `#[allow(...)]` say why: `reason = \"...\"`",
        code::relaxed_lints_have_reasons,
    );
    hold_in_texts(
        "every manifest inherits the lints of the workspace",
        text::manifests_inherit_the_lints,
    );
}

#[test]
fn nothing_global_changes() {
    hold_in_code(
        "no global mutable state: device, clock, seed and storage are arguments",
        code::nothing_global_changes,
    );
}

#[test]
fn dependencies_follow_the_plan() {
    hold(
        "crates know each other only along the arrows of the plan",
        graph::dependencies_follow_the_plan(&repository::metadata().unwrap()),
    );
}

#[test]
fn files_are_short() {
    hold_in_texts(
        "a file reads in one go; split it along its ideas",
        text::files_are_short,
    );
}

#[test]
fn nothing_is_unfinished() {
    hold_in_texts(
        "nothing is put off or pretended; what is not there is absent",
        text::nothing_is_unfinished,
    );
}

#[test]
fn links_resolve() {
    let texts = repository::texts().unwrap();
    let files = repository::files().unwrap();
    let found = texts
        .iter()
        .flat_map(|(path, text)| text::links_resolve(path, text, &files));
    hold("links in the documentation lead somewhere", found.collect());
}

#[test]
fn readme_maps_every_crate() {
    let texts = repository::texts().unwrap();
    let readme = texts.iter().find(|(path, _)| path == "README.md").unwrap();
    let members = graph::members(&repository::metadata().unwrap());
    assert!(members.len() >= 10, "only {members:?}");
    hold(
        "every crate is on README's map, as `name`",
        text::the_map_is_whole(&readme.1, &members),
    );
}
