//! The page's server: the one that `kitchen-native` has.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kitchen_tests::Kitchen;
use kitchen_tests::kitchen::Running;

/// A server of the page below a path, as hosts with many pages have it.
pub(crate) struct Site {
    kitchen: Kitchen,
    page: PathBuf,
    isolated: bool,
    server: Option<Running>,
    /// Where the page is; it ends in a slash.
    pub(crate) url: String,
}

impl Site {
    /// Serves the page in the folder `page`.
    pub(crate) fn serve(page: &Path, isolated: bool) -> anyhow::Result<Self> {
        let mut site = Self {
            kitchen: Kitchen::new()?,
            page: page.to_owned(),
            isolated,
            server: None,
            url: String::new(),
        };
        site.start()?;
        Ok(site)
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn origin(&self) -> &str {
        let path = self.url.match_indices('/').nth(2);
        path.map_or(self.url.as_str(), |(at, _)| &self.url[..at])
    }

    /// A program and a folder of its own, beside the page.
    pub(crate) fn kitchen(&self) -> &Kitchen {
        &self.kitchen
    }

    /// Takes the server away.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let server = self.server.take().context("there is no server")?;
        server.kill()
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let page = self.page.display();
        let isolation = if self.isolated { "" } else { "--no-isolation" };
        let line = format!("serve-page '{page}' --port 0 --under /some/where {isolation}");
        let mut server = self.kitchen.start(&line)?;
        // Where it says nothing, it says why on standard error.
        self.url = match server.line() {
            Ok(url) => url,
            Err(silent) => {
                let said = server.error_line().unwrap_or_default();
                return Err(silent.context(said));
            }
        };
        self.server = Some(server);
        Ok(())
    }
}
