//! The names of curves with their values, and what else is to be known.

use kitchen_core::words::counted;

use super::drawing::{Pattern, SWATCH, Swatch};
use super::{Chart, Scale};
use crate::draw::shapes::{ASCENT, LINE, Texts, Tone};

/// Room at the sides.
const MARGIN: f64 = 6.0;
/// From the sample of a line to its name.
const GAP: f64 = 6.0;
/// From one name to the next sample.
const BETWEEN: f64 = 14.0;

/// Puts the legend at the top, and returns where it ends.
pub(crate) fn place(
    chart: &Chart<'_>,
    (width, height): (f64, f64),
    texts: &mut Texts<'_>,
    swatches: &mut Vec<Swatch>,
) -> f64 {
    let most_rows = if height < 140.0 { 1 } else { 3 };
    let right = width - MARGIN;
    let mut row = 0;
    let mut x = MARGIN;
    let title = texts.shortened(&chart.title, right - x);
    if !title.is_empty() {
        texts.put(&title, x, baseline(row), 0.0, Tone::Quiet);
        x += texts.measure(&title) + BETWEEN;
    }
    for (index, curve) in chart.curves.iter().enumerate() {
        let text = entry(chart, index);
        // A number that gains a digit must not push the others to the next line.
        let name = texts.measure(&curve.name) + texts.measure(" 0.00000");
        let needed = SWATCH + GAP + texts.measure(&text).max(name);
        if x + needed > right && x > MARGIN {
            if row + 1 == most_rows {
                let more = format!("+{} more", chart.curves.len() - index);
                texts.put(&more, right, baseline(row), 1.0, Tone::Quiet);
                break;
            }
            row += 1;
            x = MARGIN;
        }
        let shortened = texts.shortened(&text, right - x - SWATCH - GAP);
        if texts.put(&shortened, x + SWATCH + GAP, baseline(row), 0.0, Tone::Ink) {
            swatches.push(Swatch {
                left: x,
                y: baseline(row) - 4.0,
                colour: curve.colour,
                pattern: Pattern::of(curve.colour, curve.dashed),
            });
        }
        x += needed + BETWEEN;
    }
    for note in notes(chart) {
        row += 1;
        let shortened = texts.shortened(&note, right - MARGIN);
        texts.put(&shortened, MARGIN, baseline(row), 0.0, Tone::Warn);
    }
    baseline(row) + LINE - ASCENT
}

fn baseline(row: usize) -> f64 {
    2.0 + ASCENT + row as f64 * LINE
}

/// A curve's name and value: where the cursor is, or else the newest.
fn entry(chart: &Chart<'_>, index: usize) -> String {
    let curve = &chart.curves[index];
    let value = match chart.cursor {
        Some(step) => chart.value_at(index, step).map(|reading| reading.shown),
        None => curve.points.last().map(|(_, value)| value),
    };
    let value = value.map_or_else(|| "\u{2013}".to_owned(), |value| chart.unit.write(value));
    format!("{} {value}", curve.name).trim_start().to_owned()
}

/// What the curves cannot show.
pub(crate) fn notes(chart: &Chart<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let lost: u64 = chart
        .curves
        .iter()
        .map(|curve| curve.points.not_finite())
        .sum();
    if lost > 0 {
        let was = if lost == 1 { "was" } else { "were" };
        notes.push(format!("{} {was} NaN or infinite", counted(lost, "value")));
    }
    let below = || {
        let lowest = chart.curves.iter().filter_map(|curve| curve.points.range());
        lowest.map(|(low, _)| low).any(|low| low <= 0.0)
    };
    if chart.scale == Scale::Log && below() {
        notes.push("values of 0 and below have no place on a logarithmic axis".to_owned());
    }
    notes
}
