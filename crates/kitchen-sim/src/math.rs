//! Functions whose last bit must not depend on the platform.
//!
//! Rust promises the same result everywhere for `+ - * /`, `sqrt`, `floor`, `ceil` and `max`, and
//! for nothing else: what is missing there comes from the `libm` crate.

/// `base` to the power of `exponent`.
pub(crate) fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// e to the power of `x`.
pub(crate) fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// The natural logarithm of `x`.
pub(crate) fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// The logarithm of `x` to the base of two.
pub(crate) fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// The smallest whole number of `part`s that hold `whole`.
pub(crate) fn parts(whole: u32, part: u32) -> u32 {
    whole.div_ceil(part.max(1))
}

/// The cosine of `x`.
pub(crate) fn cos(x: f64) -> f64 {
    libm::cos(x)
}
