//! A browser tab or worker: one thread, and an event loop that must get its turns.

use std::future::Future;
use std::io;
use std::time::Duration;

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
pub(crate) use web_time::{Instant, SystemTime};

mod linker {
    #[allow(
        unsafe_code,
        reason = "the linker makes this function, and only an extern block can name it"
    )]
    // SAFETY: it takes nothing, returns nothing, and runs each constructor once a call.
    unsafe extern "C" {
        pub(super) safe fn __wasm_call_ctors();
    }
}

/// Runs what crates have registered to run before `main`. Call it first in `main`, and once: a
/// program that never names the linker's function gets a call of it in front of each of its
/// exports, so that everything is registered again and again.
pub fn run_constructors() {
    linker::__wasm_call_ctors();
}

pub(crate) async fn sleep(duration: Duration) {
    gloo_timers::future::sleep(duration).await;
}

/// Gives the host's event loop a turn: messages are delivered and frames are drawn. This costs
/// some microseconds at best: call it by elapsed time, not on every step.
pub async fn yield_now() {
    // `scheduler.yield()` puts its caller before everything that waits: called in a loop, it lets no
    // message through, such as one that asks for a pause. A timer set by a timer waits at least 4 ms.
    match message_to_self() {
        Ok((turn, port)) => {
            // The promise is never rejected, and a turn has passed in either case.
            drop(JsFuture::from(turn).await);
            // Open ports may outlive those who can reach them.
            let close = get(&port, "close").and_then(JsCast::dyn_into::<Function>);
            drop(close.and_then(|close| close.call0(&port)));
        }
        Err(_) => gloo_timers::future::TimeoutFuture::new(0).await,
    }
}

/// Runs `work` before this function returns: a browser tab has no thread to spare.
pub fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> + 'static {
    std::future::ready(Ok(work()))
}

/// The size of the module's memory, which never shrinks. On a workstation it is the most memory the
/// process has held.
pub fn peak_memory_bytes() -> Option<u64> {
    /// Bytes in a page of WebAssembly's memory.
    const PAGE: u64 = 65_536;
    Some(core::arch::wasm32::memory_size::<0>() as u64 * PAGE)
}

/// A promise that is kept when a message to ourselves arrives, behind those that already wait; and
/// the port at which it does.
fn message_to_self() -> Result<(Promise, JsValue), JsValue> {
    let class: Function = get(&js_sys::global(), "MessageChannel")?.dyn_into()?;
    let channel = Reflect::construct(&class, &Array::new())?;
    let (here, there) = (get(&channel, "port1")?, get(&channel, "port2")?);
    let arrival = Promise::new(&mut |resolve, _| {
        // A plain object takes any property; were this refused, `postMessage` would fail too.
        let _ = Reflect::set(&here, &JsValue::from_str("onmessage"), &resolve);
    });
    let post: Function = get(&there, "postMessage")?.dyn_into()?;
    post.call1(&there, &JsValue::NULL)?;
    Ok((arrival, here))
}

fn get(object: &JsValue, property: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &JsValue::from_str(property))
}
