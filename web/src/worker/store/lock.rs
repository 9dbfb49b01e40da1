//! One writer to a run, over all tabs: the browser's locks, which end with the tab that holds them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Array, Function, Object, Promise};
use kitchen_platform::{Stopwatch, sleep};
use kitchen_types::RunId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js::{call, fault, options, property};
use super::medium::Fault;

/// How long the lock of a tab or worker that is going away may take to be free: both end a little
/// after they are told to, and seconds after a crash on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run that is this tab's alone, until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    release: Option<Function>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            // A promise can always be kept.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Takes a run for this tab; none where another one has it.
pub(super) async fn take(run: &RunId) -> Result<Option<Lock>, Fault> {
    let waited = Stopwatch::start();
    loop {
        if let Some(lock) = try_take(run).await? {
            return Ok(Some(lock));
        }
        if waited.elapsed() >= PATIENCE {
            return Ok(None);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The runs that some tab has taken.
pub(super) async fn taken() -> Result<BTreeSet<String>, Fault> {
    let Ok(locks) = locks() else {
        return Ok(BTreeSet::new());
    };
    let snapshot: Promise = call(&locks, "query", &[])?.unchecked_into();
    let snapshot = JsFuture::from(snapshot).await.map_err(fault)?;
    let held: Array = property(&snapshot, "held")?;
    let names = held
        .iter()
        .filter_map(|lock| property::<JsValue>(&lock, "name").ok()?.as_string());
    Ok(names
        .filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned))
        .collect())
}

const PREFIX: &str = "kitchen/";

fn locks() -> Result<Object, Fault> {
    property(&super::scope().navigator(), "locks")
}

async fn try_take(run: &RunId) -> Result<Option<Lock>, Fault> {
    let Ok(locks) = locks() else {
        // A browser without locks: nobody can tell, and most people have one tab.
        return Ok(Some(Lock { release: None }));
    };
    let (sender, granted) = oneshot::channel();
    let decide = Closure::once(move |lock: JsValue| -> JsValue {
        if lock.is_null() {
            let _ = sender.send(None);
            return JsValue::UNDEFINED;
        }
        // It is held for as long as this promise is not kept.
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let _ = sender.send(Some(Lock { release }));
        held.into()
    });
    let arguments = [
        JsValue::from(format!("{PREFIX}{run}")),
        options("ifAvailable", true),
        decide.as_ref().clone(),
    ];
    let ended: Promise = call(&locks, "request", &arguments)?.unchecked_into();
    match select(granted, JsFuture::from(ended)).await {
        Either::Left((Ok(lock), _)) => Ok(lock),
        Either::Left((Err(_), _)) => Ok(None),
        Either::Right((Err(error), _)) => Err(fault(error)),
        // Not granted: what was asked ended at once, and has said so.
        Either::Right((Ok(_), granted)) => Ok(granted.await.unwrap_or(None)),
    }
}
