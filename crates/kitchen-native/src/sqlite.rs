//! The measurements of a run as a SQLite database, for those who ask in SQL.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use kitchen_platform::files;
use kitchen_types::Envelope;
use rusqlite::{Connection, params};

use crate::observe::Observer;
use crate::scalars::{Measured, measured};

/// The name of such a file in a run's folder.
pub(crate) const FILE: &str = "metrics.sqlite";

/// A number has one row, whatever happened on the way to it: a run that went back takes its steps
/// again. `NULL` is NaN, which SQL does not know.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS scalars (
        name  TEXT    NOT NULL,
        step  INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        value REAL,
        PRIMARY KEY (name, step)
    ) WITHOUT ROWID;
    CREATE VIEW IF NOT EXISTS windows AS
        SELECT name,
               max(step - 1, 0) / 100 * 100 + 1 AS first_step,
               max(step)   AS last_step,
               count(*)    AS measured,
               avg(value)  AS mean,
               min(value)  AS least,
               max(value)  AS most
        FROM scalars GROUP BY name, first_step;
";

/// How long another program may hold the database before its reader is told of.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes the measurements of a run into a database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    database: Connection,
    /// Whether anything was written since the last commit.
    is_open: bool,
}

impl Sqlite {
    /// Writes into the database at `path`, which is made, or gone on with.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            files::create_dir_all(folder)?;
        }
        let open = || -> rusqlite::Result<Connection> {
            let database = Connection::open(path)?;
            database.busy_timeout(PATIENCE)?;
            database.execute_batch(TABLES)?;
            Ok(database)
        };
        let database =
            open().with_context(|| format!("{} cannot be opened as a database", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            database,
            is_open: false,
        })
    }

    fn write(&mut self, envelope: &Envelope) -> rusqlite::Result<()> {
        let Some((step, measured)) = measured(&envelope.event) else {
            return Ok(());
        };
        if !std::mem::replace(&mut self.is_open, true) {
            self.database.execute_batch("BEGIN IMMEDIATE")?;
        }
        match measured {
            Measured::Restart => {
                let sql = "DELETE FROM scalars WHERE step >= ?1";
                self.database.execute(sql, [integer(step)])?;
            }
            Measured::Scalars(scalars) => {
                let sql = "INSERT OR REPLACE INTO scalars VALUES (?1, ?2, ?3, ?4)";
                let mut insert = self.database.prepare_cached(sql)?;
                for (name, value) in scalars {
                    insert.execute(params![name, integer(step), integer(envelope.at_ms), value])?;
                }
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.is_open) {
            self.database.execute_batch("COMMIT")?;
        }
        Ok(())
    }
}

impl Observer for Sqlite {
    fn name(&self) -> &str {
        "the writer of the database"
    }

    fn observe(&mut self, envelope: &Envelope) -> anyhow::Result<()> {
        self.write(envelope)
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }

    fn rest(&mut self) -> anyhow::Result<()> {
        self.commit()
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

/// SQLite's integers have a sign.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kitchen_types::event::Step;
    use kitchen_types::{Event, Number, RunId};

    use super::*;

    fn stepped(step: u64, loss: f64) -> Event {
        Event::Stepped(Step {
            step,
            epoch: 1,
            loss: Number(loss),
            accuracy: None,
            lr: Number(0.1),
            grad_norm: None,
            update_ratio: None,
            samples: 1,
            tokens: 0,
            duration_us: 1,
        })
    }

    fn observe(database: &mut Sqlite, event: Event) {
        let run = RunId::new("test").unwrap();
        let envelope = Envelope {
            run,
            seq: 0,
            at_ms: 7,
            event,
        };
        database.observe(&envelope).unwrap();
    }

    /// The losses of each window of a hundred steps: how many, their mean, and the largest.
    fn windows(path: &Path) -> Vec<(i64, i64, Option<f64>, Option<f64>)> {
        let database = Connection::open(path).unwrap();
        let sql = "SELECT first_step, measured, mean, most FROM windows \
                   WHERE name = 'train/loss' ORDER BY first_step";
        let mut asked = database.prepare(sql).unwrap();
        let rows = asked.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_way_back_is_no_gap_and_no_repetition() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run").join(FILE);
        let mut database = Sqlite::open(&path).unwrap();
        for step in 1..=150 {
            observe(&mut database, stepped(step, 2.0));
        }
        database.rest().unwrap();
        drop(database);
        // Another session goes on from step 120.
        let mut database = Sqlite::open(&path).unwrap();
        let restored = Event::Restored {
            step: 120,
            name: "120".into(),
            lr: None,
            batch: None,
        };
        observe(&mut database, restored);
        observe(&mut database, stepped(121, 23.0));
        observe(&mut database, stepped(122, f64::NAN));
        database.rest().unwrap();
        assert_eq!(
            windows(&path),
            [
                (1, 100, Some(2.0), Some(2.0)),
                (101, 22, Some(3.0), Some(23.0))
            ]
        );
    }

    #[test]
    fn what_is_no_database_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(
            &path,
            "a text that is as long as a header would be, and no database",
        )
        .unwrap();
        let error = Sqlite::open(&path).unwrap_err();
        assert!(format!("{error:#}").contains(FILE), "{error:#}");
    }
}
