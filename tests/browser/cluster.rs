//! The page of the simulated cluster.

use serde_json::json;

use crate::harness::{Page, SOON, Setup};
use crate::reach::check_accessibility;

/// What `<main>` says of a number of the run.
fn number(page: &Page, name: &str) -> anyhow::Result<f64> {
    let script = "return Number(document.querySelector('main').dataset[arguments[0]])";
    let number = page.run(script, &[json!(name)])?;
    number.as_f64().ok_or_else(|| anyhow::anyhow!("no {name}"))
}

fn slide(page: &Page, id: &str, value: &str) -> anyhow::Result<()> {
    let script = "const slider = document.getElementById(arguments[0]);
                  slider.value = arguments[1];
                  slider.dispatchEvent(new InputEvent('input', { bubbles: true }))";
    page.run(script, &[json!(id), json!(value)])?;
    Ok(())
}

#[test]
fn a_cluster_runs_pauses_goes_back_and_breaks() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.visit("cluster.html?module=calm&speed-factor=2000&seed=3")?;
    page.wait("steps", SOON, |state| state.step > 50)?;
    page.press(' ')?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;

    // Where it was, it is again.
    slide(&page, "seek", "0.5")?;
    let half = page.wait("the middle", SOON, |state| state.step > 400)?;
    slide(&page, "seek", "0.2")?;
    page.wait("earlier", SOON, |state| {
        state.step < half.step && state.step > 100
    })?;
    slide(&page, "seek", "0.5")?;
    page.wait("the middle again", SOON, |state| *state == half)?;

    page.click("#break")?;
    page.click("#toggle")?;
    page.wait_for(
        "a failure",
        "Number(document.querySelector('main').dataset.failures) === 1",
    )?;
    page.wait_for_text("by you")?;
    page.wait("the end", SOON, |state| state.status == "done")?;
    page.wait_for_text("1,024 of 1,024 steps")?;
    assert!(number(&page, "time")? > 5000.0);
    page.end()
}

#[test]
fn another_layout_is_answered_at_once_and_can_be_watched() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.visit("cluster.html?scenario=calm&paused")?;
    page.wait("a pause", SOON, |state| state.status == "paused")?;
    let answer = "document.querySelector('#answer')?.innerText";
    let before = page.wait_for("an answer", answer)?;
    slide(&page, "tp", "2")?;
    page.wait_for("another answer", &format!("{answer} !== {before}"))?;
    page.wait_for_text("tp 4")?;
    page.click("#take")?;
    page.wait_for(
        "the new layout",
        "document.querySelector('#formulas').innerText.includes('step time')",
    )?;

    // What cannot be is refused with the reason.
    slide(&page, "gpus-slider", "0")?;
    page.wait_for("a refusal", "document.querySelector('#refusal')?.innerText")?;
    assert_eq!(
        page.run("return document.querySelector('#take').disabled", &[])?,
        true
    );
    page.end()
}

/// Tells the grid of a pointer near its upper left corner, where the first GPU is.
fn point(page: &Page, event: &str) -> anyhow::Result<()> {
    let script = "const grid = document.getElementById('gpus');
                  const box = grid.getBoundingClientRect();
                  const place = { clientX: box.left + 3, clientY: box.top + 3 };
                  grid.dispatchEvent(new PointerEvent(arguments[0], place))";
    page.run(script, &[json!(event)])?;
    Ok(())
}

#[test]
fn an_address_with_another_layout_shows_all_that_there_is() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.visit(
        "cluster.html?scenario=small&seed=9&pp=4&vp=3&micro-batch=16&sharding=zero1&recompute=full\
         &speed-factor=max&at=120&paused",
    )?;
    page.wait("steps", SOON, |state| state.step > 0)?;
    page.wait_for_text("As fast as it can")?;
    assert_eq!(page.value("#sharding")?, "zero1");
    assert_eq!(page.value("#recompute")?, "full");
    page.wait_for_text("micro-steps (15) is not a multiple of pp (4)")?;
    for (id, unit) in [
        ("fact-lr", "0.0"),
        ("fact-reduce", " ms"),
        ("fact-epoch", "of"),
    ] {
        let fact = format!("document.getElementById('{id}').innerText.includes('{unit}')");
        page.wait_for(id, &fact)?;
    }

    // Whatever the pointer has left is not broken.
    let told = "document.getElementById('gpu').innerText";
    point(&page, "pointermove")?;
    page.wait_for("a GPU", &format!("{told}.startsWith('GPU 0 of node 0')"))?;
    let past = "document.getElementById('gpu-past').ariaLabel.includes('°C')";
    page.wait_for("its past", past)?;
    point(&page, "pointerleave")?;
    page.wait_for("none", &format!("{told}.startsWith('Point at a GPU')"))?;
    page.click("#break")?;
    page.wait_for_text("by you: GPU 5 of node 0")?;

    // What is watched stands in the address, and another scenario keeps the seed.
    page.click("#take")?;
    page.wait_for("the address", "location.search.includes('recompute=full')")?;
    let choose = "const scenario = document.getElementById('scenario');
                  scenario.value = 'calm';
                  scenario.dispatchEvent(new Event('change', { bubbles: true }))";
    page.run(choose, &[])?;
    let address = "location.search === '?scenario=calm&seed=9'";
    page.wait_for("another scenario", address)?;
    page.end()
}

#[test]
fn a_wrong_address_is_said_and_something_runs() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.visit("cluster.html?module=cryptomining&colour=red&gpus=7")?;
    page.wait_for_text("there are first-night")?;
    page.wait_for_text("nothing here is called so")?;
    page.wait("time passes", SOON, |state| state.status == "running")?;
    page.end()
}

/// The same specification tells the same bytes in wasm as it does natively.
#[test]
fn fifty_runs_are_the_same_bytes_as_on_the_command_line() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.visit("cluster.html?scenario=bad-day&digest=50")?;
    let digests = page.wait_for("digests", "document.querySelector('#digests')?.innerText")?;
    let digests: Vec<&str> = digests.as_str().unwrap_or_default().lines().collect();
    assert_eq!(digests.len(), 50);
    for (line, seed) in digests.iter().zip(1..) {
        let said = page
            .kitchen()
            .ok(&format!("sim bad-day --seed {seed} --format jsonl"))?;
        let native = blake3::hash(said.as_bytes()).to_hex();
        assert_eq!(*line, format!("{seed} {native}"));
    }
    page.end()
}

#[test]
fn it_looks_well_and_everybody_can_use_it() -> anyhow::Result<()> {
    for (name, setup) in [
        ("cluster-light", Setup::new()),
        ("cluster-dark", Setup::new().dark()),
        ("cluster-phone", Setup::new().phone()),
    ] {
        let Some(page) = setup.blank()? else {
            return Ok(());
        };
        // A rack is too hot then.
        page.visit("cluster.html?scenario=thermal-event&at=2400&paused")?;
        page.wait("steps", SOON, |state| state.step > 50)?;
        page.picture(name)?;
        let wide = page.run(
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth",
            &[],
        )?;
        assert_eq!(wide, false, "{name} scrolls sideways");
        page.run(
            "for (const more of document.querySelectorAll('details')) more.open = true",
            &[],
        )?;
        check_accessibility(&page, name)?;
        page.end()?;
    }
    Ok(())
}
