//! The analytic step: what one optimizer step takes and where it goes.

mod device;
mod energy;
mod layer;
mod link;
mod memory;
mod network;
mod stage;
mod step;

pub use energy::{Use, node_watts, watts};
pub use link::{Group, Links};
pub use memory::{Memory, device_gib, peak_memory, stage_memory};
pub use network::{Matrix, Network, network_times};
pub(crate) use stage::{Chunk, chunks};
pub use step::{Communication, Estimate, StageMemory, Times, estimate, times};
