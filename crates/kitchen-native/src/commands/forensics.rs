//! `forensics`: explains the batch of a step.

use futures::executor::block_on;
use kitchen_core::store::Directory;
use kitchen_core::{ExplainRequest, Explained, explain, words};
use kitchen_types::Number;
use kitchen_types::diagnosis::{OutlierReason, StepDiagnosis};

use super::table::table;
use crate::cli::ForensicsArgs;
use crate::exit::Exit;
use crate::out;
use crate::record::envelopes;
use crate::runs::Runs;
use crate::training::host;

/// Characters of an example that are shown.
const MOST_SHOWN: usize = 2000;
/// Lines of the histogram, and the width of its longest bar.
const BINS: usize = 10;
const BAR: u64 = 40;

/// Explains the batch of a step. The run may still go on.
pub(crate) fn forensics(args: &ForensicsArgs, runs: &Runs) -> anyhow::Result<Exit> {
    let folder = runs.find(&args.run)?;
    let explaining = ExplainRequest {
        run: &folder.id,
        config: &folder.config()?,
        events: &envelopes(&folder.events())?,
        step: args.step,
        device: args.device.map(Into::into),
        rule: &args.rule(),
    };
    let host = host(Directory::reading(&folder.path));
    let explained = block_on(explain(explaining, &host))?;
    if args.json.json {
        out::json(&explained.report)?;
    } else {
        out::line(&in_words(&explained, args.show))?;
    }
    Ok(Exit::Ok)
}

fn in_words(explained: &Explained, show: usize) -> String {
    let report = &explained.report;
    let mut parts = vec![summary(report), outliers(report, show)];
    parts.push(format!(
        "Gradient norms of all {}:\n\n{}",
        words::counted(report.measured.ids.len() as u64, "example"),
        histogram(&report.measured.grad_norms)
    ));
    let shown = worst(report, show).into_iter().filter_map(|place| {
        let example = explained.examples.get(place)?;
        let id = report.measured.ids.get(place)?;
        let text: String = example.chars().take(MOST_SHOWN).collect();
        Some(format!("example {id}:\n{}", words::harmless(&text)))
    });
    parts.extend(shown);
    parts.join("\n\n")
}

fn summary(report: &StepDiagnosis) -> String {
    let norms = &report.diagnosis.grad_norms;
    let number = |number: Number| words::value(number.0);
    let from = match report.from_step {
        0 => "the beginning".to_owned(),
        step => format!("the checkpoint of step {}", words::count(step)),
    };
    let found = report.diagnosis.outliers.len() as u64;
    let verdict = match found {
        0 => "no example stands out".to_owned(),
        1 => "1 example stands out".to_owned(),
        found => format!("{} examples stand out", words::count(found)),
    };
    let mut text = format!(
        "{} at step {}: {verdict}.\nDone again from {from}, on the {}; its loss is {}, and {}.\n\
         Gradient norms: median {}, MAD {}, largest {} ({}).",
        report.run,
        words::count(report.step),
        report.device,
        number(report.replayed_loss),
        replayed(report),
        number(norms.median),
        number(norms.mad),
        number(norms.max),
        report.measured.method,
    );
    for limit in &report.diagnosis.limits {
        text.push_str(&format!("\nNote: {limit}."));
    }
    text
}

/// How far the step done again is the step that was recorded.
fn replayed(report: &StepDiagnosis) -> String {
    if report.replayed_loss == report.recorded_loss {
        return "was then".to_owned();
    }
    format!(
        "was {} then: another device or version rounds differently, so that the weights are only \
         close to those of then",
        words::value(report.recorded_loss.0)
    )
}

/// The places of the examples to show: outliers first, then the largest gradients.
fn worst(report: &StepDiagnosis, show: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (report.diagnosis.outliers.iter())
        .map(|outlier| outlier.place as usize)
        .collect();
    let mut others: Vec<(usize, f64)> = (report.measured.grad_norms.iter().enumerate())
        .filter(|(place, _)| !places.contains(place))
        .map(|(place, norm)| (place, norm.0))
        .collect();
    others.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    places.extend(others.into_iter().map(|(place, _)| place));
    places.truncate(show);
    places
}

