//! Opened, the page trains; and the keys that everybody tries do what they do elsewhere.

use std::thread;
use std::time::Duration;

use crate::harness::{SOON, Setup};

/// Notes in `window.firstStep` after how many milliseconds the page had taken its first step.
const TIME_FIRST_STEP: &str = "
    new MutationObserver(() => {
        const main = document.querySelector('main');
        if (main && Number(main.dataset.step) > 0) window.firstStep ??= performance.now();
    }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-step'] });";

#[test]
fn something_moves_without_a_click() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.run_first(TIME_FIRST_STEP)?;
    page.go("")?;
    let first = page.wait("the first steps", SOON, |state| state.step > 0)?;
    let step = first.step;
    page.wait("more steps", SOON, |state| state.step > step)?;
    // Now everything is in the browser's cache.
    page.reload()?;
    page.wait("the first steps again", SOON, |state| state.step > 0)?;
    let took = page.wait_for("the time of the first step", "window.firstStep")?;
    eprintln!("the first step, after loading again: {took} ms");
    page.end()
}

#[test]
fn it_needs_no_isolation() -> anyhow::Result<()> {
    let Some(page) = Setup::new().without_isolation().open("device=cpu")? else {
        return Ok(());
    };
    assert_eq!(page.run("return crossOriginIsolated", &[])?, false);
    let state = page.wait("steps", SOON, |state| state.step > 5)?;
    assert_eq!(state.device, "cpu");
    page.end()
}

/// What the recipe promises, in the time that it promises.
#[test]
fn the_cpu_learns_digits() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=digits&device=cpu&seed=3")? else {
        return Ok(());
    };
    assert_eq!(page.run("return crossOriginIsolated", &[])?, true);
    let limit = Duration::from_secs(120);
    let state = page.wait("the end of the run", limit, |state| {
        matches!(state.status.as_str(), "done" | "failed")
    })?;
    assert_eq!(
        (state.status.as_str(), state.device.as_str()),
        ("done", "cpu")
    );
    assert!(state.validation_accuracy > Some(0.95), "{state:?}");
    page.end()
}

#[test]
fn keys_pause_step_and_reset() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=playground&device=cpu&steps=1000000")? else {
        return Ok(());
    };
    page.wait("some steps", SOON, |state| state.step > 20)?;
    page.press(' ')?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;
    // What was under way when the key was pressed has arrived by now.
    thread::sleep(Duration::from_millis(500));
    let paused = page.state()?;
    thread::sleep(Duration::from_millis(500));
    assert_eq!(page.state()?, paused);

    page.press('s')?;
    let stepped = page.wait("a step", SOON, |state| state.step > paused.step)?;
    assert_eq!(stepped.step, paused.step + 1);
    thread::sleep(Duration::from_millis(300));
    let still = page.state()?;
    assert_eq!(
        (still.step, still.status.as_str()),
        (stepped.step, "paused")
    );

    // However fast someone presses, each press is a step.
    for _ in 0..5 {
        page.press('s')?;
    }
    let stepped = page.wait("five steps", SOON, |state| state.step >= stepped.step + 5)?;
    assert_eq!(stepped.step, still.step + 5);
    assert_eq!(stepped.status, "paused");

    page.press(' ')?;
    // So many that the new run cannot have as many again before it is seen.
    let on = page.wait("more steps", SOON, |state| {
        state.step > stepped.step + 3_000
    })?;
    page.press('r')?;
    page.wait("a new beginning", SOON, |state| state.step < on.step)?;
    page.end()
}
