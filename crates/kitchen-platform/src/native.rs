//! A workstation: threads, and the standard library's clock.

use std::fs;
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

/// The most memory the process has held so far, as far as Linux tells; elsewhere nobody is asked.
/// In the browser it is the size of the module's memory, which never shrinks.
pub fn peak_memory_bytes() -> Option<u64> {
    high_water_mark(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads the line `VmHWM:     5328 kB`, whose unit is fixed, and means 1024 bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_found_among_the_others() {
        let table = [
            (
                "VmPeak:\t  9000 kB\nVmHWM:\t    5328 kB\nVmRSS:\t 1 kB\n",
                Some(5_455_872),
            ),
            ("Name:\tVmHWM: 1 kB\n", None),
            ("VmHWM:\t5328 MB\n", None),
            ("VmHWM:\t99999999999999999999 kB\n", None),
            ("VmHWM:\t18446744073709551615 kB\n", None),
            ("", None),
        ];
        for (status, bytes) in table {
            assert_eq!(high_water_mark(status), bytes, "{status}");
        }
    }
}
