//! How page and worker talk: JSON of [`kitchen_types::page`], with bytes beside it.

use js_sys::{Array, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;

/// A message as it travels: a text, and perhaps bytes.
pub(crate) fn pack(message: &impl Serialize, bytes: Option<&[u8]>) -> JsValue {
    // Messages are plain data, which always has a JSON form.
    let text = serde_json::to_string(message).unwrap_or_default();
    let parts = Array::of1(&JsValue::from(text));
    if let Some(bytes) = bytes {
        parts.push(&Uint8Array::from(bytes));
    }
    parts.into()
}

/// Reads a message. Errors on what no page or worker of this version says.
pub(crate) fn unpack<T: DeserializeOwned>(
    event: &MessageEvent,
) -> Result<(T, Option<Vec<u8>>), String> {
    let parts: Array = event
        .data()
        .dyn_into()
        .map_err(|_| "a message is not a list".to_owned())?;
    let text = parts.get(0).as_string().unwrap_or_default();
    let message = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let bytes = parts.get(1).dyn_into::<Uint8Array>().ok();
    Ok((message, bytes.map(|bytes| bytes.to_vec())))
}
