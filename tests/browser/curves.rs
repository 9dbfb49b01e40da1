//! The curves: what is seen of them, and how a person sees other steps.

use serde_json::json;

use crate::harness::{Page, SOON, Setup};

/// What the chart of the loss says in words.
const LABEL: &str = "document.querySelector('#curve-loss').ariaLabel";

/// Waits until the chart shows these steps, as it says itself.
fn shows(page: &Page, words: &str) -> anyhow::Result<()> {
    let said = format!("{LABEL}.includes({})", json!(words));
    page.wait_for(&format!("`{words}`"), &said)?;
    Ok(())
}

/// Waits until the chart shows all steps.
fn shows_all(page: &Page) -> anyhow::Result<()> {
    page.wait_for("all steps", &format!("!{LABEL}.includes('are shown')"))?;
    Ok(())
}

/// A run of 401 steps that is over: nothing moves but what a person moves.
fn open() -> anyhow::Result<Option<Page>> {
    let query = "recipe=playground&device=cpu&seed=1&steps=401&model.hidden=[8]";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(None);
    };
    page.wait("the end of the run", SOON, |state| state.status == "done")?;
    shows_all(&page)?;
    Ok(Some(page))
}

#[test]
fn keys_and_buttons_show_other_steps() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    page.press('+')?;
    shows(&page, "the newest steps, from 201 on, are shown")?;
    page.wait_for_text("the newest steps, from 201 on, are shown")?;
    page.click("#earlier")?;
    shows(&page, "steps 151 to 351 of 401 are shown")?;
    page.click("#closer")?;
    shows(&page, "steps 201 to 301 of 401 are shown")?;
    page.picture("closer")?;
    page.press('-')?;
    shows(&page, "steps 151 to 351 of 401 are shown")?;
    page.press('0')?;
    shows_all(&page)?;
    page.end()
}

#[test]
fn a_mouse_shows_other_steps() -> anyhow::Result<()> {
    let Some(page) = open()? else { return Ok(()) };
    let turn = "const chart = document.querySelector('#curve-loss');
        chart.scrollIntoView({ block: 'center' });
        const box = chart.getBoundingClientRect();
        const wheel = new WheelEvent('wheel', { bubbles: true, cancelable: true,
            clientX: box.left + box.width / 2, clientY: box.top + 50, ...arguments[0] });
        return !chart.dispatchEvent(wheel)";
    // Without Ctrl the wheel is for the page.
    assert_eq!(page.run(turn, &[json!({ "deltaY": -100 })])?, false);
    shows_all(&page)?;
    let closer = json!({ "deltaY": -100, "ctrlKey": true });
    assert_eq!(page.run(turn, &[closer])?, true);
    page.wait_for(
        "part of the steps",
        &format!("/steps \\d+ to/.test({LABEL})"),
    )?;
    let first = format!("Number(/steps (\\d+) to/.exec({LABEL})?.[1] ?? 1000)");
    let before = page.wait_for("the first step", &first)?;
    page.drag("#curve-loss", 60)?;
    page.wait_for("earlier steps", &format!("{first} < {before}"))?;
    let twice = "document.querySelector('#curve-loss').dispatchEvent(
        new MouseEvent('dblclick', { bubbles: true }))";
    page.run(twice, &[])?;
    shows_all(&page)?;
    page.end()
}
