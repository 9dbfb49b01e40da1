//! `sim search`: the best layout of a model on a cluster.

use anyhow::{Context, bail};
use kitchen_core::sim::Constants;
use kitchen_core::sim::cost::device_gib;
use kitchen_core::sim::input::{Job, Layout};
use kitchen_core::sim::search::{Candidate, Found, Space, search as find};
use kitchen_core::sim::story::{Setting, Spec};
use kitchen_core::words;
use kitchen_platform::Stopwatch;
use serde::Serialize;

use super::request;
use crate::cli::SimSearchArgs;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::out;

/// A row of the table needs at most this share of the memory of the row before.
const WORTH_A_ROW: f64 = 0.95;
/// Characters of the plot.
const PLOT: (usize, usize) = (60, 12);

/// Finds the best layout, and all that nothing beats.
pub(super) fn search(args: &SimSearchArgs) -> anyhow::Result<Exit> {
    let job = Setting::job_of(&spec(args)?)?;
    check(args)?;
    let constants = Constants::bundled()?;
    let clock = Stopwatch::start();
    let found = find(&job, &Space::default(), args.memory, &constants)?;
    let seconds = clock.elapsed().as_secs_f64();
    let report = Report::of(args, &job, found, seconds);
    if args.json.json {
        out::json(&report)?;
    } else {
        out::line(&in_words(&report, args, &job)?)?;
    }
    Ok(Exit::Ok)
}

fn spec(args: &SimSearchArgs) -> anyhow::Result<Spec> {
    if let Some(run) = &args.run {
        return request::spec(run);
    }
    let mut spec = Spec::default();
    spec.model.preset = Some(args.model.clone());
    spec.cluster.accelerator = args.accelerator.clone();
    spec.cluster.gpus = args.gpus;
    Ok(spec)
}

fn check(args: &SimSearchArgs) -> anyhow::Result<()> {
    for (name, value) in [("--memory", args.memory), ("--price", args.price)] {
        let is_wrong = |value: f64| !value.is_finite() || value <= 0.0;
        if let Some(value) = value.filter(|value| is_wrong(*value)) {
            bail!("{name} is {value}; it must be above 0");
        }
    }
    Ok(())
}

/// What is written as JSON.
#[derive(Debug, Serialize)]
struct Report {
    examined: u64,
    fitting: u64,
    /// Seconds that the search took, on this machine.
    seconds: f64,
    layouts_per_s: f64,
    memory_limit_gib: f64,
    best: Option<Point>,
    /// All that no other beats in both time and memory, the fastest first.
    frontier: Vec<Point>,
}

/// A layout and what it takes.
#[derive(Debug, Serialize)]
struct Point {
    layout: Layout,
    step_s: f64,
    memory_gib: f64,
    tokens_per_s: f64,
    /// GPU hours for a billion tokens.
    gpu_hours_per_billion: f64,
    /// The price of them, where that of an hour was given.
    cost_per_billion: Option<f64>,
}

impl Report {
    fn of(args: &SimSearchArgs, job: &Job, found: Found, seconds: f64) -> Self {
        let point = |candidate: &Candidate| Point::of(candidate, job, args.price);
        Self {
            examined: found.examined,
            fitting: found.fitting,
            seconds,
            layouts_per_s: found.examined as f64 / seconds.max(1e-9),
            memory_limit_gib: args.memory.unwrap_or_else(|| device_gib(job)),
            best: found.best.as_ref().map(point),
            frontier: found.frontier.iter().map(point).collect(),
        }
    }
}

impl Point {
    fn of(candidate: &Candidate, job: &Job, price: Option<f64>) -> Self {
        let tokens = f64::from(job.batch.global_batch) * f64::from(job.batch.seq_len);
        let tokens_per_s = tokens / candidate.seconds;
        let hours = f64::from(job.cluster.devices) * 1e9 / tokens_per_s / 3600.0;
        Self {
            layout: candidate.layout,
            step_s: candidate.seconds,
            memory_gib: candidate.memory_gib,
            tokens_per_s,
            gpu_hours_per_billion: hours,
            cost_per_billion: price.map(|price| price * hours),
        }
    }
}

fn in_words(report: &Report, args: &SimSearchArgs, job: &Job) -> anyhow::Result<String> {
    let speed = format!(
        "{} layouts in {:.3} s: {} a second",
        words::count(report.examined),
        report.seconds,
        words::rate(report.layouts_per_s),
    );
    let best = report.best.as_ref().with_context(|| {
        format!(
            "none of {} layouts needs at most {} GiB; use more GPUs, or allow more memory",
            words::count(report.examined),
            report.memory_limit_gib
        )
    })?;
    let cluster = &job.cluster;
    let head = format!(
        "{} parameters on {} x {}, batches of {} x {} tokens\n{}",
        words::count(job.model.parameters() as u64),
        cluster.devices,
        cluster.accelerator.name,
        words::count(u64::from(job.batch.global_batch)),
        words::count(u64::from(job.batch.seq_len)),
        best_in_words(best),
    );
    let parts = [
        head,
        rows(&report.frontier, args.price.is_some()),
        plot(&report.frontier),
        format!(
            "{speed}; {} fit into {} GiB",
            words::count(report.fitting),
            report.memory_limit_gib
        ),
    ];
    Ok(parts.join("\n\n"))
}

