//! The page: what a person sees and touches in a browser tab ([`app`]), the worker that trains for
//! it ([`worker`]), and what is asked for ([`settings`]).
//!
//! Two tiny programs share this library, one a thread: the page never trains, and the worker never
//! draws. Training, data and judgement are kitchen-core's, as on the command line; what the page
//! draws is the board, as the terminal does.

pub mod app;
pub mod draw;
pub mod dropped;
pub mod hands;
mod link;
pub mod pad;
pub mod persist;
pub mod settings;
pub mod worker;
