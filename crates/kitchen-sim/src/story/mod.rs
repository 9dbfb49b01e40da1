//! A run as something to watch: one specification, and the moments that follow from it.
//!
//! [`Story`] yields typed events at simulated times. It is pure: whoever shows it paces and draws.
//! What happens is decided by the run engine ([`crate::run`]), what a step takes by
//! [`crate::cost`], and what the loss is by [`crate::loss`].

mod board;
mod check;
mod cues;
mod curve;
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
mod site;
mod spec;
mod telling;

pub use kitchen_types::config::{DurationError, Incident, Seconds, Trouble};

pub use board::{Board, Phase};
pub use error::SpecError;
pub use event::{Event, Moment, shard_file};
pub use fleet::{Cell, Condition, Gpu, per_cell};
pub use metric::{Limits, Metric};
pub use player::Player;
pub use scenario::{SCENARIOS, Scenario};
pub use setting::{Setting, Setup};
pub use spec::{ClusterSpec, DataSpec, EverySpec, LayoutSpec, ModelSpec, ScheduleSpec, Spec};
pub use telling::Story;

pub(crate) use check::{check_cluster, check_incidents};
pub(crate) use cues::cues;
pub(crate) use setting::{bundled, cluster, fastest_layout, saving};
pub(crate) use site::Site;
