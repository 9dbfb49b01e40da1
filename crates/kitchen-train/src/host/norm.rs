//! Layer normalisation (Ba et al. 2016) and root-mean-square normalisation (Zhang and Sennrich
//! 2019).

use burn::tensor::Tensor;
use kitchen_types::config::Norm as Kind;
use rayon::prelude::*;

use super::activation::shape_of;
use super::{Array, array, contiguous, floats, math, record, tracked};

/// Rows in a block.
const ROWS: usize = 128;

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias` for each row, the variance over the
/// whole width; RMSNorm leaves the mean where it is.
pub(crate) fn norm(
    kind: Kind,
    x: &Tensor<2>,
    weight: &Tensor<1>,
    bias: Option<&Tensor<1>>,
    epsilon: f64,
) -> Option<Tensor<2>> {
    let (x, weight) = (tracked(x)?, tracked(weight)?);
    let bias = match bias {
        Some(bias) => Some(tracked(bias)?),
        None => None,
    };
    let rows = Rows::new(kind, contiguous(&x), contiguous(&weight), epsilon as f32)?;
    let output = rows.forward(bias.as_ref().map(contiguous).as_ref());
    Some(match &bias {
        Some(bias) => record([&x, &weight, bias], output, move |gradient| {
            rows.backward(gradient)
        }),
        None => record([&x, &weight], output, move |gradient| {
            let [x, weight, _] = rows.backward(gradient);
            [x, weight]
        }),
    })
}

/// What the backward pass needs.
struct Rows {
    x: Array,
    weight: Array,
    shape: [usize; 2],
    /// Whether the mean is taken away, and so moves with x.
    centred: bool,
    /// Mean and reciprocal deviation of each row.
    moments: Vec<(f32, f32)>,
}

impl Rows {
    fn new(kind: Kind, x: Array, weight: Array, epsilon: f32) -> Option<Self> {
        let shape @ [_, width] = shape_of(&x)?;
        let lines = floats(&x).par_chunks(width.max(1)).with_min_len(ROWS);
        let moments = lines.map(|row| {
            let mean = match kind {
                Kind::Layer => math::sum(row) / width as f32,
                Kind::Rms => 0.0,
            };
            let squares = math::sum_with(row, row, |x, _| (x - mean) * (x - mean));
            (mean, 1.0 / (squares / width as f32 + epsilon).sqrt())
        });
        Some(Self {
            centred: kind == Kind::Layer,
            moments: moments.collect(),
            x,
            weight,
            shape,
        })
    }

    fn forward(&self, bias: Option<&Array>) -> Array {
        let [rows, width] = self.shape;
        let weight = floats(&self.weight);
        let mut output = vec![0.0; rows * width];
        (output
            .par_chunks_mut(width.max(1))
            .zip(floats(&self.x).par_chunks(width.max(1))))
        .zip(&self.moments)
        .with_min_len(ROWS)
        .for_each(|((output, row), &(mean, scale))| {
            for ((output, x), weight) in output.iter_mut().zip(row).zip(weight) {
                *output = (x - mean) * scale * weight;
            }
            for (output, bias) in output.iter_mut().zip(bias.map(floats).unwrap_or_default()) {
                *output += bias;
            }
        });
        array(output, self.shape)
    }

    /// The gradients of x, weight and bias.
    fn backward(&self, gradient: &Array) -> [Array; 3] {
        let [rows, width] = self.shape;
        let mut slopes = vec![0.0; rows * width];
        let block = (ROWS * width).max(1);
        let parts: Vec<[Vec<f32>; 2]> = (slopes.par_chunks_mut(block))
            .zip(floats(&self.x).par_chunks(block))
            .zip(floats(gradient).par_chunks(block))
            .zip(self.moments.par_chunks(ROWS))
            .map(|(((slopes, x), gradient), moments)| self.block(slopes, x, gradient, moments))
            .collect();
        let [mut weight, mut bias] = [vec![0.0; width], vec![0.0; width]];
        for [of_weight, of_bias] in &parts {
            add(&mut weight, of_weight);
            add(&mut bias, of_bias);
        }
        [
            array(slopes, self.shape),
            array(weight, [width]),
            array(bias, [width]),
        ]
    }

    /// Writes the gradient of some rows of x; returns their share of those of weight and bias.
    fn block(
        &self,
        slopes: &mut [f32],
        x: &[f32],
        gradient: &[f32],
        moments: &[(f32, f32)],
    ) -> [Vec<f32>; 2] {
        let [_, width] = self.shape;
        let weight = floats(&self.weight);
        let [mut of_weight, mut of_bias] = [vec![0.0; width], vec![0.0; width]];
        let mut normalised = vec![0.0; width];
        let mut weighted = vec![0.0; width];
        let rows = slopes
            .chunks_mut(width)
            .zip(x.chunks(width))
            .zip(gradient.chunks(width));
        for (((slopes, x), gradient), &(mean, scale)) in rows.zip(moments) {
            for (normalised, x) in normalised.iter_mut().zip(x) {
                *normalised = (x - mean) * scale;
            }
            for ((weighted, gradient), weight) in weighted.iter_mut().zip(gradient).zip(weight) {
                *weighted = gradient * weight;
            }
            let along = math::dot(&weighted, &normalised) / width as f32;
            let level = if self.centred {
                math::sum(&weighted) / width as f32
            } else {
                0.0
            };
            for ((slope, weighted), normalised) in slopes.iter_mut().zip(&weighted).zip(&normalised)
            {
                *slope = scale * (weighted - level - normalised * along);
            }
            let sums = of_weight.iter_mut().zip(&mut of_bias);
            for ((of_weight, of_bias), (gradient, normalised)) in
                sums.zip(gradient.iter().zip(&normalised))
            {
                *of_weight += gradient * normalised;
                *of_bias += gradient;
            }
        }
        [of_weight, of_bias]
    }
}

fn add(sum: &mut [f32], term: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}
