//! `runs fork`: makes a new run that begins with a checkpoint of another.

use std::rc::Rc;

use futures::executor::block_on;
use kitchen_core::store::Directory;
use kitchen_core::{Branch, fork as fork_run, words};
use kitchen_platform::now_ms;

use crate::cli::ForkArgs;
use crate::request::changed;
use crate::runs::Runs;
use crate::training::host;
use crate::{out, record};

/// Makes the branch, and says how to let it go on.
pub(super) fn fork(args: &ForkArgs, runs: &Runs) -> anyhow::Result<()> {
    let from = runs.find(&args.run)?;
    let store = Directory::reading(&from.path);
    let which = args.which.checkpoint().into();
    let branch = block_on(Branch::at(&store, &from.config()?, which))?;
    let config = changed(&branch.config, &args.settings)?;
    let step = branch.checkpoint.state.step;
    let events = record::envelopes(&from.events())?;

    let folder = match &args.name {
        Some(name) => runs.create(Some(name), &config.recipe, now_ms())?,
        None => runs.create_like(from.id.as_str())?,
    };
    let lock = folder.lock()?;
    let forked = folder.undo_unless(|| {
        let store = Directory::open(&folder.path)?;
        let data = host(store.clone()).data;
        let past = (events.as_slice(), now_ms());
        let id = folder.id.clone();
        let forked = fork_run(branch, id, &config, past, &*data, Rc::new(store));
        let forked = block_on(forked)?;
        folder.begin(&forked.events, &config)?;
        Ok(forked)
    })?;
    drop(lock);
    for note in &forked.notes {
        out::remark(note);
    }
    out::line(&format!(
        "{} branches off from {} at step {}; `resume {}` lets it go on",
        folder.id,
        from.id,
        words::count(step),
        folder.id
    ))
}
