//! Where each line and word of a chart goes.

use super::axis::{Axis, Stride};
use super::columns::{Column, columns, count_shown};
use super::drawing::{Band, Dot, Drawing, Pattern, Range, Stroke};
use super::{Chart, Curve, SEGMENTS, Scale, legend, marks};
use crate::draw::numbers;
use crate::draw::shapes::{ASCENT, LINE, Measure, Rect, Texts, Tone};

/// Room for the numbers beside the vertical axis, so that charts above each other agree.
const BESIDE: f64 = 44.0;
/// Room to the right of the newest point.
const AFTER: f64 = 12.0;
/// Room for marks below the axis.
const RAIL: f64 = 12.0;
/// Points this far apart are seen one by one.
const APART: f64 = 9.0;

/// Puts a chart into a picture of `width` by `height` CSS pixels.
pub fn layout(chart: &Chart<'_>, width: f64, height: f64, measure: Measure<'_>) -> Drawing {
    let mut texts = Texts::new(measure, width);
    let mut drawing = Drawing {
        width,
        height,
        ..Drawing::default()
    };
    let top = legend::place(chart, (width, height), &mut texts, &mut drawing.swatches) + 4.0;
    let rail = if chart.marks.is_empty() { 2.0 } else { RAIL };
    let bottom = (height - LINE - rail).max(top + 1.0);
    match Shown::of(chart, width) {
        Ok(shown) => {
            let values = Axis::around(chart.scale, shown.low, shown.high).along(bottom, top);
            place_values(chart, &values, &mut drawing, &mut texts);
            place_steps(chart, shown.steps, &values, &mut drawing, &mut texts);
            for (curve, columns) in chart.curves.iter().zip(&shown.columns) {
                place_curve(chart, curve, columns, &values, &mut drawing);
            }
        }
        Err(reason) => {
            drawing.plot = plot(BESIDE.min(width * 0.4), top, width, bottom);
            let middle = drawing.plot.left + drawing.plot.width / 2.0;
            let sides = (4.0, width - 4.0);
            texts.put_within(
                reason,
                middle,
                (top + bottom) / 2.0 + 4.0,
                sides,
                Tone::Quiet,
            );
        }
    }
    drawing.texts = texts.into_placed();
    drawing
}

fn plot(left: f64, top: f64, width: f64, bottom: f64) -> Rect {
    Rect {
        left,
        top,
        width: (width - AFTER - left).max(1.0),
        height: bottom - top,
    }
}

/// What of the curves is in view.
struct Shown {
    steps: (u64, u64),
    low: f64,
    high: f64,
    /// Of each curve.
    columns: Vec<Vec<Column>>,
}

impl Shown {
    /// Errors with why there is nothing to see.
    fn of(chart: &Chart<'_>, width: f64) -> Result<Self, &'static str> {
        let Some(steps) = chart.shown_steps() else {
            let lost = chart
                .curves
                .iter()
                .any(|curve| curve.points.not_finite() > 0);
            return Err(if lost {
                "no finite value yet"
            } else {
                "no step yet"
            });
        };
        let needs: Vec<usize> = chart
            .curves
            .iter()
            .map(|curve| count_shown(curve.points, steps))
            .collect();
        // Each column costs one segment of a line and two of a band's outline.
        let budget = (SEGMENTS / 3).saturating_sub(4 * needs.len());
        let most = fair_share(&needs, budget).min((width * 1.5).max(2.0) as usize);
        let columns: Vec<Vec<Column>> = chart
            .curves
            .iter()
            .map(|curve| columns(curve.points, chart.smoothing, steps, most))
            .collect();
        let inside = |column: &&Column| column.is_within(steps);
        let values = columns
            .iter()
            .flatten()
            .filter(inside)
            .flat_map(|column| [column.min, column.line, column.max])
            .chain(
                chart
                    .at_least
                    .into_iter()
                    .flat_map(|(low, high)| [low, high]),
            )
            .filter(|value| value.is_finite() && (chart.scale == Scale::Linear || *value > 0.0));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let any_inside = columns.iter().flatten().any(|column| inside(&column));
        match chart.scale {
            _ if !any_inside => Err("nothing was measured in these steps"),
            Scale::Log if low > high => Err("no value above 0"),
            _ => Ok(Self {
                steps,
                low,
                high,
                columns,
            }),
        }
    }
}

/// The most that each may have so that all together have at most `total`: those who need less leave
/// it to the others.
fn fair_share(needs: &[usize], total: usize) -> usize {
    let mut sorted = needs.to_vec();
    sorted.sort_unstable();
    let mut left = total;
    for (index, need) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - index);
        if *need > share {
            return share;
        }
        left -= need;
    }
    sorted.last().copied().unwrap_or(0)
}

