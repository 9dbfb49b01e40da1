//! The store in a real browser.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(
    dead_code,
    reason = "outside of a browser these are compiled, and not run"
)]

use kitchen_platform::Stopwatch;
use kitchen_types::RunId;
use kitchen_types::ports::{BlobStore, StoreError};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

use super::{BrowserStore, Opening, Runs};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn name(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

async fn open(runs: &Runs, run: &str) -> BrowserStore {
    match runs.write(&name(run), "digits").await.unwrap() {
        Opening::Here(store) => store,
        Opening::Elsewhere => panic!("{run} is open elsewhere"),
    }
}

async fn names(store: &dyn BlobStore, prefix: &str) -> Vec<String> {
    let files = store.list(prefix).await.unwrap();
    files.into_iter().map(|file| file.name).collect()
}

/// The kept runs, without the one that a test which was cut off has left behind.
async fn fresh(run: &str) -> Runs {
    let runs = Runs::open().await.unwrap();
    runs.delete(&name(run)).await.unwrap();
    runs
}

#[wasm_bindgen_test]
async fn what_was_kept_is_there_after_a_reload() {
    let runs = fresh("kept").await;
    let store = open(&runs, "kept").await;
    for text in ["one", "two", "three"] {
        store.put("config.toml", text.as_bytes()).await.unwrap();
    }
    let set: &[(&str, &[u8])] = &[("weights", &[7; 100_000]), ("manifest.json", b"{}")];
    let folder = "checkpoints/step-000000400-1f3a9c2e";
    store.put_set(folder, set).await.unwrap();
    assert_eq!(
        store.put_set(folder, set).await,
        Err(StoreError::Exists(folder.into()))
    );
    store.put("gone", b"").await.unwrap();
    store.delete("gone").await.unwrap();
    drop((store, runs));

    let runs = Runs::open().await.unwrap();
    let store = open(&runs, "kept").await;
    assert_eq!(store.get("config.toml").await.unwrap(), b"three");
    let weights = store.get(&format!("{folder}/weights")).await.unwrap();
    assert_eq!(weights, [7; 100_000]);
    assert_eq!(
        names(&store, "").await,
        [
            format!("{folder}/manifest.json"),
            format!("{folder}/weights"),
            "config.toml".into()
        ]
    );
    let listed = runs.list().await.unwrap();
    let kept = listed.iter().find(|kept| kept.run == name("kept")).unwrap();
    assert_eq!((kept.step, kept.bytes), (Some(400), 100_007));
    assert!(kept.in_use && !kept.under_way && !kept.pinned);
    let storage = runs.storage().await;
    assert!(storage.used_bytes.unwrap() < storage.quota_bytes.unwrap());
    drop(store);
    runs.delete(&name("kept")).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_run_belongs_to_one_writer_and_any_reader() {
    let runs = fresh("shared").await;
    let store = open(&runs, "shared").await;
    store.put("config.toml", b"here").await.unwrap();
    let second = runs.write(&name("shared"), "digits").await.unwrap();
    assert!(matches!(second, Opening::Elsewhere));
    let refused = runs.delete(&name("shared")).await.unwrap_err().to_string();
    assert!(
        refused.contains("another tab has `shared` open"),
        "{refused}"
    );
    let reader = runs.read(&name("shared")).await.unwrap();
    assert_eq!(reader.get("config.toml").await.unwrap(), b"here");
    drop(store);
    open(&runs, "shared").await;
    runs.delete(&name("shared")).await.unwrap();
    assert!(runs.read(&name("shared")).await.is_err());
}

#[wasm_bindgen_test]
async fn runs_are_renamed_pinned_noted_and_deleted() {
    let runs = fresh("before").await;
    runs.delete(&name("after")).await.unwrap();
    let store = open(&runs, "before").await;
    store.put("config.toml", b"").await.unwrap();
    runs.note(&name("before"), true).await.unwrap();
    runs.rename(&name("before"), &name("after"), Some(&store))
        .await
        .unwrap();
    runs.pin(&name("after"), true).await.unwrap();
    let listed = runs.list().await.unwrap();
    let kept = listed
        .iter()
        .find(|kept| kept.run == name("after"))
        .unwrap();
    assert!(kept.in_use && kept.under_way && kept.pinned);
    assert!(!listed.iter().any(|kept| kept.run == name("before")));

    // The old name is free, and the new one is taken.
    drop(open(&runs, "before").await);
    let taken = runs.rename(&name("before"), &name("after"), None).await;
    assert!(taken.is_err());
    // The store goes on under its new name.
    store.put("config.toml", b"more").await.unwrap();
    runs.note(&name("after"), false).await.unwrap();
    drop(store);
    for run in ["before", "after"] {
        runs.delete(&name(run)).await.unwrap();
    }
    let listed = runs.list().await.unwrap();
    assert!(!listed.iter().any(|kept| kept.run == name("after")));
}

#[wasm_bindgen_test]
async fn a_save_takes_little_time() {
    let runs = fresh("timed").await;
    let store = open(&runs, "timed").await;
    // Weights and optimizer of 210,000 parameters.
    let (weights, optimizer) = (vec![1; 840_000], vec![2; 1_680_000]);
    let set: &[(&str, &[u8])] = &[
        ("weights.safetensors", &weights),
        ("optimizer.safetensors", &optimizer),
        ("loop.json", &[3; 500]),
        ("manifest.json", &[4; 800]),
    ];
    let clock = Stopwatch::start();
    for save in 0..10 {
        store.put_set(&format!("sets/{save}"), set).await.unwrap();
    }
    let each_ms = clock.elapsed_us() / 10_000;
    console_log!("2.5 MB are kept in {each_ms} ms");
    assert!(each_ms < 2000, "{each_ms} ms");
    drop(store);
    runs.delete(&name("timed")).await.unwrap();
}
