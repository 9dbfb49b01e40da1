//! `bench`: times named work on this machine.

use futures::executor::block_on;
use kitchen_core::train::{OpenDevice, bench};
use kitchen_types::bench::BenchReport;

use super::run::use_threads;
use super::table::table;
use crate::cli::{BenchArgs, Device};
use crate::exit::Exit;
use crate::{out, words};

/// Times named work.
pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    use_threads(args.threads)?;
    let threads = rayon::current_num_threads();
    let device = match args.device {
        Device::Gpu => block_on(OpenDevice::gpu())?,
        Device::Cpu | Device::Auto => OpenDevice::cpu(),
    };
    let names = args
        .name
        .as_deref()
        .map_or(bench::NAMES.to_vec(), |name| vec![name]);
    let mut rows = vec![
        [
            "work",
            "device",
            "threads",
            "median",
            "shortest",
            "waits a step",
        ]
        .map(str::to_owned),
    ];
    for name in names {
        let mut reports = vec![block_on(bench::run(name, &device, threads, args.steps))?];
        if args.bare {
            reports.push(block_on(bench::bare(name, &device, threads, args.steps))?);
        }
        for report in reports {
            if args.json.json {
                out::json_line(&report)?;
            }
            rows.push(row(&report));
        }
    }
    if !args.json.json {
        out::line(&table(&rows))?;
    }
    Ok(Exit::Ok)
}

fn row(report: &BenchReport) -> [String; 6] {
    let waits = report.readbacks_per_step;
    [
        report.name.clone(),
        report.device.clone(),
        report.threads.to_string(),
        format!("{} ms", words::value(report.median_ms.0)),
        format!("{} ms", words::value(report.min_ms.0)),
        waits.map_or_else(|| "-".to_owned(), |waits| words::setting(waits.0)),
    ]
}