/// The vertical axis, with values to compare with.
fn place_values(chart: &Chart<'_>, values: &Axis, drawing: &mut Drawing, texts: &mut Texts<'_>) {
    let (bottom, top) = (values.start, values.end);
    let ticks = values.ticks(((bottom - top) / 30.0) as usize, chart.unit);
    let widest = ticks
        .iter()
        .map(|(_, name)| texts.measure(name))
        .fold(0.0, f64::max);
    let left = (widest + 10.0).max(BESIDE).min(drawing.width * 0.5);
    drawing.plot = plot(left, top, drawing.width, bottom);
    for (value, name) in &ticks {
        let y = values.place(*value);
        if texts.put(name, left - 6.0, y + 4.0, 1.0, Tone::Quiet) {
            drawing.across.push(y);
        }
    }
    for guide in &chart.guides {
        let y = values.place(guide.value);
        if (top..=bottom).contains(&y) {
            drawing.guides.push(y);
            let label = texts.shortened(&guide.label, drawing.plot.width - 8.0);
            let right = drawing.plot.right() - 4.0;
            let fits_above = y - 4.0 - ASCENT > top;
            let _ = (fits_above && texts.put(&label, right, y - 4.0, 1.0, Tone::Quiet))
                || texts.put(&label, right, y + LINE - 4.0, 1.0, Tone::Quiet);
        }
    }
}

/// The horizontal axis, with marks and the cursor.
fn place_steps(
    chart: &Chart<'_>,
    (from, to): (u64, u64),
    values: &Axis,
    drawing: &mut Drawing,
    texts: &mut Texts<'_>,
) {
    let plot = drawing.plot;
    // A single step lies in the middle.
    let room = if to > from { 0.0 } else { 1.0 };
    let axis = Axis {
        scale: Scale::Linear,
        low: from as f64 - room,
        high: to as f64 + room,
        start: plot.left,
        end: plot.right(),
    };
    drawing.steps = Some(axis);
    let baseline = drawing.height - 4.0;
    marks::place(chart, drawing, texts);
    marks::place_cursor(chart, drawing, values, baseline, texts);
    texts.put("step", plot.left - 8.0, baseline, 1.0, Tone::Quiet);
    let widest = texts.measure(&numbers::step(to)).max(texts.measure("0000"));
    let most = (plot.width / (widest + 24.0)).max(1.0);
    let stride = Stride::at_least(((to - from) as f64 / most).max(1.0));
    let sides = (plot.left - 4.0, drawing.width - 1.0);
    for tick in stride.within(from as f64, to as f64) {
        let x = axis.place(tick);
        let name = numbers::step(tick.max(0.0) as u64);
        if texts.put_within(&name, x, baseline, sides, Tone::Quiet) {
            drawing.ticks.push(x);
        }
    }
}

/// A column in its place.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    top: f64,
    bottom: f64,
}

impl Place {
    fn towards(self, other: Self, x: f64) -> Self {
        let share = (x - self.x) / (other.x - self.x);
        let between = |from: f64, to: f64| from + (to - from) * share;
        Self {
            x,
            y: between(self.y, other.y),
            top: between(self.top, other.top),
            bottom: between(self.bottom, other.bottom),
        }
    }
}

