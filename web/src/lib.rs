//! The page: what a person sees and touches in a browser tab ([`app`]), the worker that trains for
//! it ([`worker`]), and what is asked for ([`settings`]).
//!
//! Four tiny programs share this library: the page never trains, and the worker never draws. There
//! are two of the worker, of which the lighter one, loaded first, has no use for a GPU. The fourth
//! shows a simulated cluster ([`cluster`]). Training, data and judgement are kitchen-core's, as on
//! the command line; what the page draws is the board, as the terminal does.

mod address;
pub mod app;
pub mod cluster;
pub mod draw;
pub mod dropped;
mod frames;
pub mod hands;
mod link;
pub mod pad;
pub mod persist;
pub mod settings;
mod stage;
pub mod worker;
