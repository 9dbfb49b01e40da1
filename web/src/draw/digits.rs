//! Small grey images, such as digits, with what the model makes of them.

use kitchen_core::words::counted;
use web_sys::CanvasRenderingContext2d;

use super::canvas::Brush;
use super::image::{Image, Ramp};
use super::palette::Palette;
use super::shapes::{LINE, Measure, Rect, Text, Texts, Tone};

/// A small grey image.
#[derive(Clone, Debug, Default)]
pub struct Thumbnail<'a> {
    /// Pixels from left to right.
    pub columns: usize,
    /// Pixels from top to bottom.
    pub rows: usize,
    /// How much ink each has, from 0 to 1, row by row from the top.
    pub pixels: &'a [f32],
    /// What stands below it, such as `7` or `7 for 1`.
    pub caption: String,
    /// Whether the model is right about it; absent where it was not asked.
    pub is_right: Option<bool>,
}

/// Thumbnails side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// The width of the whole.
    pub width: f64,
    /// The height of the whole.
    pub height: f64,
    /// Where each image is, in their order.
    pub tiles: Vec<Rect>,
    /// Everything written.
    pub texts: Vec<Text>,
}

/// From one image to the next.
const GAP: f64 = 10.0;

/// The image in the page's text colour on its background, a pixel for each of its own.
pub fn image(thumbnail: &Thumbnail<'_>, palette: &Palette) -> Image {
    let ramp = Ramp::new(palette.surface, palette.ink);
    Image::from_fn(thumbnail.columns, thumbnail.rows, |column, row| {
        let pixel = thumbnail.pixels.get(row * thumbnail.columns + column);
        ramp.at(f64::from(pixel.copied().unwrap_or(0.0)))
    })
}

