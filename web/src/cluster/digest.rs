//! The bytes that runs say, in a word each: they are the same here and on the command line.

use kitchen_core::sim::story::{Scenario, SpecError, Story};
use web_sys::Element;

/// Writes the digests of so many runs of a scenario, with the seeds from 1, a line each.
pub(super) fn show(root: &Element, scenario: &str, runs: u64) {
    let lines: Vec<String> = (1..=runs).map(|seed| line(scenario, seed)).collect();
    root.set_text_content(None);
    if let Some(document) = root.owner_document()
        && let Ok(list) = document.create_element("pre")
    {
        list.set_id("digests");
        list.set_text_content(Some(&lines.join("\n")));
        // An element that was just made belongs nowhere yet.
        let _ = root.append_child(&list);
    }
}

fn line(scenario: &str, seed: u64) -> String {
    match digest(scenario, seed) {
        Ok(digest) => format!("{seed} {digest}"),
        Err(error) => format!("{seed} {error}"),
    }
}

/// BLAKE3 of the lines that `sim --format jsonl` writes, in hexadecimal.
fn digest(scenario: &str, seed: u64) -> Result<String, SpecError> {
    let mut hasher = blake3::Hasher::new();
    if let Some(scenario) = Scenario::named(scenario) {
        let mut spec = scenario.spec()?;
        spec.seed = seed;
        for moment in Story::of(spec)? {
            // A moment is plain data, which always has a JSON form.
            let line = serde_json::to_string(&moment).unwrap_or_default();
            hasher.update(line.as_bytes());
            hasher.update(b"\n");
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
