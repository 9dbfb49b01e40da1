//! What the steps need from the machine, and how to get it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::run::{cargo, carry_out};
use crate::steps::Step;
use crate::{system, tools};

/// Something that a step needs or can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    WasmTarget,
    WasmBindgen,
    Trunk,
    Nextest,
    Vulkan,
    Chromium,
    AxeCore,
    Readers,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::WasmTarget => "the wasm32-unknown-unknown target",
            Self::WasmBindgen => "wasm-bindgen",
            Self::Trunk => "Trunk",
            Self::Nextest => "cargo-nextest",
            Self::Vulkan => "a Vulkan driver",
            Self::Chromium => "Chromium or its driver",
            Self::AxeCore => "axe-core",
            Self::Readers => "a Python with the public readers of what Kitchen writes",
        })
    }
}

/// What is still missing, and why it could not be installed.
#[derive(Debug, Default)]
pub(crate) struct Missing(BTreeMap<Tool, String>);

impl Missing {
    /// Whether `tool` can be used.
    pub(crate) fn has(&self, tool: Tool) -> bool {
        !self.0.contains_key(&tool)
    }

    /// Why `step` cannot run, if it cannot.
    pub(crate) fn blocks(&self, step: &Step) -> Option<String> {
        let tool = step.needs.iter().find(|tool| !self.has(**tool))?;
        Some(format!("{tool} is missing: {}", self.0[tool]))
    }

    /// What to know about the tests of `steps` that ran without everything they could use.
    pub(crate) fn notes(&self, steps: &[&Step]) -> Vec<String> {
        let used = steps.iter().flat_map(|step| step.uses);
        let consequence = [
            (Tool::Vulkan, "skipped: tests on a GPU, because"),
            (Tool::AxeCore, "skipped: rules of accessibility, because"),
            (
                Tool::Readers,
                "skipped: files and signatures read by public libraries, because",
            ),
            (Tool::Nextest, "note: tests ran under `cargo test`, because"),
        ];
        let used: Vec<&Tool> = used.collect();
        consequence
            .iter()
            .filter(|(tool, _)| used.contains(&tool))
            .filter_map(|(tool, what)| {
                let reason = self.0.get(tool)?;
                Some(format!("{what} {tool} is missing: {reason}"))
            })
            .collect()
    }

    /// Where `step` finds what it can use and is not on the path.
    pub(crate) fn environment(&self, step: &Step) -> Option<(&'static str, PathBuf)> {
        let told = [
            (Tool::AxeCore, "KITCHEN_AXE", tools::axe_core()),
            (Tool::Readers, "KITCHEN_PYTHON", tools::python()),
        ];
        told.into_iter()
            .find(|(tool, ..)| step.uses.contains(tool) && self.has(*tool))
            .map(|(_, name, path)| (name, path))
    }

