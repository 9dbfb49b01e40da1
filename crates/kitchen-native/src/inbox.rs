//! Commands from other processes: files in the run's folder, one for each, that are passed on while
//! the run goes on, or when it is resumed. One is put aside once the run says that it was done or
//! refused: a crash before that leaves it waiting.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use kitchen_platform::files;
use kitchen_types::config::Seconds;
use kitchen_types::{Command, Event};

const FOLDER: &str = "inbox";
/// Where commands go that have been done or refused, so that none is done twice.
const READ: &str = "read";

/// The commands that wait for one run. Clones know of each other what they passed on.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    folder: PathBuf,
    passed_on: Arc<Mutex<Vec<Waiting>>>,
}

/// A command that was passed on, until the run says what became of it.
#[derive(Debug)]
struct Waiting {
    name: String,
    command: Command,
}

impl Inbox {
    /// That of the run in a folder.
    pub(crate) fn of(run: &Path) -> Self {
        Self {
            folder: run.join(FOLDER),
            passed_on: Arc::default(),
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

    /// The commands to pass on, oldest first; what is none is put aside, and said.
    pub(crate) fn take(&self) -> Vec<Result<Command, String>> {
        let mut passed_on = self.passed_on();
        // A folder that cannot be read holds nothing that could be obeyed.
        let mut fresh = names(&self.folder).unwrap_or_default();
        fresh.retain(|name| passed_on.iter().all(|waiting| waiting.name != *name));
        let take = |name: String| {
            let command = self.read(&name)?;
            passed_on.push(Waiting {
                name,
                command: command.clone(),
            });
            Ok(command)
        };
        fresh.into_iter().map(take).collect()
    }

    /// Puts aside what the run says it has done or refused. Errors say what could not be.
    pub(crate) fn hear(&self, event: &Event) -> Result<(), String> {
        let is_over = |command: &Command| match event {
            Event::CommandApplied { command: done, .. }
            | Event::CommandRefused { command: done, .. } => command == done,
            Event::Paused { .. } => *command == Command::Pause,
            // A run that waits is told to pause without a word.
            Event::Resumed { .. } => matches!(command, Command::Pause | Command::Resume),
            _ => false,
        };
        let mut passed_on = self.passed_on();
        match passed_on.iter().position(|it| is_over(&it.command)) {
            Some(place) => self.put_aside(&passed_on.remove(place).name),
            None => Ok(()),
        }
    }

    fn read(&self, name: &str) -> Result<Command, String> {
        let path = self.folder.join(format!("{name}.json"));
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = files::read(&path).map_err(|error| said(&error));
        let command =
            bytes.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| said(&error)));
        if command.is_err() {
            self.put_aside(name)?;
        }
        command
    }

    fn put_aside(&self, name: &str) -> Result<(), String> {
        let file = format!("{name}.json");
        let (from, to) = (self.folder.join(&file), self.folder.join(READ).join(&file));
        files::create_dir_all(&self.folder.join(READ))
            .and_then(|()| files::rename(&from, &to))
            .map_err(|error| format!("{}: {error}", from.display()))
    }

    /// What was passed on. Nobody panics while holding it; if somebody did, it is whole all the
    /// same.
    fn passed_on(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.passed_on
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        ["set_speed", value] => Command::SetSpeed(number(value)?),
        ["seek", time] => Command::Seek(time.parse::<Seconds>()?.0.into()),
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
             set_clip VALUE, set_speed VALUE, seek TIME, rollback STEP, blacklist_samples IDS",
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
        Command::SetSpeed(value) => format!("set_speed {value}"),
        Command::Seek(to) => format!("seek {}", Seconds(to.0)),
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
            "set_speed 0.5",
            "seek 90s",
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
            "seek soon",
            "blacklist_samples x",
            "dance",
        ] {
            assert!(parse(&words(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_command_waits_until_it_is_done_and_a_key_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let opened = || Inbox::of(folder.path());
        let inbox = opened();
        assert!(inbox.take().is_empty());
        assert!(inbox.leave(&Command::SkipBatch, Some("a"), 2).unwrap());
        assert!(inbox.leave(&Command::Pause, None, 1).unwrap());
        assert!(!inbox.leave(&Command::SkipBatch, Some("a"), 3).unwrap());
        let both = [Ok(Command::Pause), Ok(Command::SkipBatch)];
        assert_eq!(inbox.take(), both);
        assert!(inbox.clone().take().is_empty(), "passed on twice");
        // A process that was killed before it did them leaves them to the next.
        let inbox = opened();
        assert_eq!(inbox.take(), both);
        inbox.hear(&Event::Paused { step: 4 }).unwrap();
        let done = Event::CommandApplied {
            command: Command::SkipBatch,
            step: 5,
        };
        inbox.hear(&done).unwrap();
        inbox.hear(&done).unwrap();
        assert!(opened().take().is_empty(), "done twice");
        assert!(!inbox.leave(&Command::SkipBatch, Some("a"), 4).unwrap());
        assert!(inbox.leave(&Command::SkipBatch, Some("../a"), 4).is_err());
    }

    #[test]
    fn what_is_no_command_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(folder.path());
        fs::create_dir(folder.path().join("inbox")).unwrap();
        fs::write(folder.path().join("inbox/9.b.json"), "dance").unwrap();
        assert!(matches!(inbox.take().as_slice(), [Err(_)]));
        assert!(inbox.take().is_empty());
    }
}
