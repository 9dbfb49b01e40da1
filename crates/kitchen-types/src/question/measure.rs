//! From numbers to what is shown of them.

use super::{Histogram, Matrix};
use crate::number::Number;
use crate::ports::NamedTensor;

impl Histogram {
    /// How `values` are spread. Sums are taken in double precision.
    pub fn of(values: &[f32]) -> Self {
        let numbers = || finite(values);
        let count = numbers().count();
        let share = |sum: f64| Number(sum / count as f64);
        let (low, high) = bounds(values);
        let mean = share(numbers().sum());
        let squares = numbers().map(|value| (value - mean.0).powi(2)).sum();

        let bin_width = (high.0 - low.0) / Self::BINS as f64;
        let mut counts = vec![0; Self::BINS];
        for value in numbers() {
            // All numbers may be the same one; the largest belongs to the last bin.
            let bin = if bin_width > 0.0 {
                ((value - low.0) / bin_width) as usize
            } else {
                0
            };
            if let Some(count) = counts.get_mut(bin.min(Self::BINS - 1)) {
                *count += 1;
            }
        }
        Self {
            low,
            high,
            counts,
            mean,
            std: Number(share(squares).0.sqrt()),
            zeros: share(numbers().filter(|&value| value == 0.0).count() as f64),
            not_finite: (values.len() - count) as u64,
        }
    }
}

impl Matrix {
    /// A picture of `tensor`: a vector is one row, a kernel `[out, in, 3, 3]` a row for each
    /// output.
    pub fn of(tensor: &NamedTensor) -> Self {
        let numbers = tensor.values.len();
        let height = match *tensor.shape {
            [] | [_] => 1,
            [first, ..] => first.max(1),
        };
        let width = (numbers / height).max(1);
        let (rows, columns) = (height.min(Self::SIDE), width.min(Self::SIDE));

        // A number falls into the block that its place, scaled down, falls into.
        let mut blocks = vec![(0.0, 0u32); rows * columns];
        for (place, &value) in tensor.values.iter().enumerate() {
            let (row, column) = (place / width, place % width);
            let block = row * rows / height * columns + column * columns / width;
            if let Some((sum, count)) = blocks.get_mut(block) {
                *sum += f64::from(value);
                *count += 1;
            }
        }
        let (low, high) = bounds(&tensor.values);
        Self {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            rows,
            columns,
            values: (blocks.into_iter())
                .map(|(sum, count)| (sum / f64::from(count)) as f32)
                .collect(),
            low,
            high,
        }
    }
}

fn finite(values: &[f32]) -> impl Iterator<Item = f64> {
    (values.iter().filter(|value| value.is_finite())).map(|&value| f64::from(value))
}

/// The smallest and the largest finite number; NaN where there is none.
fn bounds(values: &[f32]) -> (Number, Number) {
    // `min` and `max` take the other side of a NaN.
    let none = f64::NAN;
    let (low, high) = finite(values).fold((none, none), |(low, high), value| {
        (value.min(low), value.max(high))
    });
    (Number(low), Number(high))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_histogram_by_hand() {
        // 0, 1, 2, ..., 31 and 32: 33 numbers in bins of width 1, the last of which holds two.
        let values: Vec<f32> = (0..=32).map(|value| value as f32).collect();
        let histogram = Histogram::of(&values);
        assert_eq!((histogram.low, histogram.high), (Number(0.0), Number(32.0)));
        let mut expected = vec![1; 32];
        *expected.last_mut().unwrap() = 2;
        assert_eq!(histogram.counts, expected);
        assert_eq!(histogram.mean, Number(16.0));
        // The variance of n consecutive integers is (n^2 - 1) / 12.
        assert!((histogram.std.0 - (1088.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        assert_eq!(histogram.zeros, Number(1.0 / 33.0));
        assert_eq!(histogram.not_finite, 0);
    }

    #[test]
    fn what_is_not_finite_is_counted_and_nothing_else() {
        let histogram = Histogram::of(&[f32::NAN, 3.0, f32::INFINITY, 3.0, f32::NEG_INFINITY]);
        assert_eq!(histogram.not_finite, 3);
        assert_eq!((histogram.low, histogram.high), (Number(3.0), Number(3.0)));
        assert_eq!((histogram.mean, histogram.std), (Number(3.0), Number(0.0)));
        assert_eq!(histogram.counts.iter().sum::<u64>(), 2);

        let nothing = Histogram::of(&[f32::NAN]);
        assert_eq!(nothing.low, Number(f64::NAN));
        assert_eq!(nothing.mean, Number(f64::NAN));
        assert_eq!(nothing.counts, [0; Histogram::BINS]);
        assert_eq!(Histogram::of(&[]).not_finite, 0);
    }

    fn picture(shape: &[usize], values: Vec<f32>) -> Matrix {
        Matrix::of(&NamedTensor {
            name: "weight".into(),
            shape: shape.to_vec(),
            values,
        })
    }

    #[test]
    fn small_weights_are_shown_as_they_are() {
        let matrix = picture(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!((matrix.rows, matrix.columns), (2, 3));
        assert_eq!(matrix.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let vector = picture(&[4], vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!((vector.rows, vector.columns), (1, 4));
        let kernel = picture(&[2, 1, 2, 2], vec![0.0; 8]);
        assert_eq!((kernel.rows, kernel.columns), (2, 4));
    }

    #[test]
    fn large_weights_are_shown_as_means_of_blocks_with_their_extremes_kept() {
        // 256 rows in pairs, 192 columns in twos and ones: each row holds its own number.
        let values = (0..256 * 192).map(|place| (place / 192) as f32);
        let matrix = picture(&[256, 192], values.collect());
        assert_eq!((matrix.rows, matrix.columns), (128, 128));
        for (row, values) in matrix.values.chunks(128).enumerate() {
            assert_eq!(values, [2.0 * row as f32 + 0.5; 128], "row {row}");
        }
        assert_eq!((matrix.low, matrix.high), (Number(0.0), Number(255.0)));
    }
}
