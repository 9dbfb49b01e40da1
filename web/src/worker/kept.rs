//! What the page asks about kept runs.

use std::cell::RefCell;
use std::rc::Rc;

use kitchen_core::checkpoint::Saved;
use kitchen_core::data::{Memory as Files, Store};
use kitchen_core::{checkpoint, portable, record};
use kitchen_types::board::CheckpointSummary;
use kitchen_types::kept::{KeptReply, KeptRequest, Replayed};
use kitchen_types::page::FromWorker;
use kitchen_types::ports::BlobStore;
use kitchen_types::{RunConfig, RunId};

use super::made::{self, Source};
use super::store::{CONFIG, Runs};
use super::under_way::UnderWay;
use super::{data, say, text};

/// An answer, and the bytes that come along.
type Answer = (KeptReply, Option<Vec<u8>>);

/// Answers a question about kept runs, or says why not. `run` is the one that is under way here,
/// `files` are those that data come from.
pub(super) async fn answer(
    request: KeptRequest,
    bytes: Option<Vec<u8>>,
    runs: Result<&Rc<Runs>, &String>,
    run: &RefCell<Option<UnderWay>>,
    files: &RefCell<Files>,
) -> Result<Answer, String> {
    let keeper = || runs.map_err(|reason| format!("this browser keeps no runs: {reason}"));
    let reply = match request {
        KeptRequest::List => KeptReply::Runs {
            runs: keeper()?.list().await.map_err(text)?,
            storage: keeper()?.storage().await,
        },
        KeptRequest::Rename { run: which, to } => {
            rename(&which, &to, keeper()?, run).await?;
            KeptReply::Done
        }
        KeptRequest::Pin { run, pinned } => {
            keeper()?.pin(&run, pinned).await.map_err(text)?;
            KeptReply::Done
        }
        KeptRequest::Delete { run } => {
            keeper()?.delete(&run).await.map_err(text)?;
            KeptReply::Done
        }
        KeptRequest::Upload => made::upload(&bytes.unwrap_or_default(), keeper()?).await?,
        KeptRequest::Fork {
            run: which,
            step,
            to,
            config,
        } => {
            let store = store_of(&which, keeper, run).await?;
            let held = files.borrow().clone();
            let source = Source {
                data: Store::new(data::with_kept(&held, &*store).await?, ""),
                store,
                step,
            };
            made::fork(source, &to, config, keeper()?).await?
        }
        KeptRequest::Replay { run: which } => {
            let store = store_of(&which, keeper, run).await?;
            replay(&which, &*store).await?
        }
        KeptRequest::Download { run: which, step } => {
            let store = store_of(&which, keeper, run).await?;
            return download(&which, step, &*store).await;
        }
    };
    Ok((reply, None))
}

/// Where a run's files are: with the run that is under way here, or with those that are kept.
async fn store_of<'a>(
    which: &RunId,
    keeper: impl FnOnce() -> Result<&'a Rc<Runs>, String>,
    run: &RefCell<Option<UnderWay>>,
) -> Result<Rc<dyn BlobStore>, String> {
    let here = run.borrow().as_ref().and_then(|here| {
        let is_meant = here.run == *which;
        here.store.clone().filter(|_| is_meant)
    });
    match here {
        Some(store) => Ok(store),
        None => keeper()?.read(which).await.map_err(text),
    }
}

pub(super) async fn config_of(store: &dyn BlobStore) -> Result<RunConfig, String> {
    let bytes = store.get(CONFIG).await.map_err(text)?;
    toml::from_slice(&bytes).map_err(|error| format!("the run's {CONFIG} cannot be read: {error}"))
}

async fn replay(run: &RunId, store: &dyn BlobStore) -> Result<KeptReply, String> {
    let mut board = record::replay(store).await.map_err(text)?.board;
    // It may have been renamed since.
    board.run = Some(run.clone());
    let saved = checkpoint::list(store).await.map_err(text)?;
    board.checkpoints = there(&saved, &board.checkpoints);
    Ok(KeptReply::Replayed(Box::new(Replayed {
        config: config_of(store).await?,
        step: saved.last().map(|saved| saved.step),
        board,
    })))
}

/// The checkpoints that are there: what was told of them is a moment behind.
fn there(saved: &[Saved], told: &[CheckpointSummary]) -> Vec<CheckpointSummary> {
    let best = |name: &str| told.iter().any(|told| told.best && told.name == name);
    let summary = |saved: &Saved| CheckpointSummary {
        step: saved.step,
        name: saved.name.clone(),
        bytes: saved.bytes,
        best: best(&saved.name),
    };
    saved.iter().map(summary).collect()
}

async fn download(run: &RunId, step: Option<u64>, store: &dyn BlobStore) -> Result<Answer, String> {
    let newest = checkpoint::load_newest(store, step.unwrap_or(u64::MAX)).await;
    let Some((_, found)) = newest.map_err(text)?.found else {
        return Err(format!(
            "`{run}` has no checkpoint that can be used there; let it train until its first save"
        ));
    };
    let events = record::read(store).await.map_err(text)?;
    let file = portable::pack(&found, &config_of(store).await?, &events).map_err(text)?;
    if let Some(left_out) = file.left_out {
        say(&FromWorker::Notice {
            message: format!("the file of `{run}` leaves out {left_out}"),
        });
    }
    let step = found.state.step;
    let name = format!("{run}-step-{step}.safetensors");
    Ok((KeptReply::Downloaded { name, step }, Some(file.bytes)))
}

async fn rename(
    which: &RunId,
    to: &RunId,
    runs: &Runs,
    run: &RefCell<Option<UnderWay>>,
) -> Result<(), String> {
    let held = run.borrow().as_ref().and_then(|here| {
        let is_meant = here.run == *which;
        here.kept.clone().filter(|_| is_meant)
    });
    runs.rename(which, to, held.as_ref()).await.map_err(text)?;
    if let Some(here) = run.borrow_mut().as_mut().filter(|here| here.run == *which) {
        here.run = to.clone();
    }
    Ok(())
}
