//! Receipts: what a run measured, for others to run again and compare.

mod link;

use kitchen_types::Number;
use kitchen_types::board::{Board, Phase};
use kitchen_types::card::ModelCard;
use kitchen_types::event::RunStatus;
use kitchen_types::ports::{BlobStore, StoreError};
use kitchen_types::receipt::{
    Agreement, ComparedMeasure, MeasureKind, Receipt, ReceiptPoint, VERSION, Verdict,
};
use kitchen_types::series::Series;

pub use link::{from_link_text, to_link_text};

use crate::export::CARD;

/// How far two measures may be apart, as a share of the larger: other devices round differently,
/// and each step builds on the one before.
pub const TOLERANCE: f64 = 1e-4;

/// Differences below this are what single precision cannot tell, however small the measures are.
const FLOOR: f64 = 1e-7;

/// The most points: so many fit a link, and tell where a run drifted.
const MOST_POINTS: usize = 64;

/// Why there is no receipt, or why one cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// There is nothing to promise.
    #[error("{0}")]
    Nothing(String),
    /// It was written by a newer program.
    #[error("its version is {found}, and this program reads up to {VERSION}; use a newer kitchen")]
    TooNew {
        /// The version it has.
        found: String,
    },
    /// It is longer than it may be.
    #[error("{what} is {found} bytes long, and can be {most} at most; {remedy}")]
    TooLong {
        /// What.
        what: &'static str,
        /// How long it is; where it was not read to its end, one more than it may be.
        found: usize,
        /// How long it may be.
        most: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// It is not a receipt, or a damaged one.
    #[error("this is not a whole receipt: {0}; take the original")]
    Malformed(String),
}

/// The receipt of a run. `weights_hash` is BLAKE3 of its exported weights, where there are any.
///
/// Where a person changed how the run trains, the receipt ends at that step: the configuration
/// tells no further. Errors, in words, where there is nothing that could be run again.
pub fn issue(board: &Board, weights_hash: Option<String>) -> Result<Receipt, ReceiptError> {
    let nothing = |why: String| ReceiptError::Nothing(why);
    if let Some(fork) = &board.forked {
        return Err(nothing(format!(
            "the run branched off from {} at step {}, so that its settings do not tell the whole \
             way; a receipt of {} can be made",
            fork.run, fork.step, fork.run
        )));
    }
    let (Some(config), Some(data), Some(client)) = (&board.config, &board.data, &board.client)
    else {
        return Err(nothing("the run has not begun to train".into()));
    };
    let points = points(board);
    if points.is_empty() {
        return Err(nothing(match board.steered {
            Some(step) => format!(
                "a person changed how the run trains after step {step}, and nothing was measured \
                 before; run it again without"
            ),
            None => {
                "the run has measured nothing yet; let it train until its first evaluation".into()
            }
        }));
    }
    let is_whole = board.steered.is_none() && is_completed(board);
    Ok(Receipt {
        version: VERSION,
        config: (**config).clone(),
        data_fingerprint: data.fingerprint.clone(),
        device: client.device.clone(),
        adapter: client.adapter.clone(),
        points,
        weights_hash: weights_hash.filter(|_| is_whole),
    })
}

/// The receipt of the run whose files are in `store`, with the hash of its exported weights.
pub async fn issue_from(store: &dyn BlobStore, board: &Board) -> Result<Receipt, ReceiptError> {
    issue(board, exported_hash(store).await?)
}

/// BLAKE3 of the weights that the run in `store` exported, as its model card says.
pub async fn exported_hash(store: &dyn BlobStore) -> Result<Option<String>, ReceiptError> {
    let card = match store.get(CARD).await {
        Ok(card) => card,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(ReceiptError::Nothing(error.to_string())),
    };
    let card: ModelCard = serde_json::from_slice(&card)
        .map_err(|error| ReceiptError::Nothing(format!("`{CARD}` cannot be read: {error}")))?;
    Ok(Some(card.weights_blake3))
}

/// Reads a receipt in JSON, and checks that it can be run.
pub fn from_json(json: &[u8]) -> Result<Receipt, ReceiptError> {
    let malformed = |error: serde_json::Error| ReceiptError::Malformed(error.to_string());
    // A newer receipt may have entries that this program does not know, so its version comes first.
    let tree: serde_json::Value = serde_json::from_slice(json).map_err(malformed)?;
    match tree.get("version").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(VERSION) => {
            return Err(ReceiptError::TooNew {
                found: found.to_string(),
            });
        }
        _ => {}
    }
    let receipt: Receipt = serde_json::from_slice(json).map_err(malformed)?;
    match crate::config::check(&receipt.config).into_iter().next() {
        None => Ok(receipt),
        Some(finding) => Err(ReceiptError::Malformed(finding.message)),
    }
}

/// Compares a receipt with a run of its configuration, finished or not.
pub fn compare(receipt: &Receipt, board: &Board) -> Verdict {
    let measures: Vec<_> = receipt
        .points
        .iter()
        .flat_map(|point| {
            [
                (MeasureKind::TrainLoss, point.train_loss),
                (MeasureKind::ValidationLoss, point.validation_loss),
            ]
            .into_iter()
            .filter_map(|(what, promised)| Some((point.step, what, promised?)))
        })
        .map(|(step, what, promised)| compare_measure(board, step, what, promised))
        .collect();
    let other_data = board
        .data
        .as_ref()
        .is_some_and(|data| data.fingerprint != receipt.data_fingerprint);
    let worst = measures.iter().map(|it| it.agreement).max();
    Verdict {
        agreement: match other_data {
            true => Agreement::OtherData,
            false => worst.unwrap_or(Agreement::Pending),
        },
        same_device: board
            .client
            .as_ref()
            .is_some_and(|it| (&it.device, &it.adapter) == (&receipt.device, &receipt.adapter)),
        measures,
        same_weights: None,
    }
}

