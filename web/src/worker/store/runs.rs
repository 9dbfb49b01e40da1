//! Every run that this browser keeps.

use std::collections::BTreeSet;
use std::rc::Rc;

use kitchen_core::checkpoint;
use kitchen_types::RunId;
use kitchen_types::kept::{Intent, KeptRun, RunRecord, SlotRecord, Storage};
use kitchen_types::ports::{BlobStore, StoreError, StoredFile};
use wasm_bindgen_futures::JsFuture;
use web_sys::FileSystemDirectoryHandle;

use super::browser::{self, Browser, BrowserStore};
use super::database::{Database, Edit, Table};
use super::js::kept;
use super::lock;
use super::medium::Fault;
use super::slots::Slots;

/// The name of what was asked for in a run's store.
pub(crate) const CONFIG: &str = "config.toml";

const ROOT: &str = "kitchen";

/// Every visit begins a run. So many stay; older ones go, unless a person has pinned them.
const MOST: usize = 30;

/// The kept runs.
pub(crate) struct Runs {
    root: FileSystemDirectoryHandle,
    database: Rc<Database>,
}

/// What opening a run to write came to.
pub(crate) enum Opening {
    /// It is this tab's alone.
    Here(BrowserStore),
    /// Another tab has it.
    Elsewhere,
}

impl Runs {
    /// Opens them. Errors say why nothing can be kept, as in private windows and old browsers.
    pub(crate) async fn open() -> Result<Self, String> {
        let runs = Self::try_open().await.map_err(|fault| fault.0)?;
        runs.sweep().await.map_err(|fault| fault.0)?;
        Ok(runs)
    }

    async fn try_open() -> Result<Self, Fault> {
        let storage = browser::storage()?;
        let directory = super::js::call(&storage, "getDirectory", &[])?;
        let home: FileSystemDirectoryHandle = kept(directory.into()).await?;
        Ok(Self {
            root: browser::subfolder(&home, ROOT).await?,
            database: Rc::new(Database::open().await?),
        })
    }

    /// Removes the folders of runs that were deleted, or never written down, before a crash.
    async fn sweep(&self) -> Result<(), Fault> {
        // In this order: a run is written down before its folder is made.
        let folders = browser::names(&self.root).await?;
        let records = self.records().await?;
        let known: BTreeSet<String> = records.into_iter().map(|(folder, _)| folder).collect();
        for folder in folders.iter().filter(|folder| !known.contains(*folder)) {
            // One that cannot be removed costs room, and nothing else.
            let _ = browser::remove(&self.root, folder).await;
        }
        Ok(())
    }

    async fn records(&self) -> Result<Vec<(String, RunRecord)>, Fault> {
        self.database.all(Table::Runs, None).await
    }

    /// Every run, the newest first.
    pub(crate) async fn list(&self) -> Result<Vec<KeptRun>, Fault> {
        let runs = self.survey().await?;
        // Without a configuration it is no run: its making was cut off.
        let whole = runs.into_iter().filter(|(_, is_whole)| *is_whole);
        Ok(whole.map(|(run, _)| run).collect())
    }

    /// Every run and whether it is whole, the newest first.
    async fn survey(&self) -> Result<Vec<(KeptRun, bool)>, Fault> {
        let runs = self.records().await?;
        let files: Vec<(String, SlotRecord)> = self.database.all(Table::Files, None).await?;
        let intents: Vec<(String, Intent)> = self.database.all(Table::Intents, None).await?;
        let taken = lock::taken().await?;
        let mut list: Vec<(KeptRun, bool)> = runs
            .into_iter()
            .map(|(folder, run)| {
                let config = format!("{folder}/{CONFIG}");
                let is_whole = files.iter().any(|(key, _)| *key == config);
                let run = KeptRun {
                    under_way: intents.iter().any(|(other, _)| *other == folder),
                    in_use: taken.contains(run.run.as_str()),
                    ..summary(&folder, run, &files)
                };
                (run, is_whole)
            })
            .collect();
        list.sort_by(|(a, _), (b, _)| (b.updated_ms, &b.run).cmp(&(a.updated_ms, &a.run)));
        Ok(list)
    }

    /// What the browser promises about them.
    pub(crate) async fn storage(&self) -> Storage {
        let persisted = async {
            let promise = browser::storage().ok()?.persisted().ok()?;
            JsFuture::from(promise).await.ok()?.as_bool()
        };
        let estimate = browser::estimate().await;
        Storage {
            persisted: persisted.await.unwrap_or_default(),
            used_bytes: estimate.map(|(used, _)| used),
            quota_bytes: estimate.map(|(_, quota)| quota),
        }
    }

