//! Keeps the screen on while a run goes on and somebody looks at it. A browser that cannot, or does
//! not want to (on a low battery), lets the screen go dark as ever, and nothing is said.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, VisibilityState};

/// Whether the screen is to stay on.
#[derive(Clone, Default)]
pub(super) struct Awake(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    wanted: bool,
    lock: Lock,
}

/// The browser's promise that the screen stays on.
#[derive(Default)]
enum Lock {
    #[default]
    None,
    /// It was asked for.
    Asked,
    /// Whom to tell that it is no longer needed.
    Held(JsValue),
}

impl Awake {
    /// Follows what is wanted for as long as the page is open.
    pub(super) fn watch() -> Self {
        let awake = Self::default();
        let Some(document) = document() else {
            return awake;
        };
        let follow = {
            let awake = awake.clone();
            // Browsers take it back from a page that is not seen.
            Closure::<dyn FnMut()>::new(move || awake.follow())
        };
        // A page that does not hear of it keeps what it has.
        let _ = document
            .add_event_listener_with_callback("visibilitychange", follow.as_ref().unchecked_ref());
        follow.forget();
        awake
    }

    /// Says whether the screen is to stay on.
    pub(super) fn want(&self, wanted: bool) {
        if self.0.borrow().wanted != wanted {
            self.0.borrow_mut().wanted = wanted;
            self.follow();
        }
    }

    fn is_due(&self) -> bool {
        let seen = document().is_some_and(|it| it.visibility_state() == VisibilityState::Visible);
        seen && self.0.borrow().wanted
    }

    fn follow(&self) {
        let due = self.is_due();
        let mut state = self.0.borrow_mut();
        match (due, &state.lock) {
            (true, Lock::None) => {
                state.lock = Lock::Asked;
                let awake = self.clone();
                spawn_local(async move { awake.ask().await });
            }
            (false, Lock::Held(lock)) => {
                // One that the browser has taken back can be let go all the same.
                let _ = call(lock, "release", &[]);
                state.lock = Lock::None;
            }
            // What was asked for is looked at when it comes.
            _ => {}
        }
    }

    async fn ask(&self) {
        let lock = request().await;
        self.0.borrow_mut().lock = lock.map_or(Lock::None, Lock::Held);
        if !self.is_due() {
            self.follow();
        }
    }
}

async fn request() -> Option<JsValue> {
    let navigator: JsValue = web_sys::window()?.navigator().into();
    let keeper = Reflect::get(&navigator, &JsValue::from("wakeLock")).ok()?;
    let promise = call(&keeper, "request", &[JsValue::from("screen")])?;
    JsFuture::from(promise).await.ok()
}

/// Calls a method that gives a promise, where there is one: its bindings count as unstable.
fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Option<Promise> {
    let method: Function = Reflect::get(object, &JsValue::from(method))
        .ok()?
        .dyn_into()
        .ok()?;
    let arguments: js_sys::Array = arguments.iter().collect();
    method.apply(object, &arguments).ok()?.dyn_into().ok()
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}
