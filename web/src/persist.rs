//! The browser's promise to keep what this page keeps. Only a page may ask for it, not a worker.

use wasm_bindgen_futures::JsFuture;

/// Asks the browser to keep this page's runs until a person deletes them, and says whether it will.
/// Some browsers ask the person: do so when something is worth keeping.
pub async fn ask() -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    // A browser without storage has nothing to promise.
    let storage = window.navigator().storage();
    let Ok(promise) = storage.persist() else {
        return false;
    };
    JsFuture::from(promise)
        .await
        .is_ok_and(|kept| kept.as_bool().unwrap_or_default())
}