fn best_in_words(best: &Point) -> String {
    let layout = &best.layout;
    format!(
        "best: tp {}, cp {}, pp {}, vp {}, dp {}, ep {}; micro-batch {}\n      \
         {}, recompute {}{}\n      {} s a step, {} tokens/s, {:.1} GiB",
        layout.tp,
        layout.cp,
        layout.pp,
        layout.vp,
        layout.dp,
        layout.ep,
        layout.micro_batch,
        layout.sharding.name(),
        layout.recompute.name(),
        if layout.sp { ", sequence parallel" } else { "" },
        words::value(best.step_s),
        words::rate(best.tokens_per_s),
        best.memory_gib,
    )
}

/// Those points of the frontier that need a good deal less memory than the one before; the first and
/// the last are among them.
fn steps(frontier: &[Point]) -> Vec<&Point> {
    let mut kept: Vec<&Point> = Vec::new();
    for (number, point) in frontier.iter().enumerate() {
        let is_last = number + 1 == frontier.len();
        let before = kept
            .last()
            .map_or(f64::INFINITY, |before| before.memory_gib);
        if is_last || point.memory_gib <= WORTH_A_ROW * before {
            kept.push(point);
        }
    }
    kept
}

/// The frontier as a table.
fn rows(frontier: &[Point], priced: bool) -> String {
    let last = if priced { "cost/1e9" } else { "GPU h/1e9" };
    let head = [
        "step", "GiB", "tp", "cp", "pp", "vp", "dp", "ep", "mb", "shares", "again", last,
    ];
    let head = head.map(str::to_owned);
    let kept = steps(frontier);
    let rows = kept.iter().map(|point| {
        let layout = &point.layout;
        let numbers = [
            layout.tp,
            layout.cp,
            layout.pp,
            layout.vp,
            layout.dp,
            layout.ep,
            layout.micro_batch,
        ];
        let [tp, cp, pp, vp, dp, ep, mb] = numbers.map(|number| number.to_string());
        let cost = point
            .cost_per_billion
            .unwrap_or(point.gpu_hours_per_billion);
        [
            format!("{:.3} s", point.step_s),
            format!("{:.1}", point.memory_gib),
            tp,
            cp,
            pp,
            vp,
            dp,
            ep,
            mb,
            layout.sharding.name().to_owned(),
            layout.recompute.name().to_owned(),
            words::value(cost),
        ]
    });
    let rows: Vec<[String; 12]> = std::iter::once(head).chain(rows).collect();
    format!(
        "what no other layout beats in both time and memory ({} of {}; --json has all)\n{}",
        kept.len(),
        frontier.len(),
        table(&rows)
    )
}

/// Time against memory, both on logarithmic scales, in characters: the fastest is on the left.
fn plot(frontier: &[Point]) -> String {
    let range = |of: fn(&Point) -> f64| {
        let values = || frontier.iter().map(of);
        let low = values().fold(f64::INFINITY, f64::min);
        (low, values().fold(low, f64::max))
    };
    let (fastest, slowest) = range(|point| point.step_s);
    let (least, most) = range(|point| point.memory_gib);
    let (width, height) = PLOT;
    let place = |value: f64, (low, high): (f64, f64), count: usize| {
        let share = (value / low).ln() / (high / low).ln().max(f64::MIN_POSITIVE);
        ((share * count as f64) as usize).min(count - 1)
    };
    let mut rows = vec![vec![' '; width]; height];
    for point in frontier {
        let column = place(point.step_s, (fastest, slowest), width);
        let row = height - 1 - place(point.memory_gib, (least, most), height);
        if let Some(cell) = rows.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = '*';
        }
    }
    let mut lines: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let label = match number {
                0 => format!("{most:.1} GiB"),
                number if number + 1 == height => format!("{least:.1} GiB"),
                _ => String::new(),
            };
            let row: String = row.iter().collect();
            format!("{label:>10} |{row}").trim_end().to_owned()
        })
        .collect();
    lines.push(format!("{:>10} +{}", "", "-".repeat(width)));
    let ends = format!("{fastest:.3} s a step");
    let slowest = format!("{slowest:.3} s");
    lines.push(format!(
        "{:>10}  {ends}{slowest:>1$}",
        "",
        width - ends.len()
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_have_their_points_where_they_belong() {
        let point = |step_s: f64, memory_gib: f64| Point {
            layout: Layout::plain(1),
            step_s,
            memory_gib,
            tokens_per_s: 1.0,
            gpu_hours_per_billion: 1.0,
            cost_per_billion: None,
        };
        let text = plot(&[point(1.0, 40.0), point(2.0, 20.0), point(4.0, 10.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), PLOT.1 + 2);
        assert_eq!(lines[0], "  40.0 GiB |*");
        assert_eq!(lines[11].chars().position(|c| c == '*'), Some(12 + 59));
        assert_eq!(lines[5].find('*'), Some(12 + 30), "{text}");
        assert!(lines.iter().all(|line| line.len() <= 80));
        // A single layout, and none.
        assert!(plot(&[point(1.0, 40.0)]).contains('*'));
        assert!(!plot(&[]).contains('*'));
    }
}
