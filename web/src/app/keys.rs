//! Keys that work wherever the focus is, unless someone is writing.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, Element, KeyboardEvent};
use yew::Callback;

use super::controls::Act;
use super::seeing::See;

/// Listens for as long as it lives.
pub(super) struct Keys {
    document: Document,
    pressed: Closure<dyn FnMut(KeyboardEvent)>,
}

impl Keys {
    /// Hears of every key that means something.
    pub(super) fn listen(act: Callback<Act>) -> Option<Self> {
        let document = web_sys::window()?.document()?;
        let pressed = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
            let modified = event.ctrl_key() || event.alt_key() || event.meta_key();
            if modified || event.default_prevented() || is_taken(&event) {
                return;
            }
            let meant = match event.key().as_str() {
                " " => Act::Toggle,
                "s" | "S" | "ArrowRight" => Act::Step,
                "r" | "R" => Act::Restart,
                "+" | "=" => Act::See(See::Closer),
                "-" => Act::See(See::Wider),
                "0" => Act::See(See::Whole),
                _ => return,
            };
            event.prevent_default();
            act.emit(meant);
        });
        let listener = pressed.as_ref().unchecked_ref();
        document
            .add_event_listener_with_callback("keydown", listener)
            .ok()?;
        Some(Self { document, pressed })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let listener = self.pressed.as_ref().unchecked_ref();
        // It was added before.
        let _ = self
            .document
            .remove_event_listener_with_callback("keydown", listener);
    }
}

/// Whether the key belongs to what has the focus: a field that is written in, a list that is chosen
/// from, a button that Space presses.
fn is_taken(event: &KeyboardEvent) -> bool {
    let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
    let Some(target) = target else { return false };
    let space = event.key() == " ";
    match target.tag_name().as_str() {
        "INPUT" | "SELECT" | "TEXTAREA" => true,
        "BUTTON" | "SUMMARY" | "A" => space,
        _ => target.has_attribute("contenteditable"),
    }
}
