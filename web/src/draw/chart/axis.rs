//! From values to places, and the round numbers between.

use crate::draw::numbers::{exponent, fixed, value};

use super::{Scale, Unit};

/// Values from `low` to `high` along pixels from `start` to `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// Far enough from what `f64` holds that no sum or product here leaves it.
const LARGEST: f64 = 1e300;
const SMALLEST: f64 = 1e-250;

impl Axis {
    /// An axis along no pixels yet, that shows values from `low` to `high` with some room beyond.
    /// On a logarithmic one both are above 0.
    pub(crate) fn around(scale: Scale, low: f64, high: f64) -> Self {
        let (low, high) = match scale {
            Scale::Linear => linear_bounds(low, high),
            Scale::Log => log_bounds(low, high),
        };
        Self {
            scale,
            low,
            high,
            start: 0.0,
            end: 1.0,
        }
    }

    /// The same values along other pixels.
    pub(crate) fn along(self, start: f64, end: f64) -> Self {
        Self { start, end, ..self }
    }

    /// Where a value lies.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.log10() - self.low.log10()) / decades(self.low, self.high),
        };
        self.start + (self.end - self.start) * share
    }

    /// The value at a place.
    pub(crate) fn value_at(&self, place: f64) -> f64 {
        let share = (place - self.start) / (self.end - self.start);
        match self.scale {
            Scale::Linear => self.low + (self.high - self.low) * share,
            Scale::Log => self.low * 10f64.powf(decades(self.low, self.high) * share),
        }
    }

    /// At most about `most` round values with their names.
    pub(crate) fn ticks(&self, most: usize, unit: Unit) -> Vec<(f64, String)> {
        let most = most.max(2);
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, most, unit),
            Scale::Log => log_ticks(self.low, self.high, most, unit),
        }
    }
}

fn linear_bounds(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = (low.clamp(-LARGEST, LARGEST), high.clamp(-LARGEST, LARGEST));
    let size = low.abs().max(high.abs());
    let span = high - low;
    if span <= (size * 1e-9).max(SMALLEST) {
        // A constant runs through the middle.
        let room = if size > SMALLEST { size * 0.1 } else { 1.0 };
        return (low - room, high + room);
    }
    let room = span * 0.05;
    // Values that are never negative do not suggest that they could be.
    let bottom = if low >= 0.0 {
        (low - room).max(0.0)
    } else {
        low - room
    };
    let top = if high <= 0.0 {
        (high + room).min(0.0)
    } else {
        high + room
    };
    (bottom, top)
}

fn log_bounds(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = (low.clamp(SMALLEST, LARGEST), high.clamp(SMALLEST, LARGEST));
    let room = (decades(low, high) * 0.05).max(0.02);
    let beyond = 10f64.powf(room);
    (low / beyond, (high * beyond).min(LARGEST))
}

/// Powers of ten from `low` to `high`, whose quotient may be too large for a number.
fn decades(low: f64, high: f64) -> f64 {
    high.log10() - low.log10()
}

/// A distance of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stride {
    mantissa: f64,
    exponent: i32,
}

impl Stride {
    /// The smallest that is at least `raw`.
    pub(crate) fn at_least(raw: f64) -> Self {
        let exponent = exponent(raw);
        let mantissa = raw / 10f64.powi(exponent);
        // What division leaves behind the fifteenth digit does not make 2 more than 2.
        match [1.0, 2.0, 5.0]
            .into_iter()
            .find(|nice| mantissa <= nice * (1.0 + 1e-12))
        {
            Some(mantissa) => Self { mantissa, exponent },
            None => Self {
                mantissa: 1.0,
                exponent: exponent + 1,
            },
        }
    }

    /// So many strides from 0; dividing by a power of ten keeps 0.3 what it is.
    pub(crate) fn times(self, count: f64) -> f64 {
        if self.exponent < 0 {
            count * self.mantissa / 10f64.powi(-self.exponent)
        } else {
            count * self.mantissa * 10f64.powi(self.exponent)
        }
    }

    /// The multiples from `low` to `high`.
    pub(crate) fn within(self, low: f64, high: f64) -> Vec<f64> {
        let size = self.times(1.0);
        let first = (low / size - 1e-9).ceil();
        let last = (high / size + 1e-9).floor();
        // Ten are asked for; a thousand would be a mistake, and no reason to stop.
        let count = (last - first + 1.0).clamp(0.0, 1e3) as u32;
        (0..count)
            .map(|index| self.times(first + f64::from(index)))
            .collect()
    }
}

fn linear_ticks(low: f64, high: f64, most: usize, unit: Unit) -> Vec<(f64, String)> {
    let stride = Stride::at_least((high - low) / most as f64);
    let ticks = stride.within(low, high);
    let largest = ticks
        .iter()
        .fold(0.0, |size: f64, tick| size.max(tick.abs()));
    ticks
        .into_iter()
        .map(|tick| (tick, label(tick, stride.exponent, exponent(largest), unit)))
        .collect()
}

/// A tick's name, with as many digits as tell it from its neighbours.
fn label(tick: f64, stride: i32, largest: i32, unit: Unit) -> String {
    let shift = match unit {
        Unit::Plain => 0,
        Unit::Share => 2,
    };
    let scaled = tick * 10f64.powi(shift);
    let (stride, largest) = (stride + shift, largest + shift);
    let text = if tick == 0.0 {
        "0".to_owned()
    } else if !(-4..7).contains(&largest) {
        let digits = usize::try_from(exponent(scaled) - stride).unwrap_or(0);
        format!("{scaled:.digits$e}")
    } else {
        let decimals = usize::try_from(-stride).unwrap_or(0);
        fixed(&format!("{scaled:.decimals$}"))
    };
    match unit {
        Unit::Plain => text,
        Unit::Share => format!("{text} %"),
    }
}

