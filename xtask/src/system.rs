//! What the system's own package manager brings: found by looking, installed as root on Debian.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::run::carry_out;

/// Whether a GPU, real or in software, can be reached through Vulkan. Other systems than Linux
/// bring Metal or DX12 along.
pub(crate) fn has_vulkan() -> bool {
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

/// Whether there are a Chromium and the driver that tests steer it with.
pub(crate) fn has_chromium() -> bool {
    let browsers = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let in_applications = "/Applications/Google Chrome.app";
    is_on_path("chromedriver")
        && (browsers.iter().any(|name| is_on_path(name)) || Path::new(in_applications).exists())
}

/// Whether a program of that name can be called.
pub(crate) fn is_on_path(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&path).any(|folder| folder.join(&file).is_file())
}

/// Installs packages of Debian. Errors, naming what is wanted, where that is not possible.
pub(crate) fn install(packages: &[&str], wanted: &str) -> anyhow::Result<()> {
    if !is_on_path("apt-get") {
        bail!("there is no apt-get here; install {wanted}");
    }
    if !is_root() {
        bail!("run `apt-get install {}` as root", packages.join(" "));
    }
    carry_out(apt().args(["update", "-qq"]))?;
    carry_out(
        apt()
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether a command runs and succeeds. What it says reaches nobody.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
