//! The page's end of the worker.

use kitchen_types::page::{FromWorker, ToWorker};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};
use yew::Callback;

use crate::link;

/// What comes from the worker.
pub(super) enum Heard {
    /// It said something, perhaps with bytes.
    Said(Box<FromWorker>, Option<Vec<u8>>),
    /// It is gone.
    Broke(String),
}

/// What a worker can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Trains on the CPU, and is loaded first, for it is light.
    Cpu,
    /// Trains on the GPU too.
    Gpu,
}

impl Program {
    fn address(self) -> &'static str {
        match self {
            Self::Cpu => "./worker_loader.js",
            Self::Gpu => "./worker-gpu_loader.js",
        }
    }
}

/// A worker that trains. Dropping it ends the worker, whatever it is doing.
pub(super) struct Trainer {
    worker: Worker,
    _listen: Closure<dyn FnMut(MessageEvent)>,
    _broke: Closure<dyn FnMut(ErrorEvent)>,
}

impl Trainer {
    /// Starts one, which says `Ready` once it listens.
    pub(super) fn start(program: Program, heard: &Callback<Heard>) -> Result<Self, String> {
        let worker = Worker::new(program.address()).map_err(|error| explain(&error))?;
        let said = heard.clone();
        let listen = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            said.emit(match link::unpack(&event) {
                Ok((FromWorker::Crashed { message }, _)) => Heard::Broke(message),
                Ok((message, bytes)) => Heard::Said(Box::new(message), bytes),
                Err(reason) => Heard::Broke(reason),
            });
        });
        let heard = heard.clone();
        let broke = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            event.prevent_default();
            heard.emit(Heard::Broke(event.message()));
        });
        worker.set_onmessage(Some(listen.as_ref().unchecked_ref()));
        worker.set_onerror(Some(broke.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            _listen: listen,
            _broke: broke,
        })
    }

    /// Says something to it.
    pub(super) fn tell(&self, message: &ToWorker, bytes: Option<&[u8]>) {
        // Plain data can be posted; a worker that is gone is heard of elsewhere.
        let _ = self.worker.post_message(&link::pack(message, bytes));
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// An error of the browser in words.
pub(super) fn explain(error: &JsValue) -> String {
    let error: Option<&js_sys::Error> = error.dyn_ref();
    let message = error.map(|error| String::from(error.message()));
    message.unwrap_or_else(|| "the browser does not say why".into())
}
