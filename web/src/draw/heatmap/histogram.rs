//! How often values occur: of activations, gradients and weights.

use kitchen_core::words::{count, counted, percent};
use web_sys::CanvasRenderingContext2d;

use crate::draw::canvas::Brush;
use crate::draw::numbers::value;
use crate::draw::palette::Palette;
use crate::draw::shapes::{LINE, Measure, Rect, Text, Texts, Tone};

/// How often values occur.
#[derive(Clone, Debug, Default)]
pub struct Histogram<'a> {
    /// What was counted.
    pub title: String,
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// How many values lie in each of as many equal parts of the range.
    pub counts: &'a [u64],
    /// How many were NaN or infinite.
    pub not_finite: u64,
}

/// A histogram in its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// What the bars stand on.
    pub floor: f64,
    /// One for each part of the range that has values.
    pub bars: Vec<Rect>,
    /// Where 0 is, if it is in the range.
    pub zero: Option<f64>,
    /// Everything written.
    pub texts: Vec<Text>,
}

/// Puts a histogram into a picture of `width` by `height` CSS pixels.
pub fn layout(histogram: &Histogram<'_>, width: f64, height: f64, measure: Measure<'_>) -> Drawing {
    let mut texts = Texts::new(measure, width);
    let title = texts.shortened(&histogram.title, width);
    texts.put(&title, 0.0, LINE - 5.0, 0.0, Tone::Quiet);
    let (top, floor) = (LINE + 4.0, (height - LINE).max(LINE + 5.0));
    let most = histogram.counts.iter().copied().max().unwrap_or(0);
    let part = width / histogram.counts.len().max(1) as f64;
    let bars = histogram
        .counts
        .iter()
        .enumerate()
        .filter(|(_, times)| **times > 0)
        .map(|(index, times)| {
            // A single value among millions still has its bar.
            let height = ((floor - top) * *times as f64 / most as f64).max(1.0);
            Rect {
                left: part * index as f64,
                top: floor - height,
                width: (part - 1.0).max(part * 0.8),
                height,
            }
        })
        .collect();
    let span = histogram.high - histogram.low;
    let has_zero = histogram.low <= 0.0 && histogram.high >= 0.0 && span > 0.0;
    let zero = has_zero.then(|| width * -histogram.low / span);
    let baseline = height - 4.0;
    if most == 0 {
        let middle = (top + floor) / 2.0;
        texts.put_within(
            "nothing counted yet",
            width / 2.0,
            middle,
            (0.0, width),
            Tone::Quiet,
        );
    } else {
        texts.put(&value(histogram.low), 0.0, baseline, 0.0, Tone::Quiet);
        texts.put(&value(histogram.high), width, baseline, 1.0, Tone::Quiet);
    }
    if let Some(zero) = zero {
        texts.put_within("0", zero, baseline, (0.0, width), Tone::Quiet);
    }
    if histogram.not_finite > 0 {
        let lost = format!("{} not finite", count(histogram.not_finite));
        texts.put(&lost, width, LINE - 5.0, 1.0, Tone::Warn);
    }
    Drawing {
        width,
        height,
        floor,
        bars,
        zero,
        texts: texts.into_placed(),
    }
}

/// Puts a histogram on a canvas, in the colour of a curve.
pub fn paint(
    drawing: &Drawing,
    colour: usize,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    device_pixel_ratio: f64,
) {
    let size = (drawing.width, drawing.height);
    let brush = Brush::begin(context, palette, device_pixel_ratio, size);
    brush.fill(palette.of_series(colour), 1.0);
    for bar in &drawing.bars {
        brush.rect(*bar);
    }
    let floor = brush.snap(drawing.floor);
    brush.pen(palette.quiet, 0.7, 1.0, &[]);
    brush.line([(0.0, floor), (drawing.width, floor)]);
    if let Some(zero) = drawing.zero {
        let x = brush.snap(zero);
        brush.pen(palette.ink, 0.9, 1.0, &[3.0, 2.0]);
        brush.line([(x, LINE + 2.0), (x, drawing.floor + 3.0)]);
    }
    brush.texts(&drawing.texts);
}

/// A histogram in words.
pub fn describe(histogram: &Histogram<'_>) -> String {
    let total: u64 = histogram.counts.iter().sum();
    let lost = match histogram.not_finite {
        0 => String::new(),
        lost => format!("; {} not finite", counted(lost, "value")),
    };
    let Some(fullest) = (0..histogram.counts.len())
        .max_by_key(|index| (histogram.counts[*index], usize::MAX - index))
        .filter(|_| total > 0)
    else {
        return format!("{}: nothing counted yet{lost}.", histogram.title);
    };
    let edge = |index: usize| {
        let share = index as f64 / histogram.counts.len() as f64;
        value(histogram.low + (histogram.high - histogram.low) * share)
    };
    format!(
        "{}: {} from {} to {}, {} of them between {} and {}{lost}.",
        histogram.title,
        counted(total, "value"),
        value(histogram.low),
        value(histogram.high),
        percent(histogram.counts[fullest] as f64 / total as f64),
        edge(fullest),
        edge(fullest + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::shapes::tests::measure;

    fn histogram(low: f64, high: f64, counts: &[u64], not_finite: u64) -> Histogram<'_> {
        Histogram {
            title: "gradients".to_owned(),
            low,
            high,
            counts,
            not_finite,
        }
    }

    #[test]
    fn bars_are_as_high_as_their_counts() {
        let drawing = layout(
            &histogram(-1.0, 3.0, &[1, 0, 1_000_000, 500_000], 0),
            200.0,
            121.0,
            &measure,
        );
        let sizes: Vec<(f64, f64)> = drawing
            .bars
            .iter()
            .map(|bar| (bar.left, bar.height))
            .collect();
        // From LINE + 4 to 121 - LINE there are 83 pixels.
        assert_eq!(sizes, [(0.0, 1.0), (100.0, 83.0), (150.0, 41.5)]);
        assert_eq!(drawing.zero, Some(50.0));
        let texts: Vec<&str> = drawing
            .texts
            .iter()
            .map(|text| text.content.as_str())
            .collect();
        assert_eq!(texts, ["gradients", "-1", "3", "0"]);
    }

    #[test]
    fn zero_is_shown_only_where_it_is() {
        assert_eq!(
            layout(&histogram(0.5, 3.0, &[1, 2], 0), 200.0, 100.0, &measure).zero,
            None
        );
        assert_eq!(
            layout(&histogram(0.0, 0.0, &[7], 0), 200.0, 100.0, &measure).zero,
            None
        );
    }

    #[test]
    fn in_words() {
        let table = [
            (
                histogram(-1.0, 1.0, &[10, 60, 20, 10], 3),
                "gradients: 100 values from -1 to 1, 60.0 % of them between -0.5 and 0; 3 values not finite.",
            ),
            (
                histogram(0.0, 0.0, &[], 0),
                "gradients: nothing counted yet.",
            ),
            (
                histogram(0.0, 0.0, &[0, 0], 5),
                "gradients: nothing counted yet; 5 values not finite.",
            ),
        ];
        for (histogram, expected) in table {
            assert_eq!(describe(&histogram), expected);
        }
        let drawing = layout(&histogram(0.0, 0.0, &[], 2), 200.0, 100.0, &measure);
        assert!(
            drawing
                .texts
                .iter()
                .any(|text| text.content == "2 not finite")
        );
    }
}
