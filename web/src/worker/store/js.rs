//! Promises and errors of the browser, in Rust's terms.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::DomException;

use super::medium::Fault;

/// Waits for a promise of a `T`.
pub(super) async fn kept<T: JsCast>(promise: Promise) -> Result<T, Fault> {
    let value = JsFuture::from(promise).await.map_err(fault)?;
    value.dyn_into().map_err(|other| {
        Fault(format!(
            "the browser answered with {other:?}; use a newer one"
        ))
    })
}

/// A property of an object; an error where the browser does not have it.
pub(super) fn property<T: JsCast>(object: &JsValue, name: &str) -> Result<T, Fault> {
    let value = Reflect::get(object, &JsValue::from(name)).map_err(fault)?;
    value
        .dyn_into()
        .map_err(|_| Fault(format!("this browser has no `{name}`; use a newer one")))
}

/// Calls a method by its name: some bindings count as unstable, and are left out.
pub(super) fn call(
    object: &JsValue,
    method: &str,
    arguments: &[JsValue],
) -> Result<JsValue, Fault> {
    let function: Function = property(object, method)?;
    let arguments = arguments.iter().collect::<js_sys::Array>();
    function.apply(object, &arguments).map_err(fault)
}

/// A plain object with one property.
pub(super) fn options(name: &str, value: impl Into<JsValue>) -> JsValue {
    let object = js_sys::Object::new();
    // A plain object takes any property.
    let _ = Reflect::set(&object, &JsValue::from(name), &value.into());
    object.into()
}

/// The name of an error, such as `QuotaExceededError`.
pub(super) fn name_of(error: &JsValue) -> String {
    match error.dyn_ref::<DomException>() {
        Some(exception) => exception.name(),
        None => String::new(),
    }
}

/// What the browser says, in words that say what to do.
pub(super) fn fault(error: JsValue) -> Fault {
    let said = match error.dyn_ref::<DomException>() {
        Some(exception) => exception.message(),
        None => match error.dyn_ref::<js_sys::Error>() {
            Some(error) => error.message().into(),
            None => format!("{error:?}"),
        },
    };
    Fault(match name_of(&error).as_str() {
        "QuotaExceededError" => "the browser has no more room for this page; \
             delete runs that are not needed any more, or download them first"
            .into(),
        "NoModificationAllowedError" => {
            "another tab is writing it; close that tab, or use another name".into()
        }
        "SecurityError" | "InvalidStateError" if said.is_empty() => {
            "the browser lets this page keep nothing, as in private windows".into()
        }
        "" => said,
        name => format!("{said} ({name})"),
    })
}
