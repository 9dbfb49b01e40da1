//! Strokes of a pen as an image, made the way the digits of the data set were made.

/// How many times finer the bitmap is than the image, in each direction: each pixel tells how much
/// of its block is inked, as in the digits of Alpaydin and Kaynak (1998), whose 8x8 images count
/// the inked dots of a 32x32 bitmap.
const FINE: usize = 4;

/// The radius of the pen, as a share of the larger side of the drawing.
const PEN: f32 = 0.06;

/// What was drawn: strokes of points, in any unit, `y` downwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    strokes: Vec<Vec<[f32; 2]>>,
}

impl Drawing {
    /// Puts the pen down.
    pub fn pen_down(&mut self, at: [f32; 2]) {
        self.strokes.push(vec![at]);
    }

    /// Moves the pen, which is down.
    pub fn pen_to(&mut self, at: [f32; 2]) {
        if let Some(stroke) = self.strokes.last_mut() {
            stroke.push(at);
        }
    }

    /// Whether nothing was drawn.
    pub fn is_empty(&self) -> bool {
        self.strokes.is_empty()
    }

    /// The strokes.
    pub fn strokes(&self) -> &[Vec<[f32; 2]>] {
        &self.strokes
    }

    /// The drawing as `height` rows of `width` grey values from 0 to 1, moved to the middle and
    /// scaled to fill the image, as the examples do. All 0 where nothing was drawn.
    pub fn image(&self, width: usize, height: usize) -> Vec<f32> {
        let mut image = vec![0.0; width * height];
        let Some(frame) = self.frame(width, height) else {
            return image;
        };
        let dot = 1.0 / (FINE * FINE) as f32;
        for fine_y in 0..height * FINE {
            for fine_x in 0..width * FINE {
                let at = frame.place(fine_x, fine_y);
                if self.is_inked(at, frame.pen) {
                    image[fine_y / FINE * width + fine_x / FINE] += dot;
                }
            }
        }
        image
    }

    /// Where the drawing lies, if there is one.
    fn frame(&self, width: usize, height: usize) -> Option<Frame> {
        let points = || self.strokes.iter().flatten();
        let bounds = |axis: usize| {
            let low = points().map(|point| point[axis]).reduce(f32::min)?;
            let high = points().map(|point| point[axis]).reduce(f32::max)?;
            Some((low, high))
        };
        let ((left, right), (top, bottom)) = (bounds(0)?, bounds(1)?);
        // A dot has no size; it is shown as if it were a short stroke.
        let side = (right - left).max(bottom - top).max(1.0);
        let pen = PEN * side;
        let fits = |length: f32, dots: usize| (length + 2.0 * pen) / (dots * FINE) as f32;
        let dot = fits(right - left, width).max(fits(bottom - top, height));
        Some(Frame {
            left: (left + right) / 2.0 - dot * (width * FINE) as f32 / 2.0,
            top: (top + bottom) / 2.0 - dot * (height * FINE) as f32 / 2.0,
            dot,
            pen,
        })
    }

    fn is_inked(&self, at: [f32; 2], pen: f32) -> bool {
        let near = |a: [f32; 2], b: [f32; 2]| distance_squared(at, a, b) <= pen * pen;
        self.strokes.iter().any(|stroke| match stroke.as_slice() {
            [point] => near(*point, *point),
            points => points.windows(2).any(|pair| near(pair[0], pair[1])),
        })
    }
}

/// Where the bitmap lies over the drawing.
struct Frame {
    left: f32,
    top: f32,
    dot: f32,
    pen: f32,
}

impl Frame {
    /// The middle of a dot, in the unit of the drawing.
    fn place(&self, x: usize, y: usize) -> [f32; 2] {
        [
            self.left + (x as f32 + 0.5) * self.dot,
            self.top + (y as f32 + 0.5) * self.dot,
        ]
    }
}

/// The square of the distance from `at` to the line from `a` to `b`.
fn distance_squared(at: [f32; 2], a: [f32; 2], b: [f32; 2]) -> f32 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let to = [at[0] - a[0], at[1] - a[1]];
    let length_squared = along[0] * along[0] + along[1] * along[1];
    let share = if length_squared > 0.0 {
        ((to[0] * along[0] + to[1] * along[1]) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let off = [to[0] - share * along[0], to[1] - share * along[1]];
    off[0] * off[0] + off[1] * off[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(points: &[[f32; 2]]) -> Drawing {
        Drawing {
            strokes: vec![points.to_vec()],
        }
    }

    /// The image as text, from blank to full.
    fn shades(drawing: &Drawing) -> String {
        let rows = drawing.image(8, 8);
        let shade = |value: &f32| [' ', '.', 'o', '#'][(value * 3.0).round() as usize];
        let row = |row: &[f32]| row.iter().map(shade).collect::<String>();
        rows.chunks(8).map(row).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn nothing_drawn_is_nothing_inked() {
        assert_eq!(Drawing::default().image(8, 8), [0.0; 64]);
    }

    #[test]
    fn an_upright_line_fills_the_height_and_stands_in_the_middle() {
        let line = shades(&stroke(&[[50.0, 10.0], [50.0, 90.0]]));
        let inked: Vec<&str> = line.split('|').collect();
        assert_eq!(inked.len(), 8);
        for row in &inked {
            assert_eq!(&row[..3], "   ", "{line}");
            assert_eq!(&row[5..], "   ", "{line}");
            assert_ne!(row.trim(), "", "{line}");
        }
    }

    #[test]
    fn neither_place_nor_size_matters() {
        let small = stroke(&[[3.0, 4.0], [7.0, 4.0], [7.0, 12.0]]);
        let large = stroke(&[[130.0, 40.0], [170.0, 40.0], [170.0, 120.0]]);
        assert_eq!(small.image(8, 8), large.image(8, 8));
    }

    #[test]
    fn a_dot_is_a_dot_in_the_middle() {
        let image = stroke(&[[10.0, 10.0]]).image(8, 8);
        assert!(image[3 * 8 + 3] > 0.0 && image[0] == 0.0, "{image:?}");
    }

    #[test]
    fn shades_run_from_nothing_to_one() {
        let ring: Vec<[f32; 2]> = (0..=40)
            .map(|turn| (turn as f32 / 40.0 * std::f32::consts::TAU).sin_cos())
            .map(|(sine, cosine)| [100.0 * cosine, 100.0 * sine])
            .collect();
        let image = stroke(&ring).image(8, 8);
        assert!(image.iter().all(|grey| (0.0..=1.0).contains(grey)));
        assert!(image[3 * 8 + 3] == 0.0, "a zero is hollow: {image:?}");
    }
}
