//! Which classes are taken for which.

use kitchen_core::words::{count, counted, percent};
use web_sys::CanvasRenderingContext2d;

use crate::draw::canvas::Brush;
use crate::draw::image::Ramp;
use crate::draw::palette::{Palette, Rgb};
use crate::draw::shapes::{ASCENT, LINE, Measure, Rect, Text, Texts, Tone};

/// Which classes are taken for which.
#[derive(Clone, Debug, Default)]
pub struct Confusion<'a> {
    /// How often class `row` was taken for class `column`.
    pub counts: &'a [Vec<u64>],
    /// What classes are called; those beyond are numbered from 0.
    pub names: &'a [String],
}

/// A confusion in its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// One for each pair of classes, row by row.
    pub cells: Vec<Cell>,
    /// Everything written.
    pub texts: Vec<Text>,
}

/// How often one class was taken for one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Where it is.
    pub rect: Rect,
    /// Its colour: stronger for more, and another where the class was mistaken.
    pub colour: Rgb,
}

impl Confusion<'_> {
    fn name(&self, class: usize) -> String {
        self.names
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    }

    fn of(&self, row: usize, column: usize) -> u64 {
        self.counts
            .get(row)
            .and_then(|row| row.get(column))
            .copied()
            .unwrap_or(0)
    }
}

/// Puts a confusion into a picture of `width` by `height` CSS pixels.
pub fn layout(
    confusion: &Confusion<'_>,
    palette: &Palette,
    width: f64,
    height: f64,
    measure: Measure<'_>,
) -> Drawing {
    let mut texts = Texts::new(measure, width);
    let classes = confusion.counts.len();
    let longest = (0..classes)
        .map(|class| texts.measure(&confusion.name(class)))
        .fold(texts.measure("true"), f64::max);
    let left = longest.min(width * 0.3) + 8.0;
    let top = 2.0 * LINE + 2.0;
    let across = (width - left - 1.0).max(1.0) / classes.max(1) as f64;
    let down = (height - top - 1.0).max(1.0) / classes.max(1) as f64;
    // Cells a little wider than high still read as a table; more would not.
    let (across, down) = (across.min(down * 2.0), down.min(across));
    texts.put("true", left - 8.0, 2.0 * LINE - 3.0, 1.0, Tone::Quiet);
    let sides = (left, width);
    let middle = left + across * classes as f64 / 2.0;
    texts.put_within("predicted", middle, LINE - 4.0, sides, Tone::Quiet);
    let mut cells = Vec::with_capacity(classes * classes);
    let right = Ramp::new(palette.surface, palette.of_series(0));
    let wrong = Ramp::new(palette.surface, palette.of_series(1));
    for row in 0..classes {
        let total: u64 = (0..classes).map(|column| confusion.of(row, column)).sum();
        let y = top + down * row as f64;
        let baseline = y + down / 2.0 + ASCENT / 2.0 - 1.0;
        let name = texts.shortened(&confusion.name(row), left - 8.0);
        texts.put(&name, left - 8.0, baseline, 1.0, Tone::Ink);
        for column in 0..classes {
            let times = confusion.of(row, column);
            let x = left + across * column as f64;
            if row == 0 {
                let name = texts.shortened(&confusion.name(column), across - 4.0);
                texts.put(&name, x + across / 2.0, 2.0 * LINE - 3.0, 0.5, Tone::Ink);
            }
            // Mistakes are rare: their root brings them out.
            let share = times as f64 / total.max(1) as f64;
            let colour = match row == column {
                true => right.at(share * 0.9),
                false => wrong.at(share.sqrt() * 0.9),
            };
            let rect = Rect {
                left: x,
                top: y,
                width: across,
                height: down,
            };
            cells.push(Cell { rect, colour });
            let number = count(times);
            if times > 0 && texts.measure(&number) + 4.0 <= across && down >= ASCENT {
                let tone = Tone::On(colour.clearer(palette.ink, palette.surface));
                texts.put(&number, x + across / 2.0, baseline, 0.5, tone);
            }
        }
    }
    Drawing {
        width,
        height,
        cells,
        texts: texts.into_placed(),
    }
}

/// Puts a confusion on a canvas.
pub fn paint(
    drawing: &Drawing,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    device_pixel_ratio: f64,
) {
    let size = (drawing.width, drawing.height);
    let brush = Brush::begin(context, palette, device_pixel_ratio, size);
    brush.pen(palette.grid, 1.0, 1.0, &[]);
    for cell in &drawing.cells {
        brush.fill(cell.colour, 1.0);
        brush.rect(cell.rect);
        brush.frame(cell.rect);
    }
    brush.texts(&drawing.texts);
}

