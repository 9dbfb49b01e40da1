//! `cargo xtask calibrate`: fits the constants of kitchen-sim to tables of measured steps, says how
//! well, and writes them.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use kitchen_sim::constants::{Constants, bundled_lines, write_constants};
use kitchen_sim::table::{
    Check, FitOptions, Measured, calibrate as fit, check_halves, check_tables, read_tables, score,
};

/// How to fit.
#[derive(Args)]
pub(crate) struct CalibrateArgs {
    /// Tables of measured steps, as CSV.
    #[arg(required = true, value_name = "CSV")]
    tables: Vec<PathBuf>,
    /// The file of constants to write; without it, they are only scored.
    #[arg(long, value_name = "CSV")]
    to: Option<PathBuf>,
    /// Fit to a random half and score the other, so many times.
    #[arg(long, value_name = "N", default_value_t = 0)]
    halves: u64,
    /// Fit to all tables but one and score that one, for each.
    #[arg(long)]
    leave_out: bool,
    /// Rounds of the search.
    #[arg(long, default_value_t = FitOptions::default().rounds)]
    rounds: u32,
    /// Seed of the search.
    #[arg(long, default_value_t = FitOptions::default().seed)]
    seed: u64,
}

/// Fits, scores, writes.
pub(crate) fn calibrate(args: &CalibrateArgs) -> anyhow::Result<()> {
    let rows = read(&args.tables)?;
    let options = FitOptions {
        rounds: args.rounds,
        seed: args.seed,
        ..FitOptions::default()
    };
    let lines = bundled_lines()?;
    show_checks(&check_halves(&rows, &lines, options, args.halves));
    if args.leave_out {
        show_checks(&check_tables(&rows, &lines, options));
    }
    let found = fit(&rows.iter().collect::<Vec<_>>(), &lines, options);
    show_scores(&rows, &Constants::from_lines(&found.lines)?);
    if let Some(path) = &args.to {
        fs::write(path, write_constants(&found.lines)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Measured>> {
    let tables = paths.iter().map(|path| {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((path.display().to_string(), text))
    });
    Ok(read_tables(&tables.collect::<anyhow::Result<Vec<_>>>()?)?)
}

fn show_checks(checks: &[Check]) {
    for check in checks {
        println!(
            "without {:<24} fitted {:6.2} %  left out {:6.2} %",
            check.left_out, check.fitted, check.others
        );
    }
    if !checks.is_empty() {
        let mean = checks.iter().map(|check| check.others).sum::<f64>() / checks.len() as f64;
        println!("mean of what was left out: {mean:.2} %\n");
    }
}

fn show_scores(rows: &[Measured], constants: &Constants) {
    let scored = score(rows, constants);
    for (name, table) in &scored.tables {
        println!(
            "{name:<24} {:>4} rows  error {:6.2} %  bias {:+6.2} %  p90 {:6.2} %  worst {:6.2} %",
            table.rows, table.mape, table.bias, table.p90, table.worst
        );
    }
    for row in &scored.left_out {
        println!(
            "left out: row `{}` of {}: {}",
            row.row_id, row.table, row.reason
        );
    }
    if let Some(balanced) = scored.balanced_mape {
        println!("table-balanced error: {balanced:.2} %");
    }
}
