//! The folder of runs, with one folder for each.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kitchen_core::config::to_toml;
use kitchen_platform::files;
use kitchen_types::board::Board;
use kitchen_types::{Envelope, RunConfig, RunId};

use crate::record::{self, EVENTS, Recorder};

const CONFIG: &str = "config.toml";
const LOCK: &str = "lock";

/// The folder of runs.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    folder: PathBuf,
}

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunFolder {
    /// The run's name.
    pub(crate) id: RunId,
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Runs {
    /// The folder that was asked for, or that of the environment, or `runs` right here.
    pub(crate) fn new(asked: Option<PathBuf>) -> Self {
        let of_environment =
            || std::env::var_os("KITCHEN_RUNS_DIR").filter(|value| !value.is_empty());
        Self {
            folder: asked
                .or_else(|| of_environment().map(PathBuf::from))
                .unwrap_or_else(|| PathBuf::from("runs")),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder of a new run, called `name` or after its recipe and the time. A name that
    /// was chosen must be free; one that was not gets a number if it is taken.
    pub(crate) fn create(
        &self,
        name: Option<&str>,
        recipe: &str,
        now_ms: u64,
    ) -> anyhow::Result<RunFolder> {
        self.make()?;
        if let Some(name) = name {
            let folder = self.folder_of(RunId::new(name)?);
            return match fs::create_dir(&folder.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
                    "there is a run called `{name}` already; choose another name, or `resume {name}`"
                ),
                made => made
                    .map(|()| folder)
                    .context("the run's folder cannot be made"),
            };
        }
        self.create_like(&format!("{recipe}-{}", timestamp(now_ms)))
    }

    /// Makes the folder of a new run called `name`, with a number behind it if that is taken.
    pub(crate) fn create_like(&self, name: &str) -> anyhow::Result<RunFolder> {
        self.make()?;
        for attempt in 1_u32.. {
            let name = if attempt == 1 {
                name.to_owned()
            } else {
                format!("{name}-{attempt}")
            };
            let folder = self.folder_of(RunId::new(name)?);
            match fs::create_dir(&folder.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.context("the run's folder cannot be made")?;
                    return Ok(folder);
                }
            }
        }
        bail!("no name is free for the run; use `--name`")
    }

    fn make(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder).with_context(|| {
            format!(
                "the folder {} cannot be made; use `--runs-dir`",
                self.folder.display()
            )
        })
    }

    /// Every run, the newest first.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<RunFolder>> {
        let names = match files::list(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names.context("the folder of runs cannot be read")?,
        };
        let ids = names
            .iter()
            .filter_map(|name| RunId::new(name.to_str()?).ok());
        let mut runs: Vec<_> = ids
            .map(|id| self.folder_of(id))
            .filter(|run| run.path.join(CONFIG).is_file())
            .map(|run| (run.began_ms(), run))
            .collect();
        runs.sort_by(|(a_began, a), (b_began, b)| (b_began, &b.id).cmp(&(a_began, &a.id)));
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// The run that `which` names: `last`, a name, the beginning of one name only, or a folder.
    pub(crate) fn find(&self, which: &str) -> anyhow::Result<RunFolder> {
        if which.contains(['/', '\\']) || which == "." || which == ".." {
            return RunFolder::at(Path::new(which));
        }
        let runs = self.all()?;
        if let Some(run) = runs.iter().find(|run| run.id.as_str() == which) {
            return Ok(run.clone());
        }
        if which == "last" {
            let last = runs.into_iter().next();
            return last.with_context(|| {
                format!(
                    "there is no run in {}; start one with `run`",
                    self.folder.display()
                )
            });
        }
        let mut begin_so = runs
            .into_iter()
            .filter(|run| run.id.as_str().starts_with(which));
        match (begin_so.next(), begin_so.next()) {
            (Some(run), None) => Ok(run),
            (None, _) => bail!(
                "there is no run `{which}` in {}; `runs ls` shows all",
                self.folder.display()
            ),
            (Some(first), Some(second)) => bail!(
                "more than one run begins with `{which}`, such as {} and {}; write more of its name",
                first.id,
                second.id
            ),
        }
    }

    fn folder_of(&self, id: RunId) -> RunFolder {
        RunFolder {
            path: self.folder.join(id.as_str()),
            id,
        }
    }
}

