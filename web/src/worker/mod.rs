//! The worker: it owns the run. Commands come in, batches of envelopes go out.

mod data;
mod desk;
mod devices;
mod drive;
mod kept;
mod made;
mod recording;
mod saving;
mod store;
mod under_way;

use std::rc::Rc;

use kitchen_types::page::FromWorker;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use crate::link;
use desk::Desk;

/// Listens to the page, and says that it does.
pub fn start() {
    // A trap takes the whole worker with it: the page hears of it from here, or not at all.
    std::panic::set_hook(Box::new(|info| {
        say(&FromWorker::Crashed {
            message: info.to_string(),
        });
    }));
    let desk = Rc::new(Desk::new());
    let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match link::unpack(&event) {
            Ok((request, bytes)) => desk.take(request, bytes),
            Err(reason) => say(&FromWorker::Failed {
                message: format!(
                    "the page and its worker do not understand each other ({reason}); reload the page"
                ),
            }),
        }
    });
    scope().set_onmessage(Some(listen.as_ref().unchecked_ref()));
    // The page may speak as long as the worker lives.
    listen.forget();
    say(&FromWorker::Ready);
}

/// Tells the page something.
fn say(message: &FromWorker) {
    say_with(message, None);
}

/// Tells the page something, with bytes beside it.
fn say_with(message: &FromWorker, bytes: Option<&[u8]>) {
    // Plain data can be posted, and the page listens for as long as there is a worker.
    let _ = scope().post_message(&link::pack(message, bytes));
}

/// An error in words.
fn text(error: impl ToString) -> String {
    error.to_string()
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
