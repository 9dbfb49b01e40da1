//! What breaks, how often, and what it costs.

mod cause;
mod checkpoint;
mod rates;

pub use cause::{CAUSES, Cause, Culprit};
pub use checkpoint::{BYTES_PER_PARAMETER, Waste, checkpoint_bytes, daly, waste, young};
pub use rates::FailureRates;
