//! Trains models on this machine: devices, models, losses, optimizers, and the local
//! [`TrainingClient`](kitchen_types::ports::TrainingClient) that joins them, [`BurnClient`].
//!
//! This is the only crate that names Burn; nothing of Burn is in its public types. Where data
//! come from, when to step, what to report and where to keep a checkpoint is decided elsewhere:
//! here a batch comes in, and numbers go out.

mod batch;
pub mod bench;
mod choose;
mod client;
mod device;
mod evaluate;
mod gradients;
mod host;
mod inspect;
mod loss;
mod memory;
mod model;
mod names;
mod optimizer;
mod per_sample;
mod readback;
mod sample;
pub mod schedule;
mod self_test;
mod weights;

pub use choose::{Choice, Workload, choose_device, time_step};
pub use client::BurnClient;
pub use device::{Gpu, OpenDevice};
pub use memory::estimate_memory;
pub use model::gpt_hidden_width;
pub use self_test::self_test;
pub use weights::{put_clock, take_clock};
