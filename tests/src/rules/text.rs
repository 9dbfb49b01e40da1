//! Rules about files as they are read.

use std::collections::BTreeSet;

use crate::Finding;

/// The most lines of a Rust file.
pub const MOST_LINES: usize = 600;

/// A file can be read in one go.
pub fn files_are_short(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().count();
    if !path.ends_with(".rs") || lines <= MOST_LINES {
        return Vec::new();
    }
    vec![finding(
        path,
        lines,
        format!("{lines} lines, at most {MOST_LINES}"),
    )]
}

/// A crate opens by saying what it is for and what it leaves to others: two sentences at least.
pub fn crates_introduce_themselves(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with("/src/lib.rs") {
        return Vec::new();
    }
    let introduction: String = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .flat_map(|line| [line, " "])
        .collect();
    let sentences = introduction.split_inclusive(['.', '!', '?']);
    let ends = sentences
        .clone()
        .zip(sentences.skip(1).chain([" "]))
        .filter(|(sentence, next)| sentence.ends_with(['.', '!', '?']) && next.starts_with(' '))
        .count();
    if ends >= 2 {
        return Vec::new();
    }
    vec![finding(path, 1, "no introduction of two sentences (`//!`)")]
}

/// Nothing is put off, or pretended. The words are put together here, so that this file keeps the
/// rule too.
pub fn nothing_is_unfinished(path: &str, text: &str) -> Vec<Finding> {
    let exact = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("HA", "CK"),
    ];
    let in_any_case = [
        concat!("for ", "now"),
        concat!("st", "ub"),
        concat!("st", "ubs"),
    ];
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let lower = line.to_lowercase();
        let words = exact.iter().filter(|word| has_word(line, word));
        let words = words.chain(in_any_case.iter().filter(|word| has_word(&lower, word)));
        found.extend(words.map(|word| finding(path, number, format!("`{word}`"))));
    }
    found
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// A crate is checked by the lints of the workspace.
pub fn manifests_inherit_the_lints(path: &str, text: &str) -> Vec<Finding> {
    // A manifest that opens a workspace of its own has none to inherit from.
    let inherits = text.contains("[lints]\nworkspace = true") || text.contains("\n[workspace]\n");
    if !path.ends_with("/Cargo.toml") || inherits {
        return Vec::new();
    }
    vec![finding(path, 1, "no `[lints] workspace = true`")]
}

/// What a page of documentation points at is there. `files` are all paths of the repository.
pub fn links_resolve(path: &str, text: &str, files: &BTreeSet<String>) -> Vec<Finding> {
    if !path.ends_with(".md") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, number) in text.lines().zip(1..) {
        in_code ^= line.trim_start().starts_with("```");
        for target in targets(line).filter(|_| !in_code) {
            if !resolves(path, text, target, files) {
                found.push(finding(path, number, format!("`{target}` leads nowhere")));
            }
        }
    }
    found
}

/// What follows `](` or `src="` on a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1).filter_map(|rest| {
        let end = rest.find([')', ' '])?;
        Some(&rest[..end])
    });
    let images = line
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    links.chain(images)
}

fn resolves(path: &str, text: &str, target: &str, files: &BTreeSet<String>) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    if file.is_empty() {
        return anchors(text).any(|heading| heading == anchor);
    }
    let file = normalised(path, file);
    let folder = format!("{file}/");
    files.contains(&file) || files.iter().any(|other| other.starts_with(&folder))
}

/// The anchors of the headings of a page, as the usual renderers make them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// `target`, seen from the folder of `path`, as a path from the root.
fn normalised(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Every member of the workspace has its place on README's map.
pub fn the_map_is_whole(readme: &str, members: &[String]) -> Vec<Finding> {
    members
        .iter()
        .filter(|member| !readme.contains(&format!("`{member}`")))
        .map(|member| finding("README.md", 1, format!("`{member}` is not on the map")))
        .collect()
}

fn finding(path: &str, line: usize, what: impl Into<String>) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        what: what.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Vec<Finding>, expected: &[&str]) {
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn length() {
        check(files_are_short("a.rs", &"\n".repeat(600)), &[]);
        check(
            files_are_short("a.rs", &"\n".repeat(601)),
            &["a.rs:601: 601 lines, at most 600"],
        );
        check(files_are_short("a.jsonl", &"\n".repeat(601)), &[]);
    }

    #[test]
    fn introductions() {
        let rule = |text| crates_introduce_themselves("crates/a/src/lib.rs", text);
        let missing = ["crates/a/src/lib.rs:1: no introduction of two sentences (`//!`)"];
        check(rule("//! It does this. It leaves that to b.\nmod c;"), &[]);
        check(
            rule("//! It does this,\n//! at 0.5 Hz.\n//!\n//! Not that."),
            &[],
        );
        check(rule("//! It runs at 0.5 Hz."), &missing);
        check(rule("mod a;\n//! One. Two."), &missing);
        check(rule(""), &missing);
        check(crates_introduce_themselves("crates/a/src/b.rs", ""), &[]);
    }

    #[test]
    fn unfinished_work() {
        let rule = |text: &str| nothing_is_unfinished("a.rs", text);
        check(
            rule(concat!("fine\n// TO", "DO: more")),
            &[concat!("a.rs:2: `TO", "DO`")],
        );
        check(
            rule(concat!("It is empty For ", "now.")),
            &[concat!("a.rs:1: `for ", "now`")],
        );
        check(
            rule(concat!("a st", "ub")),
            &[concat!("a.rs:1: `st", "ub`")],
        );
        check(rule("stubborn, mastodons, before nowhere"), &[]);
    }

    #[test]
    fn lints() {
        let rule = |text| manifests_inherit_the_lints("crates/a/Cargo.toml", text);
        check(rule("[package]\n\n[lints]\nworkspace = true\n"), &[]);
        check(
            rule("[package]\n"),
            &["crates/a/Cargo.toml:1: no `[lints] workspace = true`"],
        );
    }

    #[test]
    fn links() {
        let files = ["README.md", "docs/a.md", "docs/b.svg"]
            .map(str::to_owned)
            .into();
        let rule = |text| links_resolve("docs/a.md", text, &files);
        check(
            rule("# On x & y\n[a](b.svg) [b](../README.md#map) ![c](./b.svg \"t\") [d](#on-x--y)"),
            &[],
        );
        check(rule("[a](https://example.org/b) [m](mailto:a@b)"), &[]);
        check(rule("```\n[a](nowhere.md)\n```\n[f](../docs/)"), &[]);
        check(
            rule("ok\n[a](nowhere.md) <img src=\"c.png\"> [d](#z)"),
            &[
                "docs/a.md:2: `nowhere.md` leads nowhere",
                "docs/a.md:2: `#z` leads nowhere",
                "docs/a.md:2: `c.png` leads nowhere",
            ],
        );
    }

    #[test]
    fn map() {
        let members = ["kitchen-a".to_owned(), "kitchen-b".to_owned()];
        check(
            the_map_is_whole("| `kitchen-a` | x |", &members),
            &["README.md:1: `kitchen-b` is not on the map"],
        );
    }
}
