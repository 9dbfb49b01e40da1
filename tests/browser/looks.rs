//! How the page looks: pictures for people, and what can be measured of it.

use std::time::Duration;

use crate::harness::{SOON, Setup};

#[test]
fn light_dark_and_phone() -> anyhow::Result<()> {
    for (name, setup) in [
        ("light", Setup::new()),
        ("dark", Setup::new().dark()),
        ("phone", Setup::new().phone()),
    ] {
        let Some(page) = setup.open("recipe=playground&device=cpu&seed=1")? else {
            return Ok(());
        };
        page.wait("some learning", SOON, |state| {
            state.step > 400 || state.status == "done"
        })?;
        page.picture(name)?;
        let dark = page.run(
            "return matchMedia('(prefers-color-scheme: dark)').matches",
            &[],
        )?;
        assert_eq!(dark, name == "dark");
        page.end()?;
    }
    Ok(())
}

/// One column: nothing makes a person scroll sideways.
#[test]
fn a_phone_shows_all_of_its_width() -> anyhow::Result<()> {
    let Some(page) = Setup::new().phone().open("recipe=playground&device=cpu")? else {
        return Ok(());
    };
    page.wait("steps", Duration::from_secs(30), |state| state.step > 5)?;
    let width = page.run("return document.scrollingElement.scrollWidth", &[])?;
    assert_eq!(width, 360, "{}", page.tell("wider than the phone"));
    page.end()
}