fn place_curve(
    chart: &Chart<'_>,
    curve: &Curve<'_>,
    columns: &[Column],
    values: &Axis,
    drawing: &mut Drawing,
) {
    let Some(steps) = drawing.steps else { return };
    let place = |column: &Column| {
        // Beyond the plot is far enough for what cannot be shown.
        let height = |value: f64| match values.place(value) {
            y if y.is_finite() => y.clamp(values.end - 1e4, values.start + 1e4),
            _ => values.start + 1e4,
        };
        Place {
            x: steps.place(column.step),
            y: height(column.line),
            top: height(column.max),
            bottom: height(column.min),
        }
    };
    let has_place = |value: f64| chart.scale == Scale::Linear || value > 0.0;
    let pattern = Pattern::of(curve.colour, curve.dashed);
    let has_band = chart.smoothing > 0.0 || columns.iter().any(|column| column.max > column.min);
    if has_band {
        for run in runs(columns, |column| has_place(column.max)) {
            let places = cut_off(run.iter().map(place).collect(), &drawing.plot);
            let ranges = places.iter().map(|place| Range {
                x: place.x,
                top: place.top,
                bottom: place.bottom,
            });
            let ranges: Vec<Range> = ranges.collect();
            if !ranges.is_empty() {
                drawing.bands.push(Band {
                    colour: curve.colour,
                    ranges,
                });
            }
        }
    }
    let spaced = columns.len() as f64 * APART < drawing.plot.width;
    for run in runs(columns, |column| has_place(column.line)) {
        let places: Vec<Place> = run.iter().map(place).collect();
        if places.len() == 1 || spaced {
            let inside = places
                .iter()
                .filter(|place| is_inside(place, &drawing.plot));
            drawing.dots.extend(inside.map(|place| Dot {
                colour: curve.colour,
                x: place.x,
                y: place.y,
                radius: 2.5,
            }));
        }
        let places = cut_off(places, &drawing.plot);
        let points: Vec<(f64, f64)> = places.iter().map(|place| (place.x, place.y)).collect();
        if !points.is_empty() {
            drawing.lines.push(Stroke {
                colour: curve.colour,
                pattern,
                points,
            });
        }
    }
}

/// Unbroken stretches of columns that can be shown.
fn runs<'c>(
    columns: &'c [Column],
    can_be_shown: impl Fn(&Column) -> bool + 'c,
) -> impl Iterator<Item = &'c [Column]> {
    columns
        .split(move |column| !can_be_shown(column))
        .filter(|run| !run.is_empty())
}

fn is_inside(place: &Place, plot: &Rect) -> bool {
    (plot.left - 0.5..=plot.right() + 0.5).contains(&place.x)
}

/// Points beyond the sides are moved to where the line crosses them: canvases draw wrong what lies
/// millions of pixels away.
fn cut_off(mut places: Vec<Place>, plot: &Rect) -> Vec<Place> {
    if let [first, second, ..] = &mut places[..]
        && first.x < plot.left
        && second.x > plot.left
    {
        *first = first.towards(*second, plot.left);
    }
    if let [.., second, last] = &mut places[..]
        && last.x > plot.right()
        && second.x < plot.right()
    {
        *last = last.towards(*second, plot.right());
    }
    if let [alone] = places[..]
        && !is_inside(&alone, plot)
    {
        places.clear();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_fair() {
        let table: [(&[usize], usize, usize); 5] = [
            (&[2000], 1333, 1333),
            (&[2000, 10], 1333, 1323),
            (&[2000, 2000], 1332, 666),
            (&[5, 7], 1333, 7),
            (&[], 1333, 0),
        ];
        for (needs, total, expected) in table {
            assert_eq!(fair_share(needs, total), expected, "{needs:?}");
        }
    }
}
