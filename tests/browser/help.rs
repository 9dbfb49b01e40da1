//! What helps a person on the page: a look around, what a run needs, how to turn WebGPU on, a screen
//! that stays on, examples as images.

use serde_json::json;

use crate::harness::{SOON, Setup};

const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

#[test]
fn a_tour_is_offered_can_be_skipped_and_is_remembered() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=playground&device=cpu&steps=1000000")? else {
        return Ok(());
    };
    let before = page.wait("steps", SOON, |state| state.step > 0)?;
    let offer = "document.querySelector('#tour-start')?.innerText";
    page.wait_for("the offer", &format!("{offer}?.includes('New here?')"))?;
    page.click("#tour-start")?;
    page.wait_for(
        "the first stop",
        "document.activeElement.id === 'tour-next' && document.querySelector('.toured #plane')",
    )?;
    page.picture("tour")?;
    page.press(ENTER)?;
    page.wait_for(
        "the second stop",
        "document.querySelector('.toured #toggle')",
    )?;
    // Nothing waits for it.
    page.wait("more steps", SOON, |state| state.step > before.step + 100)?;
    page.press(ESCAPE)?;
    page.wait_for(
        "its end, where it began",
        "!document.querySelector('#tour, .toured') && document.activeElement.id === 'tour-start'",
    )?;
    page.reload()?;
    page.wait_for("no offer", &format!("{offer} === 'Look around'"))?;
    page.end()
}

#[test]
fn whoever_is_without_webgpu_reads_how_to_turn_it_on() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=playground&device=cpu")? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 0)?;
    let help = "return document.querySelector('#webgpu-help')?.textContent ?? ''";
    assert_eq!(page.run(help, &[])?, "", "this browser has WebGPU");
    page.run_first("delete Navigator.prototype.gpu")?;
    page.reload()?;
    page.wait_for("the help", "document.querySelector('#webgpu-help')")?;
    let told = page.run(help, &[])?;
    let told = told.as_str().unwrap();
    assert!(told.contains("chrome://flags"), "{told}");
    assert!(!told.contains("about:config"), "{told}");
    page.wait("steps on the CPU", SOON, |state| state.step > 0)?;
    page.end()
}

/// Counts in `window.awake` how often the screen is kept on.
const COUNT_LOCKS: &str = "
    window.awake = 0;
    Object.defineProperty(navigator, 'wakeLock', { value: { request: async () => {
        window.awake += 1;
        return { release: async () => { window.awake -= 1; } };
    } } });";

#[test]
fn the_screen_stays_on_while_it_trains_and_is_seen() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.run_first(COUNT_LOCKS)?;
    page.go("recipe=playground&device=cpu&steps=1000000")?;
    page.wait_for("a screen that stays on", "window.awake === 1")?;
    page.press(' ')?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;
    page.wait_for("a screen that may go dark", "window.awake === 0")?;
    page.press(' ')?;
    page.wait_for("a screen that stays on again", "window.awake === 1")?;
    let turn = "Object.defineProperty(document, 'visibilityState',
            { value: arguments[0], configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))";
    page.run(turn, &[json!("hidden")])?;
    page.wait_for("nothing for a page that nobody sees", "window.awake === 0")?;
    page.run(turn, &[json!("visible")])?;
    page.wait_for("a screen that stays on once more", "window.awake === 1")?;
    page.end()
}

#[test]
fn what_a_run_needs_is_told_before_it_begins() -> anyhow::Result<()> {
    let query = "recipe=playground&device=cpu&steps=1000000&model.hidden=[16]";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(());
    };
    // 2 x 16 weights and 16 biases, 16 x 2 weights and 2 biases.
    page.wait_for_text("82 numbers to learn")?;
    page.wait_for_text("1,000,000 steps")?;
    page.write("#setting-model-mlp-hidden", "[8]\u{e007}")?;
    page.wait_for_text("42 numbers to learn")?;
    page.wait_for_text("after the first ones")?;
    page.write("#setting-model-mlp-hidden", "[40000,40000]\u{e007}")?;
    page.wait_for_text("more than the 2.1 GB that a tab may use")?;
    // Nothing of that has disturbed the run.
    let before = page.state()?;
    page.wait("more steps", SOON, |state| state.step > before.step)?;
    page.end()
}

#[test]
fn images_are_shown_as_images_and_by_half() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=digits&device=cpu&steps=300")? else {
        return Ok(());
    };
    page.wait("the end of the run", SOON, |state| state.status == "done")?;
    page.click("#examples")?;
    for (half, tag) in [("held-out", "held out"), ("train", "trained on")] {
        let sheet = format!("document.querySelector('#images-{half}')");
        page.wait_for(
            "24 images",
            &format!("{sheet}?.ariaLabel?.startsWith('24 images')"),
        )?;
        let said = format!("return {sheet}.closest('figure').innerText");
        let said = page.run(&said, &[])?;
        assert!(said.as_str().unwrap().starts_with(tag), "{said}");
        let height = page.run(&format!("return {sheet}.clientHeight"), &[])?;
        assert!(height.as_u64() > Some(48), "{height}");
    }
    page.run("document.querySelector('#examples').scrollIntoView()", &[])?;
    page.picture("examples")?;
    page.end()
}
