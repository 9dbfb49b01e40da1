//! `sim score`: how far predicted steps are from measured ones.

use std::fs;

use anyhow::Context;
use kitchen_core::sim::Constants;
use kitchen_core::sim::table::{
    RowScore, Score, TableScore, predictions, read_tables, score as rate,
};

use crate::cli::SimScoreArgs;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::out;

/// Predicts the rows of tables and says how far off the predictions are.
pub(crate) fn score(args: &SimScoreArgs) -> anyhow::Result<Exit> {
    let tables = args.table.iter().map(|path| {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((path.display().to_string(), text))
    });
    let rows = read_tables(&tables.collect::<anyhow::Result<Vec<_>>>()?)?;
    let scored = rate(&rows, &Constants::bundled()?);
    if let Some(path) = &args.predictions {
        fs::write(path, predictions(&scored)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if args.json.json {
        out::json(&scored)?;
    } else {
        out::line(&in_words(&scored))?;
    }
    Ok(Exit::Ok)
}

fn in_words(scored: &Score) -> String {
    let mut parts = vec![rows_in_words(&scored.rows)];
    match scored.balanced_mape {
        Some(balanced) => parts.extend([
            tables_in_words(scored.tables.iter()),
            format!("table-balanced error of the step: {balanced:.2} %"),
        ]),
        None => parts.push("no row is scored, and so there is no error to tell".to_owned()),
    }
    if let Some(balanced) = scored.balanced_memory_mape {
        parts.extend([
            format!("peak memory\n{}", tables_in_words(scored.memory.iter())),
            format!("table-balanced error of peak memory: {balanced:.2} %"),
        ]);
    }
    parts.join("\n\n")
}

fn rows_in_words(rows: &[RowScore]) -> String {
    let head = ["row", "table", "step", "error", "peak memory", ""].map(str::to_owned);
    let rows = rows.iter().map(|row| {
        [
            row.row_id.clone(),
            row.table.clone(),
            format!("{:.4} s", row.pred_step_s),
            format!("{:+.1} %", row.bias),
            format!("{:.1} GiB", row.pred_peak_mem_gib),
            if row.scored { "" } else { "not scored" }.to_owned(),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn tables_in_words<'a>(tables: impl Iterator<Item = (&'a String, &'a TableScore)>) -> String {
    let head = ["table", "rows", "error", "bias", "p90", "worst"].map(str::to_owned);
    let percent = |value: f64| format!("{value:.2} %");
    let rows = tables.map(|(name, score)| {
        [
            name.clone(),
            score.rows.to_string(),
            percent(score.mape),
            format!("{:+.2} %", score.bias),
            percent(score.p90),
            percent(score.worst),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
