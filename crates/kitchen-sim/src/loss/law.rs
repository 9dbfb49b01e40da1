//! Scaling laws: where the loss ends, and on which way.

use super::schedule::Stretch;
use crate::math::{exp, ln, pow};

/// Tokens of a batch for which the laws in steps hold.
pub const NOMINAL_BATCH: f64 = 524_288.0;
/// Deviation of the loss of one batch of that size, in nats.
const NOISE: f64 = 0.042;

/// Loss in nats of a model of `parameters`, trained once over `tokens`, at the end of a schedule
/// made for that length.
///
/// L = E + A/N^α + B/D^β with the constants of Besiroglu et al. 2024 (arXiv:2404.10102), a re-fit
/// of Hoffmann et al. 2022, approach 3.
#[must_use]
pub fn chinchilla(parameters: f64, tokens: f64) -> f64 {
    chinchilla_floor(parameters) + 2085.43 / pow(tokens, 0.3658)
}

/// The same after endlessly many tokens.
fn chinchilla_floor(parameters: f64) -> f64 {
    1.8172 + 482.01 / pow(parameters, 0.3478)
}

/// Standard deviation, in nats, of the loss of one batch of `batch_tokens` around its mean: 0.042
/// at 0.52 million tokens, and as one over the square root.
#[must_use]
pub fn noise(batch_tokens: f64) -> f64 {
    NOISE * (NOMINAL_BATCH / batch_tokens).sqrt()
}

/// Perplexity of a loss in nats.
#[must_use]
pub fn perplexity(loss: f64) -> f64 {
    exp(loss)
}

/// The multi-power law of Luo et al. 2025 (arXiv:2503.12811) for one model:
///
/// L(t) = L0 + A·(S1(t) + S_W)^-α - B·Σ (η_{k-1} - η_k)·G(η_k^-γ·S_k(t)), with
/// G(x) = 1 - (1 + C·x)^-β, S1 the sum of learning rates after the warm-up, S_W that of the warm-up,
/// and S_k the sum from step k on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossLaw {
    /// The floor, in nats.
    pub floor: f64,
    /// A.
    pub scale: f64,
    /// α.
    pub power: f64,
    /// B.
    pub drop: f64,
    /// C.
    pub drop_rate: f64,
    /// β.
    pub drop_power: f64,
    /// γ.
    pub rate_power: f64,
}

/// The constants of the three models that the authors published, by parameters.
const PUBLISHED: [(f64, LossLaw); 3] = [
    (
        25e6,
        law([
            3.040_454_06,
            0.524_686_04,
            0.507_868_57,
            363.787_516_22,
            2.065_608_12,
            0.582_790_13,
            0.641_422_57,
        ]),
    ),
    (
        100e6,
        law([
            2.651_447_7,
            0.601_151_52,
            0.452_958_11,
            437.946_427_6,
            2.132_456_12,
            0.597_851_99,
            0.655_236_44,
        ]),
    ),
    (
        400e6,
        law([
            2.374_744_66,
            0.654_216_16,
            0.428_787_31,
            523.424_643_71,
            2.024_627_35,
            0.593_504_93,
            0.634_724_57,
        ]),
    ),
];

const fn law(v: [f64; 7]) -> LossLaw {
    let [floor, scale, power, drop, drop_rate, drop_power, rate_power] = v;
    LossLaw {
        floor,
        scale,
        power,
        drop,
        drop_rate,
        drop_power,
        rate_power,
    }
}

impl LossLaw {
    /// The law for a model of `parameters`.
    ///
    /// Between the published models, constants are interpolated over the logarithm of their size.
    /// Beyond them the nearest model's are taken, but for the floor, which follows Chinchilla's
    /// term for the size. Nobody has measured that.
    #[must_use]
    pub fn of(parameters: f64) -> Self {
        let [small, middle, large] = PUBLISHED;
        let (low, high) = if parameters < middle.0 {
            (small, middle)
        } else {
            (middle, large)
        };
        let place = ln(parameters / low.0) / ln(high.0 / low.0);
        let mut found = low.1.blend(&high.1, place.clamp(0.0, 1.0));
        let nearest = parameters.clamp(small.0, large.0);
        found.floor += chinchilla_floor(parameters) - chinchilla_floor(nearest);
        found
    }

    fn blend(&self, other: &Self, place: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * place;
        Self {
            floor: mix(self.floor, other.floor),
            scale: mix(self.scale, other.scale),
            power: mix(self.power, other.power),
            drop: mix(self.drop, other.drop),
            drop_rate: mix(self.drop_rate, other.drop_rate),
            drop_power: mix(self.drop_power, other.drop_power),
            rate_power: mix(self.rate_power, other.rate_power),
        }
    }

    /// Mean loss in nats after all of `stretches`, the warm-up among them.
    ///
    /// The sum over changes of the learning rate begins at zero, so that the warm-up counts as a
    /// rise: without it, the published constants miss the published curves by 0.13 nats. Steps
    /// count as batches of [`NOMINAL_BATCH`] tokens.
    #[must_use]
    pub fn loss(&self, stretches: &[Stretch]) -> f64 {
        let sum: f64 = stretches.iter().map(Stretch::sum).sum();
        let power = self.scale * pow(sum, -self.power);
        self.floor + power - self.drop * self.annealed(stretches)
    }

    /// The sum over all changes of the learning rate of what each has brought so far.
    fn annealed(&self, stretches: &[Stretch]) -> f64 {
        let mut later = 0.0;
        let mut total = 0.0;
        for stretch in stretches.iter().rev() {
            let fall = stretch.from - stretch.to;
            if fall != 0.0 {
                // A fall spread over a stretch acts as one in its middle.
                let since = later + 0.5 * stretch.sum();
                let rate = 0.5 * (stretch.from + stretch.to);
                let x = self.drop_rate * pow(rate, -self.rate_power) * since;
                total += fall * (1.0 - pow(1.0 + x, -self.drop_power));
            }
            later += stretch.sum();
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{found}, not {expected}"
        );
    }

    #[test]
    fn chinchilla_at_its_own_model() {
        // 482.01 / 70e9^0.3478 and 2085.43 / 1.4e12^0.3658, computed with Python.
        near(
            chinchilla(70e9, 1.4e12),
            1.8172 + 0.081_495_0 + 0.075_186_9,
            1e-6,
        );
    }

    #[test]
    fn noise_halves_with_four_times_the_batch() {
        near(noise(NOMINAL_BATCH), 0.042, 1e-12);
        near(noise(4.0 * NOMINAL_BATCH), 0.021, 1e-12);
    }

    #[test]
    fn perplexity_is_the_exponential() {
        near(perplexity(0.0), 1.0, 0.0);
        near(perplexity(std::f64::consts::LN_10), 10.0, 1e-12);
    }

    #[test]
    fn published_models_keep_their_constants() {
        for (parameters, law) in PUBLISHED {
            near(LossLaw::of(parameters).floor, law.floor, 1e-12);
            near(LossLaw::of(parameters).drop, law.drop, 1e-9);
        }
    }

    #[test]
    fn larger_models_have_a_lower_floor() {
        let sizes = [10e6, 25e6, 50e6, 100e6, 300e6, 400e6, 1e9, 70e9];
        assert!(
            sizes
                .windows(2)
                .all(|pair| { LossLaw::of(pair[0]).floor > LossLaw::of(pair[1]).floor })
        );
    }
}
