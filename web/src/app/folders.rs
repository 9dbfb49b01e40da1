//! Folders that are dropped: a browser hands them over one entry at a time.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

/// The most files that are taken: beyond that a tab is the wrong place.
const MOST: usize = 20_000;

/// What was dropped, top entries only. They must be taken during the event.
pub(super) fn entries(data: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = data.items();
    (0..items.length())
        .filter_map(|place| items.get(place)?.webkit_get_as_entry().ok().flatten())
        .collect()
}

/// Every file in `entries`, with its path below what was dropped. Errors where there are too many,
/// or one cannot be read.
pub(super) async fn files(entries: Vec<FileSystemEntry>) -> Result<Vec<(String, File)>, String> {
    let mut found = Vec::new();
    let mut left = entries;
    while let Some(entry) = left.pop() {
        let path = entry.full_path().trim_start_matches('/').to_owned();
        let fail = |_: JsValue| format!("{path} could not be read");
        match entry.dyn_into::<FileSystemDirectoryEntry>() {
            Ok(folder) => left.extend(inside(&folder).await.map_err(fail)?),
            Err(entry) => {
                let entry: FileSystemFileEntry = entry.unchecked_into();
                found.push((path.clone(), file(&entry).await.map_err(fail)?));
            }
        }
        if found.len() > MOST {
            return Err(format!(
                "more than {MOST} files were dropped; drop fewer, or train with the program for \
                 the command line"
            ));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

async fn file(entry: &FileSystemFileEntry) -> Result<File, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(promise).await?.dyn_into()
}

async fn inside(folder: &FileSystemDirectoryEntry) -> Result<Vec<FileSystemEntry>, JsValue> {
    let reader = folder.create_reader();
    let mut entries = Vec::new();
    // A reader hands out some at a time, and none once all are read.
    loop {
        let some = some_of(&reader).await?;
        if some.length() == 0 || entries.len() > MOST {
            return Ok(entries);
        }
        entries.extend(some.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}

async fn some_of(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        // What it throws, it hands to `reject` too.
        let _ = reader.read_entries_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(promise).await?.dyn_into()
}
