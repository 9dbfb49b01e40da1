//! What a run should know of itself without being in trouble: that it no longer learns, that it
//! waits for data, or that much of its network does nothing. Nothing is repaired for it.

use std::fmt;

use kitchen_types::Number;
use kitchen_types::config::Supervision;
use kitchen_types::question::ActivationView;
use kitchen_types::supervision::PlateauState;

use crate::monitor::Measured;
use crate::robust::median;

/// Steps over which the time spent on data is added up.
const COUNTED: u64 = 100;

/// A loss that no longer falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// The last step that belongs to the lowest level.
    pub since: u64,
    /// That level.
    pub lowest: f64,
    /// The level now.
    pub level: f64,
}

impl fmt::Display for Plateau {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the loss no longer falls: its median over the last steps is {:.4}, and was {:.4} by \
             step {}; a lower learning rate may help, or it is time to stop",
            self.level, self.lowest, self.since
        )
    }
}

/// Says once that the loss has reached a plateau: that its median over `plateau_steps` steps is not
/// below the lowest such median by a share of `plateau_drop`. It is said again after the loss fell
/// in between.
pub fn plateau(state: &mut PlateauState, seen: Measured, rules: &Supervision) -> Option<Plateau> {
    if rules.plateau_steps == 0 || !seen.loss.is_finite() {
        return None;
    }
    state.losses.push(Number(seen.loss));
    if state.losses.len() < rules.plateau_steps {
        return None;
    }
    let mut losses: Vec<f64> = state.losses.drain(..).map(f64::from).collect();
    let level = median(&mut losses);
    let stuck = state.lowest.and_then(|(since, Number(lowest))| {
        let falls = level < lowest - rules.plateau_drop * lowest.abs();
        (!falls).then_some(Plateau {
            since,
            lowest,
            level,
        })
    });
    if stuck.is_none() {
        state.lowest = Some((seen.step, Number(level)));
        state.is_told = false;
        return None;
    }
    let is_news = !std::mem::replace(&mut state.is_told, true);
    stuck.filter(|_| is_news)
}

/// The time that steps took, and how much of it went into their data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waits {
    steps: u64,
    data_us: u64,
    step_us: u64,
    is_told: bool,
}

/// A device that waits for data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Starved {
    /// The share of the steps' time that was spent on their batches.
    pub share: f64,
}

impl fmt::Display for Starved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the device waits for data: {:.0} % of the time of the last {COUNTED} steps went into \
             making batches; smaller examples, or a larger model, would use it better",
            100.0 * self.share
        )
    }
}

/// Says once that the device waits for data: the share of the last hundred steps that was spent on
/// their batches, where it is above `starved_share`. It is said again after it was below in between.
pub fn starved(
    waits: &mut Waits,
    data_us: u64,
    step_us: u64,
    rules: &Supervision,
) -> Option<Starved> {
    waits.steps += 1;
    waits.data_us += data_us;
    waits.step_us += step_us;
    if waits.steps < COUNTED {
        return None;
    }
    let share = waits.data_us as f64 / waits.step_us.max(1) as f64;
    let is_starved = share > rules.starved_share;
    let is_news = is_starved && !waits.is_told;
    *waits = Waits {
        is_told: is_starved,
        ..Waits::default()
    };
    is_news.then_some(Starved { share })
}

/// A layer most of whose units put out the same number whatever the example.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadUnits {
    /// Its name.
    pub layer: String,
    /// How many units it has.
    pub units: usize,
    /// The share of them that is dead.
    pub share: f64,
}

impl fmt::Display for DeadUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} % of the {} units of {} put out the same number whatever the example, and can \
             learn nothing any more; a lower learning rate, or another seed, may keep them alive",
            100.0 * self.share,
            self.units,
            self.layer
        )
    }
}

/// The layers of which more than `dead_share` is dead, each once, and again after it was not in
/// between. `told` are those of the last time.
pub fn dead_units(
    told: &mut Vec<String>,
    layers: &[ActivationView],
    rules: &Supervision,
) -> Vec<DeadUnits> {
    // A share that is not known, of a single example, is above nothing.
    let dead = layers.iter().filter(|it| it.dead.0 > rules.dead_share);
    let dead: Vec<DeadUnits> = dead
        .map(|layer| DeadUnits {
            layer: layer.name.clone(),
            units: layer.units,
            share: layer.dead.0,
        })
        .collect();
    let before = std::mem::replace(told, dead.iter().map(|it| it.layer.clone()).collect());
    let is_news = |found: &DeadUnits| !before.contains(&found.layer);
    dead.into_iter().filter(is_news).collect()
}

