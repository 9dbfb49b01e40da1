//! A table in a CSV file: the first line names the columns, types are inferred from the rest.

mod infer;
mod records;

use kitchen_types::config::TableConfig;
use kitchen_types::ports::{DataError, Splits};

use crate::files::Files;
use crate::limits;
use crate::read;
use crate::sources::table::{Column, MISSING, Table, TargetColumn};
use crate::words::{counted, thousands};
use infer::{Kind, Profile, number};
use records::{Header, Records};

pub(crate) fn open(
    config: &TableConfig,
    files: &dyn Files,
    seed: u64,
) -> Result<Splits, DataError> {
    read::need_path(&config.path, "file")?;
    let bytes = files.read(&config.path)?;
    let parsed = parse(&config.path, &bytes, &config.target)?;
    parsed
        .table
        .split(config.validation, seed, parsed.source, parsed.notes)
}

/// A table and what there is to say of it.
pub(crate) struct Parsed {
    pub(crate) table: Table,
    pub(crate) source: String,
    pub(crate) notes: Vec<String>,
}

/// Reads the table twice: to infer the type of each column, and to take the values in. So a table
/// needs no more memory than its numbers. Errors name the line.
pub(crate) fn parse(path: &str, bytes: &[u8], target: &str) -> Result<Parsed, DataError> {
    let header = Header::read(path, bytes)?;
    let target = header.target(target)?;
    let mut profiles: Vec<Profile> = header.names.iter().map(|_| Profile::default()).collect();
    let mut rows = 0;
    for record in Records::new(&header)? {
        let record = record?;
        rows += 1;
        if rows > limits::EXAMPLES {
            return Err(read::too_many(path, "rows"));
        }
        for (profile, value) in profiles.iter_mut().zip(&record.values) {
            profile.see(value);
        }
    }
    if rows < 2 {
        return Err(DataError::new(
            path,
            format!("has {} below its header", counted(rows, "row")),
            "a table needs at least two",
        ));
    }
    let plan = Plan::new(&header, profiles, target, rows)?;
    plan.take_in(&header)
}

/// What becomes of each column.
struct Plan {
    columns: Vec<Planned>,
    notes: Vec<String>,
}

enum Planned {
    Input(Column),
    Target(TargetColumn),
    LeftOut,
}

impl Plan {
    fn new(
        header: &Header<'_>,
        profiles: Vec<Profile>,
        target: usize,
        rows: usize,
    ) -> Result<Self, DataError> {
        let mut plan = Self {
            columns: Vec::with_capacity(profiles.len()),
            notes: Vec::new(),
        };
        let mut width = 0usize;
        for (index, profile) in profiles.into_iter().enumerate() {
            let name = header.names.get(index).cloned().unwrap_or_default();
            let planned = if index == target {
                plan_target(header, name, profile, rows)?
            } else {
                plan.input(name, profile)
            };
            width += match &planned {
                Planned::Input(Column::Category { values, .. }) => values.len(),
                Planned::Input(Column::Number { .. }) => 1,
                Planned::Target(_) | Planned::LeftOut => 0,
            };
            plan.columns.push(planned);
        }
        if width == 0 {
            return Err(DataError::new(
                header.path,
                "has no column to predict the target from",
                "add one with numbers or categories",
            ));
        }
        if width.saturating_mul(rows) > limits::TABLE_VALUES {
            return Err(DataError::new(
                header.path,
                format!(
                    "becomes {} rows of {width} numbers, which is too large",
                    thousands(rows as u64)
                ),
                "take fewer rows, or leave out columns with many categories",
            ));
        }
        Ok(plan)
    }

    fn input(&mut self, name: String, profile: Profile) -> Planned {
        if profile.missing > 0 {
            let becomes = match profile.kind() {
                Kind::Number => "became the column's mean",
                Kind::Category | Kind::TooMany => "became no category",
                Kind::Nothing => "and no other",
            };
            self.notes.push(format!(
                "column `{name}`: {} {becomes}",
                counted(profile.missing, "missing value")
            ));
        }
        match profile.kind() {
            Kind::Number => Planned::Input(Column::Number {
                name,
                rows: Vec::new(),
            }),
            Kind::Category if profile.categories.len() <= limits::CATEGORIES => {
                Planned::Input(Column::Category {
                    name,
                    values: profile.categories.into_iter().collect(),
                    rows: Vec::new(),
                })
            }
            Kind::Category | Kind::TooMany => {
                self.notes.push(format!(
                    "column `{name}` was left out: it has more than {} different texts",
                    limits::CATEGORIES
                ));
                Planned::LeftOut
            }
            Kind::Nothing => {
                self.notes
                    .push(format!("column `{name}` was left out: it is empty"));
                Planned::LeftOut
            }
        }
    }

