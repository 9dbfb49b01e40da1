//! What it costs to measure the examples of a batch one by one, beside a training step.

use futures::executor::block_on;
use kitchen_core::train::bench;
use kitchen_core::words;
use kitchen_types::bench::ForensicsBench;

use super::super::table::table;
use crate::cli::BenchArgs;
use crate::exit::Exit;
use crate::out;

const WORK: [&str; 2] = ["mlp-784", "gpt-210k"];
const BATCHES: [usize; 4] = [32, 128, 512, 1024];
/// The batch that is measured as often as `--steps` says; larger ones less often, in proportion.
const SMALLEST: u64 = 32;
const FEWEST: u64 = 3;

/// Times every work with every batch.
pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    let device = super::open(args)?;
    let threads = rayon::current_num_threads();
    let mut reports = Vec::new();
    for name in WORK {
        for batch in BATCHES {
            let rounds = (args.steps * SMALLEST / batch as u64).max(FEWEST.min(args.steps));
            let report = block_on(bench::forensics(name, batch, &device, threads, rounds))?;
            if args.json.json {
                out::json_line(&report)?;
            }
            reports.push(report);
        }
    }
    if !args.json.json {
        out::line(&in_words(&reports))?;
    }
    Ok(Exit::Ok)
}

fn in_words(reports: &[ForensicsBench]) -> String {
    let head = [
        "work",
        "device",
        "threads",
        "batch",
        "rounds",
        "step",
        "diagnosis",
        "ratio",
        "one by one",
        "ratio",
        "memory of steps",
        "with diagnosis",
    ]
    .map(str::to_owned);
    let ms = |time: kitchen_types::Number| format!("{} ms", words::value(time.0));
    let ratio = |ratio: kitchen_types::Number| format!("{:.2}", ratio.0);
    let memory = |bytes: Option<u64>| bytes.map_or("-".into(), words::bytes);
    let rows = reports.iter().map(|report| {
        [
            report.name.clone(),
            report.device.clone(),
            report.threads.to_string(),
            report.batch.to_string(),
            words::count(report.rounds),
            ms(report.step_ms),
            ms(report.diagnosis_ms),
            ratio(report.ratio),
            ms(report.alone_ms),
            ratio(report.alone_ratio),
            memory(report.step_memory_bytes),
            memory(report.diagnosis_memory_bytes),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
