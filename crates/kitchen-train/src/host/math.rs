//! Arithmetic on slices in a form that the compiler turns into vector instructions.

use std::f32::consts::LN_2;

/// Partial sums carried side by side; one vector register or a few.
const LANES: usize = 16;

/// The sum of `value(left, right)` over two slices of the same length.
#[inline]
pub(super) fn sum_with(left: &[f32], right: &[f32], value: impl Fn(f32, f32) -> f32) -> f32 {
    let (left_blocks, left_rest) = left.as_chunks::<LANES>();
    let (right_blocks, right_rest) = right.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (left, right) in left_blocks.iter().zip(right_blocks) {
        for ((lane, &left), &right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += value(left, right);
        }
    }
    let rest: f32 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(&left, &right)| value(left, right))
        .sum();
    lanes.iter().sum::<f32>() + rest
}

/// The sum of a slice.
#[inline]
pub(super) fn sum(values: &[f32]) -> f32 {
    sum_with(values, values, |value, _| value)
}

/// The sum of products.
#[inline]
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    sum_with(left, right, |left, right| left * right)
}

/// The largest number; minus infinity of none. NaN is passed over.
#[inline]
pub(super) fn max(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// e to the `x`, to a relative error of 2e-7; 0 below -87, at most 2^127. NaN stays NaN.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; the polynomial is a minimax fit of e^r.
#[inline]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, of which the first times n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * (1.0 / LN_2) + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let polynomial = 1.383_683_8e-3;
    let polynomial = polynomial * r + 8.374_822e-3;
    let polynomial = polynomial * r + 4.166_822_5e-2;
    let polynomial = polynomial * r + 1.666_642e-1;
    let polynomial = polynomial * r + 0.499_999_9;
    let polynomial = polynomial * r + 1.0;
    let polynomial = polynomial * r + 1.0;
    let exponent = rounded
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127);
    polynomial * f32::from_bits(exponent << 23)
}

/// 1 / (1 + e^-x).
#[inline]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, to an absolute error of 2e-7.
#[inline]
pub(super) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

/// The standard normal distribution at `x`: its cumulative probability, to an absolute error of
/// 1e-7, and its density.
///
/// erfc(z) e^(z^2) is smooth in t = 1 / (1 + 0.4 z); the polynomial is a minimax fit of it.
#[inline]
pub(super) fn normal(x: f32) -> (f32, f32) {
    const COEFFICIENTS: [f32; 9] = [
        0.079_536_006,
        -0.422_613_17,
        0.749_032_26,
        -0.457_494_85,
        0.474_837_06,
        0.107_020_44,
        0.246_255_52,
        0.223_310_1,
        1.166_470_6e-4,
    ];
    const INVERSE_ROOT_TAU: f32 = 0.398_942_3;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.4 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let fit = COEFFICIENTS
        .iter()
        .fold(0.0, |fit, coefficient| fit * t + coefficient);
    let tail = 0.5 * bell * fit;
    let cumulative = if x >= 0.0 { 1.0 - tail } else { tail };
    (cumulative, INVERSE_ROOT_TAU * bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from an arbitrary-precision library.
    #[test]
    fn exp_is_close() {
        for (x, expected) in [
            (0.0, 1.0),
            (1.0, std::f64::consts::E),
            (-1.0, 0.367_879_441_171),
            (0.346_5, 1.414_109_493_8),
            (10.5, 36_315.502_674_2),
            (-20.25, 1.605_228_055_2e-9),
            (-80.0, 1.804_851_387_8e-35),
            (80.0, 5.540_622_384_4e34),
        ] {
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 3e-7, "exp({x}) = {}, off by {error:e}", exp(x));
        }
        assert!(exp(-1e9) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn exp_agrees_with_the_standard_library_everywhere() {
        for step in -8_600..8_700 {
            let x = step as f32 / 100.0 + 0.003;
            let error = (exp(x) / x.exp() - 1.0).abs();
            assert!(error < 4e-7, "exp({x}) is off by {error:e}");
        }
    }

    #[test]
    fn the_normal_distribution_is_close() {
        for (x, cumulative, density) in [
            (0.0, 0.5, 0.398_942_280_4),
            (1.0, 0.841_344_746_1, 0.241_970_724_5),
            (-1.0, 0.158_655_253_9, 0.241_970_724_5),
            (0.1, 0.539_827_837_3, 0.396_952_547_5),
            (-2.5, 0.006_209_665_3, 0.017_528_300_5),
            (4.0, 0.999_968_328_8, 1.338_302_258e-4),
            (-6.0, 9.865_876_45e-10, 6.075_882_85e-9),
        ] {
            let (found_cumulative, found_density) = normal(x);
            assert!(
                (f64::from(found_cumulative) - cumulative).abs() < 1.2e-7,
                "Phi({x})"
            );
            assert!(
                (f64::from(found_density) - density).abs() < 1e-7,
                "phi({x})"
            );
        }
        assert!(normal(f32::NAN).1.is_nan());
    }

    #[test]
    fn sigmoid_and_tanh_agree_with_the_standard_library() {
        for step in -2_000..2_000 {
            let x = step as f32 / 100.0;
            assert!((tanh(x) - x.tanh()).abs() < 3e-7, "tanh({x})");
            assert!(
                (sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < 3e-7,
                "sigmoid({x})"
            );
        }
    }

    #[test]
    fn sums_take_every_number() {
        for length in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f32> = (1..=length).map(|value| value as f32).collect();
            assert_eq!(sum(&values), (length * (length + 1) / 2) as f32);
            assert_eq!(
                max(&values),
                if length == 0 {
                    f32::NEG_INFINITY
                } else {
                    length as f32
                }
            );
            let squares: usize = (1..=length).map(|value| value * value).sum();
            assert_eq!(dot(&values, &values), squares as f32);
        }
    }
}
