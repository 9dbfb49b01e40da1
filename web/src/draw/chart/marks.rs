//! Steps where something happened, and the step that a person points at.

use kitchen_core::words::count;

use super::drawing::{Dot, Drawing, MarkShape, Upright, UprightKind};
use super::{Chart, MarkKind};
use crate::draw::shapes::{ASCENT, LINE, Texts, Tone};

/// Marks closer than this are one.
const APART: f64 = 5.0;

/// Marks below the axis; those that people look for reach through the plot, with their labels.
pub(crate) fn place(chart: &Chart<'_>, drawing: &mut Drawing, texts: &mut Texts<'_>) {
    let mut shapes: Vec<MarkShape> = Vec::new();
    let found = chart.marks.iter().enumerate().filter_map(|(index, mark)| {
        let x = drawing.place_of(mark.step)?;
        Some(MarkShape {
            x,
            kind: mark.kind,
            index,
        })
    });
    let mut found: Vec<MarkShape> = found.collect();
    // The important ones find their places first.
    found.sort_by(|a, b| b.kind.cmp(&a.kind).then(b.x.total_cmp(&a.x)));
    for shape in found {
        if shapes
            .iter()
            .all(|other| (other.x - shape.x).abs() >= APART)
        {
            shapes.push(shape);
        }
    }
    let sides = (drawing.plot.left + 2.0, drawing.plot.right());
    for shape in shapes
        .iter()
        .filter(|shape| shape.kind != MarkKind::Checkpoint)
    {
        drawing.uprights.push(Upright {
            x: shape.x,
            kind: UprightKind::Mark,
        });
        if let Some(mark) = chart.marks.get(shape.index) {
            let baseline = drawing.plot.top + ASCENT + 2.0;
            let label = texts.shortened(&mark.label, drawing.plot.width / 3.0);
            // One line lower, a label that is in another's way may find room.
            let _ = texts.put_within(&label, shape.x, baseline, sides, Tone::Quiet)
                || texts.put_within(&label, shape.x, baseline + LINE, sides, Tone::Quiet);
        }
    }
    shapes.sort_by(|a, b| a.x.total_cmp(&b.x));
    drawing.marks = shapes;
}

/// The step that the model stands at, and the one that a person points at: a line, and a dot on
/// each curve. The step is named among the ticks, at `baseline`.
pub(crate) fn place_cursor(
    chart: &Chart<'_>,
    drawing: &mut Drawing,
    values: &super::axis::Axis,
    baseline: f64,
    texts: &mut Texts<'_>,
) {
    let lines = [
        (chart.current, UprightKind::Current),
        (chart.cursor, UprightKind::Cursor),
    ];
    for (step, kind) in lines {
        let Some((step, x)) = step.and_then(|step| Some((step, drawing.place_of(step)?))) else {
            continue;
        };
        drawing.uprights.push(Upright { x, kind });
        let name = format!("step {}", count(step));
        let sides = (drawing.plot.left, drawing.width - 2.0);
        texts.put_within(&name, x, baseline, sides, Tone::Ink);
    }
    let Some(step) = chart.cursor else { return };
    for (index, curve) in chart.curves.iter().enumerate() {
        let Some(reading) = chart.value_at(index, step) else {
            continue;
        };
        let middle = f64::midpoint(reading.first as f64, reading.last as f64);
        let place = drawing.steps.map(|axis| axis.place(middle));
        let y = values.place(reading.shown);
        if let Some(x) = place.filter(|_| y.is_finite()) {
            drawing.dots.push(Dot {
                colour: curve.colour,
                x,
                y,
                radius: 3.5,
            });
        }
    }
}
