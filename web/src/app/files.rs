//! Files that a person drops, pastes or chooses. They are read here and go nowhere but to the
//! worker.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DragEvent, Event, File, FileList, HtmlInputElement};
use yew::{Callback, Html, html};

use super::folders;

/// A file and its content.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileBytes {
    /// Its name, with the folders it was chosen with.
    pub(super) name: String,
    /// Its content.
    pub(super) bytes: Vec<u8>,
}

/// The most that is read, in bytes: it must fit into the memory of a tab several times over.
const MOST_BYTES: f64 = 256.0 * 1024.0 * 1024.0;

/// Where files can be dropped or chosen.
pub(super) fn view(dropped: &Callback<Result<Vec<FileBytes>, String>>) -> Html {
    let choose = {
        let dropped = dropped.clone();
        move |event: Event| {
            let input: Option<HtmlInputElement> = event.target().and_then(|it| it.dyn_into().ok());
            if let Some(input) = input {
                let files = chosen(input.files());
                // So that the same file can be chosen again.
                input.set_value("");
                let dropped = dropped.clone();
                if !files.is_empty() {
                    spawn_local(async move { dropped.emit(read_all(files).await) });
                }
            }
        }
    };
    let drop = {
        let dropped = dropped.clone();
        move |event: DragEvent| {
            event.prevent_default();
            let Some(data) = event.data_transfer() else {
                return;
            };
            let (entries, dropped) = (folders::entries(&data), dropped.clone());
            spawn_local(async move {
                let read = match folders::files(entries).await {
                    Ok(files) => read_all(files).await,
                    Err(reason) => Err(reason),
                };
                dropped.emit(read);
            });
        }
    };
    let over = |event: DragEvent| event.prevent_default();
    html! {
        <div class="drop" ondrop={drop} ondragover={over}>
            <span>{ "Data of your own? Drop it here, or" }</span>
            <label class="file">{ "choose files" }
                <input id="file" type="file" multiple=true onchange={choose.clone()} />
            </label>
            <label class="file">{ "choose a folder of images" }
                <input id="folder" type="file" multiple=true webkitdirectory=true onchange={choose} />
            </label>
            <span class="quiet">{ "A table, a text, images, a saved run: it stays in this tab." }</span>
        </div>
    }
}

fn chosen(files: Option<FileList>) -> Vec<(String, File)> {
    let Some(list) = files else {
        return Vec::new();
    };
    (0..list.length())
        .filter_map(|place| list.get(place))
        .map(|file| (path_of(&file), file))
        .collect()
}

async fn read_all(files: Vec<(String, File)>) -> Result<Vec<FileBytes>, String> {
    let total: f64 = files.iter().map(|(_, file)| file.size()).sum();
    if total > MOST_BYTES {
        return Err(format!(
            "{:.0} MB are more than a tab can hold; drop less than {:.0} MB, or train with the \
             program for the command line",
            total / 1e6,
            MOST_BYTES / 1e6
        ));
    }
    let mut read = Vec::with_capacity(files.len());
    for (name, file) in files {
        let bytes = bytes_of(&file).await;
        let bytes = bytes.map_err(|_| format!("{name} could not be read; choose it again"))?;
        read.push(FileBytes { name, bytes });
    }
    Ok(read)
}

/// The name of a file, with the folders that it was chosen with.
fn path_of(file: &File) -> String {
    let path = js_sys::Reflect::get(file, &JsValue::from_str("webkitRelativePath"));
    let path = path.ok().and_then(|path| path.as_string());
    path.filter(|path| !path.is_empty())
        .unwrap_or_else(|| file.name())
}

async fn bytes_of(file: &File) -> Result<Vec<u8>, JsValue> {
    let buffer = JsFuture::from(file.array_buffer()).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}