/// The most mistakes told in words.
const TOLD: usize = 3;

/// A confusion in words.
pub fn describe(confusion: &Confusion<'_>) -> String {
    let classes = confusion.counts.len();
    let pairs = || (0..classes).flat_map(|row| (0..classes).map(move |column| (row, column)));
    let total: u64 = pairs().map(|(row, column)| confusion.of(row, column)).sum();
    if total == 0 {
        return "Confusion of classes: nothing measured yet.".to_owned();
    }
    let right: u64 = (0..classes).map(|class| confusion.of(class, class)).sum();
    let mut mistakes: Vec<(u64, usize, usize)> = pairs()
        .filter(|(row, column)| row != column)
        .map(|(row, column)| (confusion.of(row, column), row, column))
        .filter(|(times, ..)| *times > 0)
        .collect();
    mistakes.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let told: Vec<String> = mistakes
        .iter()
        .take(TOLD)
        .map(|(times, row, column)| {
            let (true_name, taken) = (confusion.name(*row), confusion.name(*column));
            format!("{true_name} taken for {taken} {}", counted(*times, "time"))
        })
        .collect();
    let most = if told.is_empty() {
        String::new()
    } else {
        format!("; most often {}", told.join(", "))
    };
    format!(
        "Confusion of {classes} classes over {}: {} right{most}.",
        counted(total, "example"),
        percent(right as f64 / total as f64),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::draw::palette::{DARK, LIGHT};
    use crate::draw::shapes::tests::measure;

    fn names() -> Vec<String> {
        ["setosa", "versicolor", "virginica"]
            .map(str::to_owned)
            .to_vec()
    }

    const COUNTS: [[u64; 3]; 3] = [[50, 0, 0], [0, 44, 6], [0, 3, 47]];

    #[test]
    fn in_words() {
        let counts = COUNTS.map(Vec::from);
        let names = names();
        let confusion = Confusion {
            counts: &counts,
            names: &names,
        };
        assert_eq!(
            describe(&confusion),
            "Confusion of 3 classes over 150 examples: 94.0 % right; most often versicolor taken for \
             virginica 6 times, virginica taken for versicolor 3 times."
        );
        assert!(describe(&Confusion::default()).contains("nothing measured"));
    }

    #[test]
    fn counts_stand_in_their_cells() {
        let counts = COUNTS.map(Vec::from);
        let names = names();
        let confusion = Confusion {
            counts: &counts,
            names: &names,
        };
        let drawing = layout(&confusion, &LIGHT, 400.0, 340.0, &measure);
        assert_eq!(drawing.cells.len(), 9);
        let six = drawing
            .texts
            .iter()
            .find(|text| text.content == "6")
            .unwrap();
        assert!(drawing.cells[5].rect.overlaps(&six.rect()));
        assert!(
            !drawing.texts.iter().any(|text| text.content == "0"),
            "nothing is not counted"
        );
    }

    #[test]
    fn counts_can_be_read_on_every_colour() {
        for palette in [LIGHT, DARK] {
            let counts: Vec<Vec<u64>> = (0..12)
                .map(|row| (0..12).map(|column| (row * 13 + column * 7) % 40).collect())
                .collect();
            let confusion = Confusion {
                counts: &counts,
                names: &[],
            };
            let drawing = layout(&confusion, &palette, 700.0, 700.0, &measure);
            for text in &drawing.texts {
                let Tone::On(colour) = text.tone else {
                    continue;
                };
                let behind = drawing
                    .cells
                    .iter()
                    .find(|cell| cell.rect.overlaps(&text.rect()));
                let contrast = colour.contrast(behind.unwrap().colour);
                assert!(contrast >= 4.5, "{text:?} has {contrast:.2}");
            }
        }
    }

    #[test]
    fn any_shape_is_survived() {
        let ragged = [vec![1], vec![], vec![0, 0, 0, 9]];
        for (counts, size) in [(&ragged[..], 300.0), (&ragged[..], 1.0), (&[][..], 300.0)] {
            let confusion = Confusion { counts, names: &[] };
            let drawing = layout(&confusion, &LIGHT, size, size, &measure);
            assert_eq!(drawing.cells.len(), counts.len() * counts.len());
        }
    }
}
