//! What differs between a workstation and a browser tab, behind one set of names: time
//! ([`now_ms`], [`Stopwatch`], [`sleep`]), turns ([`yield_now`]), work beside the run
//! ([`offload`]), a seed that nobody chose ([`random_seed`]), memory ([`peak_memory_bytes`]), and files
//! ([`files`]).
//!
//! This is the only library crate that asks which platform it is compiled for; everywhere else a
//! missing capability is an error value. It knows nothing of training, runs or workflows. What a
//! host offers beyond this (terminals, sockets, pages) belongs to the front ends.

pub mod files;

#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
mod host;
#[cfg(target_family = "wasm")]
#[path = "wasm.rs"]
mod host;

use std::time::Duration;

pub use host::{offload, peak_memory_bytes, run_constructors, yield_now};

/// Milliseconds since 1970 (UTC), as the host's clock has it. It can jump; measure durations
/// with [`Stopwatch`].
pub fn now_ms() -> u64 {
    host::SystemTime::now()
        .duration_since(host::SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Measures how long something takes, on a clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(host::Instant);

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Self(host::Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in microseconds.
    pub fn elapsed_us(&self) -> u64 {
        self.elapsed().as_micros() as u64
    }
}

/// A browser's timers count milliseconds in 31 bits, and fire at once where that overflows.
const LONGEST_SLEEP: Duration = Duration::from_millis(i32::MAX as u64);

/// Waits without holding up the thread, at most 24 days.
///
/// The wait begins when the future is first polled.
pub async fn sleep(duration: Duration) {
    host::sleep(duration.min(LONGEST_SLEEP)).await;
}

/// A seed that differs from call to call. It is not meant for secrets.
pub fn random_seed() -> u64 {
    // A host without a source of randomness still has a clock, which is enough for a seed that
    // is written down anyway.
    getrandom::u64().unwrap_or_else(|_| now_ms())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::Cell;
    use std::thread;

    use futures::executor::block_on;
    use futures::future::{join, poll_fn};

    use super::*;

    #[test]
    fn the_clock_stands_after_2020_and_before_2100() {
        assert!((1_577_836_800_000..4_102_444_800_000).contains(&now_ms()));
    }

    #[test]
    fn sleeps_overlap_and_last_at_least_as_long_as_asked() {
        let start = Stopwatch::start();
        block_on(join(
            sleep(Duration::from_millis(300)),
            sleep(Duration::from_millis(300)),
        ));
        let elapsed = start.elapsed();
        assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
        assert!(elapsed < Duration::from_millis(580), "{elapsed:?}");
    }

    #[test]
    fn a_sleep_of_ages_can_be_started() {
        let mut sleep = Box::pin(sleep(Duration::MAX));
        assert!(block_on(poll_fn(|cx| std::task::Poll::Ready(
            std::future::Future::poll(sleep.as_mut(), cx).is_pending()
        ))));
    }

    #[test]
    fn yielding_lets_the_neighbour_run_first() {
        let neighbour_ran = Cell::new(false);
        let seen = block_on(join(
            async {
                yield_now().await;
                neighbour_ran.get()
            },
            async { neighbour_ran.set(true) },
        ));
        assert!(seen.0);
    }

    #[test]
    fn offloaded_work_runs_on_another_thread_and_starts_at_once() {
        let here = thread::current().id();
        let (sender, receiver) = std::sync::mpsc::channel();
        let result = offload(move || {
            sender.send(()).unwrap();
            thread::current().id()
        });
        receiver.recv().unwrap();
        assert_ne!(block_on(result).unwrap(), here);
    }

    #[test]
    fn offloaded_work_that_panics_is_an_error() {
        let error = block_on(offload(|| {
            if now_ms() > 0 {
                std::panic::resume_unwind(Box::new("broken"));
            }
        }))
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the work was given up: its thread panicked"
        );
    }

    #[test]
    fn memory_that_was_held_is_in_the_peak() {
        const HELD: usize = 64 << 20;
        // Each byte is written, or the system would promise the memory without giving it.
        drop(std::hint::black_box(vec![1_u8; HELD]));
        let peak = peak_memory_bytes();
        assert_eq!(peak.is_some(), cfg!(target_os = "linux"));
        assert!(peak.is_none_or(|bytes| bytes >= HELD as u64), "{peak:?}");
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(random_seed(), random_seed());
    }
}
