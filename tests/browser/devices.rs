//! One run on three engines: WebGPU (in software here), the CPU in wasm, and the CPU natively.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Page, SOON, Setup, State};

/// Kernels are compiled at the first step, which a software adapter does slowly.
const FIRST_STEP: Duration = Duration::from_secs(180);

/// Single precision, added up in another order: browsers agree to 3e-4 after a few steps.
const TOLERANCE: f64 = 3e-4;

const TINY: &str = "recipe=playground&seed=3&steps=7&schedule.warmup=0&model.hidden=[8,8]";

fn finished(page: &Page, device: &str) -> anyhow::Result<State> {
    page.go(&format!("{TINY}&device={device}"))?;
    let state = page.wait("the end of the run", FIRST_STEP, |state| {
        matches!(state.status.as_str(), "done" | "failed")
    })?;
    assert_eq!(state.status, "done", "{}", page.tell("it failed"));
    Ok(state)
}

fn is_close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * other.abs()
}

#[test]
fn losses_are_the_same_on_webgpu_in_wasm_and_natively() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    let line = format!(
        "run {} --json",
        TINY.replace('&', " ").replace("recipe=", "")
    );
    let native = page.kitchen().json_lines(&line)?;
    let stepped = native
        .iter()
        .filter_map(|line| line.pointer("/event/stepped/loss"));
    let native = stepped.filter_map(Value::as_f64).next_back().unwrap();

    let cpu = finished(&page, "cpu")?;
    assert_eq!((cpu.device.as_str(), cpu.step), ("cpu", 7));
    let loss = cpu.loss.unwrap();
    assert!(
        is_close(loss, native, 1e-5),
        "in wasm {loss}, natively {native}"
    );

    let gpu = finished(&page, "gpu")?;
    assert_eq!((gpu.device.as_str(), gpu.step), ("webgpu", 7));
    let loss = gpu.loss.unwrap();
    assert!(
        is_close(loss, native, TOLERANCE),
        "on WebGPU {loss}, natively {native}"
    );
    page.end()
}

#[test]
fn webgpu_learns() -> anyhow::Result<()> {
    let query = "recipe=playground&data.shape=moons&seed=1&steps=60&schedule.warmup=0\
                 &lr=0.05&model.hidden=[8]&evaluate.every=60&device=gpu";
    let Some(page) = Setup::new().open(query)? else {
        return Ok(());
    };
    let state = page.wait("the end of the run", FIRST_STEP, |state| {
        state.status == "done"
    })?;
    assert_eq!(state.device, "webgpu");
    assert!(state.validation_accuracy > Some(0.8), "{state:?}");
    page.end()
}

/// What fails there costs the time of the cluster, and changes nothing of what is learnt.
#[test]
fn a_cluster_that_is_not_here_trains_in_a_tab() -> anyhow::Result<()> {
    let query = "recipe=playground&seed=3&steps=60&schedule.warmup=0&model.hidden=[8,8]\
                 &checkpoint.every=20&sample.every=1000";
    let failure = "&cluster.incidents=[{at='4200ms',what={node_failure={node=0}}}]";
    let Some(page) = Setup::new().open(&format!("{query}&device=cpu"))? else {
        return Ok(());
    };
    let is_done = |state: &State| state.status == "done";
    let here = page.wait("the end of the run", SOON, is_done)?;
    page.go(&format!("{query}&device=cluster{failure}"))?;
    let there = page.wait("the end on the cluster", SOON, |state| {
        state.device == "cluster" && is_done(state)
    })?;
    page.wait_for_text("420 s of standing still")?;
    assert_eq!(there.loss, here.loss);
    page.end()
}

/// A run that goes on from a checkpoint on a new device, and says so.
#[test]
fn a_lost_device_is_replaced() -> anyhow::Result<()> {
    let query = "recipe=playground&steps=100000&schedule.warmup=0&model.hidden=[8]\
                 &checkpoint.every=4&evaluate.every=100000&device=gpu";
    let Some(mut page) = Setup::new().open(query)? else {
        return Ok(());
    };
    let before = page.wait("steps on the GPU", FIRST_STEP, |state| state.step >= 10)?;
    assert_eq!(before.device, "webgpu");
    page.lose_the_gpu()?;
    page.wait_for_text("goes on from the last checkpoint")?;
    let after = page.wait("more steps", FIRST_STEP, |state| {
        state.status == "running" && state.step > before.step + 4
    })?;
    assert_eq!(after.device, "webgpu");
    page.end_with_errors()
}

#[test]
fn a_worker_that_breaks_is_replaced() -> anyhow::Result<()> {
    let query = "recipe=digits&steps=1000000&checkpoint.every=50&device=cpu";
    let Some(mut page) = Setup::new().open(query)? else {
        return Ok(());
    };
    for breaks in 1..=2 {
        let before = page.wait("steps", SOON, |state| state.step > 200 * breaks)?;
        page.run_in_worker("setTimeout(() => { throw new Error('broken by a test') })")?;
        page.wait_for_text("broken by a test")?;
        let after = page.wait("more steps", SOON, |state| {
            state.status == "running" && state.step > before.step
        })?;
        // It did not begin anew.
        assert!(after.step > 200 * breaks, "{after:?}");
    }
    page.end_with_errors()
}

/// A browser that says that its GPU is real: what is loaded for it finds out that it is not.
const BOASTS: &str = "GPU.prototype.requestAdapter = async () =>
    ({ info: { vendor: 'boasts', architecture: '', isFallbackAdapter: false } })";

const LOADED_FOR_GPUS: &str = "performance.getEntriesByType('resource')
    .some(file => file.name.includes('worker-gpu'))";

/// What speaks to a GPU is loaded where steps take long on the CPU, and not before.
#[test]
fn what_speaks_to_a_gpu_is_loaded_where_it_may_help() -> anyhow::Result<()> {
    let Some(page) = Setup::new().blank()? else {
        return Ok(());
    };
    page.run_first(BOASTS)?;
    page.go("recipe=playground&steps=1000000&model.hidden=[8]&batch=8")?;
    page.wait("steps", SOON, |state| state.step > 10)?;
    page.wait_for_text("a step takes only")?;
    assert_eq!(page.run(&format!("return {LOADED_FOR_GPUS}"), &[])?, false);

    page.go("recipe=addition&steps=1000000")?;
    page.wait_for("the other program", LOADED_FOR_GPUS)?;
    let state = page.wait("steps", SOON, |state| state.step > 2)?;
    assert_eq!(state.device, "cpu");
    page.wait_for_text("software adapter")?;
    page.end()
}
