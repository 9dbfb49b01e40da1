//! Counter-based randomness: each draw is keyed by what it is for, and nothing is carried along.
//!
//! A generator that is advanced and passed on makes every draw depend on all draws before it. Here
//! a draw depends only on (run seed, purpose, step), so any step can be redone alone, a resumed
//! run equals an uninterrupted one, and a parallel branch does not disturb its neighbour.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A key from which generators are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// The root key of a run.
    pub fn new(seed: u64) -> Self {
        Self(*blake3::hash(&seed.to_le_bytes()).as_bytes())
    }

    /// A key of its own for one purpose, such as `"data/shuffle"` or a stage's path.
    pub fn purpose(&self, name: &str) -> Self {
        Self(*blake3::keyed_hash(&self.0, name.as_bytes()).as_bytes())
    }

    /// A key of its own for one step, epoch or other counter.
    pub fn at(&self, counter: u64) -> Self {
        Self(*blake3::keyed_hash(&self.0, &counter.to_le_bytes()).as_bytes())
    }

    /// The generator of this key: the same sequence every time.
    pub fn rng(&self) -> Generator {
        Generator(ChaCha8Rng::from_seed(self.0))
    }

    /// One draw, where a sequence is not needed: to seed a device, for example.
    pub fn draw(&self) -> u64 {
        u64::from_le_bytes([
            self.0[0], self.0[1], self.0[2], self.0[3], self.0[4], self.0[5], self.0[6], self.0[7],
        ])
    }
}

/// A sequence of draws; the same on every platform, except for [`Generator::normal`]'s last bits.
#[derive(Clone, Debug)]
pub struct Generator(ChaCha8Rng);

impl Generator {
    /// Uniform over all 64-bit values.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..bound` without bias. A `bound` of 0 gives 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Lemire's multiply-shift; the few draws that would be over-represented are drawn anew.
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Uniform in `[0, 1)`, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller 1958).
    ///
    /// The last bits may differ between platforms, whose logarithms and cosines do.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Puts `items` in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
