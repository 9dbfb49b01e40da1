//! One file for each command.

pub(crate) mod bench;
pub(crate) mod command;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod forensics;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod receipt;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sample;
pub(crate) mod serve_page;
pub(crate) mod sim;
pub(crate) mod validate;

mod fork;
mod history;
mod model;
mod table;
