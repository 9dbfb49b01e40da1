//! How the page looks: pictures for people, and what can be measured of it.

use std::time::Duration;

use serde_json::json;

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

/// What moves, and what steers it, can be seen without scrolling.
#[test]
fn a_phone_shows_the_picture_first() -> anyhow::Result<()> {
    let Some(page) = Setup::new().phone().open("recipe=playground&device=cpu")? else {
        return Ok(());
    };
    page.wait("steps", Duration::from_secs(30), |state| state.step > 5)?;
    for seen in ["#preset", "#toggle", "#step", "#plane"] {
        let bottom = page.run(
            "return document.querySelector(arguments[0]).getBoundingClientRect().bottom",
            &[json!(seen)],
        )?;
        let bottom = bottom.as_f64().unwrap();
        assert!(bottom <= 740.0, "{seen} ends at {bottom} of 740 pixels");
    }
    // A keyboard comes to them in the order in which they are seen.
    let order = page.run(
        "return [...document.querySelectorAll('#preset, #toggle, #plane, #curve-loss, #file')]
            .map(it => it.id)",
        &[],
    )?;
    assert_eq!(
        order,
        json!(["preset", "toggle", "plane", "curve-loss", "file"])
    );
    page.end()
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
