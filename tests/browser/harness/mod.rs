//! A browser with the page in it, and the server that it comes from.
//!
//! Whatever is started here ends when its value is dropped, in a test that panics too.

mod evidence;
mod page;
mod setup;
mod site;

pub(crate) use page::{Page, SOON, State};
pub(crate) use setup::Setup;
