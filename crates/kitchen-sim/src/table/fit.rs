//! Fits the constants to tables of measured steps.
//!
//! The search is over the logarithms of the constants, which are all positive. What is made small
//! is the table-balanced error, with a penalty for leaving the priors: a constant that the tables
//! say little about stays where physics puts it.

use std::collections::{BTreeMap, BTreeSet};

use super::Measured;
use super::score::errors;
use crate::constants::{Constants, Line};
use crate::cost::times;
use crate::input::Job;
use crate::math::{exp, ln};
use crate::random::Random;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Seed of the directions that are tried.
    pub seed: u64,
    /// Rounds; each tries every constant alone and as many random directions.
    pub rounds: u32,
    /// Percent of error that one constant at the edge of its spread is worth.
    pub penalty: f64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            rounds: 200,
            penalty: 0.1,
        }
    }
}

/// What a fit found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The lines of the constants, with the values found.
    pub lines: Vec<Line>,
    /// The table-balanced error in percent, without the penalty.
    pub balanced_mape: f64,
}

/// Fits the constants of `lines`, from their priors on, to the scored rows among `rows`. What their
/// values were does not matter, so that no earlier fit to other rows shows through.
///
/// A constant whose spread is 1 stays as it is.
#[must_use]
pub fn calibrate(rows: &[&Measured], lines: &[Line], options: FitOptions) -> Fit {
    let problem = Problem::new(rows, lines, options.penalty);
    let start: Vec<f64> = lines.iter().map(|line| ln(line.prior)).collect();
    let best = search(&problem, start, options);
    let values: Vec<f64> = best.iter().map(|log| rounded(exp(*log))).collect();
    let fitted = lines.iter().zip(&values);
    Fit {
        lines: fitted
            .map(|(line, value)| Line {
                value: if line.spread > 1.0 {
                    *value
                } else {
                    line.value
                },
                ..line.clone()
            })
            .collect(),
        balanced_mape: problem.error(&best),
    }
}

/// What a fit to some rows is worth on others.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What was left out of the fit.
    pub left_out: String,
    /// Table-balanced error of the rows that were fitted, in percent.
    pub fitted: f64,
    /// Table-balanced error of the rows that were left out, in percent.
    pub others: f64,
}

/// Fits to a random half of the rows and scores the other half, `times` times.
#[must_use]
pub fn check_halves(
    rows: &[Measured],
    lines: &[Line],
    options: FitOptions,
    times: u64,
) -> Vec<Check> {
    let check = |seed| {
        let mut random = Random::new(seed);
        let keep: Vec<bool> = rows.iter().map(|_| random.uniform() < 0.5).collect();
        check(rows, &keep, lines, options, format!("half {}", seed + 1))
    };
    (0..times).map(check).collect()
}

/// Fits to all tables but one and scores that one, for each table.
#[must_use]
pub fn check_tables(rows: &[Measured], lines: &[Line], options: FitOptions) -> Vec<Check> {
    let scored = rows.iter().filter(|row| row.scored);
    let names: BTreeSet<&str> = scored.map(|row| row.table.as_str()).collect();
    let check = |name: &str| {
        let keep: Vec<bool> = rows.iter().map(|row| row.table != name).collect();
        check(rows, &keep, lines, options, name.to_owned())
    };
    names.into_iter().map(check).collect()
}

fn check(
    rows: &[Measured],
    keep: &[bool],
    lines: &[Line],
    options: FitOptions,
    left_out: String,
) -> Check {
    let chosen = |kept: bool| {
        let rows = rows.iter().zip(keep);
        rows.filter(move |(_, keep)| **keep == kept)
            .map(|(row, _)| row)
    };
    let fit = calibrate(&chosen(true).collect::<Vec<_>>(), lines, options);
    let others: Vec<&Measured> = chosen(false).collect();
    let logs: Vec<f64> = fit.lines.iter().map(|line| ln(line.value)).collect();
    Check {
        left_out,
        fitted: fit.balanced_mape,
        others: Problem::new(&others, &fit.lines, 0.0).error(&logs),
    }
}

