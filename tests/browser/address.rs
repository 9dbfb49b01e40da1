//! The address of the page holds every setting, as the command line does.

use crate::harness::{SOON, Setup};

#[test]
fn every_setting_survives_the_round_trip() -> anyhow::Result<()> {
    let query = "recipe=digits&model=cnn&lr=0.002&seed=7&device=cpu&model.channels=[4,8]";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(());
    };
    page.wait("steps", SOON, |state| state.step > 0)?;
    assert_eq!(page.value("#setting-lr")?, "0.002");
    assert_eq!(page.value("#setting-seed")?, "7");
    assert_eq!(page.value("#setting-model-cnn-channels")?, "[4,8]");

    // A change by hand stands in the address, and in the page that the address leads to.
    page.write("#setting-seed", "11\u{e007}")?;
    page.wait_for(
        "the change in the address",
        "location.search.includes('seed=11')",
    )?;
    page.wait_for_text("Restart with 1 change")?;
    let url = page.url()?;
    page.reload()?;
    page.wait("steps", SOON, |state| state.step > 0)?;
    assert_eq!(page.value("#setting-seed")?, "11");
    assert_eq!(page.url()?, url);
    for kept in [
        "recipe=digits",
        "model=cnn",
        "lr=0.002",
        "model.channels=[4,8]",
    ] {
        assert!(url.contains(kept), "{url}");
    }
    page.end()
}

#[test]
fn what_nothing_reads_is_told() -> anyhow::Result<()> {
    let query = "recipe=digits&learning_rate=1&batch=8&device=cpu";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(());
    };
    page.wait("steps all the same", SOON, |state| state.step > 0)?;
    page.wait_for_text("learning_rate")?;
    assert_eq!(page.value("#setting-batch")?, "8");
    page.end()
}

#[test]
fn what_makes_no_sense_is_told_with_its_remedy() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open("recipe=digits&batch=0&device=cpu")? else {
        return Ok(());
    };
    page.wait_for("the problem", "document.querySelector('#problems')")?;
    page.wait_for_text("batch")?;
    // It is mended where it stands.
    page.write("#setting-batch", "16\u{e007}")?;
    page.wait_for(
        "no problem any more",
        "!document.querySelector('#problems')",
    )?;
    // The field keeps the focus, and with it every letter.
    page.click("#reset")?;
    page.wait("steps", SOON, |state| state.step > 0)?;
    page.end()
}
