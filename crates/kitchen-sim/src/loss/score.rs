//! How far predicted losses are from measured ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::law::LossLaw;
use super::schedule::{Stretch, warm_up};

/// Steps of the warm-up before the first sample of the tables.
const WARMUP: f64 = 2160.0;

/// The errors of curves, by model and schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LossScore {
    /// Mean absolute error of each curve in nats.
    pub curves: BTreeMap<String, f64>,
    /// Their mean.
    pub mean_abs_error: f64,
}

/// Why a table of losses was not scored.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct LossTableError {
    /// What the table was called.
    pub name: String,
    /// What is wrong with it. No `source`, since it is told already.
    pub problem: LossTableProblem,
}

/// What is wrong with a table of losses.
#[derive(Debug, thiserror::Error)]
pub enum LossTableProblem {
    /// It is not such a table.
    #[error(
        "the table of losses cannot be read: {0}; its columns are described in docs/simulation.md"
    )]
    Table(#[from] csv::Error),
    /// Nothing in it was measured.
    #[error("the table of losses is empty")]
    Empty,
    /// A curve stands in two tables.
    #[error("curve `{0}` stands in another table too")]
    Repeated(String),
    /// A sample that no law speaks of.
    #[error(
        "curve `{curve}`: after step {before}, `{column}` is {value}; steps must rise, and \
         quantities be positive"
    )]
    Senseless {
        /// The curve.
        curve: String,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: f64,
        /// The step before that sample.
        before: f64,
    },
}

#[derive(Deserialize)]
struct Row {
    model_label: String,
    n_params: f64,
    schedule: String,
    step: f64,
    lr: f64,
    loss: Option<f64>,
}

/// Whether a text is a table of losses, by its columns.
#[must_use]
pub fn is_loss_table(text: &str) -> bool {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.headers().is_ok_and(|names| {
        let mut needed = ["step", "lr", "loss"].into_iter();
        needed.all(|needed| names.iter().any(|name| name == needed))
    })
}

/// Predicts every sample of a table of losses, given as its name and its CSV, from the learning
/// rates up to it. Several tables are scored together.
///
/// Between samples the learning rate is taken to change evenly. A sample without a loss is there for
/// its learning rate.
///
/// # Errors
///
/// If one is no such table, or holds nothing to score.
pub fn score_loss<T: AsRef<str>>(tables: &[(String, T)]) -> Result<LossScore, LossTableError> {
    let mut curves = BTreeMap::new();
    for (name, text) in tables {
        let found = read(text.as_ref()).and_then(|rows| score_curves(&rows, &mut curves));
        found.map_err(|problem| LossTableError {
            name: name.clone(),
            problem,
        })?;
    }
    let mean_abs_error = curves.values().sum::<f64>() / curves.len() as f64;
    Ok(LossScore {
        curves,
        mean_abs_error,
    })
}

/// The samples of each curve.
fn read(text: &str) -> Result<BTreeMap<String, Vec<Row>>, LossTableProblem> {
    let mut curves: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row?;
        let name = format!("{} {}", row.model_label, row.schedule);
        curves.entry(name).or_default().push(row);
    }
    Ok(curves)
}

fn score_curves(
    rows: &BTreeMap<String, Vec<Row>>,
    curves: &mut BTreeMap<String, f64>,
) -> Result<(), LossTableProblem> {
    let before = curves.len();
    for (name, rows) in rows {
        check(name, rows)?;
        let Some(error) = curve_error(rows) else {
            continue;
        };
        if curves.insert(name.clone(), error).is_some() {
            return Err(LossTableProblem::Repeated(name.clone()));
        }
    }
    match curves.len() > before {
        true => Ok(()),
        false => Err(LossTableProblem::Empty),
    }
}

fn check(curve: &str, rows: &[Row]) -> Result<(), LossTableProblem> {
    let mut before = 0.0;
    for row in rows {
        let columns = [
            ("n_params", row.n_params, row.n_params > 0.0),
            ("step", row.step, row.step >= before),
            ("lr", row.lr, row.lr >= 0.0),
        ];
        let wrong = columns
            .into_iter()
            .find(|(_, value, is_right)| !is_right || !value.is_finite());
        if let Some((column, value, _)) = wrong {
            return Err(LossTableProblem::Senseless {
                curve: curve.to_owned(),
                column,
                value,
                before,
            });
        }
        before = row.step;
    }
    Ok(())
}

/// The mean absolute error of the samples that were measured, if any was.
fn curve_error(rows: &[Row]) -> Option<f64> {
    let first = rows.first()?;
    // Samples may begin before the warm-up ends.
    let (mut step, mut rate) = (WARMUP.min(first.step), first.lr);
    let mut seen = warm_up(step, rate);
    let (mut sum, mut count) = (0.0, 0.0);
    for row in rows {
        seen.push(Stretch {
            steps: row.step - step,
            from: rate,
            to: row.lr,
        });
        (step, rate) = (row.step, row.lr);
        if let Some(loss) = row.loss.filter(|loss| loss.is_finite()) {
            sum += (LossLaw::of(row.n_params).loss(&seen) - loss).abs();
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}
