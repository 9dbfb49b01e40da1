//! Draws that are the same on every platform.

use crate::math::ln;

/// A generator of numbers: SplitMix64 (Steele, Lea and Flood 2014), whose n-th draw depends on
/// nothing but the seed and n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Draws keyed by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Draws of one purpose, that other purposes do not disturb.
    #[must_use]
    pub fn of(seed: u64, purpose: u64) -> Self {
        let mut keyed = Self::new(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self::new(keyed.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform from 0 (inclusive) to 1 (exclusive).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// A whole number below `end`; 0 if `end` is.
    pub fn below(&mut self, end: u32) -> u32 {
        (self.uniform() * f64::from(end)) as u32
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.uniform())
    }

    /// Normal with mean 0 and deviation 1, by the polar method (Marsaglia and Bray 1964).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}
