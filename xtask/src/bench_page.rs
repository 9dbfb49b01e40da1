//! The page beside its peers, timed in the same browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::run::{cargo, carry_out};
use crate::setup::{self, Tool};
use crate::{page, tools};

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct BenchPageArgs {
    /// Steps that are timed on the CPU, each time; on WebGPU a tenth of them.
    #[arg(long, default_value_t = 30)]
    steps: u64,
    /// How often each is measured, in turn.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Measure only this: `mlp-784` or `gpt-210k` beside the peers; `motion`, `memory` or `chart`
    /// of the page.
    #[arg(long, value_name = "NAME", value_parser = ["mlp-784", "gpt-210k", "motion", "memory", "chart"])]
    only: Option<String>,
    /// Measure the page that stands in `dist`, without building it.
    #[arg(long)]
    no_build: bool,
    /// Install nothing; say what is missing.
    #[arg(long)]
    no_install: bool,
}

/// Builds the page, fetches its peers, and measures all. What was measured is left in
/// `target/bench-page.json`.
pub(crate) fn measure(args: &BenchPageArgs) -> anyhow::Result<()> {
    if let Some(what) = setup::prepare_tools(&[Tool::Chromium], !args.no_install).all() {
        bail!("the page cannot be measured\n{what}");
    }
    if !args.no_build {
        page::build(!args.no_install)?;
    }
    let peers = peers(!args.no_install)?;
    // The selection that the checks compile: another would compile all below it again.
    let selection = [
        "--workspace",
        "--bin",
        "kitchen-native",
        "--example",
        "bench-page",
    ];
    carry_out(cargo().arg("build").args(selection))?;
    let mut bench = cargo();
    bench
        .args([
            "run",
            "--quiet",
            "--package",
            "kitchen-tests",
            "--example",
            "bench-page",
            "--",
        ])
        .arg(tools::root().join("dist"))
        .arg(peers)
        .arg(tools::root().join("target/bench-page.json"))
        .args(["--steps", &args.steps.to_string()])
        .args(["--rounds", &args.rounds.to_string()]);
    if let Some(only) = &args.only {
        bench.args(["--only", only]);
    }
    carry_out(&mut bench)
}

/// The folder of the peers' page, with the libraries that it imports: nothing of others is kept in
/// the repository.
fn peers(install: bool) -> anyhow::Result<PathBuf> {
    let ours = tools::root().join("benches/page");
    let folder = tools::cache().join("peers");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let same = |name: &str| fs::read(ours.join(name)).ok() == fs::read(folder.join(name)).ok();
    let is_installed = folder.join("node_modules").is_dir() && same("package.json");
    if !is_installed {
        ensure!(install, "the peers are not installed, as --no-install asks");
        copy(&ours.join("package.json"), &folder)?;
        let npm = "install --no-audit --no-fund --ignore-scripts --no-package-lock";
        let installed = carry_out(
            Command::new("npm")
                .args(npm.split(' '))
                .current_dir(&folder),
        );
        if installed.is_err() {
            // Else half of it would count as all the next time.
            let _ = fs::remove_file(folder.join("package.json"));
        }
        installed?;
    }
    for entry in fs::read_dir(&ours).context("benches/page cannot be read")? {
        copy(&entry?.path(), &folder)?;
    }
    Ok(folder)
}

fn copy(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name))
        .with_context(|| format!("{} cannot be copied", file.display()))?;
    Ok(())
}
