//! A run as something to watch: one specification, and the moments that follow from it.
//!
//! [`Story`] yields typed events at simulated times. It is pure: whoever shows it paces and draws.
//! What happens is decided by the run engine ([`crate::run`]), what a step takes by
//! [`crate::cost`], and what the loss is by [`crate::loss`].

mod board;
mod check;
mod cues;
mod curve;
mod duration;
mod ending;
mod error;
mod event;
mod fleet;
mod heat;
mod incident;
mod metric;
mod notices;
mod opening;
mod player;
mod scenario;
mod setting;
mod spec;
mod telling;

pub use board::{Board, Phase};
pub use duration::{DurationError, Seconds};
pub use error::SpecError;
pub use event::{Event, Moment, shard_file};
pub use fleet::{Cell, Condition, Gpu, per_cell};
pub use incident::{Incident, Trouble};
pub use metric::{Limits, Metric};
pub use player::Player;
pub use scenario::{SCENARIOS, Scenario};
pub use setting::{Setting, Setup};
pub use spec::{ClusterSpec, DataSpec, EverySpec, LayoutSpec, ModelSpec, ScheduleSpec, Spec};
pub use telling::Story;
