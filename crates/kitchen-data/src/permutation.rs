//! A random order of `0..len` that takes no memory: position by position, and back.

use kitchen_types::random::Key;

/// A keyed permutation of `0..len`: an alternating unbalanced Feistel network over the smallest
/// power of two that holds `len`, walked until it lands inside (Black and Rogaway 2002, "Ciphers
/// with arbitrary finite domains").
///
/// Fewer than two walks are expected for each answer, so that the order of 10^9 windows costs no
/// more than that of ten.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    len: u64,
    /// Bits of the lower half; the upper half has as many or one fewer.
    low_bits: u32,
    high_bits: u32,
    round_keys: [u64; ROUNDS],
}

/// Halves alternate, so each is changed half as often as this. Eight are past the point at which
/// orders of a handful of elements pass a chi-squared test.
const ROUNDS: usize = 8;

impl Permutation {
    pub(crate) fn new(len: u64, key: Key) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        let mut rng = key.rng();
        Self {
            len,
            low_bits: bits.div_ceil(2),
            high_bits: bits / 2,
            round_keys: std::array::from_fn(|_| rng.next_u64()),
        }
    }

    /// Which element stands at `rank`, both below `len`.
    pub(crate) fn element(&self, rank: u64) -> u64 {
        self.walk(rank, Self::encrypt)
    }

    /// At which rank `element` stands: the inverse of [`Self::element`].
    pub(crate) fn rank(&self, element: u64) -> u64 {
        self.walk(element, Self::decrypt)
    }

    /// Applies `step` until the result lies below `len`. A permutation of the power of two returns
    /// to where it began, so a walk that begins inside always comes back inside.
    fn walk(&self, start: u64, step: fn(&Self, u64) -> u64) -> u64 {
        debug_assert!(start < self.len);
        let mut value = step(self, start);
        while value >= self.len {
            value = step(self, value);
        }
        value
    }

    fn encrypt(&self, value: u64) -> u64 {
        let (mut high, mut low) = self.halves(value);
        for (round, key) in self.round_keys.iter().enumerate() {
            self.mix(round, *key, &mut high, &mut low);
        }
        (high << self.low_bits) | low
    }

    fn decrypt(&self, value: u64) -> u64 {
        let (mut high, mut low) = self.halves(value);
        for (round, key) in self.round_keys.iter().enumerate().rev() {
            self.mix(round, *key, &mut high, &mut low);
        }
        (high << self.low_bits) | low
    }

    fn halves(&self, value: u64) -> (u64, u64) {
        (value >> self.low_bits, value & mask(self.low_bits))
    }

    /// One round changes one half by the other, which undoes itself.
    fn mix(&self, round: usize, key: u64, high: &mut u64, low: &mut u64) {
        if round.is_multiple_of(2) {
            *high ^= scramble(*low ^ key) & mask(self.high_bits);
        } else {
            *low ^= scramble(*high ^ key) & mask(self.low_bits);
        }
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn scramble(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_element_has_one_rank(len in 1u64..3000, seed: u64) {
            let order = Permutation::new(len, Key::new(seed));
            let elements: BTreeSet<u64> = (0..len).map(|rank| order.element(rank)).collect();
            prop_assert_eq!(elements.len() as u64, len);
            prop_assert!(elements.iter().all(|element| *element < len));
        }

        #[test]
        fn rank_undoes_element(len in 1u64..1 << 45, at: u64, seed: u64) {
            let order = Permutation::new(len, Key::new(seed));
            let rank = at % len;
            prop_assert_eq!(order.rank(order.element(rank)), rank);
        }
    }

    /// All 24 orders of four elements, and all places of six, come up equally often.
    #[test]
    fn small_orders_are_uniform() {
        let orders = 24_000;
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..orders {
            let order = Permutation::new(4, Key::new(seed));
            let elements: Vec<u64> = (0..4).map(|rank| order.element(rank)).collect();
            *counts.entry(elements).or_insert(0u64) += 1;
        }
        assert_eq!(counts.len(), 24);
        let expected = orders as f64 / 24.0;
        let chi_squared: f64 = counts
            .values()
            .map(|&count| (count as f64 - expected).powi(2) / expected)
            .sum();
        // 23 degrees of freedom: 49.7 is exceeded once in a thousand times.
        assert!(chi_squared < 49.7, "{chi_squared}");
    }
}
