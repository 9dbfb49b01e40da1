//! The shared core of every front end: recipes, configuration layers, the supervised workflow,
//! checkpoints, and [`start`], which turns a request into a [`Run`].
//!
//! It introduces the crates to each other: the engine (kitchen-flow), data (kitchen-data),
//! training (kitchen-train) and judgement (kitchen-watch). Arguments, screens, sockets and the
//! network are left to the front ends, which lend what a run needs through [`Host`].

pub mod checkpoint;
mod commands;
pub mod config;
mod devices;
mod estimate;
mod export;
mod faults;
mod forensics;
mod fork;
mod host;
pub mod portable;
mod preview;
mod questions;
pub mod receipt;
mod recipes;
pub mod record;
mod run;
mod session;
mod simulated_cluster;
pub mod store;
pub mod supervised;
pub mod told;
pub mod words;

pub use commands::{CommandSender, QuestionSender};
pub use devices::LocalDevices;
pub use estimate::estimate;
pub use export::{Export, export};
pub use forensics::{ExplainRequest, Explained, explain};
pub use fork::{Branch, Forked, fork};
pub use host::{Devices, Host, Opened};
pub use preview::Latest;
pub use recipes::{RECIPES, Recipe};
pub use run::{Run, StartError, StartRequest, check_workflow, registry, start, start_with};
pub use session::{Session, SessionError, Which, find_checkpoint};
// What front ends use of the crates below, so that they need to know this one only.
pub use kitchen_types::question::{Preview, Surface};
pub use {kitchen_data as data, kitchen_flow as flow, kitchen_sim as sim, kitchen_train as train};

/// BLAKE3 of a configuration, in hexadecimal.
fn config_hash(config: &kitchen_types::RunConfig) -> String {
    // A configuration is plain data, which always has a JSON form.
    let json = serde_json::to_vec(config).unwrap_or_default();
    blake3::hash(&json).to_hex().to_string()
}
