//! A matrix as colours: weights around 0, attention from 0 up.

use kitchen_core::words::{count, counted};
use web_sys::CanvasRenderingContext2d;

use crate::draw::canvas::Brush;
use crate::draw::image::{Image, Ramp};
use crate::draw::numbers::value;
use crate::draw::palette::Palette;
use crate::draw::shapes::{LINE, Measure, Rect, Text, Texts, Tone};

/// A matrix.
#[derive(Clone, Debug, Default)]
pub struct Matrix<'a> {
    /// What it is.
    pub title: String,
    /// From top to bottom.
    pub rows: usize,
    /// From left to right.
    pub columns: usize,
    /// Row by row from the top.
    pub values: &'a [f32],
    /// What the values are.
    pub kind: MatrixKind,
}

/// What the values of a matrix are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatrixKind {
    /// Weights: the first curve's colour above 0, the second's below.
    #[default]
    Signed,
    /// Shares, such as attention: the first curve's colour, stronger for more.
    Shares,
}

/// A matrix in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// Where the matrix is.
    pub picture: Rect,
    /// Where the strip is that shows which colour is which value.
    pub key: Rect,
    /// The values at the key's ends.
    pub range: (f64, f64),
    /// Everything written.
    pub texts: Vec<Text>,
}

/// The most pixels a side: larger matrices show the value furthest from 0 of neighbours.
const SIDE: usize = 1024;

/// The matrix as a picture, a pixel for each value. What is not finite has the palette's warning
/// colour.
pub fn image(matrix: &Matrix<'_>, palette: &Palette) -> Image {
    let (low, high) = range(matrix);
    let above = Ramp::new(palette.surface, palette.of_series(0));
    let below = Ramp::new(palette.surface, palette.of_series(1));
    let step = |length: usize| length.div_ceil(SIDE).max(1);
    let (down, along) = (step(matrix.rows), step(matrix.columns));
    let size = (matrix.columns.div_ceil(along), matrix.rows.div_ceil(down));
    Image::from_fn(size.0, size.1, |column, row| {
        let rows = row * down..((row + 1) * down).min(matrix.rows);
        let columns = column * along..((column + 1) * along).min(matrix.columns);
        let cells = rows.flat_map(|row| {
            let columns = columns.clone();
            columns.filter_map(move |column| matrix.values.get(row * matrix.columns + column))
        });
        let furthest = cells.map(|cell| f64::from(*cell)).reduce(|a, b| {
            if a.is_nan() || a.abs() >= b.abs() {
                a
            } else {
                b
            }
        });
        match furthest {
            None => palette.surface,
            Some(value) if !value.is_finite() => palette.warn,
            Some(value) if value < 0.0 => below.at(value / low),
            Some(value) => above.at(value / high),
        }
    })
}

/// The values at the ends of the colours: as far to both sides for weights.
fn range(matrix: &Matrix<'_>) -> (f64, f64) {
    let finite = || {
        let values = matrix.values.iter().map(|value| f64::from(*value));
        values.filter(|value| value.is_finite())
    };
    let size = finite().map(f64::abs).fold(0.0, f64::max);
    // A matrix of zeros has no colour at all.
    let size = if size > 0.0 { size } else { 1.0 };
    match matrix.kind {
        MatrixKind::Signed => (-size, size),
        MatrixKind::Shares => (0.0, size),
    }
}

/// Puts a matrix into a picture of `width` by `height` CSS pixels: square cells, unless it is so long
/// or so high that little would be left of it.
pub fn layout(matrix: &Matrix<'_>, width: f64, height: f64, measure: Measure<'_>) -> Drawing {
    let mut texts = Texts::new(measure, width);
    let (low, high) = range(matrix);
    let room = (width, (height - 2.0 * LINE - 6.0).max(1.0));
    let top = LINE + 2.0;
    let title = format!("{}, {}", matrix.title, size(matrix));
    texts.put(
        &texts.shortened(&title, width),
        0.0,
        LINE - 5.0,
        0.0,
        Tone::Quiet,
    );
    let cell = (room.0 / matrix.columns.max(1) as f64).min(room.1 / matrix.rows.max(1) as f64);
    let picture = Rect {
        left: 0.0,
        top,
        width: (cell * matrix.columns as f64).max(room.0 * 0.5),
        height: (cell * matrix.rows as f64).max(room.1 * 0.5),
    };
    let baseline = picture.bottom() + LINE;
    let (low_name, high_name) = (value(low), value(high));
    let left = texts.measure(&low_name) + 6.0;
    let key = Rect {
        left,
        top: baseline - 9.0,
        width: (width - left - texts.measure(&high_name) - 6.0).clamp(1.0, 120.0),
        height: 9.0,
    };
    texts.put(&low_name, 0.0, baseline, 0.0, Tone::Quiet);
    texts.put(&high_name, key.right() + 6.0, baseline, 0.0, Tone::Quiet);
    Drawing {
        width,
        height,
        picture,
        key,
        range: (low, high),
        texts: texts.into_placed(),
    }
}

