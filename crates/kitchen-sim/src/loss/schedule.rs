//! The learning rate over time.

use serde::{Deserialize, Serialize};

use crate::math::{cos, pow};

/// A stretch of steps over which the learning rate goes from one value to another, evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Its steps.
    pub steps: f64,
    /// The learning rate at its beginning.
    pub from: f64,
    /// The learning rate at its end.
    pub to: f64,
}

impl Stretch {
    /// The sum of its learning rates.
    #[must_use]
    pub fn sum(&self) -> f64 {
        0.5 * self.steps * (self.from + self.to)
    }
}

/// A learning rate with a linear warm-up, a plateau, and an end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest learning rate.
    pub peak: f64,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// The step at which the learning rate begins to fall; 0 is the end of the warm-up.
    pub stable: u64,
    /// The last step.
    pub steps: u64,
    /// How it falls.
    pub anneal: Anneal,
}

/// How a learning rate falls from its peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anneal {
    /// Not at all.
    Constant,
    /// Along a cosine, to a share of the peak.
    Cosine(f64),
    /// Along a line, to a share of the peak.
    Linear(f64),
    /// By equal factors, to a share of the peak.
    Exponential(f64),
    /// At once, to a share of the peak.
    Drop(f64),
}

impl Schedule {
    /// The learning rate at `step`.
    #[must_use]
    pub fn rate(&self, step: f64) -> f64 {
        let warmup = self.warmup as f64;
        if step < warmup {
            return self.peak * step / warmup;
        }
        let begin = self.begin();
        let end = (self.steps as f64).max(begin + 1.0);
        let place = ((step - begin) / (end - begin)).clamp(0.0, 1.0);
        self.peak * self.anneal.share(place)
    }

    fn begin(&self) -> f64 {
        self.stable.max(self.warmup) as f64
    }
}

impl Anneal {
    /// The share of the peak that is left at `place`, from 0 to 1, of the fall.
    fn share(self, place: f64) -> f64 {
        match self {
            Anneal::Constant => 1.0,
            Anneal::Cosine(end) => {
                end + (1.0 - end) * 0.5 * (1.0 + cos(std::f64::consts::PI * place))
            }
            Anneal::Linear(end) => 1.0 - (1.0 - end) * place,
            Anneal::Exponential(end) => pow(end, place),
            Anneal::Drop(end) => {
                if place > 0.0 {
                    end
                } else {
                    1.0
                }
            }
        }
    }
}

/// Stretches of a warm-up.
const WARMUP_STRETCHES: u32 = 16;

/// A linear warm-up of `steps` to `peak`.
pub(super) fn warm_up(steps: f64, peak: f64) -> Vec<Stretch> {
    let count = f64::from(WARMUP_STRETCHES);
    let rise = |place: u32| Stretch {
        steps: steps / count,
        from: peak * f64::from(place) / count,
        to: peak * f64::from(place + 1) / count,
    };
    (0..WARMUP_STRETCHES).map(rise).collect()
}

/// The schedule up to `step`, its fall in at most `count` stretches.
#[must_use]
pub fn stretches(schedule: &Schedule, step: f64, count: u32) -> Vec<Stretch> {
    let warmup = schedule.warmup as f64;
    let begin = schedule.begin();
    let mut made = warm_up(warmup.min(step), schedule.rate(warmup.min(step)));
    let mut add = |from: f64, to: f64| {
        if to > from {
            made.push(Stretch {
                steps: to - from,
                from: schedule.rate(from),
                to: schedule.rate(to),
            });
        }
    };
    add(warmup, begin.min(step));
    let falling = count.max(1);
    let each = (step - begin).max(0.0) / f64::from(falling);
    for place in 0..falling {
        let at = begin + each * f64::from(place);
        add(at, at + each);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSINE: Schedule = Schedule {
        peak: 3e-4,
        warmup: 2160,
        stable: 0,
        steps: 24_000,
        anneal: Anneal::Cosine(0.1),
    };

    #[test]
    fn the_published_cosine() {
        // The learning rates that stand in the published training curves.
        let table = [
            (2160, 3e-4),
            (2288, 2.999_771_173_709_568e-4),
            (23_920, 3.000_893_868_085_248e-5),
        ];
        for (step, rate) in table {
            let found = COSINE.rate(f64::from(step));
            assert!((found / rate - 1.0).abs() < 1e-6, "{step}: {found}");
        }
    }

    #[test]
    fn stretches_cover_every_step() {
        let steps: f64 = stretches(&COSINE, 20_000.0, 64)
            .iter()
            .map(|part| part.steps)
            .sum();
        assert!((steps - 20_000.0).abs() < 1e-6);
        let few: f64 = stretches(&COSINE, 100.0, 64)
            .iter()
            .map(|part| part.steps)
            .sum();
        assert!((few - 100.0).abs() < 1e-9);
    }
}
