//! Everybody can use the page: without a mouse, and by the rules of accessibility.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::harness::{Page, SOON, Setup};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

/// Moves the focus to the element with that id, as often as it takes; each stop must be visible.
fn tab_to(page: &Page, id: &str) -> anyhow::Result<()> {
    let look = "const at = document.activeElement, style = getComputedStyle(at);
                return { id: at.id, name: at.outerHTML.slice(0, 200),
                         marked: at === document.body || style.outlineStyle !== 'none'
                                 || style.boxShadow !== 'none' };";
    for _ in 0..120 {
        page.press(TAB)?;
        let at = page.run(look, &[])?;
        assert_eq!(
            at["marked"], true,
            "the focus cannot be seen on {}",
            at["name"]
        );
        if at["id"] == id {
            return Ok(());
        }
    }
    anyhow::bail!(page.tell(&format!("Tab never came to #{id}")))
}

#[test]
fn a_run_by_keyboard_alone() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=playground&device=cpu&steps=1000000")? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 0)?;
    tab_to(&page, "preset")?;
    // "add two numbers", which takes minutes; the list is the browser's own.
    let before = page.url()?;
    page.press('a')?;
    page.wait_for(
        "another preset",
        &format!("location.href !== {}", json!(before)),
    )
    .or_else(|_| {
        page.press('\u{e015}')?;
        page.wait_for(
            "another preset",
            &format!("location.href !== {}", json!(before)),
        )
    })?;
    page.wait("steps of it", SOON, |state| state.step > 0)?;
    tab_to(&page, "toggle")?;
    page.press(ENTER)?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;
    let paused = page.state()?.step;
    tab_to(&page, "step")?;
    page.press(ENTER)?;
    page.wait("a step", SOON, |state| state.step == paused + 1)?;
    page.end()
}

/// The rules that a program can check (axe-core: WCAG 2 A and AA, and good practice).
#[test]
fn the_rules_of_accessibility_hold() -> anyhow::Result<()> {
    for (name, setup) in [
        ("light", Setup::new()),
        ("dark", Setup::new().dark()),
        ("phone", Setup::new().phone()),
    ] {
        for recipe in ["playground", "digits", "addition"] {
            let Some(page) = setup.clone().open(&format!("recipe={recipe}&device=cpu"))? else {
                return Ok(());
            };
            page.wait("steps", SOON, |state| state.step > 20)?;
            page.run(
                "for (const more of document.querySelectorAll('details')) more.open = true",
                &[],
            )?;
            check_accessibility(&page, &format!("{name}, {recipe}"))?;
            page.end()?;
        }
    }
    Ok(())
}

/// Errors with what breaks the rules on the page as it stands.
pub(crate) fn check_accessibility(page: &Page, what: &str) -> anyhow::Result<()> {
    let Some(rules) = std::env::var_os("KITCHEN_AXE") else {
        eprintln!("skipped: KITCHEN_AXE names no script of axe-core");
        return Ok(());
    };
    let rules = std::fs::read_to_string(rules).context("axe-core cannot be read")?;
    page.run(&format!("{rules}; window.axe = axe"), &[])?;
    let found = page.run_async("return (await axe.run(document)).violations", &[])?;
    let found: Vec<String> = found.as_array().into_iter().flatten().map(tell).collect();
    ensure!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    Ok(())
}

fn tell(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let nodes: Vec<String> = nodes
        .take(5)
        .map(|node| format!("    {} {}", node["html"], node["failureSummary"]))
        .collect();
    format!(
        "  {}: {}\n{}",
        violation["id"],
        violation["help"],
        nodes.join("\n")
    )
}

/// Fingers need room: 44 CSS pixels for what is pressed.
#[test]
fn fingers_find_what_they_press() -> anyhow::Result<()> {
    let Some(page) = Setup::new().phone().open("recipe=playground&device=cpu")? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 0)?;
    let small = page.run(
        "return [...document.querySelectorAll('button, select, input:not([type=file])')]
            .filter(it => it.offsetParent)
            .map(it => [it, (it.closest('label') ?? it).getBoundingClientRect()])
            .filter(([it, box]) => box.height < 43.5 || box.width < 43.5)
            .map(([it, box]) => `${it.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)",
        &[],
    )?;
    assert_eq!(small, json!([]), "smaller than 44 by 44");
    page.end()
}
