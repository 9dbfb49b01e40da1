//! How many kernels a GPU was told to run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::cubecl::logging::{LaunchObservation, LaunchObserver};

/// Counts every kernel that the process launches while this lives, on whichever thread Burn does
/// it. There is one such counter at a time: a second takes the first one's place while it lives.
#[derive(Debug)]
pub(super) struct Launches {
    count: Arc<Count>,
    _observation: LaunchObservation,
}

#[derive(Debug, Default)]
struct Count(AtomicU64);

impl LaunchObserver for Count {
    fn launched(&self, _kernel: &'static str) {
        // A sum needs no order.
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Launches {
    pub(super) fn watch() -> Self {
        let count = Arc::new(Count::default());
        Self {
            _observation: LaunchObservation::new(count.clone()),
            count,
        }
    }

    /// Kernels launched so far.
    pub(super) fn so_far(&self) -> u64 {
        self.count.0.load(Ordering::Relaxed)
    }
}
