//! Programs that the page needs, kept in a folder outside of the repository: each is built once,
//! and used by whoever works on any clone.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::run::{cargo, carry_out};
use crate::system;

/// The newest Trunk that the oldest supported Rust compiles.
const TRUNK: &str = "0.21.14";

/// Rules of accessibility, which a test applies to the page.
const AXE_CORE: &str = "4.14.1";

/// Public Python packages that read, in tests, what Kitchen writes for others.
const READERS: [&str; 2] = ["standardwebhooks==1.1.0", "tensorboard==2.21.0"];

/// A program that cargo builds from its published source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its package.
    pub(crate) package: &'static str,
    /// What to call on the command line.
    pub(crate) name: &'static str,
    /// The only version that will do.
    pub(crate) version: String,
    /// Whether its own lock file holds: one of them names what is not published any more.
    locked: bool,
}

/// What builds the page.
pub(crate) fn trunk() -> Program {
    Program {
        package: "trunk",
        name: "trunk",
        version: TRUNK.to_owned(),
        locked: true,
    }
}

/// What turns wasm into a module for a browser. It must be of the version of the library.
pub(crate) fn wasm_bindgen() -> anyhow::Result<Program> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).context("Cargo.lock cannot be read")?;
    let version = locked_version(&lock, "wasm-bindgen").context("no wasm-bindgen in Cargo.lock")?;
    Ok(Program {
        package: "wasm-bindgen-cli",
        name: "wasm-bindgen",
        version: version.to_owned(),
        locked: false,
    })
}

impl Program {
    /// The folder that holds it, if there is one: on the path of the system, or in the cache.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let on_path = env::split_paths(&env::var_os("PATH")?).collect::<Vec<_>>();
        let mut folders = on_path.into_iter().chain([self.cached()]);
        folders.find(|folder| self.is_in(folder))
    }

    /// Builds it into the cache.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        let mut command = cargo();
        command
            .args(["install", self.package, "--version", &self.version])
            .args(self.locked.then_some("--locked"))
            .arg("--root")
            .arg(self.cached().parent().unwrap_or(&cache()))
            // Their own profiles take minutes more to make them a little faster.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2")
            // Not beside what is built of this repository: no build waits for another.
            .env("CARGO_TARGET_DIR", cache().join("tools-build"));
        carry_out(&mut command)
    }

    fn is_in(&self, folder: &Path) -> bool {
        let path = folder.join(format!("{}{}", self.name, env::consts::EXE_SUFFIX));
        if !path.is_file() {
            return false;
        }
        let said = Command::new(path).arg("--version").output();
        said.is_ok_and(|output| {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            said.split_whitespace().nth(1) == Some(self.version.as_str())
        })
    }

    fn cached(&self) -> PathBuf {
        let name = format!("{}-{}", self.package, self.version);
        cache().join("tools").join(name).join("bin")
    }
}

/// The path of the system with `folders` before it.
pub(crate) fn path_with(folders: &[PathBuf]) -> anyhow::Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&path));
    env::join_paths(all).context("a folder of tools cannot stand in PATH")
}

/// The script of axe-core, where it is or would be.
pub(crate) fn axe_core() -> PathBuf {
    axe_folder().join("node_modules/axe-core/axe.min.js")
}

/// Puts axe-core into the cache.
pub(crate) fn install_axe_core() -> anyhow::Result<()> {
    let folder = axe_folder();
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .arg("--prefix")
        .arg(&folder)
        .arg(format!("axe-core@{AXE_CORE}"));
    carry_out(&mut npm)
}

fn axe_folder() -> PathBuf {
    cache().join("tools").join(format!("axe-core-{AXE_CORE}"))
}

/// The Python that has the [`READERS`], where it is or would be.
pub(crate) fn python() -> PathBuf {
    readers_folder().join("bin/python")
}

/// Whether that Python is there and can load them all.
pub(crate) fn has_readers() -> bool {
    let import = "import standardwebhooks, tensorboard";
    python().is_file() && system::succeeds(Command::new(python()).args(["-c", import]))
}

/// Puts a Python with the [`READERS`] into the cache.
pub(crate) fn install_readers() -> anyhow::Result<()> {
    let folder = readers_folder();
    carry_out(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(python());
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    carry_out(pip.args(READERS))
}

fn readers_folder() -> PathBuf {
    cache().join("tools").join("python")
}

/// What outlives a clone: `KITCHEN_CACHE_DIR`, or else `kitchen` in the user's cache folder.
pub(crate) fn cache() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(ours) = folder("KITCHEN_CACHE_DIR") {
        return PathBuf::from(ours);
    }
    let home = || folder("HOME").map(|home| Path::new(&home).join(".cache"));
    let users = folder("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    match users {
        Some(users) => users.join("kitchen"),
        None => root().join("target").join("cache"),
    }
}

/// The root of the repository. Where cargo says it is now: clones that share their build output
/// share this program too.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

/// The version of a package in the text of a lock file.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    after.split('"').next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_lock_file_names_the_version() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
        assert!(!wasm_bindgen().unwrap().version.is_empty());
    }

    #[test]
    fn a_program_of_another_version_will_not_do() {
        let none = Program {
            version: "0.0.0".to_owned(),
            ..trunk()
        };
        assert_eq!(none.folder(), None);
    }

    #[test]
    fn folders_come_before_the_path() {
        let folder = PathBuf::from("somewhere");
        let path = path_with(std::slice::from_ref(&folder)).unwrap();
        assert_eq!(env::split_paths(&path).next(), Some(folder));
    }
}
