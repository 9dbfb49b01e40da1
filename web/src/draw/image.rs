//! Pictures made of pixels.

use super::palette::Rgb;

/// A picture made of pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Red, green, blue and opacity of each, row by row from the top.
    pub rgba: Vec<u8>,
}

impl Image {
    /// The picture of `width` by `height` pixels that has `colour(column, row)` in each place.
    pub fn from_fn(
        width: usize,
        height: usize,
        mut colour: impl FnMut(usize, usize) -> Rgb,
    ) -> Self {
        let mut rgba = Vec::with_capacity(width * height * 4);
        for row in 0..height {
            for column in 0..width {
                let Rgb(r, g, b) = colour(column, row);
                rgba.extend([r, g, b, 255]);
            }
        }
        Self {
            width,
            height,
            rgba,
        }
    }

    /// The colour of a pixel.
    pub fn pixel(&self, column: usize, row: usize) -> Option<Rgb> {
        let start = (row * self.width + column) * 4;
        match self.rgba.get(start..start + 3)? {
            [r, g, b] if column < self.width => Some(Rgb(*r, *g, *b)),
            _ => None,
        }
    }
}

/// Steps of a ramp: more than the eye tells apart.
const STEPS: usize = 256;

/// Colours on the way from one to another, made once for many pixels.
#[derive(Clone, Debug)]
pub struct Ramp(Vec<Rgb>);

impl Ramp {
    /// From one colour to another.
    pub fn new(from: Rgb, to: Rgb) -> Self {
        let share = |step: usize| step as f64 / (STEPS - 1) as f64;
        Self((0..STEPS).map(|step| from.mix(to, share(step))).collect())
    }

    /// The colour a `share` of the way; the ends beyond them.
    pub fn at(&self, share: f64) -> Rgb {
        // A NaN is cast to 0.
        let step = (share.clamp(0.0, 1.0) * (STEPS - 1) as f64).round() as usize;
        self.0[step.min(STEPS - 1)]
    }
}
