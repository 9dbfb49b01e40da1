//! Where the repository is, and what it holds.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// The root of the repository. Where cargo says it is now: clones that share their build output
/// share this program too.
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

/// Folders of the root that hold what was built or recorded, and hidden ones that are ours.
const NOT_OURS: [&str; 4] = ["target", "dist", "runs", "shared"];
const HIDDEN_OURS: [&str; 2] = [".cargo", ".ci"];

/// Every file below the root that is ours, as its path from the root with `/`, in order.
pub fn files() -> anyhow::Result<BTreeSet<String>> {
    let root = root();
    let mut found = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = relative(&root, &path);
            if !path.is_dir() {
                found.insert(name);
                continue;
            }
            let is_hidden = name.starts_with('.') && !HIDDEN_OURS.contains(&name.as_str());
            if !is_hidden && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

/// Those of [`files`] that are text, each with its text.
pub fn texts() -> anyhow::Result<Vec<(String, String)>> {
    let root = root();
    let files = files()?.into_iter();
    Ok(files
        .filter_map(|name| {
            let text = fs::read_to_string(root.join(&name)).ok()?;
            Some((name, text))
        })
        .collect())
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

/// A program of the workspace, as it was built beside the test that asks. Errors if it was not.
pub fn program(name: &str) -> anyhow::Result<Command> {
    let test = env::current_exe().context("a test does not know where it is")?;
    // The test is in `target/PROFILE/deps`, its programs in `target/PROFILE`.
    let folder = test.parent().and_then(Path::parent).unwrap_or(&test);
    let program = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!(
            "{} is not built; run `cargo build --package {name}` first",
            program.display()
        );
    }
    Ok(Command::new(program))
}

/// What cargo says of the members of the workspace (`cargo metadata --no-deps`).
pub fn metadata() -> anyhow::Result<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_program_that_is_not_built_is_asked_for() {
        let error = program("kitchen-nothing").map(|_| ()).unwrap_err();
        let remedy = "is not built; run `cargo build --package kitchen-nothing` first";
        assert!(error.to_string().ends_with(remedy), "{error}");
    }
}