impl RunFolder {
    /// The run in a folder.
    fn at(path: &Path) -> anyhow::Result<Self> {
        if !path.join(CONFIG).is_file() {
            bail!(
                "{} is not the folder of a run: it holds no {CONFIG}",
                path.display()
            );
        }
        let full = fs::canonicalize(path)
            .with_context(|| format!("{} cannot be found", path.display()))?;
        let name = full
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        Ok(Self {
            id: RunId::new(name)?,
            path: path.to_owned(),
        })
    }

    /// Keeps what was asked for.
    pub(crate) fn write_config(&self, config: &RunConfig) -> anyhow::Result<()> {
        let text = to_toml(config).context("the configuration cannot be written as TOML")?;
        // A crash leaves the one before, or this one.
        let partial = self.path.join(format!("{CONFIG}.partial"));
        files::write_synced(&partial, text.as_bytes())?;
        files::rename(&partial, &self.path.join(CONFIG))?;
        files::sync_dir(&self.path)?;
        Ok(())
    }

    /// Writes the record that the run begins with, and what was asked for: with that, it is a run.
    pub(crate) fn begin(&self, events: &[Envelope], config: &RunConfig) -> anyhow::Result<()> {
        let (mut recorder, _) = Recorder::open(&self.events())?;
        for envelope in events {
            recorder.append(envelope)?;
        }
        recorder.sync()?;
        self.write_config(config)
    }

    /// Fills a new folder, which goes again if that fails.
    pub(crate) fn undo_unless<T>(
        &self,
        fill: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let filled = fill();
        if filled.is_err() {
            // What stays behind without a configuration is no run, and nobody sees it.
            let _ = files::remove(&self.path);
        }
        filled
    }