/// Four digits: more would pretend.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// What is made small.
struct Problem<'a> {
    /// Scored rows with their jobs and seconds, by table.
    tables: Vec<Vec<(&'a Measured, &'a Job, f64)>>,
    priors: Vec<(f64, f64)>,
    penalty: f64,
}

impl<'a> Problem<'a> {
    fn new(rows: &[&'a Measured], lines: &[Line], penalty: f64) -> Self {
        let mut tables: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.scored) {
            if let Ok((job, measured)) = row.pair() {
                let table = tables.entry(&row.table).or_default();
                table.push((*row, job, measured));
            }
        }
        Self {
            tables: tables.into_values().collect(),
            priors: lines
                .iter()
                .map(|line| (ln(line.prior), ln(line.spread)))
                .collect(),
            penalty,
        }
    }

    /// The table-balanced error in percent.
    fn error(&self, logs: &[f64]) -> f64 {
        let values: Vec<f64> = logs.iter().map(|log| exp(*log)).collect();
        let Some(constants) = Constants::of(&values) else {
            return f64::INFINITY;
        };
        let mean = |rows: &Vec<(&Measured, &Job, f64)>| {
            let all = rows.iter().map(|(row, job, measured)| {
                let ratio = times(job, &constants).seconds() / measured;
                errors(row, ratio).0
            });
            all.sum::<f64>() / rows.len() as f64
        };
        self.tables.iter().map(mean).sum::<f64>() / self.tables.len() as f64
    }

    /// The error, and the penalty for leaving the priors: none near them, and growing with the
    /// square of the distance in spreads.
    fn cost(&self, logs: &[f64]) -> f64 {
        let away = logs.iter().zip(&self.priors);
        let away = away.filter(|(_, (_, spread))| *spread > 0.0);
        let penalty: f64 = away
            .map(|(log, (prior, spread))| {
                let distance = (log - prior) / spread;
                distance * distance
            })
            .sum();
        self.error(logs) + self.penalty * penalty
    }
}

/// A pattern search: each constant alone, then random directions, with steps that grow where they
/// help and shrink where they do not.
fn search(problem: &Problem, start: Vec<f64>, options: FitOptions) -> Vec<f64> {
    let free: Vec<usize> = (0..start.len())
        .filter(|&at| problem.priors.get(at).is_some_and(|prior| prior.1 > 0.0))
        .collect();
    let mut random = Random::new(options.seed);
    let mut best = start;
    let mut cost = problem.cost(&best);
    let mut steps = vec![0.1; best.len()];
    let mut stride = 0.05;
    for _ in 0..options.rounds {
        for &at in &free {
            let step = steps[at];
            let won = [step, -step].into_iter().any(|change| {
                let mut tried = best.clone();
                tried[at] += change;
                better(problem, tried, &mut best, &mut cost)
            });
            steps[at] = (step * if won { 1.6 } else { 0.6 }).clamp(1e-4, 0.5);
        }
        for _ in 0..free.len() {
            let direction: Vec<(usize, f64)> = free
                .iter()
                .map(|&at| (at, stride * random.normal()))
                .collect();
            let won = [1.0, -1.0].into_iter().any(|sign| {
                let mut tried = best.clone();
                for (at, change) in &direction {
                    tried[*at] += sign * change;
                }
                better(problem, tried, &mut best, &mut cost)
            });
            stride = f64::clamp(stride * if won { 1.5 } else { 0.93 }, 1e-4, 0.3);
        }
    }
    best
}

/// Takes `tried` for `best` if it costs less.
fn better(problem: &Problem, tried: Vec<f64>, best: &mut Vec<f64>, cost: &mut f64) -> bool {
    let found = problem.cost(&tried);
    let wins = found < *cost;
    if wins {
        *best = tried;
        *cost = found;
    }
    wins
}
