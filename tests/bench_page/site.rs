//! A folder, served to a browser that is new each time.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kitchen_tests::kitchen::Running;
use kitchen_tests::{Driver, Kitchen};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How often the page is looked at: seldom, for that takes time from what is measured.
const LOOK: Duration = Duration::from_millis(500);

/// A folder that `kitchen-native` serves.
pub(crate) struct Site {
    _server: Running,
    _kitchen: Kitchen,
    url: String,
}

impl Site {
    /// Serves a folder, with the headers that isolate its pages from others if `isolated`.
    pub(crate) fn serve(folder: &Path, isolated: bool) -> anyhow::Result<Self> {
        let folder = folder.canonicalize();
        let folder =
            folder.context("there is no such folder; `cargo xtask bench-page` makes it")?;
        let kitchen = Kitchen::new()?;
        let isolation = if isolated { "" } else { "--no-isolation" };
        let line = format!("serve-page '{}' --port 0 {isolation}", folder.display());
        let mut server = kitchen.start(&line)?;
        let url = match server.line() {
            Ok(url) => url,
            Err(silent) => return Err(silent.context(server.error_line().unwrap_or_default())),
        };
        Ok(Self {
            _server: server,
            _kitchen: kitchen,
            url,
        })
    }

    /// A new browser, with nothing opened yet.
    pub(crate) fn browser(&self) -> anyhow::Result<Browser> {
        let kept = TempDir::new().context("no temporary folder can be made")?;
        Ok(Browser {
            driver: Driver::start(kept.path())?,
            _kept: kept,
            url: self.url.clone(),
        })
    }
}

/// A browser for pages of one site.
pub(crate) struct Browser {
    // It ends before its folder does.
    pub(crate) driver: Driver,
    _kept: TempDir,
    url: String,
}

impl Browser {
    /// Opens the site's page with the settings of `query`.
    pub(crate) fn go(&self, query: &str) -> anyhow::Result<()> {
        let url = format!("{}?{query}", self.url);
        self.driver.post("/url", &json!({ "url": url }))?;
        Ok(())
    }

    /// Waits until an expression of JavaScript gives something, and gives that; `None` when the
    /// time is up.
    pub(crate) fn wait_for(
        &self,
        expression: &str,
        limit: Duration,
    ) -> anyhow::Result<Option<Value>> {
        let script = format!("return {expression}");
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let value = self.driver.run(&script, &[])?;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return Ok(Some(value));
            }
            thread::sleep(LOOK);
        }
        Ok(None)
    }

    /// The JSON that the page puts into `<pre id="bench">`; `None` when the time is up.
    pub(crate) fn report(&self, limit: Duration) -> anyhow::Result<Option<Value>> {
        let ended = "document.getElementById('bench')?.textContent \
                     || (document.querySelector('main')?.dataset.status === 'failed' \
                         && JSON.stringify({ error: document.body.innerText }))";
        let Some(text) = self.wait_for(ended, limit)? else {
            return Ok(None);
        };
        let text = text.as_str().unwrap_or_default();
        let report: Value = serde_json::from_str(text).context("the report is no JSON")?;
        match report["error"].as_str() {
            Some(error) => bail!("the page says: {error}"),
            None => Ok(Some(report)),
        }
    }
}
