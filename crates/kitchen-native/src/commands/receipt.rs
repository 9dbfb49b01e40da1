//! `receipt`: promises what a run measures, and runs such promises again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, bail};
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::data::Store;
use kitchen_core::receipt::{
    compare, exported_hash, from_json, from_link_text, in_words, issue_from, to_link_text,
};
use kitchen_core::store::{Directory, Memory};
use kitchen_core::supervised::supervised;
use kitchen_core::{Host, LocalDevices, StartRequest, start, words};
use kitchen_types::config::DeviceChoice;
use kitchen_types::event::RunStatus;
use kitchen_types::receipt::{Agreement, ComparedMeasure, MeasureKind, Receipt, Verdict};
use kitchen_types::{Board, Event, RunConfig, RunId};

use super::run::use_threads;
use super::table::table;
use crate::cli::{JsonArg, ReceiptCommand};
use crate::exit::Exit;
use crate::runs::Runs;
use crate::{hub, out};

/// The longest file that is read: a little more than a receipt can be.
const MOST_BYTES: u64 = 1 << 20;

/// Makes and verifies receipts.
pub(crate) fn receipt(command: ReceiptCommand, runs: &Runs) -> anyhow::Result<Exit> {
    match command {
        ReceiptCommand::Make { run, to, link } => make(&run, to, link, runs),
        ReceiptCommand::Verify {
            file,
            device,
            threads,
            json,
        } => {
            use_threads(threads)?;
            verify(&file, device.into(), json)
        }
    }
}

fn make(run: &str, to: Option<PathBuf>, link: bool, runs: &Runs) -> anyhow::Result<Exit> {
    let folder = runs.find(run)?;
    let board = folder.board()?;
    let receipt = block_on(issue_from(&Directory::reading(&folder.path), &board))?;
    if let Some(step) = board.steered {
        out::remark(&format!(
            "a person changed how {} trains after step {}: the receipt ends there",
            folder.id,
            words::count(step)
        ));
    }
    if link {
        out::line(&to_link_text(&receipt)?)?;
        return Ok(Exit::Ok);
    }
    let path = to.unwrap_or_else(|| PathBuf::from(format!("{}.receipt.json", folder.id)));
    let mut json = serde_json::to_vec_pretty(&receipt)?;
    json.push(b'\n');
    hub::keep(&path, &json).with_context(|| format!("{} cannot be written", path.display()))?;
    out::line(&format!(
        "{} in {}: measures of {}, on the {}",
        folder.id,
        path.display(),
        words::counted(receipt.points.len() as u64, "step"),
        words::one_line(&receipt.device),
    ))?;
    Ok(Exit::Ok)
}

fn verify(file: &Path, device: DeviceChoice, json: JsonArg) -> anyhow::Result<Exit> {
    let receipt = read(file).with_context(|| format!("{}", file.display()))?;
    let verdict = block_on(run_again(&receipt, device))?;
    if json.json {
        out::json(&verdict)?;
    } else {
        out::line(&table(&rows(&verdict)))?;
        out::line(&format!("\n{}", words::one_line(&in_words(&verdict))))?;
    }
    match verdict.agreement {
        Agreement::Exact | Agreement::Close => Ok(Exit::Ok),
        Agreement::Drifted => Ok(Exit::Problems),
        Agreement::OtherData => bail!(
            "the data are not those of the receipt (fingerprint {}): nothing can be compared",
            words::one_line(&receipt.data_fingerprint)
        ),
        Agreement::Pending => bail!(
            "the run ended before the last step of the receipt: it was made by hand, or by \
             another version of kitchen"
        ),
    }
}

fn read(file: &Path) -> anyhow::Result<Receipt> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    Ok(match text.starts_with('{') {
        true => from_json(text.as_bytes())?,
        false => from_link_text(text)?,
    })
}

/// Runs what a receipt promises in memory, as far as its last step or to where it drifts.
async fn run_again(receipt: &Receipt, device: DeviceChoice) -> anyhow::Result<Verdict> {
    let store = Memory::default();
    let request = StartRequest {
        run: RunId::new("receipt")?,
        config: RunConfig {
            device,
            ..receipt.config.clone()
        },
        workflow: supervised(),
        first_seq: 0,
    };
    let host = Host {
        store: Rc::new(store.clone()),
        data: Rc::new(Store::on_disk(hub::cache_folder().to_string_lossy())),
        devices: Rc::new(LocalDevices::default()),
        now_ms: kitchen_platform::now_ms,
    };
    let mut run = start(request, host).await?;
    let mut board = Board::default();
    while let Some(envelope) = run.events.next().await {
        board.apply(&envelope);
        match envelope.event {
            Event::Planned { steps, .. } => {
                let steps = words::counted(steps, "step");
                out::remark(&format!("running the receipt again: {steps}"));
            }
            Event::DatasetLoaded { .. } | Event::Evaluated(_) => {
                let verdict = compare(receipt, &board);
                if verdict.agreement > Agreement::Pending {
                    return Ok(verdict);
                }
            }
            Event::RunFinished {
                status: RunStatus::Failed,
                reason,
                ..
            } => bail!(
                "the run failed: {}",
                words::one_line(&reason.unwrap_or_default())
            ),
            _ => {}
        }
    }
    let mut verdict = compare(receipt, &board);
    if let Some(promised) = &receipt.weights_hash {
        verdict.same_weights = Some(exported_hash(&store).await?.as_ref() == Some(promised));
    }
    Ok(verdict)
}

fn rows(verdict: &Verdict) -> Vec<[String; 5]> {
    let mut rows = vec![["step", "measure", "receipt", "now", ""].map(str::to_owned)];
    rows.extend(verdict.measures.iter().map(row));
    rows
}

fn row(measure: &ComparedMeasure) -> [String; 5] {
    let what = match measure.what {
        MeasureKind::TrainLoss => "training loss",
        MeasureKind::ValidationLoss => "validation loss",
    };
    let agreement = match measure.agreement {
        Agreement::Exact => "the same",
        Agreement::Close => "close",
        Agreement::Pending => "not reached",
        Agreement::Drifted => "drifted",
        Agreement::OtherData => "other data",
    };
    [
        words::count(measure.step),
        what.to_owned(),
        measure.promised.to_string(),
        measure
            .found
            .map_or_else(|| "-".to_owned(), |found| found.to_string()),
        agreement.to_owned(),
    ]
}
