//! `sim score`: how far predicted steps, and losses, are from measured ones.

use std::fs;

use anyhow::{Context, bail};
use kitchen_core::sim::Constants;
use kitchen_core::sim::loss::{LossScore, is_loss_table, score_loss};
use kitchen_core::sim::table::{
    LeftOut, RowScore, Score, TableScore, predictions, read_tables, score as rate,
};
use serde::Serialize;

use crate::cli::SimScoreArgs;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::out;

/// What is written as JSON.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    steps: Score,
    /// Errors of losses, where a table of them was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<LossScore>,
}

/// Predicts the rows of tables and says how far off the predictions are.
pub(crate) fn score(args: &SimScoreArgs) -> anyhow::Result<Exit> {
    let tables = args.table.iter().map(|path| {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((path.display().to_string(), text))
    });
    let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
    let (losses, steps): (Vec<_>, Vec<_>) = tables
        .into_iter()
        .partition(|(_, text)| is_loss_table(text));
    let report = Report {
        steps: rate(&read_tables(&steps)?, &Constants::bundled()?),
        loss: (!losses.is_empty())
            .then(|| score_loss(&losses))
            .transpose()?,
    };
    let scored = &report.steps;
    let counts_nothing = scored.tables.is_empty() && scored.memory.is_empty();
    if counts_nothing && !steps.is_empty() && args.predictions.is_none() {
        bail!(nothing_counts(scored));
    }
    if let Some(path) = &args.predictions {
        fs::write(path, predictions(scored)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if args.json.json {
        out::json(&report)?;
    } else {
        let steps = (!steps.is_empty()).then(|| in_words(scored));
        let loss = report.loss.as_ref().map(loss_in_words);
        let parts: Vec<String> = steps.into_iter().chain(loss).collect();
        out::line(&parts.join("\n\n"))?;
    }
    Ok(Exit::Ok)
}

fn loss_in_words(scored: &LossScore) -> String {
    let head = ["curve", "error"].map(str::to_owned);
    let nats = |error: f64| format!("{error:.4} nats");
    let curves = scored.curves.iter();
    let rows = curves.map(|(name, error)| [name.clone(), nats(*error)]);
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    format!(
        "{}\n\nmean absolute error of the loss: {}",
        table(&rows),
        nats(scored.mean_abs_error)
    )
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
    if !scored.left_out.is_empty() {
        parts.push(left_out_in_words(&scored.left_out));
    }
    if let Some(balanced) = scored.balanced_memory_mape {
        parts.extend([
            format!("peak memory\n{}", tables_in_words(scored.memory.iter())),
            format!("table-balanced error of peak memory: {balanced:.2} %"),
        ]);
    }
    parts.join("\n\n")
}

/// Why there is no error, and what to do about it.
fn nothing_counts(scored: &Score) -> String {
    let reason = match scored.left_out.as_slice() {
        [] => "no row says `scored` 1".to_owned(),
        left_out => left_out_in_words(left_out),
    };
    format!(
        "no row can be scored; --predictions FILE predicts rows that were not measured\n{reason}"
    )
}

fn left_out_in_words(left_out: &[LeftOut]) -> String {
    let lines = left_out
        .iter()
        .map(|row| format!("\n  row `{}` of {}: {}", row.row_id, row.table, row.reason));
    format!(
        "scored rows left out: {}{}",
        left_out.len(),
        lines.collect::<String>()
    )
}

fn rows_in_words(rows: &[RowScore]) -> String {
    let head = ["row", "table", "step", "error", "peak memory", ""].map(str::to_owned);
    let cell = |value: Option<f64>, words: fn(f64) -> String| value.map_or_else(String::new, words);
    let rows = rows.iter().map(|row| {
        [
            row.row_id.clone(),
            row.table.clone(),
            cell(row.pred_step_s, |seconds| format!("{seconds:.4} s")),
            cell(row.bias, |percent| format!("{percent:+.1} %")),
            cell(row.pred_peak_mem_gib, |gib| format!("{gib:.1} GiB")),
            match (row.scored, row.bias) {
                (false, _) => "not scored",
                (true, None) => "left out",
                (true, Some(_)) => "",
            }
            .to_owned(),
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
