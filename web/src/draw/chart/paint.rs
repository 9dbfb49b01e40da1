//! A chart on a canvas.

use web_sys::CanvasRenderingContext2d;

use super::MarkKind;
use super::drawing::{Drawing, MarkShape, SWATCH, Upright, UprightKind};
use crate::draw::canvas::Brush;
use crate::draw::palette::Palette;
use crate::draw::shapes::Rect;

/// Lines of more points than this are drawn as three thin ones.
const LONG: usize = 100;

/// Puts a chart on a canvas of [`Drawing::width`] by [`Drawing::height`] CSS pixels.
pub fn paint(
    drawing: &Drawing,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    device_pixel_ratio: f64,
) {
    let size = (drawing.width, drawing.height);
    let brush = Brush::begin(context, palette, device_pixel_ratio, size);
    paint_axes(drawing, &brush);
    // Lines at the edges keep their width, and points theirs.
    let room = Rect {
        left: drawing.plot.left - 1.0,
        top: drawing.plot.top - 3.0,
        width: drawing.plot.width + 5.0,
        height: drawing.plot.height + 4.0,
    };
    brush.within(room, || paint_curves(drawing, &brush));
    for upright in &drawing.uprights {
        paint_upright(upright, drawing, &brush);
    }
    for mark in &drawing.marks {
        paint_mark(mark, drawing.plot.bottom() + 6.0, &brush);
    }
    for swatch in &drawing.swatches {
        let colour = palette.of_series(swatch.colour);
        brush.pen(colour, 1.0, 2.5, swatch.pattern.lengths());
        brush.line([(swatch.left, swatch.y), (swatch.left + SWATCH, swatch.y)]);
    }
    brush.texts(&drawing.texts);
}

fn paint_axes(drawing: &Drawing, brush: &Brush<'_>) {
    let plot = drawing.plot;
    brush.pen(brush.palette().grid, 1.0, 1.0, &[]);
    for y in &drawing.across {
        let y = brush.snap(*y);
        brush.line([(plot.left, y), (plot.right(), y)]);
    }
    let bottom = brush.snap(plot.bottom());
    brush.pen(brush.palette().quiet, 0.7, 1.0, &[]);
    brush.line([(plot.left, bottom), (plot.right(), bottom)]);
    for x in &drawing.ticks {
        let x = brush.snap(*x);
        brush.line([(x, bottom), (x, bottom + 3.0)]);
    }
    brush.pen(brush.palette().quiet, 0.8, 1.0, &[2.0, 4.0]);
    for y in &drawing.guides {
        let y = brush.snap(*y);
        brush.line([(plot.left, y), (plot.right(), y)]);
    }
}

fn paint_curves(drawing: &Drawing, brush: &Brush<'_>) {
    for band in &drawing.bands {
        let colour = brush.palette().of_series(band.colour);
        brush.fill(colour, 0.16);
        // The outline keeps a spike of a single pixel visible.
        brush.pen(colour, 0.4, 0.8, &[]);
        let tops = band.ranges.iter().map(|range| (range.x, range.top));
        let bottoms = band.ranges.iter().map(|range| (range.x, range.bottom));
        brush.area(tops.chain(bottoms.rev()));
    }
    for line in &drawing.lines {
        let colour = brush.palette().of_series(line.colour);
        // Browsers draw lines of one pixel many times faster than wider ones.
        let is_long = line.points.len() > LONG && brush.ratio() < 1.5;
        let (width, shifts): (f64, &[(f64, f64)]) = match is_long {
            true => (1.0, &[(-0.35, -0.2), (0.35, -0.2), (0.0, 0.4)]),
            false => (1.75, &[(0.0, 0.0)]),
        };
        brush.pen(colour, 1.0, width, line.pattern.lengths());
        for (right, down) in shifts {
            brush.line(line.points.iter().map(|(x, y)| (x + right, y + down)));
        }
    }
    for dot in &drawing.dots {
        brush.fill(brush.palette().surface, 1.0);
        brush.disc(dot.x, dot.y, dot.radius + 1.0);
        brush.fill(brush.palette().of_series(dot.colour), 1.0);
        brush.disc(dot.x, dot.y, dot.radius);
    }
}

fn paint_upright(upright: &Upright, drawing: &Drawing, brush: &Brush<'_>) {
    let palette = brush.palette();
    let (top, bottom) = (drawing.plot.top, drawing.plot.bottom());
    let x = brush.snap(upright.x);
    match upright.kind {
        UprightKind::Mark => brush.pen(palette.quiet, 0.45, 1.0, &[3.0, 3.0]),
        UprightKind::Cursor => brush.pen(palette.quiet, 1.0, 1.0, &[]),
        UprightKind::Current => {
            brush.fill(palette.ink, 1.0);
            brush.shape([(x - 5.0, top - 3.0), (x + 5.0, top - 3.0), (x, top + 5.0)]);
            brush.pen(palette.ink, 1.0, 1.5, &[]);
        }
    }
    brush.line([(x, top), (x, bottom)]);
}

/// Every kind has a shape of its own.
fn paint_mark(mark: &MarkShape, y: f64, brush: &Brush<'_>) {
    let (x, palette) = (mark.x, brush.palette());
    match mark.kind {
        MarkKind::Checkpoint => {
            brush.fill(palette.quiet, 1.0);
            brush.disc(x, y, 2.5);
        }
        MarkKind::Branch => {
            brush.pen(palette.ink, 1.0, 1.5, &[]);
            brush.line([(x - 4.0, y - 4.0), (x, y), (x, y + 4.0)]);
            brush.line([(x + 4.0, y - 4.0), (x, y)]);
        }
        MarkKind::Best => {
            brush.fill(palette.good, 1.0);
            brush.shape(star(x, y, 5.5));
        }
    }
}

fn star(x: f64, y: f64, radius: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..10).map(move |corner| {
        let angle = f64::from(corner) * std::f64::consts::PI / 5.0;
        let radius = if corner % 2 == 0 {
            radius
        } else {
            radius * 0.45
        };
        (x + radius * angle.sin(), y - radius * angle.cos())
    })
}
