//! What this browser says of its GPU, before anything that could use it is loaded.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use js_sys::{Function, Promise, Reflect};
use kitchen_types::page::GpuHere;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Nothing moves on the page before the answer; a browser that owes it for longer has none.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks for the GPU.
pub(super) async fn look() -> GpuHere {
    let (found, late) = (pin!(find()), pin!(kitchen_platform::sleep(PATIENCE)));
    match select(found, late).await {
        Either::Left((Ok(found), _)) => found,
        Either::Left((Err(error), _)) => GpuHere::Missing(format!(
            "the browser failed to look for one ({})",
            super::trainer::explain(&error)
        )),
        Either::Right(_) => GpuHere::Missing("the browser did not say in time".into()),
    }
}

async fn find() -> Result<GpuHere, JsValue> {
    let window = js_sys::global();
    let navigator = get(&window, "navigator")?;
    let gpu = get(&navigator, "gpu")?;
    if gpu.is_undefined() {
        return Ok(GpuHere::Missing("this browser has no WebGPU here".into()));
    }
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into()?;
    let promise: Promise = request.call0(&gpu)?.dyn_into()?;
    let adapter = JsFuture::from(promise).await?;
    if adapter.is_null() {
        let reason = "WebGPU is there, but no adapter for it";
        return Ok(GpuHere::Missing(reason.into()));
    }
    let info = get(&adapter, "info")?;
    let name = name(&info)?;
    // Browsers have said it of the adapter before they said it of its description.
    let is_software = [&info, &adapter]
        .into_iter()
        .map(|of| get(of, "isFallbackAdapter"))
        .collect::<Result<Vec<_>, _>>()?
        .iter()
        .any(JsValue::is_truthy);
    Ok(match is_software {
        true => GpuHere::Software(name),
        false => GpuHere::Hardware(name),
    })
}

/// What browsers are willing to tell: vendor and architecture.
fn name(info: &JsValue) -> Result<String, JsValue> {
    let mut words = Vec::new();
    for key in ["vendor", "architecture"] {
        words.extend(get(info, key)?.as_string().filter(|word| !word.is_empty()));
    }
    Ok(match words.is_empty() {
        true => "gpu: unnamed adapter".into(),
        false => format!("gpu: {}", words.join(" ")),
    })
}

fn get(of: &JsValue, key: &str) -> Result<JsValue, JsValue> {
    match of.is_undefined() || of.is_null() {
        true => Ok(JsValue::UNDEFINED),
        false => Reflect::get(of, &key.into()),
    }
}
