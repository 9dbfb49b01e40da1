//! How often to save, and what saving and failing cost.

/// Bytes that a checkpoint holds for each parameter: 8 of Adam's moments, 4 of master weights, 2 of
/// 16-bit weights. BLOOM's 2.3 TB for 176 billion parameters agree.
pub const BYTES_PER_PARAMETER: f64 = 14.0;

/// Bytes of a checkpoint of `parameters`.
#[must_use]
pub fn checkpoint_bytes(parameters: f64) -> f64 {
    BYTES_PER_PARAMETER * parameters
}

/// Seconds of work between two checkpoints that waste least, to first order: √(2CM), for a
/// checkpoint that stops work for `cost` seconds and `mean` seconds between failures (Young 1974).
#[must_use]
pub fn young(cost: f64, mean: f64) -> f64 {
    (2.0 * cost * mean).sqrt()
}

/// The same to higher order: √(2CM)·(1 + √(C/2M)/3 + C/18M) - C below C = 2M, else M (Daly 2006,
/// equation 37).
#[must_use]
pub fn daly(cost: f64, mean: f64) -> f64 {
    if cost >= 2.0 * mean {
        return mean;
    }
    let share = cost / (2.0 * mean);
    young(cost, mean) * (1.0 + share.sqrt() / 3.0 + share / 9.0) - cost
}

/// Shares of time that bring nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waste {
    /// Writing checkpoints.
    pub saving: f64,
    /// Work that is done again.
    pub redone: f64,
    /// Finding out what failed, and starting again.
    pub down: f64,
}

impl Waste {
    /// The share of time that counts.
    #[must_use]
    pub fn goodput(&self) -> f64 {
        1.0 - self.saving - self.redone - self.down
    }
}

/// What is wasted, to first order: C/τ + τ/2M + (D + R)/M, with `interval` τ between checkpoints of
/// `cost` C, `mean` M between failures and `down` D + R to detect and restart; all in seconds.
#[must_use]
pub fn waste(cost: f64, interval: f64, mean: f64, down: f64) -> Waste {
    Waste {
        saving: cost / interval,
        redone: interval / (2.0 * mean),
        down: down / mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() <= 1e-6 * expected,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn by_hand() {
        near(young(50.0, 10_000.0), 1000.0);
        // 1000·(1 + √0.0025/3 + 0.0025/9) - 50
        near(
            daly(50.0, 10_000.0),
            1000.0 * (1.0 + 0.05 / 3.0 + 0.0025 / 9.0) - 50.0,
        );
        near(daly(300.0, 100.0), 100.0);
        let wasted = waste(50.0, 1000.0, 10_000.0, 600.0);
        near(wasted.goodput(), 1.0 - 0.05 - 0.05 - 0.06);
    }

    #[test]
    fn bloom_saved_what_it_said() {
        // 2,294.77 GiB for 176 billion parameters.
        near(checkpoint_bytes(176.0e9), 2.464e12);
    }

    #[test]
    fn young_wastes_least() {
        let best = waste(50.0, young(50.0, 10_000.0), 10_000.0, 0.0).goodput();
        for interval in [500.0, 900.0, 1100.0, 2000.0] {
            assert!(waste(50.0, interval, 10_000.0, 0.0).goodput() < best);
        }
    }
}
