//! Losses and gradients of a run, step by step.

use kitchen_types::config::{Incident, Trouble};

use crate::loss::{LossLaw, NOMINAL_BATCH, Schedule, Stretch, noise, stretches};
use crate::math::{exp, ln, pow};
use crate::random::Random;

/// Stretches into which the fall of the learning rate is cut.
const STRETCHES: u32 = 48;
/// How sharply the law bends into the loss of a model that knows nothing: at one nat above the
/// floor, this takes less than 0.0001 nats off the law.
const BEND: f64 = 4.0;

/// Purposes of draws.
const BATCH: u64 = 101;
const HELD_OUT: u64 = 102;
const GRADIENT: u64 = 103;

/// How the loss of a run falls.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) law: LossLaw,
    pub(super) schedule: Schedule,
    pub(super) seed: u64,
    /// Tokens of a batch.
    pub(super) batch_tokens: f64,
    /// Tokens of all that is held out.
    pub(super) held_out_tokens: f64,
    /// The loss of guessing: the logarithm of the vocabulary.
    pub(super) guess: f64,
    pub(super) spikes: Vec<Spike>,
}

/// A time at which the loss is high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spike {
    pub(super) from: f64,
    until: f64,
    height: f64,
    seconds: f64,
}

impl Spike {
    /// The spike of an incident, if it is one. A step takes `step` seconds; a run that rolls back
    /// does so after five of them.
    pub(super) fn of(incident: &Incident, step: f64) -> Option<Self> {
        let Trouble::LossSpike {
            height,
            steps,
            rolls_back,
        } = incident.what
        else {
            return None;
        };
        let from = incident.at.0;
        Some(Self {
            from,
            until: if rolls_back {
                from + BEFORE_ROLL_BACK * step
            } else {
                f64::INFINITY
            },
            height,
            seconds: steps * step,
        })
    }

    fn at(&self, at: f64) -> f64 {
        if at < self.from || at > self.until {
            return 0.0;
        }
        self.height * exp(-(at - self.from) / self.seconds)
    }
}

/// Steps of a spike that people watch before they roll back.
pub(super) const BEFORE_ROLL_BACK: f64 = 5.0;

impl Curve {
    /// Loss in nats of the batch of `step`, done `at` so many seconds.
    pub(super) fn training(&self, step: u64, at: f64) -> f64 {
        let drawn = self.draw(BATCH, step) * noise(self.batch_tokens);
        self.mean(step) + drawn + self.spike(at)
    }

    /// Loss in nats of all that is held out, after `step`. The batches of a first epoch are as new
    /// to the model as these are, and so the mean is the same.
    pub(super) fn held_out(&self, step: u64, at: f64) -> f64 {
        // The same examples each time: the same luck.
        let drawn = self.draw(HELD_OUT, 0) * noise(self.held_out_tokens);
        self.mean(step) + drawn + self.spike(at)
    }

    /// Norm of the gradient before it is clipped. There is no published law for it: it is a tenth
    /// and what the loss has above its floor, drawn with a spread of a tenth.
    pub(super) fn gradient(&self, step: u64, at: f64) -> f64 {
        let above = (self.mean(step) - self.law.floor).max(0.0) + 8.0 * self.spike(at);
        (0.1 + 0.3 * above) * exp(0.1 * self.draw(GRADIENT, step))
    }

    /// The mean: the law above its floor, bent into guessing where it would be worse than that.
    fn mean(&self, step: u64) -> f64 {
        let scale = self.batch_tokens / NOMINAL_BATCH;
        let seen: Vec<Stretch> = stretches(&self.schedule, step as f64, STRETCHES)
            .into_iter()
            .map(|part| Stretch {
                steps: part.steps * scale,
                ..part
            })
            .collect();
        let above = self.law.loss(&seen) - self.law.floor;
        let most = self.guess - self.law.floor;
        if above <= 0.0 {
            return self.law.floor + above;
        }
        let bent = pow(pow(above, -BEND) + pow(most, -BEND), -1.0 / BEND);
        self.law.floor + bent
    }

    fn spike(&self, at: f64) -> f64 {
        self.spikes.iter().map(|spike| spike.at(at)).sum()
    }

    fn draw(&self, purpose: u64, step: u64) -> f64 {
        let key = self.seed ^ step.wrapping_mul(0xA24B_AED4_963E_E407);
        Random::of(key, purpose).normal()
    }
}

/// The loss of a model that finds all tokens equally likely.
pub(super) fn guess(vocab: u32) -> f64 {
    ln(f64::from(vocab))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Anneal;

    fn curve() -> Curve {
        Curve {
            law: LossLaw::of(400e6),
            schedule: Schedule {
                peak: 3e-4,
                warmup: 2160,
                stable: 0,
                steps: 24_000,
                anneal: Anneal::Cosine(0.1),
            },
            seed: 1,
            batch_tokens: NOMINAL_BATCH,
            held_out_tokens: 64.0 * NOMINAL_BATCH,
            guess: guess(50_304),
            spikes: Vec::new(),
        }
    }

    #[test]
    fn the_law_is_left_alone_and_begins_with_guessing() {
        let curve = curve();
        let law = curve
            .law
            .loss(&stretches(&curve.schedule, 20_000.0, STRETCHES));
        assert!((curve.mean(20_000) - law).abs() < 1e-4);
        assert!((curve.mean(1) - guess(50_304)).abs() < 0.01);
        assert!(curve.mean(0).is_finite());
    }

    #[test]
    fn a_spike_passes() {
        let spike = Spike {
            from: 10.0,
            until: f64::INFINITY,
            height: 2.0,
            seconds: 5.0,
        };
        assert_eq!((spike.at(9.0), spike.at(10.0)), (0.0, 2.0));
        assert!((spike.at(15.0) - 2.0 / std::f64::consts::E).abs() < 1e-12);
    }

    #[test]
    fn a_batch_that_is_seen_again_has_the_same_loss() {
        let curve = curve();
        assert_eq!(curve.training(500, 10.0), curve.training(500, 900.0));
        assert_ne!(curve.training(500, 10.0), curve.training(501, 10.0));
    }
}