    /// Everything that is missing, in words; none if nothing is.
    pub(crate) fn all(&self) -> Option<String> {
        let lines = self.0.iter();
        let lines: Vec<String> = lines
            .map(|(tool, reason)| format!("{tool} is missing: {reason}"))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Looks for everything that `steps` need or can use, and installs what is missing if `install`.
pub(crate) fn prepare(steps: &[&Step], install: bool) -> Missing {
    let wanted = steps
        .iter()
        .flat_map(|step| step.needs.iter().chain(step.uses));
    let mut wanted: Vec<Tool> = wanted.copied().collect();
    wanted.sort();
    wanted.dedup();
    prepare_tools(&wanted, install)
}

/// Looks for `wanted`, and installs what is missing if `install`.
pub(crate) fn prepare_tools(wanted: &[Tool], install: bool) -> Missing {
    let mut missing = Missing::default();
    for tool in wanted.iter().copied().filter(|tool| !tool.is_present()) {
        let outcome = if install {
            tool.install()
        } else {
            Err(anyhow::anyhow!(
                "nothing was installed, as --no-install asks"
            ))
        };
        if let Err(error) = outcome {
            missing.0.insert(tool, format!("{error:#}"));
        }
    }
    missing
}

impl Tool {
    fn is_present(self) -> bool {
        match self {
            Self::Rustfmt => system::succeeds(cargo().args(["fmt", "--version"])),
            Self::Clippy => system::succeeds(cargo().args(["clippy", "--version"])),
            Self::Nextest => system::succeeds(cargo().args(["nextest", "--version"])),
            Self::WasmTarget => has_wasm_target(),
            Self::WasmBindgen => {
                tools::wasm_bindgen().is_ok_and(|program| program.folder().is_some())
            }
            Self::Trunk => tools::trunk().folder().is_some(),
            Self::Vulkan => system::has_vulkan(),
            Self::Chromium => system::has_chromium(),
            Self::AxeCore => tools::axe_core().is_file(),
            Self::Readers => tools::has_readers(),
        }
    }

    fn install(self) -> anyhow::Result<()> {
        match self {
            Self::Rustfmt => rustup(&["component", "add", "rustfmt"]),
            Self::Clippy => rustup(&["component", "add", "clippy"]),
            Self::WasmTarget => rustup(&["target", "add", "wasm32-unknown-unknown"]),
            // Building it takes minutes, and tests run without it.
            Self::Nextest => bail!("install it with `cargo install --locked cargo-nextest`"),
            Self::WasmBindgen => tools::wasm_bindgen()?.install(),
            Self::Trunk => tools::trunk().install(),
            Self::Vulkan => system::install(
                &["mesa-vulkan-drivers", "libvulkan1"],
                "a Vulkan driver, such as Mesa's lavapipe",
            ),
            Self::Chromium => system::install(
                &["chromium", "chromium-driver"],
                "Chromium or Chrome, and chromedriver",
            ),
            Self::AxeCore if system::is_on_path("npm") => tools::install_axe_core(),
            Self::AxeCore => bail!("there is no npm here; install Node.js"),
            Self::Readers if system::is_on_path("python3") => tools::install_readers(),
            Self::Readers => bail!("there is no python3 here; install it, with venv"),
        }
    }
}

fn rustup(args: &[&str]) -> anyhow::Result<()> {
    carry_out(Command::new("rustup").args(args))
}

/// Whether the compiler in use has a standard library for wasm32.
fn has_wasm_target() -> bool {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    sysroot.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout).into_owned();
        Path::new(sysroot.trim())
            .join("lib/rustlib/wasm32-unknown-unknown")
            .is_dir()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{STEPS, choose};

    fn without(tool: Tool) -> Missing {
        Missing(BTreeMap::from([(tool, "the disk is full".to_owned())]))
    }

    fn blocked_without(tool: Tool) -> Vec<&'static str> {
        let missing = without(tool);
        let steps = STEPS.iter();
        let blocked = steps.filter(|step| missing.blocks(step).is_some());
        blocked.map(|step| step.name).collect()
    }

    #[test]
    fn a_step_is_blocked_only_by_what_it_needs() {
        assert_eq!(
            blocked_without(Tool::WasmTarget),
            ["lint-wasm", "page", "browser"]
        );
        assert_eq!(blocked_without(Tool::Trunk), ["page", "browser"]);
        assert_eq!(blocked_without(Tool::Chromium), ["browser"]);
        assert!(blocked_without(Tool::Vulkan).is_empty());
    }

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let steps = choose(&[]);
        assert_eq!(
            without(Tool::Vulkan).notes(&steps),
            ["skipped: tests on a GPU, because a Vulkan driver is missing: the disk is full"]
        );
        assert!(Missing::default().notes(&steps).is_empty());
        assert!(
            without(Tool::Vulkan)
                .notes(&choose(&["doc".to_owned()]))
                .is_empty()
        );
    }

    #[test]
    fn tests_are_told_where_to_find_what_they_use() {
        let told: Vec<(&str, &str)> = STEPS
            .iter()
            .filter_map(|step| Some((step.name, Missing::default().environment(step)?.0)))
            .collect();
        assert_eq!(
            told,
            [("test", "KITCHEN_PYTHON"), ("browser", "KITCHEN_AXE")]
        );
        let browser = choose(&["browser".to_owned()])[0];
        assert_eq!(without(Tool::AxeCore).environment(browser), None);
    }
}
