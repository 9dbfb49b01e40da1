//! Files that a person takes along.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlCanvasElement, Url};

/// Offers `bytes` as a download called `name`.
pub(super) fn bytes(name: &str, kind: &str, bytes: &[u8]) {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    if let Ok(blob) = Blob::new_with_u8_array_sequence_and_options(&parts, &options) {
        offer(name, &blob);
    }
}

/// Offers the picture on the canvas called `id` as a download.
pub(super) fn canvas(id: &str, name: &'static str) {
    let document = web_sys::window().and_then(|window| window.document());
    let element = document.and_then(|document| document.get_element_by_id(id));
    let canvas: Option<HtmlCanvasElement> = element.and_then(|it| it.dyn_into().ok());
    let drawn = Closure::once_into_js(move |blob: Option<Blob>| {
        if let Some(blob) = blob {
            offer(name, &blob);
        }
    });
    if let Some(canvas) = canvas {
        // An empty canvas has no picture, and there is nothing to save.
        let _ = canvas.to_blob(drawn.unchecked_ref());
    }
}

/// Hands `text` to the clipboard. A browser that refuses shows it under the notes all the same.
pub(super) fn to_clipboard(text: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.navigator().clipboard().write_text(text);
    }
}

fn offer(name: &str, blob: &Blob) {
    let document = web_sys::window().and_then(|window| window.document());
    let link = document.and_then(|document| document.create_element("a").ok());
    let link: Option<HtmlAnchorElement> = link.and_then(|it| it.dyn_into().ok());
    let (Some(link), Ok(address)) = (link, Url::create_object_url_with_blob(blob)) else {
        return;
    };
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The browser has taken the blob over by now.
    let _ = Url::revoke_object_url(&address);
}