    /// What was asked for.
    pub(crate) fn config(&self) -> anyhow::Result<RunConfig> {
        let path = self.path.join(CONFIG);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// The file with what the run said.
    pub(crate) fn events(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// The board of what the run said.
    pub(crate) fn board(&self) -> anyhow::Result<Board> {
        Ok(record::replay(&self.events())?.board)
    }

    /// Takes the run for this process alone, until what is returned is dropped.
    pub(crate) fn lock(&self) -> anyhow::Result<files::Lock> {
        match files::Lock::try_acquire(&self.path.join(LOCK))? {
            Some(lock) => Ok(lock),
            None => bail!(
                "another process works on {}; wait for it, or stop it",
                self.id
            ),
        }
    }

    /// Whether a process works on it.
    pub(crate) fn is_running(&self) -> bool {
        matches!(files::Lock::try_acquire(&self.path.join(LOCK)), Ok(None))
    }

    /// When it began. The record of a branch, and of a run from elsewhere, begins earlier than that:
    /// what was asked for is written when the run comes to be here, and never again.
    fn began_ms(&self) -> u64 {
        let here = files::written_ms(&self.path.join(CONFIG)).unwrap_or(0);
        here.max(self.recorded_ms())
    }

    /// When its record begins; 0 where it never said anything.
    fn recorded_ms(&self) -> u64 {
        let first_line = || -> Option<Envelope> {
            let file = fs::File::open(self.events()).ok()?;
            let mut line = Vec::new();
            BufReader::new(file)
                .take(1 << 20)
                .read_until(b'\n', &mut line)
                .ok()?;
            serde_json::from_slice(&line).ok()
        };
        first_line().map_or(0, |envelope| envelope.at_ms)
    }
}

/// A time as `20231114-221320` (UTC).
fn timestamp(ms: u64) -> String {
    let [year, month, day, hour, minute, second] = calendar(ms);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// A time as `2023-11-14T22:13:20Z`.
pub(crate) fn iso_time(ms: u64) -> String {
    let [year, month, day, hour, minute, second] = calendar(ms);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month, day, hour, minute and second.
fn calendar(ms: u64) -> [u64; 6] {
    let (days, seconds) = (ms / 86_400_000, ms / 1000 % 86_400);
    let (year, month, day) = civil_from_days(days);
    [
        year,
        month,
        day,
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
    ]
}

/// Year, month and day of a day since 1970, in the Gregorian calendar (Hinnant 2013,
/// `civil_from_days`): years begin in March, so that the leap day comes last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scripted;

    fn runs(folder: &tempfile::TempDir) -> Runs {
        Runs::new(Some(folder.path().join("runs")))
    }

    fn make(runs: &Runs, name: &str) -> RunFolder {
        let run = runs.create(Some(name), "digits", 0).unwrap();
        run.write_config(&RunConfig::default()).unwrap();
        run
    }

    #[test]
    fn times_are_written_as_calendars_have_them() {
        for (ms, expected) in [
            (0, "19700101-000000"),
            (951_782_400_000, "20000229-000000"),
            (1_700_000_000_000, "20231114-221320"),
            (1_709_251_199_999, "20240229-235959"),
            (4_107_542_400_000, "21000301-000000"),
        ] {
            assert_eq!(timestamp(ms), expected);
        }
    }

    #[test]
    fn runs_are_named_after_recipe_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let runs = runs(&folder);
        let names: Vec<_> = (0..3)
            .map(|_| {
                runs.create(None, "digits", 1_700_000_000_000)
                    .unwrap()
                    .id
                    .to_string()
            })
            .collect();
        assert_eq!(
            names,
            [
                "digits-20231114-221320",
                "digits-20231114-221320-2",
                "digits-20231114-221320-3"
            ]
        );
    }

    #[test]
    fn a_chosen_name_must_be_free_and_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let runs = runs(&folder);
        make(&runs, "mine");
        let taken = runs
            .create(Some("mine"), "digits", 0)
            .unwrap_err()
            .to_string();
        assert!(
            taken.contains("there is a run called `mine` already"),
            "{taken}"
        );
        let escape = runs
            .create(Some("../mine"), "digits", 0)
            .unwrap_err()
            .to_string();
        assert!(escape.contains("cannot name a run"), "{escape}");
    }

    #[test]
    fn a_run_is_found_by_name_beginning_path_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let runs = runs(&folder);
        assert!(
            runs.find("last")
                .unwrap_err()
                .to_string()
                .contains("there is no run in")
        );
        let older = make(&runs, "digits-a");
        let newer = make(&runs, "digits-b");
        let first = scripted::digits(1).envelopes.remove(0);
        for (run, at_ms) in [(&older, 1000), (&newer, 2000)] {
            let (mut recorder, _) = Recorder::open(&run.events()).unwrap();
            recorder
                .append(&Envelope {
                    at_ms,
                    ..first.clone()
                })
                .unwrap();
            recorder.hand_over().unwrap();
        }
        assert_eq!(runs.all().unwrap(), [newer.clone(), older.clone()]);
        assert_eq!(runs.find("last").unwrap(), newer);
        // A branch begins with the record of the run that it comes from.
        let branch = make(&runs, "other-branch");
        let (mut recorder, _) = Recorder::open(&branch.events()).unwrap();
        recorder
            .append(&Envelope {
                at_ms: 500,
                ..first
            })
            .unwrap();
        recorder.hand_over().unwrap();
        assert_eq!(runs.find("last").unwrap(), branch);
        assert_eq!(runs.find("digits-a").unwrap(), older);
        assert_eq!(
            runs.find(older.path.to_str().unwrap()).unwrap().id,
            older.id
        );
        let vague = runs.find("digits").unwrap_err().to_string();
        assert_eq!(
            vague,
            "more than one run begins with `digits`, such as digits-b and digits-a; write more of its name"
        );
        assert!(
            runs.find("x")
                .unwrap_err()
                .to_string()
                .contains("there is no run `x`")
        );
        assert!(
            runs.find("./x")
                .unwrap_err()
                .to_string()
                .contains("is not the folder of a run")
        );
    }

    #[test]
    fn what_was_asked_for_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let run = make(&runs(&folder), "mine");
        assert_eq!(run.config().unwrap(), RunConfig::default());
    }

    #[test]
    fn a_run_belongs_to_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run = make(&runs(&folder), "mine");
        let lock = run.lock().unwrap();
        assert!(run.is_running());
        drop(lock);
        assert!(!run.is_running());
    }
}