/// Puts images of `side` CSS pixels into rows of at most `width`; the sheet is as high as they need.
pub fn layout(thumbnails: &[Thumbnail<'_>], width: f64, side: f64, measure: Measure<'_>) -> Sheet {
    let mut texts = Texts::new(measure, width);
    let across = ((width - GAP / 2.0) / (side + GAP)).floor().max(1.0) as usize;
    let down = side + LINE + GAP;
    let mut tiles = Vec::with_capacity(thumbnails.len());
    for (index, thumbnail) in thumbnails.iter().enumerate() {
        let tile = Rect {
            left: GAP / 2.0 + (side + GAP) * (index % across) as f64,
            top: GAP / 2.0 + down * (index / across) as f64,
            width: side,
            height: side,
        };
        let caption = texts.shortened(&thumbnail.caption, side + GAP - 6.0);
        let middle = tile.left + side / 2.0;
        let tone = if thumbnail.is_right == Some(false) {
            Tone::Warn
        } else {
            Tone::Ink
        };
        texts.put(&caption, middle, tile.bottom() + LINE - 2.0, 0.5, tone);
        tiles.push(tile);
    }
    Sheet {
        width,
        height: down * thumbnails.len().div_ceil(across) as f64 + GAP / 2.0,
        tiles,
        texts: texts.into_placed(),
    }
}

/// Puts images on a canvas of the sheet's size. What is wrong has a broken frame and a cross, so that
/// colour is not all that tells it.
pub fn paint(
    thumbnails: &[Thumbnail<'_>],
    sheet: &Sheet,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    device_pixel_ratio: f64,
) {
    let size = (sheet.width, sheet.height);
    let brush = Brush::begin(context, palette, device_pixel_ratio, size);
    for (thumbnail, tile) in thumbnails.iter().zip(&sheet.tiles) {
        if thumbnail.columns > 0 && thumbnail.rows > 0 {
            brush.image(&image(thumbnail, palette), *tile, false);
        }
        match thumbnail.is_right {
            None => brush.pen(palette.grid, 1.0, 1.0, &[]),
            Some(true) => brush.pen(palette.good, 1.0, 2.0, &[]),
            Some(false) => brush.pen(palette.warn, 1.0, 2.0, &[5.0, 3.0]),
        }
        brush.frame(*tile);
        if thumbnail.is_right == Some(false) {
            let (x, y) = (tile.right() - 4.0, tile.top + 4.0);
            brush.fill(palette.surface, 1.0);
            brush.disc(x, y, 7.0);
            brush.pen(palette.warn, 1.0, 2.0, &[]);
            brush.line([(x - 4.0, y - 4.0), (x + 4.0, y + 4.0)]);
            brush.line([(x - 4.0, y + 4.0), (x + 4.0, y - 4.0)]);
        }
    }
    brush.texts(&sheet.texts);
}

/// The images in words.
pub fn describe(thumbnails: &[Thumbnail<'_>]) -> String {
    let asked = thumbnails.iter().filter_map(|thumbnail| thumbnail.is_right);
    let wrong: Vec<&str> = thumbnails
        .iter()
        .filter(|thumbnail| thumbnail.is_right == Some(false))
        .map(|thumbnail| thumbnail.caption.as_str())
        .collect();
    let all = counted(thumbnails.len() as u64, "image");
    match (asked.count(), wrong.len()) {
        (0, _) => {
            let captions = thumbnails
                .iter()
                .map(|thumbnail| thumbnail.caption.as_str());
            let captions: Vec<&str> = captions.filter(|caption| !caption.is_empty()).collect();
            if captions.is_empty() {
                format!("{all}.")
            } else {
                format!("{all}: {}.", captions.join(", "))
            }
        }
        (_, 0) => format!("{all}, all right."),
        (_, number) => format!("{all}, {number} wrong: {}.", wrong.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::{DARK, LIGHT};
    use crate::draw::shapes::tests::measure;

    fn thumbnail<'a>(pixels: &'a [f32], caption: &str, is_right: Option<bool>) -> Thumbnail<'a> {
        Thumbnail {
            columns: 2,
            rows: 2,
            pixels,
            caption: caption.to_owned(),
            is_right,
        }
    }

    #[test]
    fn ink_is_ink_on_dark_too() {
        for palette in [LIGHT, DARK] {
            let image = image(&thumbnail(&[0.0, 1.0, f32::NAN], "", None), &palette);
            assert_eq!(image.pixel(0, 0), Some(palette.surface));
            assert_eq!(image.pixel(1, 0), Some(palette.ink));
            assert_eq!(image.pixel(0, 1), Some(palette.surface));
            assert_eq!(image.pixel(1, 1), Some(palette.surface), "too few pixels");
        }
    }

    #[test]
    fn rows_are_filled() {
        let thumbnails: Vec<_> = (0..5).map(|_| thumbnail(&[], "7 for 1", None)).collect();
        let sheet = layout(&thumbnails, 175.0, 50.0, &measure);
        let tops: Vec<f64> = sheet.tiles.iter().map(|tile| tile.top).collect();
        assert_eq!(tops, [5.0, 5.0, 82.0, 82.0, 159.0]);
        assert_eq!(sheet.height, 3.0 * 77.0 + 5.0);
        assert_eq!(sheet.texts.len(), 5);
        assert_eq!(layout(&[], 175.0, 50.0, &measure).tiles, []);
        assert_eq!(layout(&thumbnails, 1.0, 50.0, &measure).tiles.len(), 5);
    }

    #[test]
    fn in_words() {
        let (right, wrong) = (Some(true), Some(false));
        let table = [
            (
                vec![thumbnail(&[], "7", None), thumbnail(&[], "1", None)],
                "2 images: 7, 1.",
            ),
            (vec![thumbnail(&[], "7", right)], "1 image, all right."),
            (
                vec![thumbnail(&[], "7", right), thumbnail(&[], "8 for 3", wrong)],
                "2 images, 1 wrong: 8 for 3.",
            ),
            (vec![], "0 images."),
        ];
        for (thumbnails, expected) in table {
            assert_eq!(describe(&thumbnails), expected);
        }
    }
}
