//! What a browser leaves behind: its console, what went over the network, pictures.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

/// A line of the console.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleLine {
    pub(crate) is_error: bool,
    text: String,
}

impl ConsoleLine {
    /// The lines of an answer to `POST /se/log`.
    pub(crate) fn all(log: &Value) -> Vec<Self> {
        let lines = log.as_array().into_iter().flatten();
        lines
            .map(|line| Self {
                is_error: line["level"] == "SEVERE",
                text: format!(
                    "{} {}",
                    line["level"].as_str().unwrap_or_default(),
                    line["message"].as_str().unwrap_or_default()
                ),
            })
            .collect()
    }
}

impl std::fmt::Display for ConsoleLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A stack trace of wasm is long, and its end says least.
        let text: String = self.text.chars().take(2000).collect();
        write!(f, "  {text}")
    }
}

/// The URLs that pages of `origin`, and their workers, asked for, by Chromium's own record of the
/// network.
pub(crate) fn asked_for(record: &Path, origin: &str) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(record).context("the browser recorded no network")?;
    // One event a line. The last may be cut off where the browser was.
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.trim_end_matches(',')).ok());
    let urls = events.filter_map(|event| {
        let params = event.get("params")?;
        let is_ours = params["initiator"] == origin;
        let url = params["url"].as_str().filter(|_| is_ours)?;
        Some(url.to_owned())
    });
    Ok(urls.collect())
}

/// Where pictures of the page are kept, for people to look at: `target/screenshots`.
pub(crate) fn screenshots() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("a test does not know where it is")?;
    // The test is in `target/PROFILE/deps`.
    let target = test.ancestors().nth(3).context("no target folder")?;
    let folder = target.join("screenshots");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