    fn take_in(mut self, header: &Header<'_>) -> Result<Parsed, DataError> {
        let mut without_target = 0;
        for record in Records::new(header)? {
            let record = record?;
            let has_target = self
                .columns
                .iter()
                .zip(&record.values)
                .all(|(column, value)| {
                    !matches!(column, Planned::Target(_)) || !infer::is_missing(value)
                });
            if !has_target {
                without_target += 1;
                continue;
            }
            for (column, value) in self.columns.iter_mut().zip(&record.values) {
                match column {
                    Planned::Input(Column::Number { rows, .. }) => {
                        rows.push(number(value).unwrap_or(f64::NAN));
                    }
                    Planned::Input(Column::Category { values, rows, .. }) => {
                        rows.push(category(values, value).unwrap_or(MISSING));
                    }
                    Planned::Target(TargetColumn::Number { rows, .. }) => {
                        rows.push(number(value).unwrap_or(f64::NAN));
                    }
                    Planned::Target(TargetColumn::Classes { names, rows }) => {
                        rows.push(class(names, value).unwrap_or(0));
                    }
                    Planned::LeftOut => {}
                }
            }
        }
        if without_target > 0 {
            self.notes.push(format!(
                "left out {} without a target",
                counted(without_target, "row")
            ));
        }
        self.finish(header)
    }

    fn finish(self, header: &Header<'_>) -> Result<Parsed, DataError> {
        let mut columns = Vec::new();
        let mut target = None;
        for planned in self.columns {
            match planned {
                Planned::Input(column) => columns.push(column),
                Planned::Target(column) => target = Some(column),
                Planned::LeftOut => {}
            }
        }
        let Some(target) = target else {
            return Err(DataError::new(
                header.path,
                "has no target",
                "name one with data.target",
            ));
        };
        let (rows, predicts) = match &target {
            TargetColumn::Classes { names, rows } => {
                (rows.len(), format!("{} classes", names.len()))
            }
            TargetColumn::Number { name, rows } => (rows.len(), format!("the number {name}")),
        };
        let source = format!(
            "{}: {} rows, {} columns that predict {predicts}",
            header.path,
            thousands(rows as u64),
            columns.len()
        );
        Ok(Parsed {
            table: Table { columns, target },
            source,
            notes: self.notes,
        })
    }
}

/// Whole numbers with at most so many different values are classes.
const NUMBERED_CLASSES: usize = 20;

fn plan_target(
    header: &Header<'_>,
    name: String,
    profile: Profile,
    rows: usize,
) -> Result<Planned, DataError> {
    let wrong = |what: &str, remedy: &str| {
        Err(DataError::new(
            header.path,
            format!("the target `{name}` {what}"),
            remedy,
        ))
    };
    let other_column = "name the column to predict, such as data.target=species";
    let different = profile.categories.len();
    match profile.kind() {
        Kind::Nothing => wrong("is empty", other_column),
        _ if different == 1 => wrong("is the same in every row", other_column),
        Kind::TooMany => wrong(
            "has more different texts than there can be classes",
            other_column,
        ),
        Kind::Category if different * 2 > rows => {
            wrong("is a different text in most rows", other_column)
        }
        Kind::Number if !profile.whole || different > NUMBERED_CLASSES || different * 2 > rows => {
            Ok(Planned::Target(TargetColumn::Number {
                name,
                rows: Vec::new(),
            }))
        }
        kind => {
            let mut names: Vec<String> = profile.categories.into_iter().collect();
            if matches!(kind, Kind::Number) {
                names.sort_by(|a, b| {
                    let value = |text: &str| number(text).unwrap_or(f64::NAN);
                    value(a).total_cmp(&value(b))
                });
            }
            Ok(Planned::Target(TargetColumn::Classes {
                names,
                rows: Vec::new(),
            }))
        }
    }
}

/// Which of `values`, which are in order, a text is.
fn category(values: &[String], text: &str) -> Option<u32> {
    let at = values.binary_search_by(|value| value.as_str().cmp(text.trim()));
    at.ok().map(|at| at as u32)
}

/// Which of `names`, which may be in the order of their numbers (and are then few), a text is.
fn class(names: &[String], text: &str) -> Option<u32> {
    let one_by_one = || {
        names
            .iter()
            .position(|name| name == text.trim())
            .map(|at| at as u32)
    };
    category(names, text).or_else(one_by_one)
}
