//! The address of a page.

/// The query of the address, without its `?`.
pub(crate) fn query() -> String {
    let location = web_sys::window().map(|window| window.location());
    let query = location.and_then(|location| location.search().ok());
    query.unwrap_or_default().trim_start_matches('?').to_owned()
}

/// Puts another query into the address, so that a copy of it leads back here.
pub(crate) fn replace(query: &str) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let path = window.location().pathname().unwrap_or_default();
    let address = match query {
        "" => path,
        query => format!("{path}?{query}"),
    };
    if let Ok(history) = window.history() {
        // A page from a file has no history to write; everything else goes on.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
    }
}

/// The whole address.
pub(crate) fn whole() -> String {
    let location = web_sys::window().map(|window| window.location());
    location.and_then(|it| it.href().ok()).unwrap_or_default()
}
