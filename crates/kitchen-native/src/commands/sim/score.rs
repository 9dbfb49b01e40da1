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
    let texts = args.table.iter().map(|path| {
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
    });
    let rows = read_tables(&texts.collect::<anyhow::Result<Vec<_>>>()?)?;
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
    let mut text = format!(
        "{}\n\n{}\n\ntable-balanced error of the step: {:.2} %",
        rows_in_words(&scored.rows),
        tables_in_words(scored.tables.iter()),
        scored.balanced_mape
    );
    if let Some(balanced) = scored.balanced_memory_mape {
        let memory = tables_in_words(scored.memory.iter());
        text.push_str(&format!(
            "\n\npeak memory\n{memory}\n\ntable-balanced error of peak memory: {balanced:.2} %"
        ));
    }
    text
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
