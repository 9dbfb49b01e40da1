//! What a model makes of the plane: whose place is where, how sure it is, and the examples.

use kitchen_core::words::{count, counted, percent};
use web_sys::CanvasRenderingContext2d;

use super::canvas::Brush;
use super::image::{Image, Ramp};
use super::palette::Palette;
use super::shapes::Rect;

/// What a model makes of the square from `-extent` to `extent`, both ways.
#[derive(Clone, Debug, Default)]
pub struct Plane<'a> {
    /// After which step.
    pub step: u64,
    /// Cells from left to right and from bottom to top.
    pub size: usize,
    /// How far the square reaches from its middle.
    pub extent: f32,
    /// The likeliest class of each cell, row by row from the bottom.
    pub classes: &'a [u32],
    /// How likely that class is.
    pub confidence: &'a [f32],
    /// What classes are called; those beyond are numbered.
    pub names: &'a [String],
    /// Examples.
    pub points: &'a [Point],
}

/// An example in the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From left to right.
    pub x: f32,
    /// From bottom to top.
    pub y: f32,
    /// Its class.
    pub class: u32,
    /// Whether it is held out for validation: drawn as a ring.
    pub held_out: bool,
}

/// A point in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// From the left, in CSS pixels.
    pub x: f64,
    /// From the top, in CSS pixels.
    pub y: f64,
    /// Its class.
    pub class: usize,
    /// Whether it is a ring.
    pub is_ring: bool,
}

/// The colour of a class, paler where the model is less sure; a pixel for each cell.
pub fn image(plane: &Plane<'_>, palette: &Palette) -> Image {
    let classes = plane
        .classes
        .iter()
        .max()
        .map_or(2, |most| *most as usize + 1);
    // One likelihood for each class is as good as guessing.
    let guess = 1.0 / classes.max(2) as f64;
    let ramps: Vec<Ramp> = (0..classes.min(palette.classes.len()))
        .map(|class| Ramp::new(palette.surface, palette.of_class(class)))
        .collect();
    Image::from_fn(plane.size, plane.size, |column, row| {
        let cell = (plane.size - 1 - row) * plane.size + column;
        let (Some(class), Some(likely)) = (plane.classes.get(cell), plane.confidence.get(cell))
        else {
            return palette.surface;
        };
        let certainty = (f64::from(*likely) - guess) / (1.0 - guess);
        if certainty.is_nan() {
            return palette.surface;
        }
        // The points on top have the full colour, and stand out from the surest cell.
        ramps[*class as usize % ramps.len()].at(0.08 + 0.5 * certainty.clamp(0.0, 1.0))
    })
}

/// The points, in a square of `side` CSS pixels; without those outside.
pub fn dots(plane: &Plane<'_>, side: f64) -> Vec<Dot> {
    let extent = f64::from(plane.extent);
    let share = |value: f32| (f64::from(value) / extent + 1.0) / 2.0;
    plane
        .points
        .iter()
        .map(|point| Dot {
            x: share(point.x) * side,
            y: (1.0 - share(point.y)) * side,
            class: point.class as usize,
            is_ring: point.held_out,
        })
        .filter(|dot| (0.0..=side).contains(&dot.x) && (0.0..=side).contains(&dot.y))
        .collect()
}

/// Puts the plane on a canvas of `side` by `side` CSS pixels.
pub fn paint(
    plane: &Plane<'_>,
    context: &CanvasRenderingContext2d,
    palette: &Palette,
    side: f64,
    device_pixel_ratio: f64,
) {
    let brush = Brush::begin(context, palette, device_pixel_ratio, (side, side));
    let whole = Rect {
        left: 0.0,
        top: 0.0,
        width: side,
        height: side,
    };
    if plane.size > 0 {
        brush.image(&image(plane, palette), whole, true);
    }
    // Smaller where there are many, so that the surface stays visible.
    let radius = (side / 90.0).clamp(2.0, 4.0);
    for dot in dots(plane, side) {
        let colour = palette.of_class(dot.class);
        brush.fill(palette.surface, 1.0);
        brush.disc(dot.x, dot.y, radius + 1.2);
        if dot.is_ring {
            brush.pen(colour, 1.0, 1.8, &[]);
            brush.ring(dot.x, dot.y, radius - 0.4);
        } else {
            brush.fill(colour, 1.0);
            brush.disc(dot.x, dot.y, radius);
        }
    }
}

