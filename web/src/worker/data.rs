//! Dropped files that a run learns from, kept with it: after a reload nobody has to find and drop
//! them again.
//!
//! They lie in one file: a line of JSON that lists them, then their bytes.

use kitchen_core::config::leaves;
use kitchen_core::data::{Bytes, Files, Memory};
use kitchen_types::RunConfig;
use kitchen_types::checkpoint::FileRecord;
use kitchen_types::ports::{BlobStore, StoreError};

/// Their name in a run's store.
const NAME: &str = "data.files";

/// What is worth its room with every run.
const MOST_BYTES: usize = 64 << 20;

/// What a run reads from: `held`, and over it what was kept with the run before.
pub(super) async fn with_kept(held: &Memory, store: &dyn BlobStore) -> Result<Memory, String> {
    let mut files = held.clone();
    match store.get(NAME).await {
        Ok(bytes) => {
            for (name, bytes) in unpack(&bytes)? {
                files.insert(name, bytes);
            }
            Ok(files)
        }
        Err(StoreError::NotFound(_)) => Ok(files),
        Err(error) => Err(error.to_string()),
    }
}

/// Keeps those of `held` that a run of `config` reads, unless some are kept already.
pub(super) async fn keep(
    config: &RunConfig,
    held: &Memory,
    store: &dyn BlobStore,
) -> Result<(), String> {
    let files = read_by(config, held);
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let kept = store.list(NAME).await.map_err(super::text)?;
    if files.is_empty() || !kept.is_empty() {
        return Ok(());
    }
    if bytes > MOST_BYTES {
        return Err(format!(
            "the data ({bytes} bytes) are too large to be kept with the run; drop them again to go \
             on after a reload"
        ));
    }
    let put = store.put(NAME, &pack(&files)).await;
    put.map_err(super::text)
}

/// Gives a branch the data of the run that it comes from.
pub(super) async fn copy(from: &dyn BlobStore, to: &dyn BlobStore) -> Result<(), StoreError> {
    match from.get(NAME).await {
        Ok(bytes) => to.put(NAME, &bytes).await,
        Err(StoreError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The files of `held` that the paths of `config` name, or the folders there.
fn read_by(config: &RunConfig, held: &Memory) -> Vec<(String, Bytes)> {
    let mut found = Vec::new();
    for (key, value) in leaves(config) {
        let is_path = key == "data.path" || (key.starts_with("data.") && key.ends_with(".path"));
        if let (true, Some(path)) = (is_path, value.as_str()) {
            collect(held, path, &mut found);
        }
    }
    found
}

fn collect(held: &Memory, path: &str, found: &mut Vec<(String, Bytes)>) {
    if let Ok(bytes) = held.read(path) {
        found.push((path.to_owned(), bytes));
        return;
    }
    // No folder either: what is built in needs no file.
    for entry in held.list(path).unwrap_or_default() {
        let inside = format!("{}/{}", path.trim_end_matches('/'), entry.name);
        collect(held, &inside, found);
    }
}

fn pack(files: &[(String, Bytes)]) -> Vec<u8> {
    let records: Vec<FileRecord> = files
        .iter()
        .map(|(name, bytes)| record(name, bytes))
        .collect();
    // Plain data always has a JSON form.
    let mut packed = serde_json::to_vec(&records).unwrap_or_default();
    packed.push(b'\n');
    for (_, bytes) in files {
        packed.extend_from_slice(bytes);
    }
    packed
}

fn unpack(packed: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let damaged = |what: &str| format!("the data that were kept with the run are damaged: {what}");
    let end = packed.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| damaged("their list is missing"))?;
    let records: Vec<FileRecord> = serde_json::from_slice(&packed[..end])
        .map_err(|error| damaged(&format!("their list cannot be read ({error})")))?;
    let mut rest = &packed[end + 1..];
    let mut files = Vec::with_capacity(records.len());
    for expected in records {
        let length = usize::try_from(expected.bytes).unwrap_or(usize::MAX);
        let Some((bytes, after)) = rest.split_at_checked(length) else {
            return Err(damaged(&format!("{} is cut off", expected.name)));
        };
        if record(&expected.name, bytes) != expected {
            return Err(damaged(&format!("{} has changed", expected.name)));
        }
        files.push((expected.name, bytes.to_vec()));
        rest = after;
    }
    Ok(files)
}

fn record(name: &str, bytes: &[u8]) -> FileRecord {
    FileRecord {
        name: name.into(),
        bytes: bytes.len() as u64,
        blake3: blake3::hash(bytes).to_hex().to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures::FutureExt;
    use kitchen_core::Recipe;
    use kitchen_core::config::Layers;
    use kitchen_core::store::Memory as Kept;

    use super::*;

    fn config(recipe: &str, arguments: &[&str]) -> RunConfig {
        let recipe = Recipe::find(recipe).unwrap();
        let layers = Layers::new(recipe.name, recipe.settings).arguments(arguments);
        layers.resolve().unwrap().config
    }

    fn held() -> Memory {
        Memory::from([
            ("my table.csv", b"a,b\n1,2\n".to_vec()),
            ("animals/cat/1.png", vec![1]),
            ("animals/dog/1.png", vec![2, 2]),
            ("other.txt", vec![3]),
        ])
    }

    /// The names that are kept with a run, and there again after a reload.
    fn kept(config: &RunConfig) -> Vec<String> {
        let store = Kept::default();
        keep(config, &held(), &store)
            .now_or_never()
            .unwrap()
            .unwrap();
        let files = with_kept(&Memory::new(), &store).now_or_never().unwrap();
        let files = files.unwrap();
        let names = held();
        let all = read_by(config, &names);
        let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
        for name in &names {
            assert_eq!(
                files.read(name).unwrap()[..],
                held().read(name).unwrap()[..]
            );
        }
        assert!(!files.exists("other.txt"));
        names
    }

    #[test]
    fn the_files_that_a_run_reads_are_kept_with_it() {
        let table = config("table", &["data=csv", "data.path=my table.csv"]);
        assert_eq!(kept(&table), ["my table.csv"]);
        let images = config("digits", &["data=images", "data.path=animals"]);
        assert_eq!(kept(&images), ["animals/cat/1.png", "animals/dog/1.png"]);
        assert_eq!(kept(&config("playground", &[])), [""; 0]);
    }

    #[test]
    fn damage_is_said_wherever_it_is() {
        let table = config("table", &["data=csv", "data.path=my table.csv"]);
        let packed = pack(&read_by(&table, &held()));
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            let read = unpack(&damaged);
            assert!(
                read.is_err() || read.unwrap()[0].0 != "my table.csv",
                "byte {at} was changed"
            );
            assert!(unpack(&packed[..at]).is_err(), "cut at {at}");
        }
    }
}