#[cfg(test)]
mod tests {
    use kitchen_types::question::Histogram;

    use super::*;

    #[test]
    fn dead_units_are_told_once_a_bout() {
        let rules = Supervision::default();
        let mut told = Vec::new();
        let mut seen = |shares: [f64; 2]| {
            let layer = |(share, name): (f64, &str)| ActivationView {
                name: name.into(),
                units: 64,
                outputs: Histogram::of(&[]),
                dead: Number(share),
            };
            let layers: Vec<_> = shares
                .into_iter()
                .zip(["first", "second"])
                .map(layer)
                .collect();
            let news = dead_units(&mut told, &layers, &rules);
            news.into_iter().map(|it| it.layer).collect::<Vec<_>>()
        };
        let table: &[([f64; 2], &[&str])] = &[
            ([0.5, f64::NAN], &[]),
            ([0.9, 0.2], &["first"]),
            ([0.95, 0.51], &["second"]),
            ([0.1, 0.6], &[]),
            ([1.0, 0.6], &["first"]),
        ];
        for (shares, expected) in table {
            assert_eq!(seen(*shares), *expected, "{shares:?}");
        }
    }

    /// The steps after which a plateau of two steps, and of a tenth, is told.
    fn plateaus(losses: &[f64]) -> Vec<(u64, Plateau)> {
        let rules = Supervision {
            plateau_steps: 2,
            plateau_drop: 0.1,
            ..Supervision::default()
        };
        let mut state = PlateauState::default();
        (losses.iter().zip(1..))
            .filter_map(|(&loss, step)| {
                let seen = Measured {
                    step,
                    loss,
                    grad_norm: None,
                };
                Some((step, plateau(&mut state, seen, &rules)?))
            })
            .collect()
    }

    #[test]
    fn a_loss_that_does_not_fall_by_a_tenth_is_on_a_plateau() {
        let steps = |losses| Vec::from_iter(plateaus(losses).iter().map(|it| it.0));
        // Medians of pairs: the means of the two.
        let table: &[(&[f64], &[u64])] = &[
            (&[2.0, 2.0, 1.7, 1.7, 1.5, 1.5], &[]),
            (&[2.0, 2.0, 1.9, 1.9], &[4]),
            (&[2.0, 2.0, 3.0, 3.0], &[4]),
            // Told once, though it goes on.
            (&[2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0], &[4]),
            // Too slow for two steps, and fast enough for four: told, taken back, told again.
            (&[2.0, 2.0, 1.9, 1.9, 1.75, 1.75, 1.75, 1.75], &[4, 8]),
            // What is not finite is left to the monitor.
            (&[2.0, f64::NAN, 2.0, f64::INFINITY, 1.9, 1.9], &[6]),
            // Nothing is left to be learnt.
            (&[0.0, 0.0, 0.0, 0.0], &[4]),
        ];
        for (losses, expected) in table {
            assert_eq!(steps(losses), *expected, "{losses:?}");
        }
        let told = Plateau {
            since: 4,
            lowest: 1.0,
            level: 0.95,
        };
        let losses = [2.0, 2.0, 1.0, 1.0, 0.95, 0.95];
        assert_eq!(plateaus(&losses), [(6, told)]);
        assert!(
            told.to_string()
                .contains("is 0.9500, and was 1.0000 by step 4")
        );
    }

    #[test]
    fn no_plateau_of_zero_steps() {
        let rules = Supervision {
            plateau_steps: 0,
            ..Supervision::default()
        };
        let mut state = PlateauState::default();
        let seen = Measured {
            step: 1,
            loss: 1.0,
            grad_norm: None,
        };
        assert!((0..1000).all(|_| plateau(&mut state, seen, &rules).is_none()));
        assert_eq!(state, PlateauState::default());
    }

    #[test]
    fn a_device_that_waits_for_data_is_told_once_a_bout() {
        let rules = Supervision::default();
        assert_eq!(rules.starved_share, 0.5);
        let mut waits = Waits::default();
        // Microseconds of data in each of a hundred steps of 1,000.
        let mut hundred = |data_us| {
            let told = (0..100).map(|_| starved(&mut waits, data_us, 1000, &rules));
            told.flatten().map(|it| it.share).collect::<Vec<_>>()
        };
        let table: &[(u64, &[f64])] = &[
            (500, &[]),
            (620, &[0.62]),
            (900, &[]),
            (10, &[]),
            (510, &[0.51]),
        ];
        for (data_us, expected) in table {
            assert_eq!(hundred(*data_us), *expected, "{data_us}");
        }
    }
}