fn log_ticks(low: f64, high: f64, most: usize, unit: Unit) -> Vec<(f64, String)> {
    let decades = (exponent(low)..=exponent(high)).collect::<Vec<_>>();
    for mantissas in [&[1.0, 2.0, 5.0][..], &[1.0]] {
        let ticks: Vec<f64> = decades
            .iter()
            .flat_map(|decade| {
                mantissas
                    .iter()
                    .map(move |mantissa| power(*mantissa, *decade))
            })
            .filter(|tick| (low..=high).contains(tick))
            .collect();
        if (2..=most).contains(&ticks.len()) {
            return named(ticks, unit);
        }
    }
    if decades.len() <= 3 {
        // Too little for powers: the round numbers between, crowded at the top where they are many.
        return linear_ticks(low, high, most, unit);
    }
    let every = (decades.len().div_ceil(most)) as i32;
    let ticks = decades
        .into_iter()
        .filter(|decade| decade.rem_euclid(every) == 0)
        .map(|decade| power(1.0, decade))
        .filter(|tick| (low..=high).contains(tick))
        .collect();
    named(ticks, unit)
}

fn power(mantissa: f64, exponent: i32) -> f64 {
    Stride { mantissa, exponent }.times(1.0)
}

fn named(ticks: Vec<f64>, unit: Unit) -> Vec<(f64, String)> {
    let name = |tick: f64| match unit {
        Unit::Plain => value(tick),
        Unit::Share => format!("{} %", value(tick * 100.0)),
    };
    ticks.into_iter().map(|tick| (tick, name(tick))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, (low, high): (f64, f64), most: usize, unit: Unit, expected: &str) {
        let ticks = Axis::around(scale, low, high).ticks(most, unit);
        let names: Vec<String> = ticks.into_iter().map(|(_, name)| name).collect();
        assert_eq!(names.join(" | "), expected, "{low}..{high}");
    }

    #[test]
    fn round_numbers() {
        use Scale::Linear;
        use Unit::{Plain, Share};
        check(Linear, (0.04, 2.31), 6, Plain, "0 | 0.5 | 1.0 | 1.5 | 2.0");
        check(
            Linear,
            (0.0, 1.0),
            6,
            Share,
            "0 % | 20 % | 40 % | 60 % | 80 % | 100 %",
        );
        check(Linear, (0.995, 1.0), 4, Share, "99.6 % | 99.8 % | 100.0 %");
        check(Linear, (-1.0, 1.0), 5, Plain, "-1.0 | -0.5 | 0 | 0.5 | 1.0");
        check(Linear, (0.0, 12_000.0), 4, Plain, "0 | 5,000 | 10,000");
        check(Linear, (0.0, 3e-6), 4, Plain, "0 | 1e-6 | 2e-6 | 3e-6");
        check(Linear, (0.0, 2.5e9), 5, Plain, "0 | 1e9 | 2e9");
        check(
            Linear,
            (1e-3, 1e-3),
            5,
            Plain,
            "0.00090 | 0.00095 | 0.00100 | 0.00105 | 0.00110",
        );
        check(Linear, (0.0, 0.0), 4, Plain, "-1.0 | -0.5 | 0 | 0.5 | 1.0");
    }

    #[test]
    fn decades() {
        use Scale::Log;
        use Unit::{Plain, Share};
        check(Log, (0.01, 10.0), 6, Plain, "0.01 | 0.1 | 1 | 10");
        check(Log, (0.5, 20.0), 6, Plain, "0.5 | 1 | 2 | 5 | 10 | 20");
        check(
            Log,
            (1e-12, 1.0),
            5,
            Plain,
            "1e-12 | 1e-9 | 1e-6 | 0.001 | 1",
        );
        check(Log, (0.3, 0.4), 5, Plain, "0.30 | 0.35 | 0.40");
        check(Log, (0.01, 1.0), 5, Share, "1 % | 10 % | 100 %");
    }

    #[test]
    fn any_range_has_ticks_inside_it() {
        let sizes = [
            1e-320,
            1e-300,
            1e-30,
            1e-9,
            0.1,
            1.0,
            7.0,
            1e9,
            1e30,
            1e308,
            f64::MAX,
        ];
        for low in sizes {
            for high in sizes.into_iter().filter(|high| *high >= low) {
                for scale in [Scale::Linear, Scale::Log] {
                    for (low, high) in [(low, high), (-low, high), (-high, -low)] {
                        if scale == Scale::Log && low <= 0.0 {
                            continue;
                        }
                        let axis = Axis::around(scale, low, high).along(200.0, 0.0);
                        let ticks = axis.ticks(5, Unit::Plain);
                        let inside = |tick: &(f64, String)| {
                            (-1e-6..=200.0 + 1e-6).contains(&axis.place(tick.0))
                        };
                        assert!(
                            (1..=12).contains(&ticks.len()),
                            "{scale:?} {low:e} {high:e} {ticks:?}"
                        );
                        assert!(
                            ticks.iter().all(inside),
                            "{scale:?} {low:e} {high:e} {ticks:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn places_and_values_are_inverse() {
        for scale in [Scale::Linear, Scale::Log] {
            let axis = Axis::around(scale, 0.02, 3.0).along(150.0, 10.0);
            for value in [0.02, 0.5, 3.0] {
                let back = axis.value_at(axis.place(value));
                assert!((back - value).abs() < 1e-9, "{scale:?}: {back} for {value}");
            }
        }
        let axis = Axis::around(Scale::Log, 1.0, 100.0).along(0.0, 100.0);
        assert!((axis.place(10.0) - 50.0).abs() < 1e-9);
    }
}
