//! The documentation is true: its commands run, its files are sound, its code is code that runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::Cursor;

use expect_test::expect_file;
use image::{GrayImage, ImageFormat, Luma};
use kitchen_tests::{Block, Guide, Kitchen, Said, reference, repository};

/// README and every guide.
fn guides() -> Vec<Guide> {
    let texts = repository::texts().unwrap();
    let is_guide =
        |path: &str| path == "README.md" || path.starts_with("docs/") && path.ends_with(".md");
    let guides = texts.iter().filter(|(path, _)| is_guide(path));
    guides
        .map(|(path, text)| Guide::parse(path, text))
        .collect()
}

/// Runs what one page shows, from its top to its end, in a folder of its own.
fn check(path: &str) {
    let guide = guides()
        .into_iter()
        .find(|guide| guide.path == path)
        .unwrap();
    let kitchen = Kitchen::new().unwrap();
    let mut checked = 0;
    for block in &guide.blocks {
        let place = format!("{path}:{}", block.line);
        if let Some(fixture) = block.note("fixture") {
            make(&kitchen, fixture);
        }
        if let Some(name) = block.note("file") {
            kitchen.write(name, &block.text).unwrap();
        }
        checked += match block.language.as_str() {
            "sh" => check_commands(&kitchen, block, &place),
            "toml" if !block.is("simulated") => check_file(&kitchen, block, &place),
            _ => 0,
        };
    }
    assert!(checked > 0, "{path} shows nothing that could be checked");
}

fn check_commands(kitchen: &Kitchen, block: &Block, place: &str) -> usize {
    let shown = block.commands().unwrap();
    for command in &shown {
        let said = Said::of(kitchen.command(&command.args).unwrap()).unwrap();
        let line = command.args.join(" ");
        assert_eq!(
            said.code,
            Some(command.exit),
            "{place}: {line}\n{}{}",
            said.out,
            said.err
        );
    }
    shown.len()
}

fn check_file(kitchen: &Kitchen, block: &Block, place: &str) -> usize {
    kitchen.write("shown.toml", &block.text).unwrap();
    let said = kitchen.say("validate shown.toml").unwrap();
    let expected = if block.is("problems") { 3 } else { 0 };
    assert_eq!(said.code, Some(expected), "{place}: {}", said.out);
    1
}

/// What a page cannot hold.
fn make(kitchen: &Kitchen, fixture: &str) {
    match fixture {
        "pictures" => pictures(kitchen),
        "prose.txt and code.txt" => {
            let lines = |line: &dyn Fn(usize) -> String| (0..200).map(line).collect::<String>();
            let prose =
                lines(&|n| format!("The cook has stirred {n} pots, and tastes the soup.\n"));
            let code = lines(&|n| format!("fn pot_{n}() -> Soup {{ stir({n}); taste() }}\n"));
            kitchen.write("prose.txt", prose).unwrap();
            kitchen.write("code.txt", code).unwrap();
        }
        "plays.txt" => {
            let lines =
                (0..400).map(|n| format!("Scene {n}. Enter the king, and {} lords.\n", n % 7));
            kitchen.write(fixture, lines.collect::<String>()).unwrap();
        }
        "examples" => {
            for (path, text) in repository::texts().unwrap() {
                if path.starts_with("examples/") {
                    kitchen.write(&path, text).unwrap();
                }
            }
        }
        other => panic!("no fixture is called `{other}`"),
    }
}

/// Bars that lie and bars that stand.
fn pictures(kitchen: &Kitchen) {
    for number in 0..12 {
        for (class, lies) in [("lying", true), ("standing", false)] {
            let image = GrayImage::from_fn(16, 16, |x, y| {
                let across = if lies { y } else { x };
                Luma([if across.abs_diff(2 + number) < 2 {
                    255
                } else {
                    0
                }])
            });
            let mut png = Cursor::new(Vec::new());
            image.write_to(&mut png, ImageFormat::Png).unwrap();
            let name = format!("pictures/{class}/{number}.png");
            kitchen.write(&name, png.into_inner()).unwrap();
        }
    }
}

#[test]
fn readme() {
    check("README.md");
}

#[test]
fn getting_started() {
    check("docs/getting-started.md");
}

#[test]
fn configuration() {
    check("docs/configuration.md");
}

#[test]
fn custom_workflows() {
    check("docs/custom-workflows.md");
}

#[test]
fn data() {
    check("docs/data.md");
}

#[test]
fn telemetry() {
    check("docs/telemetry.md");
}

#[test]
fn checkpoints() {
    check("docs/checkpoints.md");
}

#[test]
fn supervision() {
    check("docs/supervision.md");
}

#[test]
fn curriculum() {
    check("docs/curriculum.md");
}

#[test]
fn simulation() {
    check("docs/simulation.md");
}

/// A page with commands of ours has a test of its own above, so that pages are checked side by
/// side, and none is forgotten.
#[test]
fn every_page_with_commands_is_checked() {
    let here = include_str!("docs.rs");
    for guide in guides() {
        let shell = guide.blocks.iter().filter(|block| block.language == "sh");
        let has_commands = shell
            .into_iter()
            .any(|block| !block.commands().unwrap().is_empty());
        let is_checked = here.contains(&format!("check(\"{}\")", guide.path));
        assert!(is_checked || !has_commands, "nothing checks {}", guide.path);
    }
}

/// Code in guides is taken from the examples, which are compiled and run.
#[test]
fn code_in_guides_is_code_of_the_examples() {
    let texts = repository::texts().unwrap();
    let sources = texts
        .iter()
        .filter(|(path, _)| path.starts_with("examples/"));
    let sources: Vec<String> = sources.map(|(_, text)| flat(text)).collect();
    let mut seen = 0;
    for guide in guides() {
        for block in guide.blocks.iter().filter(|block| block.language == "rust") {
            let code = flat(&block.text);
            let found = sources.iter().any(|source| source.contains(&code));
            assert!(found, "{}:{} is in no example", guide.path, block.line);
            seen += 1;
        }
    }
    assert!(seen > 0, "no guide shows code");
}

/// Code without its indentation.
fn flat(code: &str) -> String {
    let lines = code.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Write it anew with `UPDATE_EXPECT=1 cargo test -p kitchen-tests --test docs`.
#[test]
fn the_reference_says_what_the_types_say() {
    let schema = Kitchen::new().unwrap().json("config schema").unwrap();
    expect_file!["../docs/reference/config.md"].assert_eq(&reference::page(&schema));
}