    /// Opens a run to write, if no other tab has it; it is made if need be.
    pub(crate) async fn write(&self, run: &RunId, recipe: &str) -> Result<Opening, StoreError> {
        let opened = async {
            let Some(lock) = lock::take(run).await? else {
                return Ok(None);
            };
            let id = match self.find(run).await? {
                Some((id, _)) => id,
                None => self.make(run, recipe).await?,
            };
            Ok(Some((self.medium(id).await?, lock)))
        };
        match opened.await.map_err(cannot_open(run))? {
            Some((medium, lock)) => Ok(Opening::Here(BrowserStore::open(medium, lock).await?)),
            None => Ok(Opening::Elsewhere),
        }
    }

    /// Opens a run to read, whoever writes to it.
    pub(crate) async fn read(&self, run: &RunId) -> Result<Rc<dyn BlobStore>, StoreError> {
        let medium = async {
            let (id, _) = self.must_find(run).await?;
            self.medium(id).await
        };
        let medium = medium.await.map_err(cannot_open(run))?;
        Ok(Rc::new(Slots::reading(medium).await?))
    }

    async fn make(&self, run: &RunId, recipe: &str) -> Result<String, Fault> {
        let id = format!("{:016x}", kitchen_platform::random_seed());
        let record = RunRecord {
            run: run.clone(),
            recipe: recipe.into(),
            created_ms: kitchen_platform::now_ms(),
            pinned: false,
        };
        let edit = Edit::put(Table::Runs, &id, &record);
        self.database.edit(&[edit]).await?;
        self.make_room().await?;
        Ok(id)
    }

    /// Deletes the oldest runs beyond the number that stays.
    async fn make_room(&self) -> Result<(), Fault> {
        let runs: Vec<KeptRun> = self
            .survey()
            .await?
            .into_iter()
            .map(|(run, _)| run)
            .collect();
        for run in superfluous(&runs, MOST) {
            // One that another tab is about to open stays.
            let _ = self.delete(&run).await;
        }
        Ok(())
    }

    async fn medium(&self, id: String) -> Result<Browser, Fault> {
        Ok(Browser {
            folder: browser::subfolder(&self.root, &id).await?,
            database: self.database.clone(),
            id,
        })
    }

    async fn find(&self, run: &RunId) -> Result<Option<(String, RunRecord)>, Fault> {
        let mut records = self.records().await?.into_iter();
        Ok(records.find(|(_, record)| record.run == *run))
    }

    async fn must_find(&self, run: &RunId) -> Result<(String, RunRecord), Fault> {
        let found = self.find(run).await?;
        found.ok_or_else(|| {
            Fault(format!(
                "no run is called `{run}`; it may have been deleted"
            ))
        })
    }

    /// Calls a run something else. `held` is the store of that run, where this tab trains it.
    pub(crate) async fn rename(
        &self,
        run: &RunId,
        to: &RunId,
        held: Option<&BrowserStore>,
    ) -> Result<(), Fault> {
        // Both names are this tab's while it changes them, so that no other tab takes the new one.
        let _old = match held {
            Some(_) => None,
            None => Some(take(run).await?),
        };
        let new = take(to).await?;
        let (id, record) = self.must_find(run).await?;
        if self.find(to).await?.is_some() {
            return Err(Fault(format!(
                "there is a run called `{to}` already; choose another name"
            )));
        }
        let record = RunRecord {
            run: to.clone(),
            ..record
        };
        let edit = Edit::put(Table::Runs, id, &record);
        self.database.edit(&[edit]).await?;
        if let Some(store) = held {
            store.hold(new);
        }
        Ok(())
    }

    /// Marks a run as one to be kept, or no longer.
    pub(crate) async fn pin(&self, run: &RunId, pinned: bool) -> Result<(), Fault> {
        let (id, record) = self.must_find(run).await?;
        let record = RunRecord { pinned, ..record };
        let edit = Edit::put(Table::Runs, id, &record);
        self.database.edit(&[edit]).await
    }

