//! The vocabulary of Kitchen: what a run is asked to do ([`config`]), what it is made of
//! ([`workflow`]), what it says ([`event`]), what it is told ([`command`]), what a screen
//! shows of it ([`board`]), what its model is asked ([`question`]), and the seams behind which the work is done ([`ports`]).
//!
//! Plain data and traits only. This crate starts no thread, opens no file or socket, holds no
//! tensor and knows no async runtime; whatever does so is an adapter of one of its ports.

pub mod bench;
pub mod board;
pub mod card;
pub mod checkpoint;
pub mod command;
pub mod config;
pub mod diagnosis;
pub mod event;
pub mod ids;
pub mod kept;
pub mod notification;
pub mod number;
pub mod page;
pub mod ports;
pub mod question;
pub mod random;
pub mod receipt;
pub mod report;
pub mod series;
pub mod summary;
pub mod supervision;
pub mod workflow;

pub use board::Board;
pub use command::Command;
pub use config::RunConfig;
pub use event::{Envelope, Event};
pub use ids::{RunId, SampleId};
pub use number::Number;
pub use question::{Answer, Question};
