//! How far predictions are from what was measured.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Measured;
use crate::constants::Constants;
use crate::cost::{device_gib, peak_memory, times};

/// The errors of a whole table, or of several in one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Errors of the scored rows of each table.
    pub tables: BTreeMap<String, TableScore>,
    /// Mean over the tables of their mean absolute errors, in percent; absent where no row is
    /// scored.
    pub balanced_mape: Option<f64>,
    /// Errors of peak memory, by table, where it was published.
    pub memory: BTreeMap<String, TableScore>,
    /// Mean over the tables of their mean absolute errors of peak memory, in percent; absent where
    /// no table has any.
    pub balanced_memory_mape: Option<f64>,
    /// Scored rows whose step does not count, and why.
    pub left_out: Vec<LeftOut>,
    /// Each row, in the order of the table.
    pub rows: Vec<RowScore>,
}

/// A scored row whose step does not count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// Its table.
    pub table: String,
    /// Its name.
    pub row_id: String,
    /// Why, in words.
    pub reason: String,
}

/// The errors of one table, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableScore {
    /// Scored rows.
    pub rows: usize,
    /// Mean absolute error.
    pub mape: f64,
    /// Signed mean error of the time: positive where predictions are too slow.
    pub bias: f64,
    /// Nine rows in ten are no farther off.
    pub p90: f64,
    /// The farthest.
    pub worst: f64,
}

/// The prediction of one row. What cannot be predicted is absent, and so is the error of what was
/// not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowScore {
    /// Its table.
    pub table: String,
    /// Its name.
    pub row_id: String,
    /// Whether the table says that it counts.
    pub scored: bool,
    /// Predicted seconds of one step.
    pub pred_step_s: Option<f64>,
    /// Predicted memory of the fullest device.
    pub pred_peak_mem_gib: Option<f64>,
    /// Absolute error in percent, of the rate where that was published.
    pub ape: Option<f64>,
    /// Signed error of the time in percent.
    pub bias: Option<f64>,
    /// Signed error of the memory in percent.
    pub memory_bias: Option<f64>,
}

/// Predicts every row that can be predicted and says how far off it is.
#[must_use]
pub fn score(rows: &[Measured], constants: &Constants) -> Score {
    let left_out = rows.iter().filter(|row| row.scored).filter_map(left_out);
    let left_out = left_out.collect();
    let rows: Vec<RowScore> = rows.iter().map(|row| score_row(row, constants)).collect();
    let scored = || rows.iter().filter(|row| row.scored);
    let tables = by_table(scored().filter_map(|row| Some((row, row.ape?, row.bias?))));
    let memory = by_table(scored().filter_map(|row| {
        let bias = row.memory_bias?;
        Some((row, bias.abs(), bias))
    }));
    Score {
        balanced_mape: balanced(&tables),
        balanced_memory_mape: balanced(&memory),
        tables,
        memory,
        left_out,
        rows,
    }
}

/// The predictions as CSV: `row_id,pred_step_s,pred_peak_mem_gib`, both empty where nothing can be
/// predicted.
///
/// # Errors
///
/// If the text cannot be written, which memory does not refuse.
pub fn predictions(score: &Score) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["row_id", "pred_step_s", "pred_peak_mem_gib"])?;
    for row in &score.rows {
        let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let (step, memory) = (cell(row.pred_step_s), cell(row.pred_peak_mem_gib));
        writer.write_record([&row.row_id, &step, &memory])?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn left_out(row: &Measured) -> Option<LeftOut> {
    let obstacle = row.pair().err()?;
    Some(LeftOut {
        table: row.table.clone(),
        row_id: row.row_id.clone(),
        reason: obstacle.to_string(),
    })
}

fn score_row(row: &Measured, constants: &Constants) -> RowScore {
    let job = row.job.as_ref().ok();
    let seconds = job.map(|job| times(job, constants).seconds());
    // What was measured did fit, if need be by moving something to the host.
    let gib = job.map(|job| peak_memory(job).1.gib().min(device_gib(job)));
    let ratio = |found: Option<f64>, measured: Option<f64>| Some(found? / measured?);
    let errors = ratio(seconds, row.step_s).map(|ratio| errors(row, ratio));
    RowScore {
        table: row.table.clone(),
        row_id: row.row_id.clone(),
        scored: row.scored,
        pred_step_s: seconds,
        pred_peak_mem_gib: gib,
        ape: errors.map(|errors| errors.0),
        bias: errors.map(|errors| errors.1),
        memory_bias: ratio(gib, row.peak_mem_gib).map(|ratio| 100.0 * (ratio - 1.0)),
    }
}

/// Absolute and signed error of a prediction that is so many times what was measured, in percent.
/// Where a rate was published, the absolute error is that of the rate.
pub(super) fn errors(row: &Measured, ratio: f64) -> (f64, f64) {
    let absolute = if row.is_rate {
        1.0 / ratio - 1.0
    } else {
        ratio - 1.0
    };
    (100.0 * absolute.abs(), 100.0 * (ratio - 1.0))
}

fn by_table<'a>(
    errors: impl Iterator<Item = (&'a RowScore, f64, f64)>,
) -> BTreeMap<String, TableScore> {
    let mut tables: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (row, absolute, signed) in errors {
        let table = tables.entry(row.table.clone()).or_default();
        table.push((absolute, signed));
    }
    tables
        .into_iter()
        .map(|(name, errors)| (name, summary(&errors)))
        .collect()
}

fn summary(errors: &[(f64, f64)]) -> TableScore {
    let mut absolute: Vec<f64> = errors.iter().map(|error| error.0).collect();
    absolute.sort_by(f64::total_cmp);
    let count = errors.len() as f64;
    TableScore {
        rows: errors.len(),
        mape: absolute.iter().sum::<f64>() / count,
        bias: errors.iter().map(|error| error.1).sum::<f64>() / count,
        p90: quantile(&absolute, 0.9),
        worst: absolute.last().copied().unwrap_or(0.0),
    }
}

/// The quantile `q` of sorted values, between neighbours in proportion.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len().max(1) - 1) as f64 * q;
    let below = place.floor() as usize;
    let value = |at: usize| sorted.get(at).or(sorted.last()).copied().unwrap_or(0.0);
    value(below) + (value(below + 1) - value(below)) * (place - place.floor())
}

fn balanced(tables: &BTreeMap<String, TableScore>) -> Option<f64> {
    let sum: f64 = tables.values().map(|table| table.mape).sum();
    (!tables.is_empty()).then(|| sum / tables.len() as f64)
}
