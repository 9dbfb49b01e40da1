//! A run that needs a person says so on the page, takes the answer, and goes on.

use crate::harness::{SOON, Setup};
use crate::reach::check_accessibility;

/// A NaN that nobody may repair but a person, in a run that goes on for long after it.
const TROUBLED: &str = "recipe=night-shift&device=cpu&steps=1000000&faults.samples=0\
                        &faults.nan_at=90&supervisor.max_retries=0";

#[test]
fn a_run_in_trouble_asks_and_goes_on() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open(TROUBLED)? else {
        return Ok(());
    };
    page.wait_for_text("This run waits for you")?;
    let asked = page.wait("a pause", SOON, |state| state.status == "paused")?;
    assert!(asked.step < 90, "it waits at a checkpoint before the NaN");
    page.wait_for_text("a number that is not finite at step 90")?;
    page.picture("trouble")?;
    check_accessibility(&page, "a run in trouble")?;

    let suggested = "[...document.querySelectorAll('#trouble button')]\
                     .find(button => button.innerText.startsWith('Learning rate'))";
    page.wait_for("what it suggests", suggested)?;
    page.run(&format!("{suggested}.click()"), &[])?;
    page.click("#go-on")?;
    page.wait("steps after the NaN", SOON, |state| {
        state.status == "running" && state.step > 120
    })?;
    page.wait_for("no card any more", "!document.querySelector('#trouble')")?;
    page.end()
}
