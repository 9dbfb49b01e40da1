//! The workflow engine: checks a tree of nodes ([`kitchen_types::workflow`]) before its first
//! step, and walks it.
//!
//! What happens in a step is a [`Stage`]; a [`Registry`] holds those there are. [`validate`] turns
//! a workflow into a [`Plan`], or says everything that is wrong with it. An [`Engine`] runs the
//! plan over a [`State`] of typed [`Key`]s, and tells an [`Observer`] what happens.
//!
//! The engine awaits; it starts no thread, opens no file and knows no device. It does not know
//! what training is either: stages come from the crates above, and so does what becomes of the
//! events. Nothing here needs `Send`: a run lives on one thread.

mod condition;
mod context;
mod describe;
mod engine;
mod interrupt;
mod key;
mod observer;
mod plan;
mod problem;
mod registry;
mod stage;
mod state;
mod validate;
mod value;

pub use kitchen_types::workflow::build;

pub use context::{Context, Emitter};
pub use describe::describe;
pub use engine::{Engine, RunError};
pub use interrupt::CancelToken;
pub use key::{Key, KeyInfo, KeyType};
pub use observer::{Observer, Queue, events};
pub use plan::Plan;
pub use problem::{Fault, Problem};
pub use registry::Registry;
pub use stage::{Access, ConfigKey, KeyUse, Stage, StageError, StageSpec};
pub use state::{State, StateError};
pub use validate::validate;