fn compare_measure(
    board: &Board,
    step: u64,
    what: MeasureKind,
    promised: Number,
) -> ComparedMeasure {
    let found = board
        .curve(curve(what))
        .and_then(|series| measured_at(series, step));
    let difference = found.map(|found| difference(promised.0, found));
    let agreement = match (found, difference) {
        (Some(found), Some(difference)) => {
            let apart = (promised.0 - found).abs();
            if Number(found) == promised {
                Agreement::Exact
            } else if difference <= TOLERANCE || apart <= FLOOR {
                Agreement::Close
            } else {
                Agreement::Drifted
            }
        }
        _ => Agreement::Pending,
    };
    ComparedMeasure {
        step,
        what,
        promised,
        found: found.map(Number),
        difference: difference.map(Number),
        agreement,
    }
}

/// How far two measures are apart, as a share of the larger; infinitely where one is no number.
fn difference(a: f64, b: f64) -> f64 {
    if Number(a) == Number(b) {
        return 0.0;
    }
    let apart = (a - b).abs() / a.abs().max(b.abs());
    if apart.is_finite() {
        apart
    } else {
        f64::INFINITY
    }
}

/// A verdict in a sentence.
pub fn in_words(verdict: &Verdict) -> String {
    let count = verdict.measures.len();
    let reached = |it: &&ComparedMeasure| it.agreement != Agreement::Pending;
    let weights = match verdict.same_weights {
        Some(true) => ", and the weights are the same to the bit",
        Some(false) if verdict.agreement == Agreement::Exact => ", but the weights are others",
        _ => "",
    };
    match verdict.agreement {
        Agreement::Exact => {
            format!("it matches exactly: all {count} measures are the same{weights}")
        }
        Agreement::Close => {
            format!("it matches to {TOLERANCE:e}: all {count} measures are that close{weights}")
        }
        Agreement::Pending => format!(
            "it matches so far: {} of {count} measures have come",
            verdict.measures.iter().filter(reached).count()
        ),
        Agreement::OtherData => {
            "the data are not those of the receipt, so that nothing can be compared".into()
        }
        Agreement::Drifted => {
            let first = verdict
                .measures
                .iter()
                .find(|it| it.agreement == Agreement::Drifted);
            first.map_or_else(String::new, drifted_in_words)
        }
    }
}

fn drifted_in_words(measure: &ComparedMeasure) -> String {
    let what = match measure.what {
        MeasureKind::TrainLoss => "the loss of its batch",
        MeasureKind::ValidationLoss => "the loss of held-out examples",
    };
    format!(
        "it drifted first at step {}: {what} is {}, and the receipt says {} (a difference of {:.0e})",
        measure.step,
        measure.found.unwrap_or_default(),
        measure.promised,
        measure.difference.unwrap_or_default().0,
    )
}

fn is_completed(board: &Board) -> bool {
    matches!(
        board.phase,
        Phase::Finished {
            status: RunStatus::Completed,
            ..
        }
    )
}

/// What was measured at evaluations, at checkpoints and at the ends, no more of it than fits.
fn points(board: &Board) -> Vec<ReceiptPoint> {
    let last = board.steered.unwrap_or(u64::MAX).min(board.current_step());
    let buckets = |name| board.curve(name).map(Series::buckets).unwrap_or_default();
    let train = buckets(curve(MeasureKind::TrainLoss));
    let ends = [train.first().map(|it| it.first), Some(board.current_step())];
    let mut steps: Vec<u64> = buckets(curve(MeasureKind::ValidationLoss))
        .iter()
        .map(|bucket| bucket.first)
        .chain(board.checkpoints.iter().map(|saved| saved.step))
        .chain(ends.into_iter().flatten())
        .filter(|step| *step <= last)
        .collect();
    steps.sort_unstable();
    steps.dedup();
    let points: Vec<ReceiptPoint> = steps
        .into_iter()
        .filter_map(|step| point(board, step))
        .collect();
    spread(points)
}

fn point(board: &Board, step: u64) -> Option<ReceiptPoint> {
    let measured = |what| {
        let series = board.curve(curve(what))?;
        measured_at(series, step).map(Number)
    };
    let point = ReceiptPoint {
        step,
        train_loss: measured(MeasureKind::TrainLoss),
        validation_loss: measured(MeasureKind::ValidationLoss),
    };
    (point.train_loss.is_some() || point.validation_loss.is_some()).then_some(point)
}

/// The value of exactly that step. Long curves hold few such values: neighbours are merged.
fn measured_at(series: &Series, step: u64) -> Option<f64> {
    match series.last() {
        Some((last, value)) if last == step => Some(value),
        _ => series
            .buckets()
            .iter()
            .find(|bucket| bucket.count == 1 && bucket.first == step)
            .map(|bucket| bucket.sum.0),
    }
}

/// Points spread evenly, the first and the last among them.
fn spread(points: Vec<ReceiptPoint>) -> Vec<ReceiptPoint> {
    let count = points.len();
    if count <= MOST_POINTS {
        return points;
    }
    (0..MOST_POINTS)
        .filter_map(|index| points.get(index * (count - 1) / (MOST_POINTS - 1)).cloned())
        .collect()
}

fn curve(what: MeasureKind) -> &'static str {
    match what {
        MeasureKind::TrainLoss => "train.loss",
        MeasureKind::ValidationLoss => "validation.loss",
    }
}

#[cfg(test)]
#[path = "receipt/tests.rs"]
mod tests;
