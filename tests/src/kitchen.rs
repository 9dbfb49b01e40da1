//! The program `kitchen-native`, run in a folder of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{repository, words};

/// A folder in which the program runs as it does on a new machine: no runs, no downloads, no
/// settings in the environment but the device. Tests run on the CPU unless they say otherwise:
/// timing a step on a software GPU costs seconds.
pub struct Kitchen {
    folder: TempDir,
}

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Kitchen {
    /// A new folder, which goes when this is dropped.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        Ok(Self { folder })
    }

    /// Where something in the folder is.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders it lies in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path(name);
        fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// The program with these arguments, in this folder.
    pub fn command(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> anyhow::Result<Command> {
        let mut command = repository::program("kitchen-native")?;
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KITCHEN") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("KITCHEN_CACHE", self.path("cache"))
            .env("KITCHEN__DEVICE", "cpu")
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs the program with the arguments of `line` to its end.
    pub fn say(&self, line: &str) -> anyhow::Result<Said> {
        Said::of(self.command(words(line)?)?)
    }

    /// Runs the program to its end, and gives its standard output. Errors if it does not succeed.
    pub fn ok(&self, line: &str) -> anyhow::Result<String> {
        let said = self.say(line)?;
        ensure!(
            said.code == Some(0),
            "`kitchen-native {line}` ended with {:?}\n{}{}",
            said.code,
            said.out,
            said.err
        );
        Ok(said.out)
    }

    /// Runs the program to its end, and reads its standard output as JSON.
    pub fn json(&self, line: &str) -> anyhow::Result<Value> {
        let out = self.ok(line)?;
        serde_json::from_str(&out).with_context(|| format!("`{line}` wrote no JSON: {out}"))
    }

    /// Runs the program to its end, and reads each line of its standard output as JSON.
    pub fn json_lines(&self, line: &str) -> anyhow::Result<Vec<Value>> {
        json_lines(&self.ok(line)?)
    }

    /// Starts the program, to watch it while it runs.
    pub fn start(&self, line: &str) -> anyhow::Result<Running> {
        let mut child = self
            .command(words(line)?)?
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        Ok(Running {
            child,
            out: out.map(BufReader::new),
            err: err.map(BufReader::new).context("no standard error")?,
        })
    }
}

impl Said {
    /// Runs a program to its end.
    pub fn of(mut command: Command) -> anyhow::Result<Self> {
        let output = command
            .output()
            .with_context(|| format!("{command:?} could not be started"))?;
        Ok(Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).context("standard output is not UTF-8")?,
            err: String::from_utf8(output.stderr).context("standard error is not UTF-8")?,
        })
    }
}

/// Each line of a text as JSON.
pub fn json_lines(text: &str) -> anyhow::Result<Vec<Value>> {
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
        .collect()
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
    err: BufReader<ChildStderr>,
}

impl Running {
    /// Its next line on standard output. Errors where there is none.
    pub fn line(&mut self) -> anyhow::Result<String> {
        next_line(self.out.as_mut().context("nobody listens any more")?)
    }

    /// Leaves, as `head` does: what it says from here on reaches nobody.
    pub fn stop_listening(&mut self) {
        self.out = None;
    }

    /// Its next line on standard error. Errors where there is none.
    pub fn error_line(&mut self) -> anyhow::Result<String> {
        next_line(&mut self.err)
    }

    /// Reads so many lines.
    pub fn lines(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        (0..count).map(|_| self.line()).collect()
    }

    /// Reads lines of JSON up to one that holds an event of that name, and gives that event.
    pub fn event(&mut self, name: &str) -> anyhow::Result<Value> {
        loop {
            let line: Value = serde_json::from_str(&self.line()?)?;
            if let Some(event) = line.pointer(&format!("/event/{name}")) {
                return Ok(event.clone());
            }
        }
    }

    /// Ends it without a warning, as a crash does (SIGKILL). Errors if it had ended by itself.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.code().is_none(), "it had ended already: {status}");
        Ok(())
    }

    /// Sends it what Ctrl-C sends (SIGINT).
    pub fn interrupt(&self) -> anyhow::Result<()> {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .context("`kill` could not be started")?;
        ensure!(sent.success(), "no signal could be sent");
        Ok(())
    }

    /// Waits for its end, while reading what it still says. Gives its exit status, the rest of its
    /// standard output and that of its standard error.
    pub fn end(mut self) -> anyhow::Result<(ExitStatus, String, String)> {
        let (mut out, mut err) = (String::new(), String::new());
        if let Some(reader) = &mut self.out {
            reader.read_to_string(&mut out)?;
        }
        self.err.read_to_string(&mut err)?;
        Ok((self.child.wait()?, out, err))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(reader: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        bail!("the program says no more");
    }
    Ok(line.trim_end().to_owned())
}
