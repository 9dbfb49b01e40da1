//! What the page keeps: runs survive a reload, a crash, a lack of room and a server that is gone.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Page, SOON, Setup, State};

/// It saves all the time, and never comes to an end.
const SAVING: &str = "recipe=digits&device=cpu&steps=1000000&checkpoint.every=10\
                      &evaluate.every=1000000&model.hidden=[32]";

/// The newest checkpoint that the page knows of.
const NEWEST: &str = "[...document.querySelectorAll('#checkpoints option')]\
                      .map(option => Number(option.label.replace(/\\D/g, ''))).pop()";

/// The step at which the page offers to go on.
const OFFERED: &str = "document.querySelector('#resume')?.innerText.replace(/\\D/g, '')";

fn number(page: &Page, what: &str, expression: &str) -> anyhow::Result<u64> {
    let value = page.wait_for(what, &format!("String({expression} ?? '')"))?;
    let text = value.as_str().unwrap_or_default();
    text.parse()
        .map_err(|_| anyhow::anyhow!(page.tell(&format!("{what}: `{text}`"))))
}

/// Goes on with the run that was cut off, and waits until it does. Gives the step that was offered.
fn resume(page: &Page) -> anyhow::Result<u64> {
    page.wait_for("an offer to go on", "document.querySelector('#resume')")?;
    let offered = number(page, "the step that is offered", OFFERED)?;
    page.click("#resume")?;
    page.wait("the run goes on", SOON, |state: &State| {
        state.status == "running" && state.step > offered
    })?;
    // One that another tab seems to hold would train in memory only.
    let notes = page.run(
        "return document.querySelector('#notes')?.innerText ?? ''",
        &[],
    )?;
    let is_alone = !notes.to_string().contains("another tab");
    anyhow::ensure!(is_alone, page.tell(&format!("notes: {notes}")));
    Ok(offered)
}

#[test]
fn a_reload_offers_to_go_on() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open(SAVING)? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 300)?;
    let kept = number(&page, "a checkpoint", NEWEST)?;
    page.reload()?;
    let offered = resume(&page)?;
    assert!(
        offered >= kept,
        "step {kept} was kept, step {offered} was offered"
    );
    // The curve goes on from where it was.
    page.end()
}

#[test]
fn the_time_machine_goes_back() -> anyhow::Result<()> {
    let Some(page) =
        Setup::new().open(&format!("{SAVING}&checkpoint.every=100&evaluate.every=100"))?
    else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 650)?;
    page.press(' ')?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;
    let drag = "const slider = document.querySelector('#time-machine'); slider.value = '1'; \
                slider.dispatchEvent(new InputEvent('input', { bubbles: true }));";
    page.run(drag, &[])?;
    let back = page.wait("an earlier step", SOON, |state| state.step == 200)?;
    assert_eq!(back.status, "paused");
    // Where it has been stays in sight, with the step that the model stands at now.
    let label = "document.querySelector('#curve-loss').ariaLabel";
    page.wait_for(
        "the place of the model",
        &format!("{label}.includes('the model stands at step 200')"),
    )?;
    page.wait_for(
        "its checkpoint",
        "document.querySelector('#time-machine').value === '1'",
    )?;
    page.wait_for(
        "the best one",
        &format!("/best at step \\d+/.test({label})"),
    )?;
    page.picture("time-machine")?;
    // Forth again, to what it left.
    page.run(&drag.replace("'1'", "'4'"), &[])?;
    page.wait("a later step", SOON, |state| state.step == 500)?;
    page.run(drag, &[])?;
    page.wait("the earlier step", SOON, |state| state.step == 200)?;
    // From there another branch grows.
    page.press(' ')?;
    page.wait("steps from there", SOON, |state| {
        state.step > 200 && state.status == "running"
    })?;
    page.end()
}

/// Once it is open, the page needs nobody.
#[test]
fn it_trains_without_its_server() -> anyhow::Result<()> {
    let Some(mut page) = Setup::new().open("recipe=digits&device=cpu&steps=1000000")? else {
        return Ok(());
    };
    // So many that the new run cannot have as many again before it is seen.
    page.wait("steps", SOON, |state| state.step > 3_000)?;
    page.site.stop()?;
    page.cdp(
        "Network.emulateNetworkConditions",
        &json!({ "offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0 }),
    )?;
    let before = page.state()?;
    page.press('r')?;
    page.wait("a new run", SOON, |state| state.step < before.step)?;
    page.wait("its steps", SOON, |state| state.step > 100)?;
    page.end()
}

/// Wherever in a save the process ends, the run goes on from the last step that was kept.
#[test]
fn twenty_crashes_lose_nothing_that_was_kept() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open(SAVING)? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 50)?;
    for crash in 0..20 {
        let kept = number(&page, "a checkpoint", NEWEST)?;
        // None of the run that the page began with, which may have been further.
        let now = page.state()?.step;
        assert!(kept <= now, "step {kept} is shown as kept at step {now}");
        // Saves take milliseconds: each crash finds another moment of one.
        thread::sleep(Duration::from_millis(7 * crash));
        page.crash()?;
        page.go(SAVING)?;
        let offered = resume(&page)?;
        assert!(
            offered >= kept,
            "crash {crash}: step {kept} was kept, step {offered} was offered"
        );
        page.wait("a save", SOON, |state| state.step > offered + 30)?;
    }
    page.end()
}

/// Where there is no room any more, training goes on, what was kept stays, and saves go on once
/// there is room again.
#[test]
fn twenty_times_without_room_lose_nothing_that_was_kept() -> anyhow::Result<()> {
    let Some(mut page) = Setup::new().open(SAVING)? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 50)?;
    for cut in 1..=20 {
        let before = page.state()?;
        // Less than a checkpoint takes, and a little more each time.
        page.limit_storage(cut * 3_000)?;
        page.wait("training goes on", SOON, |state| {
            state.step > before.step + 30
        })?;
        page.cdp(
            "Storage.overrideQuotaForOrigin",
            &json!({ "origin": page.site.origin() }),
        )?;
        let now = page.state()?.step;
        page.wait("saves go on", SOON, |state| state.step > now + 30)?;
    }
    let kept = number(&page, "a checkpoint", NEWEST)?;
    page.reload()?;
    let offered = resume(&page)?;
    assert!(
        offered >= kept,
        "step {kept} was kept, step {offered} was offered"
    );
    page.end_with_errors()
}
