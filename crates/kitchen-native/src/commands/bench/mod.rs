//! `bench`: times named work on this machine.

mod engine;
mod forensics;
mod whole;

use anyhow::bail;
use futures::executor::block_on;
use kitchen_core::train::{OpenDevice, bench};
use kitchen_core::words;
use kitchen_platform::peak_memory_bytes;
use kitchen_types::Number;
use kitchen_types::bench::BenchReport;

use super::run::use_threads;
use super::table::table;
use crate::cli::{BenchArgs, Device};
use crate::exit::Exit;
use crate::out;

/// Work that is timed here; kitchen-train has the rest.
const OURS: [&str; 2] = ["engine", "loop"];
/// What a diagnosis costs, which has a table of its own.
const FORENSICS: &str = "forensics";

/// Times named work.
pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    use_threads(args.threads)?;
    let names: Vec<_> = bench::NAMES.into_iter().chain(OURS).collect();
    let chosen = match args.name.as_deref() {
        None => names,
        Some(FORENSICS) => return forensics::bench(args),
        Some(name) if names.contains(&name) => vec![name],
        Some(name) => bail!(
            "there is no work called `{name}`; there are {}, {FORENSICS}",
            names.join(", ")
        ),
    };
    let mut reports = Vec::new();
    for name in chosen {
        for report in time(name, args)? {
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

/// Times one piece of work and, if asked, the same without Kitchen around it.
fn time(name: &str, args: &BenchArgs) -> anyhow::Result<Vec<BenchReport>> {
    let threads = rayon::current_num_threads();
    match name {
        "engine" => return Ok(vec![engine::time(args.steps)?]),
        "loop" => return whole::time(args, threads),
        _ => {}
    }
    let device = open(args)?;
    let mut reports = vec![block_on(bench::run(name, &device, threads, args.steps))?];
    if args.bare {
        reports.push(block_on(bench::bare(name, &device, threads, args.steps))?);
    }
    Ok(reports)
}

/// The device that was asked for.
fn open(args: &BenchArgs) -> anyhow::Result<OpenDevice> {
    match args.device {
        Device::Cpu => Ok(OpenDevice::cpu()),
        Device::Gpu => Ok(block_on(OpenDevice::gpu())?),
        Device::Auto | Device::Cluster => {
            bail!("`bench` times one device; write `--device cpu` or `--device gpu`")
        }
    }
}

/// What the times of all steps, in milliseconds, come to.
fn report(name: &str, device: &str, threads: usize, mut ms: Vec<f64>) -> BenchReport {
    ms.sort_by(f64::total_cmp);
    let at = |place: usize| Number(ms.get(place).copied().unwrap_or(f64::NAN));
    BenchReport {
        name: name.to_owned(),
        device: device.to_owned(),
        threads,
        steps: ms.len() as u64,
        median_ms: at(ms.len() / 2),
        min_ms: at(0),
        launches_per_step: None,
        readbacks_per_step: None,
        peak_memory_bytes: peak_memory_bytes(),
    }
}

fn in_words(reports: &[BenchReport]) -> String {
    let head = [
        "work",
        "device",
        "threads",
        "steps",
        "median",
        "shortest",
        "launches",
        "read-backs",
        "peak memory",
    ]
    .map(str::to_owned);
    let per_step =
        |count: Option<Number>| count.map_or("-".into(), |count| words::setting(count.0));
    let rows = reports.iter().map(|report| {
        [
            report.name.clone(),
            report.device.clone(),
            report.threads.to_string(),
            words::count(report.steps),
            format!("{} ms", words::value(report.median_ms.0)),
            format!("{} ms", words::value(report.min_ms.0)),
            per_step(report.launches_per_step),
            per_step(report.readbacks_per_step),
            report.peak_memory_bytes.map_or("-".into(), words::bytes),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_least_are_reported() {
        let report = report("engine", "cpu", 1, vec![3.0, 1.0, 2.0]);
        assert_eq!(
            (report.steps, report.median_ms, report.min_ms),
            (3, Number(2.0), Number(1.0))
        );
        assert_eq!(
            super::report("engine", "cpu", 1, Vec::new()).median_ms,
            Number(f64::NAN)
        );
    }
}
