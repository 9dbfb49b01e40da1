//! What a test wants of its browser and server.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use kitchen_tests::{Driver, repository};
use tempfile::TempDir;

use super::page::Page;
use super::site::Site;

/// What a test wants of its browser and server.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    isolated: bool,
    dark: bool,
    phone: bool,
}

impl Setup {
    /// A light page in a window of 1280 by 900, with the headers that allow threads.
    pub(crate) fn new() -> Self {
        Self {
            isolated: true,
            dark: false,
            phone: false,
        }
    }

    /// A server that sets no headers.
    pub(crate) fn without_isolation(self) -> Self {
        Self {
            isolated: false,
            ..self
        }
    }

    /// A system that prefers dark colours.
    pub(crate) fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// A phone of 360 by 740.
    pub(crate) fn phone(self) -> Self {
        Self {
            phone: true,
            ..self
        }
    }

    /// Opens the page with the settings of `query`, such as `recipe=playground&device=cpu`.
    /// `None`, having said why, where no page was handed over.
    pub(crate) fn open(self, query: &str) -> anyhow::Result<Option<Page>> {
        let Some(page) = self.blank()? else {
            return Ok(None);
        };
        page.go(query)?;
        Ok(Some(page))
    }

    /// As [`Self::open`], but with nothing opened yet.
    pub(crate) fn blank(self) -> anyhow::Result<Option<Page>> {
        let Some(folder) = built_page()? else {
            eprintln!(
                "skipped: KITCHEN_PAGE names no built page; \
                 `cargo xtask test --only page --only browser` builds and tests it"
            );
            return Ok(None);
        };
        let site = Site::serve(&folder, self.isolated)?;
        let kept = TempDir::new().context("no temporary folder can be made")?;
        let driver = Driver::start(kept.path())?;
        let page = Page::new(driver, site, kept);
        page.prefer(if self.dark { "dark" } else { "light" })?;
        if self.phone {
            page.be_a_phone()?;
        }
        Ok(Some(page))
    }
}

/// The folder of the page that was handed over.
fn built_page() -> anyhow::Result<Option<PathBuf>> {
    let Some(folder) = std::env::var_os("KITCHEN_PAGE") else {
        return Ok(None);
    };
    let folder = repository::root().join(folder);
    ensure!(
        folder.join("index.html").is_file(),
        "{} holds no page; `cargo xtask page` builds one",
        folder.display()
    );
    Ok(Some(folder))
}