fn outliers(report: &StepDiagnosis, show: usize) -> String {
    let head = [
        "example",
        "loss",
        "gradient norm",
        "of the median",
        "distance",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let value = |number: Option<&Number>| number.map_or("-".into(), |it| words::value(it.0));
    for place in worst(report, show) {
        let measured = &report.measured;
        let id = measured.ids.get(place).map(ToString::to_string);
        let outlier = (report.diagnosis.outliers.iter()).find(|it| it.place as usize == place);
        rows.push([
            id.unwrap_or_default(),
            value(measured.losses.get(place)),
            value(measured.grad_norms.get(place)),
            outlier.map_or("-".into(), |it| {
                format!("{} times", words::value(it.ratio.0))
            }),
            value(outlier.map(|it| &it.z)),
            outlier.map_or(String::new(), |it| reasons(&it.because)),
        ]);
    }
    table(&rows)
}

fn reasons(reasons: &[OutlierReason]) -> String {
    let words = reasons.iter().map(|reason| match reason {
        OutlierReason::NotFinite => "no finite number",
        OutlierReason::Ratio => "too many times the median",
        OutlierReason::Score => "too far from the others",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// How many numbers lie between which, in steps of equal ratio; what is not finite or not above 0
/// has lines of its own.
fn histogram(numbers: &[Number]) -> String {
    let positive = || {
        numbers
            .iter()
            .map(|it| it.0)
            .filter(|it| it.is_finite() && *it > 0.0)
    };
    let (least, most) = (
        positive().fold(f64::INFINITY, f64::min),
        positive().fold(0.0, f64::max),
    );
    let ratio = (most / least).ln() / BINS as f64;
    let bin = |number: f64| match ratio > 0.0 {
        true => (((number / least).ln() / ratio) as usize).min(BINS - 1),
        false => 0,
    };
    let mut counts = vec![0; if ratio > 0.0 { BINS } else { 1 }];
    for number in positive() {
        if let Some(count) = counts.get_mut(bin(number)) {
            *count += 1;
        }
    }
    let edge = |index: usize| words::value(least * (ratio * index as f64).exp());
    let mut lines: Vec<(String, u64)> = Vec::new();
    let zeros = numbers.iter().filter(|it| it.0 == 0.0).count() as u64;
    if zeros > 0 {
        lines.push(("0".to_owned(), zeros));
    }
    if most > 0.0 {
        let bins = counts.iter().enumerate();
        lines.extend(bins.map(|(index, count)| (format!("from {}", edge(index)), *count)));
    }
    let others = numbers.iter().filter(|it| !it.is_finite()).count() as u64;
    if others > 0 {
        lines.push(("not finite".to_owned(), others));
    }
    let highest = lines
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(1)
        .max(1);
    let rows = lines.into_iter().map(|(name, count)| {
        let bar = "\u{2588}".repeat((count * BAR).div_ceil(highest) as usize);
        [name, words::count(count), bar]
    });
    table(&rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_number_once() {
        // Powers of two from 1 to 1024: bins begin at each, and the last holds both ends.
        let powers: Vec<Number> = (0..=10)
            .map(|power| Number(f64::from(1 << power)))
            .collect();
        let text = histogram(&powers);
        let bar = "\u{2588}";
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), BINS, "{text}");
        assert_eq!(lines[0], format!("from 1.0000  1  {}", bar.repeat(20)));
        assert_eq!(lines[9], format!("from 512.00  2  {}", bar.repeat(40)));

        let odd = [0.0, f64::NAN, 3.0, 3.0, f64::INFINITY].map(Number);
        let expected = format!(
            "0            1  {}\nfrom 3.0000  2  {}\nnot finite   2  {}",
            bar.repeat(20),
            bar.repeat(40),
            bar.repeat(40)
        );
        assert_eq!(histogram(&odd), expected);
        assert_eq!(histogram(&[]), "");
    }
}
