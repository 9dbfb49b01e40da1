//! Finds the best layout of a model on a cluster.

mod frontier;
mod nearest;
mod space;

use serde::Serialize;

pub use frontier::{Candidate, Frontier};
pub use nearest::nearest;
pub use space::Space;

use crate::constants::Constants;
use crate::cost::{device_gib, peak_memory, times};
use crate::input::{Job, Layout, Refusal};

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Layouts that were looked at.
    pub examined: u64,
    /// Those that fit into memory.
    pub fitting: u64,
    /// The fastest; absent where none fits.
    pub best: Option<Candidate>,
    /// All that no other beats in both time and memory, the fastest first.
    pub frontier: Vec<Candidate>,
}

/// Looks at every layout of `space` for `job`, whose own layout does not matter, and keeps those
/// whose fullest device needs at most `memory_gib` (all that the device has, if absent).
///
/// Nothing is pruned but what does not fit: the result is exact.
///
/// # Errors
///
/// If no layout could make the job possible, as where the device lacks its arithmetic.
pub fn search(
    job: &Job,
    space: &Space,
    memory_gib: Option<f64>,
    constants: &Constants,
) -> Result<Found, Refusal> {
    let most = memory_gib.unwrap_or_else(|| device_gib(job));
    let mut tried = job.clone();
    tried.layout = Layout::plain(job.cluster.devices);
    tried.check_arithmetic()?;
    let mut found = Found {
        examined: 0,
        fitting: 0,
        best: None,
        frontier: Vec::new(),
    };
    let mut frontier = Frontier::default();
    space.each(job, |layout| {
        found.examined += 1;
        tried.layout = *layout;
        let memory_gib = peak_memory(&tried).1.gib();
        if memory_gib <= most {
            found.fitting += 1;
            frontier.add(Candidate {
                layout: *layout,
                seconds: times(&tried, constants).seconds(),
                memory_gib,
            });
        }
    });
    found.frontier = frontier.into_candidates();
    found.best = found.frontier.first().copied();
    Ok(found)
}
