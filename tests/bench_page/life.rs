//! How the page starts, draws, and keeps its memory.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::site::{Browser, Site};

/// Longer than any of this takes.
const LIMIT: Duration = Duration::from_secs(300);

/// How long the longest run is.
const STEPS: u64 = 10_000;

type Measure = fn(&Site) -> anyhow::Result<Value>;

/// What is measured, by name.
pub(crate) const MEASURES: [(&str, Measure); 3] =
    [("motion", motion), ("memory", memory), ("chart", chart)];

/// Milliseconds from opening the page to the first step that it shows, its files being in the
/// browser's cache: as it comes, and on WebGPU.
fn motion(page: &Site) -> anyhow::Result<Value> {
    let browser = page.browser()?;
    let script = json!({ "source": FIRST_STEP });
    browser
        .driver
        .cdp("Page.addScriptToEvaluateOnNewDocument", &script)?;
    let opened = |query: &str| -> anyhow::Result<Value> {
        browser.go(query)?;
        let first = browser.wait_for("window.firstStep", LIMIT)?;
        first.context("nothing moved")
    };
    Ok(json!({
        "cold_ms": opened("")?,
        "warm_ms": opened("")?,
        "webgpu_cold_ms": opened("device=gpu")?,
        "webgpu_warm_ms": opened("device=gpu")?,
    }))
}

/// Remembers when `<main>` first told of a step.
const FIRST_STEP: &str = "
    const watch = () => {
        const step = Number(document.querySelector('main')?.dataset.step);
        if (step >= 1) window.firstStep = performance.now();
        else setTimeout(watch, 5);
    };
    watch();
";

/// Bytes that the page holds a tenth into a long run, half-way, and at its end: JavaScript by the
/// browser's account, and all of the page's process, its worker and wasm with it, by the system's.
fn memory(page: &Site) -> anyhow::Result<Value> {
    let browser = page.browser()?;
    browser.driver.cdp("Performance.enable", &json!({}))?;
    browser.go(&format!("recipe=playground&device=cpu&steps={STEPS}"))?;
    let mut found = Vec::new();
    for step in [STEPS / 10, STEPS / 2, STEPS] {
        let reached = format!("Number(document.querySelector('main').dataset.step) >= {step}");
        let reached = browser.wait_for(&reached, LIMIT)?;
        reached.with_context(|| format!("step {step} did not come"))?;
        found.push(held(&browser)?);
    }
    Ok(Value::Array(found))
}

fn held(browser: &Browser) -> anyhow::Result<Value> {
    let step = "return Number(document.querySelector('main').dataset.step)";
    let step = browser.driver.run(step, &[])?;
    browser
        .driver
        .cdp("HeapProfiler.collectGarbage", &json!({}))?;
    let metrics = browser.driver.cdp("Performance.getMetrics", &json!({}))?;
    let metrics = metrics["metrics"].as_array();
    let heap = metrics
        .into_iter()
        .flatten()
        .find(|metric| metric["name"] == "JSHeapUsedSize");
    Ok(json!({
        "step": step,
        "heap_bytes": heap.map(|metric| &metric["value"]),
        "process_bytes": browser.driver.process().and_then(process_bytes),
    }))
}

/// What the largest of the pages' processes below `browser` holds in memory, where `/proc` says.
fn process_bytes(browser: u64) -> Option<u64> {
    let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    });
    let pages = processes.filter(|&process| {
        let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.contains("--type=renderer") && descends(process, browser)
    });
    pages
        .filter_map(|process| Some(1024 * status(process, "VmRSS:")?))
        .max()
}

fn descends(process: u64, ancestor: u64) -> bool {
    let parents = std::iter::successors(Some(process), |&process| status(process, "PPid:"));
    parents.take(10).any(|process| process == ancestor)
}

/// A number of `/proc/PROCESS/status`, in the unit that stands there.
fn status(process: u64, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the page's own bench of its charts reports.
fn chart(page: &Site) -> anyhow::Result<Value> {
    let browser = page.browser()?;
    browser.go("bench=chart")?;
    let report = browser.report(LIMIT)?;
    report.context("there was no report in time")
}
