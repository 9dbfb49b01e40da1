//! The page: built by Trunk into `dist`, compressed beside itself, and weighed.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::run::{cargo, carry_out};
use crate::steps::PAGE;
use crate::{setup, tools};

/// What may travel at most before a person sees something learn.
const MOST_BYTES: u64 = 3_000_000;

/// How the names of those files begin that travel only to where they are wanted: a GPU, and the page
/// of the simulated cluster.
const LATER: [&str; 2] = ["worker-gpu", "cluster"];

/// Smaller files gain nothing by being compressed.
const LEAST_TO_COMPRESS: u64 = 256;

/// Builds the page, having installed what that needs if `install`. Errors if it is too heavy.
pub(crate) fn build(install: bool) -> anyhow::Result<()> {
    if let Some(what) = setup::prepare_tools(PAGE, install).all() {
        bail!("the page cannot be built\n{what}");
    }
    let folders = [tools::trunk(), tools::wasm_bindgen()?].map(|program| {
        let folder = program.folder();
        folder.with_context(|| format!("{} {} is gone", program.package, program.version))
    });
    let folders = folders.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    // Trunk, kept from the network, keeps cargo from it too.
    carry_out(cargo().current_dir(tools::root()).args([
        "fetch",
        "--locked",
        "--target",
        "wasm32-unknown-unknown",
    ]))?;
    carry_out(
        Command::new("trunk")
            .args(["build", "--release", "--offline=true"])
            .current_dir(tools::root())
            .env("PATH", tools::path_with(&folders)?)
            .env("CARGO_TARGET_DIR", tools::cache().join("page"))
            // Trunk wants `true` or `false` of it, others only that it is there.
            .env_remove("NO_COLOR"),
    )?;
    let weight = Weight::of(&tools::root().join("dist"))?;
    println!("{weight}");
    ensure!(
        weight.before_motion().compressed <= MOST_BYTES,
        "the page is too heavy: it may have {}",
        Bytes(MOST_BYTES)
    );
    Ok(())
}

/// What the page weighs.
#[derive(Debug)]
struct Weight(Vec<File>);

/// A file of the page.
#[derive(Debug, PartialEq, Eq)]
struct File {
    name: String,
    bytes: u64,
    compressed: u64,
}

impl Weight {
    /// Weighs the files of `dist`, leaving each compressed with Brotli beside itself.
    fn of(dist: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for path in files_below(dist)? {
            let name = path
                .strip_prefix(dist)
                .unwrap_or(&path)
                .display()
                .to_string();
            // Hosts read it; browsers never see it.
            if name == "_headers" || name.ends_with(".br") {
                continue;
            }
            let content = fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
            let bytes = content.len() as u64;
            let compressed = if bytes < LEAST_TO_COMPRESS {
                bytes
            } else {
                let compressed = compress_once(&content)?;
                fs::write(dist.join(format!("{name}.br")), &compressed)
                    .with_context(|| format!("{name}.br cannot be written"))?;
                compressed.len() as u64
            };
            files.push(File {
                name,
                bytes,
                compressed,
            });
        }
        ensure!(!files.is_empty(), "{} is empty", dist.display());
        files.sort_by_key(|file| std::cmp::Reverse(file.compressed));
        Ok(Self(files))
    }

    /// What travels before a person sees something learn.
    fn before_motion(&self) -> File {
        let first = self
            .0
            .iter()
            .filter(|file| LATER.iter().all(|name| !file.name.starts_with(name)));
        File::sum("before something learns", first)
    }

    fn in_all(&self) -> File {
        File::sum("in all", self.0.iter())
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.0 {
            writeln!(f, "{file}")?;
        }
        writeln!(f, "{}", self.in_all())?;
        write!(
            f,
            "{}, of at most {}",
            self.before_motion(),
            Bytes(MOST_BYTES)
        )
    }
}

impl File {
    /// What some files weigh together.
    fn sum<'a>(name: &str, files: impl Iterator<Item = &'a Self> + Clone) -> Self {
        Self {
            name: name.to_owned(),
            bytes: files.clone().map(|file| file.bytes).sum(),
            compressed: files.map(|file| file.compressed).sum(),
        }
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>10} {:>10} with brotli   {}",
            Bytes(self.bytes).to_string(),
            Bytes(self.compressed).to_string(),
            self.name
        )
    }
}

/// A number of bytes, in thousands as networks count.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000 => write!(f, "{} B", self.0),
            1_000..1_000_000 => write!(f, "{:.1} kB", self.0 as f64 / 1e3),
            _ => write!(f, "{:.2} MB", self.0 as f64 / 1e6),
        }
    }
}

/// Every file below `folder`.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// As [`compress`], but what was compressed before is taken from the cache: the wasm of the worker
/// costs a minute.
fn compress_once(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let folder = tools::cache().join("brotli");
    let path = folder.join(format!("{:016x}-{}.br", hasher.finish(), content.len()));
    if let Ok(kept) = fs::read(&path) {
        return Ok(kept);
    }
    let compressed = compress(content)?;
    // A file that was cut off half-way would be taken for whole the next time.
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&partial, &compressed))
        .and_then(|()| fs::rename(&partial, &path))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(compressed)
}

/// Brotli at its best: quality 11, and the widest window that every browser takes.
fn compress(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 11, 24);
    writer.write_all(content).context("brotli failed")?;
    drop(writer);
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        let text = "one and the same, ".repeat(100);
        let compressed = compress(text.as_bytes()).unwrap();
        assert!(compressed.len() < 100, "{}", compressed.len());
        let mut back = String::new();
        brotli::Decompressor::new(compressed.as_slice(), 4096)
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, text);
    }

    #[test]
    fn weights_are_told_in_thousands() {
        let file = |name: &str, bytes, compressed| File {
            name: name.to_owned(),
            bytes,
            compressed,
        };
        let weight = Weight(vec![
            file("worker-gpu_bg.wasm", 19_400_000, 3_800_000),
            file("worker_bg.wasm", 6_000_000, 1_600_000),
            file("cluster_bg.wasm", 900_000, 300_000),
            file("index.html", 12_340, 999),
        ]);
        assert_eq!(weight.before_motion().compressed, 1_600_999);
        assert_eq!(
            weight.to_string(),
            "  19.40 MB    3.80 MB with brotli   worker-gpu_bg.wasm\n   \
             6.00 MB    1.60 MB with brotli   worker_bg.wasm\n  \
             900.0 kB   300.0 kB with brotli   cluster_bg.wasm\n   \
             12.3 kB      999 B with brotli   index.html\n  \
             26.31 MB    5.70 MB with brotli   in all\n   \
             6.01 MB    1.60 MB with brotli   before something learns, of at most 3.00 MB"
        );
    }
}
