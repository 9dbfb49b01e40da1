//! Commands from other processes: files in the run's folder, one for each, that are read while the
//! run goes on, or when it is resumed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kitchen_platform::files;
use kitchen_types::Command;

const FOLDER: &str = "inbox";
/// Where commands go that have been read, so that none is read twice.
const READ: &str = "read";

/// The commands that wait for one run.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    folder: PathBuf,
}

impl Inbox {
    /// That of the run in a folder.
    pub(crate) fn of(run: &Path) -> Self {
        Self {
            folder: run.join(FOLDER),
        }
    }

    /// Leaves a command. One with a `key` that was left before has no further effect: says whether
    /// it is new.
    pub(crate) fn leave(
        &self,
        command: &Command,
        key: Option<&str>,
        now_ms: u64,
    ) -> anyhow::Result<bool> {
        let key = match key {
            Some(key) => checked(key)?.to_owned(),
            None => format!("{now_ms}-{}", std::process::id()),
        };
        let read = self.folder.join(READ);
        files::create_dir_all(&read)?;
        let is_same = |name: &String| name.split_once('.').is_some_and(|(_, it)| it == key);
        if names(&self.folder)?
            .iter()
            .chain(&names(&read)?)
            .any(is_same)
        {
            return Ok(false);
        }
        // Times of the same length sort as numbers do.
        let name = format!("{now_ms:015}.{key}.json");
        let partial = self.folder.join(format!("{name}.partial"));
        files::write_synced(&partial, &serde_json::to_vec(command)?)?;
        files::rename(&partial, &self.folder.join(&name))?;
        files::sync_dir(&self.folder)?;
        Ok(true)
    }

    /// Takes the commands that wait, oldest first; what is none is put aside, and said.
    pub(crate) fn take(&self) -> Vec<Result<Command, String>> {
        // A folder that cannot be read holds nothing that could be obeyed.
        let waiting = names(&self.folder).unwrap_or_default();
        waiting.iter().map(|name| self.take_one(name)).collect()
    }

    fn take_one(&self, name: &str) -> Result<Command, String> {
        let path = self.folder.join(format!("{name}.json"));
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let read = files::read(&path).map_err(|error| said(&error));
        let aside = self.folder.join(READ).join(format!("{name}.json"));
        files::rename(&path, &aside).map_err(|error| said(&error))?;
        serde_json::from_slice(&read?).map_err(|error| said(&error))
    }
}

/// The names of the commands in a folder, without their ending, in order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        names.extend(
            name.to_str()
                .and_then(|it| it.strip_suffix(".json"))
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}

fn checked(key: &str) -> anyhow::Result<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if key.is_empty() || key.len() > 64 || !key.chars().all(is_plain) {
        bail!("`{key}` is no key; use 1 to 64 letters, digits, `-` or `_`");
    }
    Ok(key)
}

/// The command that words name, as `command` takes them.
pub(crate) fn parse(words: &[String]) -> anyhow::Result<Command> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |text: &str| -> anyhow::Result<kitchen_types::Number> {
        let value: f64 = text
            .parse()
            .with_context(|| format!("`{text}` is no number"))?;
        Ok(value.into())
    };
    Ok(match words.as_slice() {
        ["resume"] => Command::Resume,
        ["pause"] => Command::Pause,
        ["step"] => Command::Step,
        ["stop"] => Command::Stop,
        ["save"] => Command::Save,
        ["skip_batch"] => Command::SkipBatch,
        ["set_lr", value] => Command::SetLearningRate(number(value)?),
        ["set_clip", value] => Command::SetClipNorm(number(value)?),
        ["rollback", step] => Command::RollBack {
            step: step
                .parse()
                .with_context(|| format!("`{step}` is no step"))?,
        },
        ["blacklist_samples", ids @ ..] if !ids.is_empty() => {
            let ids = ids.iter().flat_map(|ids| ids.split(','));
            let id = |text: &str| -> anyhow::Result<kitchen_types::SampleId> {
                let id = text.parse().with_context(|| format!("`{text}` is no id"))?;
                Ok(kitchen_types::SampleId(id))
            };
            Command::BlacklistSamples(
                ids.filter(|it| !it.is_empty())
                    .map(id)
                    .collect::<Result<_, _>>()?,
            )
        }
        _ => bail!(
            "`{}` is no command; there are resume, pause, step, stop, save, skip_batch, set_lr VALUE, \
             set_clip VALUE, rollback STEP, blacklist_samples IDS",
            words.join(" ")
        ),
    })
}

/// A command in the words that [`parse`] takes, where there are such words.
pub(crate) fn in_words(command: &Command) -> Option<String> {
    Some(match command {
        Command::Resume => "resume".into(),
        Command::Pause => "pause".into(),
        Command::Step => "step".into(),
        Command::Stop => "stop".into(),
        Command::Save => "save".into(),
        Command::SkipBatch => "skip_batch".into(),
        Command::SetLearningRate(value) => format!("set_lr {value}"),
        Command::SetClipNorm(value) => format!("set_clip {value}"),
        Command::RollBack { step } => format!("rollback {step}"),
        Command::BlacklistSamples(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
            format!("blacklist_samples {}", ids.join(","))
        }
        Command::SetBatchSize(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_become_commands_and_words_again() {
        for text in [
            "resume",
            "pause",
            "stop",
            "save",
            "skip_batch",
            "set_lr 0.01",
            "set_clip 0",
            "rollback 40",
            "blacklist_samples 3,17",
        ] {
            let command = parse(&words(text)).unwrap();
            assert_eq!(in_words(&command).as_deref(), Some(text));
        }
        for text in [
            "",
            "set_lr",
            "set_lr fast",
            "rollback -1",
            "blacklist_samples x",
            "dance",
        ] {
            assert!(parse(&words(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn each_command_is_read_once_and_a_key_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(folder.path());
        assert!(inbox.take().is_empty());
        assert!(inbox.leave(&Command::SkipBatch, Some("a"), 2).unwrap());
        assert!(inbox.leave(&Command::Pause, None, 1).unwrap());
        assert!(!inbox.leave(&Command::SkipBatch, Some("a"), 3).unwrap());
        assert_eq!(inbox.take(), [Ok(Command::Pause), Ok(Command::SkipBatch)]);
        assert!(inbox.take().is_empty());
        assert!(!inbox.leave(&Command::SkipBatch, Some("a"), 4).unwrap());
        assert!(inbox.leave(&Command::SkipBatch, Some("../a"), 4).is_err());
        fs::write(folder.path().join("inbox/9.b.json"), "dance").unwrap();
        assert!(matches!(inbox.take().as_slice(), [Err(_)]));
        assert!(inbox.take().is_empty());
    }
}
