//! A mixture shows how well each domain is known, and what the batches hold.

use serde_json::json;

use crate::harness::{SOON, Setup};
use crate::reach::check_accessibility;

/// Tiny and quick: what it learns does not matter here.
const SMALL: &str = "recipe=forgetting&device=cpu&batch=4&model.width=16&model.layers=1\
                     &evaluate.every=200&evaluate.samples=40&sample.every=100000&steps=2600";

#[test]
fn each_domain_has_its_curves() -> anyhow::Result<()> {
    let Some(page) = Setup::new().open(SMALL)? else {
        return Ok(());
    };
    page.wait("the end of the run", SOON, |state| state.status == "done")?;
    for (chart, words) in [
        ("curve-domain-loss", "sums"),
        ("curve-domain-right", "sums"),
        ("curve-domain-share", "turned words"),
    ] {
        let said = format!(
            "document.getElementById('{chart}').ariaLabel.includes({})",
            json!(words)
        );
        page.wait_for(&format!("{chart} with {words}"), &said)?;
    }
    page.wait_for_text("`turned words` comes from here on")?;
    page.picture("domains")?;
    check_accessibility(&page, "a mixture")?;
    page.end()
}

#[test]
fn other_runs_have_no_charts_of_domains() -> anyhow::Result<()> {
    let query = "recipe=playground&device=cpu&steps=50";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(());
    };
    page.wait("the end of the run", SOON, |state| state.status == "done")?;
    page.wait_for(
        "no such chart",
        "!document.getElementById('curve-domain-share')",
    )?;
    page.end()
}