/// The plane in words.
pub fn describe(plane: &Plane<'_>) -> String {
    let held_out = plane.points.iter().filter(|point| point.held_out).count() as u64;
    let train = plane.points.len() as u64 - held_out;
    let examples = format!(
        "{} to train on (filled) and {} held out (rings)",
        counted(train, "example"),
        count(held_out)
    );
    if plane.classes.is_empty() {
        return format!("Decision surface: not drawn yet; {examples}.");
    }
    let most = plane.classes.iter().max().map_or(0, |most| *most);
    let cells = plane.classes.len() as f64;
    let shares: Vec<String> = (0..=most)
        .map(|class| {
            let own = plane
                .classes
                .iter()
                .filter(|other| **other == class)
                .count();
            let name = plane
                .names
                .get(class as usize)
                .map_or_else(|| format!("class {}", class + 1), Clone::clone);
            format!("{name} has {}", percent(own as f64 / cells))
        })
        .collect();
    let sure: f64 = plane
        .confidence
        .iter()
        .map(|likely| f64::from(*likely))
        .sum();
    format!(
        "Decision surface after {}: of the plane, {}; {} sure on average; {examples}.",
        counted(plane.step, "step"),
        shares.join(", "),
        percent(sure / plane.confidence.len().max(1) as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::{LIGHT, Rgb};

    fn plane<'a>(classes: &'a [u32], confidence: &'a [f32], points: &'a [Point]) -> Plane<'a> {
        Plane {
            step: 300,
            size: 2,
            extent: 1.0,
            classes,
            confidence,
            names: &[],
            points,
        }
    }

    const POINTS: [Point; 3] = [
        Point {
            x: -1.0,
            y: -1.0,
            class: 0,
            held_out: false,
        },
        Point {
            x: 0.5,
            y: 0.5,
            class: 1,
            held_out: true,
        },
        Point {
            x: 1.5,
            y: 0.0,
            class: 1,
            held_out: false,
        },
    ];

    /// Rows come from the bottom, pixels from the top.
    #[test]
    fn sure_cells_have_the_classs_colour_and_guesses_hardly_any() {
        let image = image(
            &plane(&[0, 1, 1, 0], &[1.0, 1.0, 0.5, f32::NAN], &[]),
            &LIGHT,
        );
        let mixed = |class: usize, share: f64| LIGHT.surface.mix(LIGHT.classes[class], share);
        let near = |found: Option<Rgb>, expected: Rgb| {
            let Some(found) = found else { return false };
            found
                .0
                .abs_diff(expected.0)
                .max(found.1.abs_diff(expected.1))
                <= 2
        };
        assert!(near(image.pixel(0, 1), mixed(0, 0.58)), "bottom left");
        assert!(near(image.pixel(1, 1), mixed(1, 0.58)), "bottom right");
        assert!(near(image.pixel(0, 0), mixed(1, 0.08)), "top left");
        assert_eq!(image.pixel(1, 0), Some(LIGHT.surface));
        assert_eq!(image.pixel(2, 0), None);
    }

    #[test]
    fn points_lie_where_they_belong() {
        let dots = dots(&plane(&[], &[], &POINTS), 200.0);
        let places: Vec<(f64, f64, bool)> =
            dots.iter().map(|dot| (dot.x, dot.y, dot.is_ring)).collect();
        assert_eq!(places, [(0.0, 200.0, false), (150.0, 50.0, true)]);
    }

    #[test]
    fn in_words() {
        assert_eq!(
            describe(&plane(&[0, 1, 1, 1], &[1.0, 0.9, 0.8, 0.5], &POINTS)),
            "Decision surface after 300 steps: of the plane, class 1 has 25.0 %, class 2 has 75.0 %; \
             80.0 % sure on average; 2 examples to train on (filled) and 1 held out (rings)."
        );
        assert!(describe(&plane(&[], &[], &[])).contains("not drawn yet"));
    }

    #[test]
    fn too_few_cells_are_survived() {
        let image = image(&plane(&[3], &[0.9], &[]), &LIGHT);
        assert_eq!(image.rgba.len(), 16);
        assert_eq!(super::image(&Plane::default(), &LIGHT).rgba.len(), 0);
    }
}
