//! `data`: lists, downloads and shows data sets.

use anyhow::Context;
use futures::executor::block_on;
use kitchen_core::data::hub::{HUB, HubEntry, verify};
use kitchen_core::data::{Store, catalog, overview};
use kitchen_core::words;
use kitchen_types::config::DataConfig;
use kitchen_types::ports::{CatalogEntry, DataOverview, DatasetStore, HubClient, Origin};

use super::table::table;
use crate::cli::DataCommand;
use crate::exit::Exit;
use crate::hub::{Http, cache_folder, keep};
use crate::out;
use crate::request::Request;

/// Lists, downloads and shows data sets.
pub(crate) fn data(command: DataCommand) -> anyhow::Result<Exit> {
    match command {
        DataCommand::Ls(json) if json.json => out::json(&catalog())?,
        DataCommand::Ls(_) => out::line(&catalog_table(&catalog()))?,
        DataCommand::Get { name } => get(&name)?,
        DataCommand::Show {
            name,
            settings,
            examples,
            json,
        } => {
            let (data, seed) = named(&name, &settings)?;
            let cache = cache_folder();
            let splits = Store::on_disk(cache.to_string_lossy()).open(&data, seed)?;
            let overview = overview(&splits, examples)?;
            if json.json {
                out::json(&overview)?
            } else {
                out::line(&in_words(&overview))?
            }
        }
    }
    Ok(Exit::Ok)
}

/// Data sets in columns.
pub(super) fn catalog_table(entries: &[CatalogEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        let from = match entry.origin {
            Origin::BuiltIn => "built in",
            Origin::Hub => "download",
            Origin::File => "your files",
        };
        [
            entry.name.clone(),
            from.to_owned(),
            entry.size.clone(),
            entry.title.clone(),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}

/// The data of a recipe, or of an entry in the catalogue, changed as `settings` say.
fn named(name: &str, settings: &[String]) -> anyhow::Result<(DataConfig, u64)> {
    let entry = catalog().into_iter().find(|entry| entry.name == name);
    let words: Vec<String> = match &entry {
        Some(entry) => {
            let data = serde_json::to_value(&entry.config)?;
            let data = toml::Value::try_from(data).context("the data set cannot be configured")?;
            std::iter::once(format!("data={data}"))
                .chain(settings.iter().cloned())
                .collect()
        }
        None => std::iter::once(name.to_owned())
            .chain(settings.iter().cloned())
            .collect(),
    };
    let config = Request::read(&words)?.merge()?.config;
    Ok((config.data, config.seed))
}

fn in_words(overview: &DataOverview) -> String {
    let mut lines = vec![
        words::one_line(&overview.source),
        format!(
            "{} to train on, {} held out",
            words::counted(overview.train, "example"),
            words::count(overview.validation)
        ),
    ];
    lines.extend(overview.notes.iter().map(|note| words::one_line(note)));
    for example in &overview.examples {
        lines.push(String::new());
        lines.push(words::harmless(example));
    }
    lines.join("\n")
}

/// Downloads what is not in the cache yet.
fn get(name: &str) -> anyhow::Result<()> {
    let entry = HubEntry::find(name).with_context(|| {
        let names: Vec<_> = HUB.iter().map(|entry| entry.name).collect();
        format!(
            "there is no data set `{name}` to download; there are {}",
            names.join(", ")
        )
    })?;
    let client = Http::new(entry.remedy_without_network());
    let cache = cache_folder();
    for file in entry.downloads() {
        let path = cache.join(&file.name);
        let there = std::fs::read(&path).is_ok_and(|bytes| verify(&file, &bytes).is_ok());
        if there {
            out::line(&format!("{} is there already", file.name))?;
            continue;
        }
        out::line(&format!("{} ({})", file.name, words::bytes(file.max_bytes)))?;
        let bytes = block_on(client.download(&file))?;
        keep(&path, &bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    out::line(&format!(
        "{name} is in {}; licence: {}",
        cache.join(name).display(),
        entry.licence
    ))
}
