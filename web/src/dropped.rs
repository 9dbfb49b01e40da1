//! What to do with files that a person dropped onto the page, judged by their names.

use crate::settings::Settings;
use kitchen_core::Recipe;

/// The folder that files without one of their own are held under.
const FOLDER: &str = "dropped";

/// What dropped files are good for.
#[derive(Clone, Debug, PartialEq)]
pub enum Dropped {
    /// Something to learn from: hold the files under these names, then run the settings.
    Data {
        /// A name for each file, in their order.
        names: Vec<String>,
        /// What to run.
        settings: Box<Settings>,
    },
    /// A run that was saved, to go on with.
    Checkpoint,
    /// A configuration.
    Config,
    /// A receipt, to be checked.
    Receipt,
}

/// Judges files by their names, which may have folders before them. Errors say what could be
/// dropped instead.
pub fn judge(names: &[String]) -> Result<Dropped, String> {
    let [first, ..] = names else {
        return Err("nothing was dropped; drop a file, or a folder of images".into());
    };
    let all_end_in = |endings: &[&str]| names.iter().all(|name| ends_in(name, endings));
    if names.iter().any(|name| file_name(name).contains("-ubyte")) {
        let inside = |name: &String| format!("{FOLDER}/{}", file_name(name));
        return data(
            names.iter().map(inside).collect(),
            "fashion-mnist",
            &["data=idx", &format!("data.path={FOLDER}")],
        );
    }
    // A folder of images holds other files too, which are passed over.
    if names.iter().any(|name| ends_in(name, IMAGES)) {
        return images(names);
    }
    if names.len() > 1 {
        return Err(format!(
            "{} files were dropped, and what they are together is unclear; drop one file, a folder \
             with a sub-folder of images for each class, or the four files of an IDX data set",
            names.len()
        ));
    }
    let path = format!("data.path={first}");
    let one = |recipe, arguments: &[&str]| data(names.to_vec(), recipe, arguments);
    match () {
        () if all_end_in(&[".csv", ".tsv"]) => one("table", &["data=csv", &path]),
        () if all_end_in(&[".jsonl", ".ndjson"]) => one("text", &["data=jsonl", &path]),
        () if all_end_in(&[".safetensors"]) => Ok(Dropped::Checkpoint),
        () if all_end_in(&[".receipt.json", ".receipt"]) => Ok(Dropped::Receipt),
        () if all_end_in(&[".toml", ".json", ".yaml", ".yml"]) => Ok(Dropped::Config),
        () if all_end_in(NO_TEXT) => Err(format!(
            "{first} is not a kind of file that can be learnt from; drop a text, a CSV, JSON lines, \
             a folder of PNG or JPEG images, IDX files, or a checkpoint (.safetensors)"
        )),
        // Whatever else it is called: if it is text, it can be written like.
        () => one("text", &[&path]),
    }
}

const IMAGES: &[&str] = &[".png", ".jpg", ".jpeg"];

/// Files that people might try, and that are no text.
const NO_TEXT: &[&str] = &[
    ".pdf", ".zip", ".gz", ".tar", ".doc", ".docx", ".xls", ".xlsx", ".npy", ".npz", ".pt", ".pth",
    ".pkl", ".bin", ".onnx", ".gif", ".webp", ".bmp", ".mp3", ".mp4", ".wav", ".parquet", ".exe",
];

fn data(names: Vec<String>, recipe: &str, arguments: &[&str]) -> Result<Dropped, String> {
    let recipe = Recipe::find(recipe).ok_or_else(|| format!("there is no recipe {recipe}"))?;
    Ok(Dropped::Data {
        names,
        settings: Box::new(Settings::with(recipe, arguments)),
    })
}

/// A folder with a sub-folder for each class.
fn images(names: &[String]) -> Result<Dropped, String> {
    let remedy = "drop a folder with one sub-folder of images for each class, such as \
                  pets/cat/1.png and pets/dog/1.png";
    let top = names
        .iter()
        .filter(|name| ends_in(name, IMAGES))
        .map(|name| {
            let (top, rest) = name.split_once('/')?;
            rest.contains('/').then_some(top)
        });
    let tops: Option<Vec<&str>> = top.collect();
    match tops.as_deref() {
        Some([top, others @ ..]) if others.iter().all(|other| other == top) => data(
            names.to_vec(),
            "digits",
            &[
                "data=images",
                &format!("data.path={top}"),
                "model=cnn",
                "lr=0.002",
            ],
        ),
        _ => Err(format!(
            "the images are not sorted into folders, so that nobody knows what they show; {remedy}"
        )),
    }
}

fn ends_in(name: &str, endings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let judged = match judge(&names) {
            Ok(Dropped::Data { names, settings }) => {
                assert!(settings.resolve().is_ok(), "{:?}", settings.resolve());
                format!("{} for {}", names.join(" "), settings.to_query())
            }
            Ok(other) => format!("{other:?}"),
            Err(reason) => reason,
        };
        assert!(judged.contains(expected), "{judged}");
    }

    #[test]
    fn files_are_judged_by_their_names() {
        check(
            &["flowers.csv"],
            "flowers.csv for recipe=table&data=csv&data.path=flowers.csv",
        );
        check(&["play.txt"], "recipe=text&data.path=play.txt");
        check(&["README"], "recipe=text&data.path=README");
        check(
            &["talk.jsonl"],
            "recipe=text&data=jsonl&data.path=talk.jsonl",
        );
        check(&["run.safetensors"], "Checkpoint");
        check(&["mine.TOML"], "Config");
        check(&["mine.receipt.json"], "Receipt");
        check(
            &["pets/cat/1.png", "pets/dog/2.JPG", "pets/notes.txt"],
            "recipe=digits&data=images&data.path=pets&model=cnn&lr=0.002",
        );
        check(
            &["train-images-idx3-ubyte.gz", "f/train-labels-idx1-ubyte.gz"],
            "dropped/train-images-idx3-ubyte.gz dropped/train-labels-idx1-ubyte.gz for recipe=fashion-mnist&data=idx&data.path=dropped",
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_remedy() {
        check(&[], "drop a file");
        check(&["paper.pdf"], "not a kind of file that can be learnt from");
        check(&["a.txt", "b.txt"], "2 files were dropped");
        check(
            &["cat.png", "dog.png"],
            "sub-folder of images for each class",
        );
        check(&["pets/cat.png"], "sub-folder of images for each class");
        check(
            &["pets/cat/1.png", "zoo/cat/1.png"],
            "sub-folder of images for each class",
        );
    }
}
