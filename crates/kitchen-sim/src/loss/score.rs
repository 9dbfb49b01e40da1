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

/// Why a table of losses was not read.
#[derive(Debug, thiserror::Error)]
pub enum LossTableError {
    /// It is not such a table.
    #[error("the table of losses cannot be read: {0}")]
    Table(#[from] csv::Error),
    /// It has no rows.
    #[error("the table of losses is empty")]
    Empty,
}

#[derive(Deserialize)]
struct Row {
    model_label: String,
    n_params: f64,
    schedule: String,
    step: f64,
    lr: f64,
    loss: f64,
}

/// Predicts every sample of a table of losses from the learning rates up to it.
///
/// Between samples the learning rate is taken to change evenly.
///
/// # Errors
///
/// If the text is no such table, or an empty one.
pub fn score_loss(text: &str) -> Result<LossScore, LossTableError> {
    let mut curves: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row?;
        let name = format!("{} {}", row.model_label, row.schedule);
        curves.entry(name).or_default().push(row);
    }
    let curves: BTreeMap<String, f64> = curves
        .into_iter()
        .map(|(name, rows)| (name, curve_error(&rows)))
        .collect();
    if curves.is_empty() {
        return Err(LossTableError::Empty);
    }
    let mean_abs_error = curves.values().sum::<f64>() / curves.len() as f64;
    Ok(LossScore {
        curves,
        mean_abs_error,
    })
}

fn curve_error(rows: &[Row]) -> f64 {
    let (mut step, mut rate) = (WARMUP, rows.first().map_or(0.0, |row| row.lr));
    let mut seen = warm_up(WARMUP, rate);
    let mut sum = 0.0;
    for row in rows {
        seen.push(Stretch {
            steps: row.step - step,
            from: rate,
            to: row.lr,
        });
        (step, rate) = (row.step, row.lr);
        sum += (LossLaw::of(row.n_params).loss(&seen) - row.loss).abs();
    }
    sum / rows.len() as f64
}
