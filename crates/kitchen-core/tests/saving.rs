//! Saving while the medium is slow, or full.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use common::{config, events, finish};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use kitchen_core::checkpoint;
use kitchen_core::store::Memory;
use kitchen_core::{Host, LocalDevices, Run, StartRequest, start, supervised};
use kitchen_types::board::Phase;
use kitchen_types::event::RunStatus;
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};
use kitchen_types::{Board, Command, Envelope, Event, RunConfig, RunId};

/// A medium that takes its time, and whose checkpoints fail as long as it is full.
#[derive(Clone, Default)]
struct Medium {
    kept: Memory,
    full: Rc<Cell<bool>>,
}

#[async_trait(?Send)]
impl BlobStore for Medium {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.kept.put(name, bytes).await
    }

    async fn put_set(&self, folder: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
        for _ in 0..3 {
            kitchen_platform::yield_now().await;
        }
        if self.full.get() {
            return Err(StoreError::Io {
                name: folder.into(),
                action: "written",
                reason: "there is no room".into(),
            });
        }
        self.kept.put_set(folder, files).await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.kept.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<StoredFile>, StoreError> {
        self.kept.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.kept.delete(name).await
    }
}

fn begin(config: &RunConfig, store: &Medium) -> Run {
    let request = StartRequest {
        run: RunId::new("test").unwrap(),
        config: config.clone(),
        workflow: supervised::supervised(),
        first_seq: 0,
    };
    let host = Host {
        store: Rc::new(store.clone()),
        data: Rc::new(kitchen_data::Store::on_disk("")),
        devices: Rc::new(LocalDevices::default()),
        now_ms: || 0,
    };
    block_on(start(request, host)).unwrap()
}

fn steps_kept(store: &Medium) -> Vec<u64> {
    let saved = block_on(checkpoint::list(&store.kept)).unwrap();
    saved.iter().map(|saved| saved.step).collect()
}

#[test]
fn what_is_being_saved_is_saved_when_the_run_is_paused() {
    let mut run = begin(&config("playground", &["steps=40"]), &Medium::default());
    let mut seen: Vec<Envelope> = Vec::new();
    while Board::replay(&seen).current_step() < 5 {
        seen.push(block_on(run.events.next()).unwrap());
    }
    run.commands.send(Command::Save);
    run.commands.send(Command::Pause);
    // Nobody resumes: polled over and over, the paused run says all it has to say.
    for _ in 0..1000 {
        if let Some(envelope) = run.events.next().now_or_never() {
            seen.push(envelope.unwrap());
        }
    }
    let board = Board::replay(&seen);
    assert_eq!(board.phase, Phase::Paused);
    let saved: Vec<u64> = board.checkpoints.iter().map(|saved| saved.step).collect();
    assert_eq!(saved, [board.current_step()]);
}

#[test]
fn a_full_medium_costs_the_saves_and_not_the_run() {
    let config = config(
        "playground",
        &["steps=100", "checkpoint.every=10", "checkpoint.keep=2"],
    );
    let store = Medium::default();
    let mut run = begin(&config, &store);
    let mut seen: Vec<Envelope> = Vec::new();
    while let Some(envelope) = block_on(run.events.next()) {
        if let Event::Stepped(step) = &envelope.event {
            // Room for those of 10 and 20, none for those of 30 to 60.
            if step.step == 25 {
                assert_eq!(steps_kept(&store), [10, 20]);
            }
            store.full.set((25..66).contains(&step.step));
            if step.step == 64 {
                assert_eq!(steps_kept(&store), [10, 20]);
            }
        }
        seen.push(envelope);
    }
    let warnings: Vec<&String> = events(&seen)
        .filter_map(|event| match event {
            Event::Warning { message } => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(
        warnings[0].starts_with("checkpoint step-000000030-")
            && warnings[0].ends_with("could not be written: there is no room"),
        "{}",
        warnings[0]
    );
    assert!(matches!(
        Board::replay(&seen).phase,
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        }
    ));
    assert!(steps_kept(&store).ends_with(&[90, 100]));
}

#[test]
fn a_run_whose_saves_failed_goes_on_from_the_last_kept_step() {
    let config = config("playground", &["steps=60", "checkpoint.every=10"]);
    let store = Medium::default();
    let mut run = begin(&config, &store);
    while let Some(envelope) = block_on(run.events.next()) {
        match envelope.event {
            Event::Stepped(step) if step.step == 25 => store.full.set(true),
            Event::Stepped(step) if step.step == 45 => break,
            _ => {}
        }
    }
    drop(run);
    store.full.set(false);
    let seen = finish(begin(&config, &store));
    let restored = events(&seen).find_map(|event| match event {
        Event::Restored { step, .. } => Some(*step),
        _ => None,
    });
    assert_eq!(restored, Some(20));
}
