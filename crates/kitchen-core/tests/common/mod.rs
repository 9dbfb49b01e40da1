//! Runs in memory, for tests.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

use std::rc::Rc;

use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::config::Layers;
use kitchen_core::store::Memory;
use kitchen_core::{Host, LocalDevices, Recipe, Run, StartRequest, start, supervised};
use kitchen_types::ports::DatasetStore;
use kitchen_types::{Board, Envelope, Event, RunConfig, RunId};

/// A recipe's configuration with arguments over it, on the CPU.
pub(crate) fn config(recipe: &str, arguments: &[&str]) -> RunConfig {
    let recipe = Recipe::find(recipe).unwrap();
    let layers = Layers::new(recipe.name, recipe.settings)
        .arguments(&["device=cpu"])
        .arguments(arguments);
    match layers.resolve() {
        Ok(resolved) => resolved.config,
        Err(problems) => panic!("{problems:?}"),
    }
}

/// Starts a run, or goes on with the one whose checkpoints are in `store`.
pub(crate) fn begin(config: &RunConfig, store: &Memory) -> Run {
    begin_as("test", 0, config, store)
}

/// The same, with a name and the number of its first event.
pub(crate) fn begin_as(name: &str, first_seq: u64, config: &RunConfig, store: &Memory) -> Run {
    let data = Rc::new(kitchen_data::Store::on_disk(""));
    let run = RunId::new(name).unwrap();
    begin_with(run, first_seq, config, host(store, data))
}

/// The same, with what the outside world lends it.
pub(crate) fn begin_with(run: RunId, first_seq: u64, config: &RunConfig, host: Host) -> Run {
    let request = StartRequest {
        run,
        config: config.clone(),
        workflow: supervised::supervised(),
        first_seq,
    };
    block_on(start(request, host)).unwrap()
}

/// A world with these files and these data.
pub(crate) fn host(store: &Memory, data: Rc<dyn DatasetStore>) -> Host {
    Host {
        store: Rc::new(store.clone()),
        data,
        devices: Rc::new(LocalDevices::default()),
        now_ms: || 0,
    }
}

/// Everything a run says to its end.
pub(crate) fn finish(run: Run) -> Vec<Envelope> {
    block_on(run.events.collect())
}

/// Polls a run until it has said `count` events, then drops it in the middle of whatever it does.
pub(crate) fn abandon_after(run: Run, count: usize) -> Vec<Envelope> {
    block_on(run.events.take(count).collect())
}

/// The board of a whole run.
pub(crate) fn board(config: &RunConfig) -> Board {
    Board::replay(&finish(begin(config, &Memory::default())))
}

/// The events alone.
pub(crate) fn events(envelopes: &[Envelope]) -> impl Iterator<Item = &Event> {
    envelopes.iter().map(|envelope| &envelope.event)
}
