//! What the steps need from the machine, and how to get it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::run::cargo;
use crate::steps::Step;

/// Something that a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    WasmTarget,
    Nextest,
    Vulkan,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::WasmTarget => "the wasm32-unknown-unknown target",
            Self::Nextest => "cargo-nextest",
            Self::Vulkan => "a Vulkan driver",
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
        if !steps.iter().any(|step| step.name == "test") {
            return Vec::new();
        }
        let consequence = [
            (Tool::Vulkan, "skipped: tests on a GPU, because"),
            (Tool::Nextest, "note: tests ran under `cargo test`, because"),
        ];
        consequence
            .iter()
            .filter_map(|(tool, what)| {
                let reason = self.0.get(tool)?;
                Some(format!("{what} {tool} is missing: {reason}"))
            })
            .collect()
    }
}

/// Looks for everything that `steps` need or can use, and installs what is missing if `install`.
pub(crate) fn prepare(steps: &[&Step], install: bool) -> Missing {
    let mut tools: Vec<Tool> = steps.iter().flat_map(|step| step.needs).copied().collect();
    if steps.iter().any(|step| step.without_nextest.is_some()) {
        tools.push(Tool::Nextest);
    }
    if steps.iter().any(|step| step.name == "test") {
        tools.push(Tool::Vulkan);
    }
    tools.sort();
    tools.dedup();

    let mut missing = Missing::default();
    for tool in tools.into_iter().filter(|tool| !tool.is_present()) {
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
            Self::Rustfmt => succeeds(cargo().args(["fmt", "--version"])),
            Self::Clippy => succeeds(cargo().args(["clippy", "--version"])),
            Self::Nextest => succeeds(cargo().args(["nextest", "--version"])),
            Self::WasmTarget => has_wasm_target(),
            Self::Vulkan => has_vulkan(),
        }
    }

    fn install(self) -> anyhow::Result<()> {
        match self {
            Self::Rustfmt => install_with("rustup", &["component", "add", "rustfmt"]),
            Self::Clippy => install_with("rustup", &["component", "add", "clippy"]),
            Self::WasmTarget => {
                install_with("rustup", &["target", "add", "wasm32-unknown-unknown"])
            }
            // Building it takes minutes, which is for a person to choose.
            Self::Nextest => bail!("install it with `cargo install --locked cargo-nextest`"),
            Self::Vulkan => install_vulkan(),
        }
    }
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

/// Whether a GPU, real or in software, can be reached through Vulkan. Other systems than Linux
/// bring Metal or DX12 along.
fn has_vulkan() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let has_driver = drivers
        .iter()
        .any(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()));
    has_driver && has_library("libvulkan.so.1")
}

/// Whether a folder of system libraries, or one of its sub-folders, holds `name`.
fn has_library(name: &str) -> bool {
    ["/usr/lib", "/usr/lib64", "/usr/local/lib"]
        .iter()
        .any(|folder| {
            let sub_folders = fs::read_dir(folder).into_iter().flatten().flatten();
            Path::new(folder).join(name).exists()
                || sub_folders
                    .into_iter()
                    .any(|entry| entry.path().join(name).exists())
        })
}

/// Debian's software Vulkan, which tests on a GPU are content with.
fn install_vulkan() -> anyhow::Result<()> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!("there is no apt-get here; install a Vulkan driver, such as Mesa's lavapipe");
    }
    if !is_root() {
        bail!("run `apt-get install mesa-vulkan-drivers libvulkan1` as root");
    }
    install_with("apt-get", &["update", "-qq"])?;
    install_with(
        "apt-get",
        &[
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "mesa-vulkan-drivers",
            "libvulkan1",
        ],
    )
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install_with(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let line = format!("{program} {}", args.join(" "));
    println!("==> install: {line}");
    let status = Command::new(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::choose;

    fn without(tool: Tool) -> Missing {
        Missing(BTreeMap::from([(tool, "the disk is full".to_owned())]))
    }

    #[test]
    fn a_step_is_blocked_only_by_what_it_needs() {
        let missing = without(Tool::WasmTarget);
        let blocked: Vec<&str> = choose(&[])
            .into_iter()
            .filter(|step| missing.blocks(step).is_some())
            .map(|step| step.name)
            .collect();
        assert_eq!(blocked, ["lint-wasm", "build-wasm"]);
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
}
