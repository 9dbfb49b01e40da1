//! Cross-entropy with its gradient, in one pass over the logits.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::activation::shape_of;
use super::{Array, array, contiguous, floats, math, record, tracked};

/// Rows in a block.
const ROWS: usize = 64;

/// What the rows of a batch come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    loss: f64,
    correct: f64,
}

/// The mean loss of the rows that count, `[1]`, and how many of them have their largest logit at
/// their class, `[1]`.
///
/// `logits` is `[rows, classes]`; `mask` is 1 where a row counts, and empty where all do;
/// `counted` is how many count. The loss of a row is (1 - s) times the negative log-probability of
/// its class, plus s times the mean of that of all classes (Szegedy et al. 2016).
pub(crate) fn cross_entropy(
    logits: &Tensor<2>,
    classes: &[u32],
    mask: &[f32],
    label_smoothing: f64,
    counted: usize,
) -> Option<[Tensor<1>; 2]> {
    let logits = tracked(logits)?;
    let values = contiguous(&logits);
    let shape @ [rows, width] = shape_of(&values)?;
    let share = 1.0 / counted as f64;
    let smoothing = label_smoothing as f32;

    let mut gradient = vec![0.0; rows * width];
    let sums: Vec<Sums> = (gradient.par_chunks_mut(ROWS * width))
        .zip(floats(&values).par_chunks(ROWS * width))
        .enumerate()
        .map(|(block, (gradient, logits))| {
            let mut sums = Sums::default();
            let rows = gradient
                .chunks_mut(width)
                .zip(logits.chunks(width))
                .enumerate();
            for (place, (gradient, logits)) in rows {
                let row = block * ROWS + place;
                let counts = mask.get(row).is_none_or(|&counts| counts != 0.0);
                let (Some(&class), true) = (classes.get(row), counts) else {
                    continue;
                };
                let of_row = Row {
                    class: class as usize,
                    smoothing,
                    share: share as f32,
                };
                sums += of_row.measure(logits, gradient);
            }
            sums
        })
        .collect();
    let sums = sums.into_iter().fold(Sums::default(), |mut all, sums| {
        all += sums;
        all
    });

    let gradient = array(gradient, shape);
    let mean = array(vec![(sums.loss * share) as f32], [1]);
    let loss = record([&logits], mean, move |upstream: &Array| {
        let factor = floats(upstream).first().copied().unwrap_or(1.0);
        if factor == 1.0 {
            return [gradient.clone()];
        }
        let scaled = floats(&gradient)
            .iter()
            .map(|value| value * factor)
            .collect();
        [array(scaled, shape)]
    });
    let device = burn::tensor::Device::flex();
    Some([loss, Tensor::from_floats([sums.correct as f32], &device)])
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.correct += other.correct;
    }
}

#[derive(Clone, Copy)]
struct Row {
    class: usize,
    smoothing: f32,
    share: f32,
}

impl Row {
    /// The loss of one row; its gradient is softmax - (1 - s) one-hot - s / classes.
    fn measure(self, logits: &[f32], gradient: &mut [f32]) -> Sums {
        let Self {
            class,
            smoothing,
            share,
        } = self;
        let highest = math::max(logits);
        for (gradient, logit) in gradient.iter_mut().zip(logits) {
            *gradient = math::exp(logit - highest);
        }
        let sum = math::sum(gradient);
        let of_class = logits.get(class).copied().unwrap_or(f32::NAN);
        let log_sum = highest + sum.ln();
        let mut loss = f64::from(log_sum - of_class);

        let even = smoothing / logits.len() as f32;
        let scale = share / sum;
        for gradient in gradient.iter_mut() {
            *gradient = *gradient * scale - even * share;
        }
        if let Some(gradient) = gradient.get_mut(class) {
            *gradient -= (1.0 - smoothing) * share;
        }
        if smoothing > 0.0 {
            let mean = math::sum(logits) / logits.len() as f32;
            loss += f64::from(smoothing) * f64::from(of_class - mean);
        }
        // The first of several largest, as everywhere.
        let predicted = logits.iter().position(|&logit| logit == highest);
        Sums {
            loss,
            correct: if predicted == Some(class) { 1.0 } else { 0.0 },
        }
    }
}
