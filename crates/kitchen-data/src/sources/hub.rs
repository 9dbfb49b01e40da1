//! A data set by name, from the cache or from a folder that holds its files.

use kitchen_types::config::{DataConfig, HubConfig, IdxConfig, TextConfig};
use kitchen_types::ports::DataError;

use crate::files::{Files, join};
use crate::hub::{HUB, HubEntry, HubKind};

/// The same data set, as files. Errors with the remedy if they are not there.
pub(crate) fn resolve(
    config: &HubConfig,
    files: &dyn Files,
    cache: &str,
) -> Result<DataConfig, DataError> {
    let Some(entry) = HubEntry::find(&config.name) else {
        let known: Vec<&str> = HUB.iter().map(|entry| entry.name).collect();
        return Err(DataError::new(
            "data.name",
            format!("there is no data set `{}`", config.name),
            format!("use one of: {}", known.join(", ")),
        ));
    };
    let path = match config.path.as_str() {
        "" => join(cache, entry.name),
        path => path.to_owned(),
    };
    if !files.exists(&path) {
        return Err(DataError::new(
            &path,
            format!("{} is not there", entry.name),
            format!(
                "run `kitchen-native data get {}`; {}",
                entry.name,
                entry.remedy_without_network()
            ),
        ));
    }
    Ok(match entry.kind {
        HubKind::Idx { classes } => DataConfig::Idx(IdxConfig {
            path,
            validation: 0.0,
            classes: classes.iter().map(|class| (*class).into()).collect(),
        }),
        HubKind::Text => DataConfig::Text(TextConfig {
            path: text_file(entry, files, path),
            context: config.context,
            tokenizer: config.tokenizer.clone(),
            ..TextConfig::default()
        }),
    })
}

/// The text itself, where `path` may be it or the folder that holds it.
fn text_file(entry: &HubEntry, files: &dyn Files, path: String) -> String {
    let inside = entry
        .files
        .iter()
        .map(|file| join(&path, file.name))
        .find(|file| files.exists(file));
    inside.unwrap_or(path)
}
