//! A workstation: threads, and the standard library's clock.

use std::future::{self, Future};
use std::io;
use std::task::Poll;
use std::thread;
use std::time::Duration;
pub(crate) use std::time::{Instant, SystemTime};

use futures::channel::oneshot;

/// Nothing: a native program runs what was registered to run before `main` by itself. In the browser
/// it must be called first in `main`.
pub fn run_constructors() {}

pub(crate) async fn sleep(duration: Duration) {
    futures_timer::Delay::new(duration).await;
}

/// Gives way once, so that whatever else the thread has to do gets a turn. In the browser this
/// reaches the page's event loop, which costs more: call it by elapsed time, not on every step.
pub async fn yield_now() {
    let mut yielded = false;
    future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs `work` beside the caller, on a thread of its own, starting now. In the browser it runs
/// before this function returns.
///
/// Errors where no thread can be started, or the work panicked.
pub fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> + 'static {
    let (sender, receiver) = oneshot::channel();
    let started = thread::Builder::new()
        .name("kitchen-offload".to_owned())
        .spawn(move || {
            // Nobody may be waiting for the result any more, which is fine.
            let _ = sender.send(work());
        });
    async move {
        started?;
        receiver
            .await
            .map_err(|_| io::Error::other("the work was given up: its thread panicked"))
    }
}