    /// Deletes a run with all it holds.
    pub(crate) async fn delete(&self, run: &RunId) -> Result<(), Fault> {
        let _lock = take(run).await?;
        let Some((id, _)) = self.find(run).await? else {
            return Ok(());
        };
        let edits = [
            Edit::Remove {
                table: Table::Runs,
                key: id.clone(),
            },
            Edit::Remove {
                table: Table::Intents,
                key: id.clone(),
            },
            Edit::RemoveInside {
                table: Table::Files,
                folder: id.clone(),
            },
        ];
        self.database.edit(&edits).await?;
        // Nothing speaks of the folder any more; if it stays, the next opening sweeps it away.
        let _ = browser::remove(&self.root, &id).await;
        Ok(())
    }

    /// Writes down that a run is under way, or that it has come to its end.
    pub(crate) async fn note(&self, run: &RunId, under_way: bool) -> Result<(), Fault> {
        let (id, _) = self.must_find(run).await?;
        let (table, key) = (Table::Intents, id);
        let intent = Intent {
            since_ms: kitchen_platform::now_ms(),
        };
        let edit = match under_way {
            true => Edit::put(table, key, &intent),
            false => Edit::Remove { table, key },
        };
        self.database.edit(&[edit]).await
    }
}

/// Which of `runs`, the newest first, to delete so that the newest `most` that nobody has pinned
/// stay, and all that are pinned or open.
fn superfluous(runs: &[KeptRun], most: usize) -> Vec<RunId> {
    let unpinned = runs.iter().filter(|run| !run.pinned);
    let old = unpinned.skip(most).filter(|run| !run.in_use);
    old.map(|run| run.run.clone()).collect()
}

/// What the index says of a run.
fn summary(folder: &str, run: RunRecord, files: &[(String, SlotRecord)]) -> KeptRun {
    let inside = |(key, record): &(String, SlotRecord)| {
        let name = key.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
        let bytes = record.bytes;
        Some((StoredFile { name, bytes }, record.at_ms))
    };
    let (files, at_ms): (Vec<_>, Vec<_>) = files.iter().filter_map(inside).unzip();
    KeptRun {
        run: run.run,
        recipe: run.recipe,
        bytes: files.iter().map(|file| file.bytes).sum(),
        step: checkpoint::among(files).last().map(|saved| saved.step),
        pinned: run.pinned,
        created_ms: run.created_ms,
        updated_ms: at_ms.into_iter().fold(run.created_ms, u64::max),
        under_way: false,
        in_use: false,
    }
}

async fn take(run: &RunId) -> Result<lock::Lock, Fault> {
    let lock = lock::take(run).await?;
    lock.ok_or_else(|| {
        Fault(format!(
            "another tab has `{run}` open; close that tab first"
        ))
    })
}

fn cannot_open(run: &RunId) -> impl Fn(Fault) -> StoreError {
    let name = run.to_string();
    move |fault| StoreError::Io {
        name: name.clone(),
        action: "opened",
        reason: fault.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::kept::Slot;

    use super::*;

    fn file(key: &str, bytes: u64, at_ms: u64) -> (String, SlotRecord) {
        let record = SlotRecord {
            slot: Slot::First,
            generation: 1,
            bytes,
            blake3: String::new(),
            at_ms,
        };
        (key.into(), record)
    }

    fn run(name: &str) -> RunRecord {
        RunRecord {
            run: RunId::new(name).unwrap(),
            recipe: "digits".into(),
            created_ms: 5,
            pinned: false,
        }
    }

    #[test]
    fn a_run_is_summed_up_from_its_own_files() {
        let files = [
            file("ab/checkpoints/step-000000010-aa/weights", 100, 7),
            file("ab/checkpoints/step-000000020-bb/weights", 200, 9),
            file("ab/config.toml", 3, 6),
            file("abc/config.toml", 1000, 99),
        ];
        let kept = summary("ab", run("a"), &files);
        assert_eq!((kept.step, kept.bytes, kept.updated_ms), (Some(20), 303, 9));
        let kept = summary("other", run("b"), &files);
        assert_eq!((kept.step, kept.bytes, kept.updated_ms), (None, 0, 5));
    }

    #[test]
    fn old_runs_go_unless_they_are_pinned_or_open() {
        let runs: Vec<KeptRun> = ["a", "pinned", "b", "c", "open", "d"]
            .iter()
            .map(|name| KeptRun {
                pinned: *name == "pinned",
                in_use: *name == "open",
                ..summary(name, run(name), &[])
            })
            .collect();
        let names = |most| -> Vec<String> {
            let old = superfluous(&runs, most);
            old.into_iter().map(|run| run.to_string()).collect()
        };
        assert_eq!(names(2), ["c", "d"]);
        assert_eq!(names(5), [""; 0]);
    }
}
