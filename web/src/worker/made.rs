//! Runs that begin with a checkpoint: one that came in a file, or that of another run.

use std::rc::Rc;

use kitchen_core::data::Store;
use kitchen_core::record::{self, StoreRecorder};
use kitchen_core::{Branch, Which, portable};
use kitchen_types::kept::KeptReply;
use kitchen_types::ports::{BlobStore, MetricsStore};
use kitchen_types::{Envelope, RunConfig, RunId};

use super::kept::config_of;
use super::store::{CONFIG, Opening, Runs};
use super::{data, text};

/// Where a branch comes from.
pub(super) struct Source {
    pub(super) store: Rc<dyn BlobStore>,
    pub(super) data: Store,
    pub(super) step: u64,
}

/// Keeps the run that is in a file, under its own name or one beside it.
pub(super) async fn upload(bytes: &[u8], runs: &Runs) -> Result<KeptReply, String> {
    let file = portable::unpack(bytes).map_err(text)?;
    let (config, step) = (file.config.clone(), file.checkpoint.state.step);
    let notes = file.left_out.iter();
    let notes = notes.map(|left_out| format!("the file leaves out {left_out}"));
    let notes = notes.collect();
    let draft = Draft::make(&file.checkpoint.run, &config.recipe, runs).await?;
    let begun = async {
        let (run, store) = (draft.run.clone(), draft.store.clone());
        let said = file.settle(run, store, kitchen_platform::now_ms()).await;
        draft.keep(&said.map_err(text)?, &config).await?;
        Ok(notes)
    };
    let begun = begun.await;
    draft.end(begun, step, config, runs).await
}

/// Makes a branch of another run.
pub(super) async fn fork(
    from: Source,
    to: &RunId,
    config: Option<Box<RunConfig>>,
    runs: &Runs,
) -> Result<KeptReply, String> {
    let old = config_of(&*from.store).await?;
    let branch = Branch::at(&*from.store, &old, Which::Step(from.step)).await;
    let branch = branch.map_err(text)?;
    let config = config.map_or_else(|| branch.config.clone(), |config| *config);
    let step = branch.checkpoint.state.step;
    let events = record::read(&*from.store).await.map_err(text)?;
    let draft = Draft::make(to, &config.recipe, runs).await?;
    let begun = async {
        let past = (events.as_slice(), kitchen_platform::now_ms());
        let (run, store) = (draft.run.clone(), draft.store.clone());
        let forked = kitchen_core::fork(branch, run, &config, past, &from.data, store).await;
        let forked = forked.map_err(text)?;
        let copied = data::copy(&*from.store, &*draft.store).await;
        copied.map_err(text)?;
        draft.keep(&forked.events, &config).await?;
        Ok(forked.notes)
    };
    let begun = begun.await;
    draft.end(begun, step, config, runs).await
}

/// A run that is being made.
struct Draft {
    run: RunId,
    store: Rc<dyn BlobStore>,
}

impl Draft {
    /// An empty one, called `name` if that is free.
    async fn make(name: &RunId, recipe: &str, runs: &Runs) -> Result<Self, String> {
        let taken = runs.list().await.map_err(text)?;
        let taken: Vec<RunId> = taken.into_iter().map(|kept| kept.run).collect();
        let run = free_name(name, &taken);
        match runs.write(&run, recipe).await.map_err(text)? {
            Opening::Here(store) => Ok(Self {
                run,
                store: Rc::new(store),
            }),
            Opening::Elsewhere => Err(format!("another tab is making `{run}`; try again")),
        }
    }

    /// Keeps what was said and asked for. The latter comes last: without it, it is no run.
    async fn keep(&self, said: &[Envelope], config: &RunConfig) -> Result<(), String> {
        let opened = StoreRecorder::open(self.store.clone()).await;
        let (mut recorder, _) = opened.map_err(text)?;
        for envelope in said {
            recorder.record(envelope).await.map_err(text)?;
        }
        recorder.flush().await.map_err(text)?;
        let config = kitchen_core::config::to_toml(config).map_err(text)?;
        let put = self.store.put(CONFIG, config.as_bytes()).await;
        put.map_err(text)
    }

    /// Tells of it, with what a person should know, or deletes what there is of it.
    async fn end(
        self,
        begun: Result<Vec<String>, String>,
        step: u64,
        config: RunConfig,
        runs: &Runs,
    ) -> Result<KeptReply, String> {
        let Self { run, store } = self;
        drop(store);
        match begun {
            Ok(notes) => Ok(KeptReply::Made {
                run,
                step,
                config: Box::new(config),
                notes,
            }),
            Err(reason) => {
                // If it stays, it is in nobody's way.
                let _ = runs.delete(&run).await;
                Err(reason)
            }
        }
    }
}

/// `name` if it is free, or else the first of `name-2`, `name-3` and so on that is.
fn free_name(name: &RunId, taken: &[RunId]) -> RunId {
    let stem: String = name.as_str().chars().take(72).collect();
    let numbered = (2_u32..).filter_map(|number| RunId::new(format!("{stem}-{number}")).ok());
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let free = names.find(|name| !taken.contains(name));
    free.unwrap_or_else(|| name.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let name = |text: &str| RunId::new(text).unwrap();
        let long = "x".repeat(80);
        for (asked, taken, expected) in [
            ("a", &[][..], "a".to_owned()),
            ("a", &["a"], "a-2".to_owned()),
            ("a", &["a", "a-2", "b"], "a-3".to_owned()),
            (&long, &[&long], format!("{}-2", "x".repeat(72))),
        ] {
            let taken: Vec<RunId> = taken.iter().map(|text| name(text)).collect();
            assert_eq!(free_name(&name(asked), &taken), name(&expected));
        }
    }
}
