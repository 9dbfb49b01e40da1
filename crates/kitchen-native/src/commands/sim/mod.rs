//! `sim`: the simulated cluster.

mod plain;
mod request;
mod score;
mod screen;
mod search;
mod watch;

use crate::cli::{SimArgs, SimCommand};
use crate::exit::Exit;

/// Does what is asked of the simulated cluster.
pub(crate) fn sim(args: &SimArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Some(SimCommand::Score(args)) => score::score(args),
        Some(SimCommand::Search(args)) => search::search(args),
        None if args.watch.list => request::list(),
        None if args.watch.show => request::show(&args.watch.runs),
        None => watch::watch(&args.watch),
    }
}
