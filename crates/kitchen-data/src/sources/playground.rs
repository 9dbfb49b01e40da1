//! Points in the plane, drawn from a shape.

use std::f64::consts::{PI, TAU};

use kitchen_types::config::{PlaygroundConfig, PlaygroundShape};
use kitchen_types::ports::{DataError, Splits};
use kitchen_types::random::{Generator, Key};

use crate::features::{FeatureInputs, FeatureTargets, Features};
use crate::limits;
use crate::split::hold_out;
use crate::words::{ColumnWords, Words, variant_name};

pub(crate) fn open(config: &PlaygroundConfig, seed: u64) -> Result<Splits, DataError> {
    if !(2..=limits::EXAMPLES).contains(&config.samples) {
        return Err(DataError::new(
            "data.samples",
            format!("{} points cannot be drawn", config.samples),
            format!("use a number from 2 to {}", limits::EXAMPLES),
        ));
    }
    if !(0.0..=10.0).contains(&config.noise) {
        return Err(DataError::new(
            "data.noise",
            format!("{} is not an amount of noise", config.noise),
            "use a number from 0 to 10; 0.05 is a little, 0.5 hides the shape",
        ));
    }
    let mut rng = Key::new(seed).purpose("data/playground").rng();
    let mut inputs = Vec::with_capacity(2 * config.samples);
    let mut classes = Vec::with_capacity(config.samples);
    for sample in 0..config.samples {
        let class = sample as u32 % 2;
        let (x, y) = point(config.shape, class, &mut rng);
        let mut noisy = |value: f64| (value + config.noise * rng.normal()) as f32;
        inputs.extend([noisy(x), noisy(y)]);
        classes.push(class);
    }
    let halves = hold_out(config.samples, Some(&classes), config.validation, seed)?;
    let features = Features {
        shape: vec![2],
        inputs: FeatureInputs::Floats(inputs),
        targets: FeatureTargets::Classes {
            names: vec!["blue".into(), "orange".into()],
            of_row: classes,
        },
        words: Words::Columns {
            columns: vec![ColumnWords::plain("x"), ColumnWords::plain("y")],
            target: ColumnWords::plain("class"),
        },
    };
    let name = variant_name(&config.shape);
    let source = format!(
        "{} points of two classes: {name}, noise {}",
        config.samples, config.noise
    );
    Ok(features.split(halves, source, Vec::new()))
}

/// A point of `class` (0 or 1) without noise, within -1 and 1 both ways.
fn point(shape: PlaygroundShape, class: u32, rng: &mut Generator) -> (f64, f64) {
    let side = if class == 0 { -1.0 } else { 1.0 };
    match shape {
        // One and three quarters of a turn, the second arm half a turn behind.
        PlaygroundShape::Spirals => {
            let radius = rng.uniform();
            let angle = 1.75 * TAU * radius + PI * f64::from(class);
            (radius * angle.sin(), radius * angle.cos())
        }
        // As scikit-learn's `make_moons`, moved and scaled into the square.
        PlaygroundShape::Moons => {
            let angle = PI * rng.uniform();
            let (x, y) = match class {
                0 => (angle.cos(), angle.sin()),
                _ => (1.0 - angle.cos(), 0.5 - angle.sin()),
            };
            ((x - 0.5) / 1.5, (y - 0.25) / 1.5)
        }
        // The root spreads points evenly over an area rather than along the radius.
        PlaygroundShape::Circles => {
            let (inner, outer) = if class == 0 { (0.0, 0.5) } else { (0.7, 1.0) };
            let radius = rng
                .uniform()
                .mul_add(outer * outer - inner * inner, inner * inner)
                .sqrt();
            let angle = TAU * rng.uniform();
            (radius * angle.cos(), radius * angle.sin())
        }
        // A gap along the axes, so that without noise no point is on a border.
        PlaygroundShape::Xor => {
            let x = rng.uniform().mul_add(0.95, 0.05);
            let y = rng.uniform().mul_add(0.95, 0.05);
            let flip = if rng.below(2) == 0 { -1.0 } else { 1.0 };
            (flip * x, side * flip * y)
        }
        PlaygroundShape::Gaussians => {
            let spread = 0.15;
            (
                side * 0.5 + spread * rng.normal(),
                side * 0.5 + spread * rng.normal(),
            )
        }
    }
}