/// Puts a matrix on a canvas.
pub fn paint(
    matrix: &Matrix<'_>,
    drawing: &Drawing,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    device_pixel_ratio: f64,
) {
    let size = (drawing.width, drawing.height);
    let brush = Brush::begin(context, palette, device_pixel_ratio, size);
    if !matrix.values.is_empty() {
        brush.image(&image(matrix, palette), drawing.picture, false);
    }
    let steps: Vec<f32> = (0..=64)
        .map(|step| {
            let (low, high) = drawing.range;
            (low + (high - low) * f64::from(step) / 64.0) as f32
        })
        .collect();
    let key = Matrix {
        rows: 1,
        columns: steps.len(),
        values: &steps,
        ..matrix.clone()
    };
    brush.image(&image(&key, palette), drawing.key, false);
    brush.pen(palette.quiet, 0.5, 1.0, &[]);
    brush.frame(drawing.picture);
    brush.frame(drawing.key);
    brush.texts(&drawing.texts);
}

/// A matrix in words.
pub fn describe(matrix: &Matrix<'_>) -> String {
    let finite: Vec<f64> = matrix
        .values
        .iter()
        .map(|value| f64::from(*value))
        .filter(|value| value.is_finite())
        .collect();
    let lost = matrix.values.len() - finite.len();
    let low = finite.iter().copied().reduce(f64::min);
    let high = finite.iter().copied().reduce(f64::max);
    let mut text = format!("{}, {}", matrix.title, size(matrix));
    if let (Some(low), Some(high)) = (low, high) {
        let mean = finite.iter().sum::<f64>() / finite.len() as f64;
        text += &format!(
            ": from {} to {}, {} on average",
            value(low),
            value(high),
            value(mean)
        );
    }
    if lost > 0 {
        text += &format!("; {} not finite", counted(lost as u64, "value"));
    }
    text + "."
}

fn size(matrix: &Matrix<'_>) -> String {
    format!(
        "{} by {}",
        count(matrix.rows as u64),
        count(matrix.columns as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::LIGHT;
    use crate::draw::shapes::tests::measure;

    fn matrix(rows: usize, columns: usize, values: &[f32], kind: MatrixKind) -> Matrix<'_> {
        Matrix {
            title: "weights".to_owned(),
            rows,
            columns,
            values,
            kind,
        }
    }

    #[test]
    fn colours_leave_zero_to_both_sides() {
        let image = image(
            &matrix(2, 2, &[0.0, 0.5, -0.5, f32::NAN], MatrixKind::Signed),
            &LIGHT,
        );
        let expected = [LIGHT.surface, LIGHT.series[0], LIGHT.series[1], LIGHT.warn];
        let found = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(column, row)| image.pixel(column, row));
        assert_eq!(found, expected.map(Some));
    }

    #[test]
    fn one_weight_of_a_large_matrix_is_seen() {
        let mut values = vec![0.001; 3000 * 2];
        values[4001] = -1.0;
        let image = image(&matrix(3000, 2, &values, MatrixKind::Signed), &LIGHT);
        assert_eq!((image.width, image.height), (2, 1000));
        assert_eq!(image.pixel(1, 666), Some(LIGHT.series[1]));
    }

    #[test]
    fn the_key_says_what_the_ends_are() {
        let table = [
            (MatrixKind::Signed, &[0.1, -0.25][..], (-0.25, 0.25)),
            (MatrixKind::Shares, &[0.1, 0.5][..], (0.0, 0.5)),
            (MatrixKind::Signed, &[0.0, 0.0][..], (-1.0, 1.0)),
            (
                MatrixKind::Shares,
                &[f32::NAN, f32::INFINITY][..],
                (0.0, 1.0),
            ),
        ];
        for (kind, values, expected) in table {
            assert_eq!(range(&matrix(1, 2, values, kind)), expected, "{values:?}");
        }
    }

    #[test]
    fn cells_are_square_unless_that_leaves_little() {
        let side = |rows, columns| {
            let drawing = layout(
                &matrix(rows, columns, &[], MatrixKind::Signed),
                400.0,
                340.0,
                &measure,
            );
            (
                drawing.picture.width.round(),
                drawing.picture.height.round(),
            )
        };
        assert_eq!(side(10, 10), (300.0, 300.0));
        assert_eq!(side(10, 20), (400.0, 200.0));
        assert_eq!(side(1000, 10), (200.0, 300.0));
        assert_eq!(side(0, 0), (200.0, 150.0));
    }

    #[test]
    fn in_words() {
        let text = describe(&matrix(
            2,
            2,
            &[0.5, -0.25, 0.05, f32::NAN],
            MatrixKind::Signed,
        ));
        assert_eq!(
            text,
            "weights, 2 by 2: from -0.25 to 0.5, 0.1 on average; 1 value not finite."
        );
        assert_eq!(
            describe(&matrix(0, 0, &[], MatrixKind::Signed)),
            "weights, 0 by 0."
        );
    }
}
