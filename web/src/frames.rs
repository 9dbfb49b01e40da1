//! What is drawn and written by hand, once a frame.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, Window};

type Frame = Closure<dyn FnMut()>;

/// Calls `draw` once a frame, for as long as the page is open.
pub(crate) fn on_each(mut draw: impl FnMut(&Document) + 'static) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let frame: Rc<RefCell<Option<Frame>>> = Rc::default();
    let next = frame.clone();
    let act = move || {
        let Some(window) = web_sys::window() else {
            return;
        };
        if let Some(document) = window.document() {
            draw(&document);
        }
        request(&window, &next);
    };
    *frame.borrow_mut() = Some(Closure::new(act));
    request(&window, &frame);
}

fn request(window: &Window, frame: &Rc<RefCell<Option<Frame>>>) {
    if let Some(frame) = frame.borrow().as_ref() {
        // A page without frames is not looked at.
        let _ = window.request_animation_frame(frame.as_ref().unchecked_ref());
    }
}

/// Calls `changed` when everything has another size or other colours.
pub(crate) fn when_the_look_changes(changed: impl FnMut() + 'static) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let changed = Closure::<dyn FnMut()>::new(changed);
    let listener = changed.as_ref().unchecked_ref();
    // A page that hears of no such change is drawn again with the next news.
    let _ = window.add_event_listener_with_callback("resize", listener);
    if let Ok(Some(dark)) = window.match_media("(prefers-color-scheme: dark)") {
        let _ = dark.add_event_listener_with_callback("change", listener);
    }
    // It lasts as long as the page.
    changed.forget();
}

/// Puts text into the element called `id`, if it is there and says something else.
pub(crate) fn write(document: &Document, id: &str, text: &str) {
    if let Some(element) = document.get_element_by_id(id)
        && element.text_content().as_deref() != Some(text)
    {
        element.set_text_content(Some(text));
    }
}
