//! What a step is predicted from, as plain data.

mod hardware;
mod job;
mod layout;
mod model;
mod refusal;
mod software;

pub use hardware::{Accelerator, Cluster, accelerators};
pub use job::{Batch, Job};
pub use layout::{Layout, Recompute, Sharding};
pub use model::{Activation, Experts, Model, models};
pub use refusal::Refusal;
pub use software::{Attention, Precision, Software};
