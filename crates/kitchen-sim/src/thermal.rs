//! How hot a device gets, and what it does about that.

use serde::{Deserialize, Serialize};

use crate::input::Accelerator;
use crate::math::exp;

/// Kelvin between a device at its design power and the air that cools it: 0.06 K/W for an air-cooled
/// H100. Coolers are made for the power of what they cool.
const RISE: f64 = 42.0;
/// Watts of a device whose maker publishes none: an H100's.
const POWER: f64 = 700.0;
/// Joules for each kelvin: heat settles in about a quarter of a minute.
const CAPACITY: f64 = 250.0;
/// Limits of a device whose maker publishes none, in degrees Celsius: an H100's.
const SLOWDOWN: f64 = 87.0;
const LIMIT: f64 = 89.0;
const SHUTDOWN: f64 = 92.0;

/// What a device does about its heat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heat {
    /// Nothing.
    Fine,
    /// It lowers its clock.
    Throttled,
    /// It has switched off.
    Off,
}

/// Temperature of one device: C·dT/dt = P - (T - T_in)/R.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thermal {
    /// Degrees Celsius.
    pub celsius: f64,
    /// Kelvin per watt to the inlet.
    pub resistance: f64,
    slowdown: f64,
    limit: f64,
    shutdown: f64,
}

impl Thermal {
    /// A device as cold as the air at its inlet.
    #[must_use]
    pub fn new(accelerator: &Accelerator, inlet: f64) -> Self {
        Self {
            celsius: inlet,
            resistance: RISE / accelerator.tdp_w.unwrap_or(POWER),
            slowdown: accelerator.max_operating_c.unwrap_or(SLOWDOWN),
            limit: accelerator.slowdown_c.unwrap_or(LIMIT),
            shutdown: accelerator.shutdown_c.unwrap_or(SHUTDOWN),
        }
    }

    /// Where the temperature settles under `watts`, in degrees Celsius.
    #[must_use]
    pub fn settled(&self, watts: f64, inlet: f64) -> f64 {
        inlet + watts * self.resistance
    }

    /// Lets `seconds` pass under constant `watts` with air of `inlet` degrees. Exact for any length.
    pub fn pass(&mut self, seconds: f64, watts: f64, inlet: f64) {
        let settled = self.settled(watts, inlet);
        let left = exp(-seconds / (self.resistance * CAPACITY));
        self.celsius = settled + (self.celsius - settled) * left;
    }

    /// What the device does at its temperature.
    #[must_use]
    pub fn heat(&self) -> Heat {
        if self.celsius >= self.shutdown {
            Heat::Off
        } else if self.celsius >= self.slowdown {
            Heat::Throttled
        } else {
            Heat::Fine
        }
    }

    /// The share of its clock that the device keeps: all of it up to where it slows down, half at
    /// its hard limit, none when off.
    #[must_use]
    pub fn clock(&self) -> f64 {
        if self.heat() == Heat::Off {
            return 0.0;
        }
        let over = (self.celsius - self.slowdown) / (self.limit - self.slowdown).max(1.0);
        1.0 - 0.5 * over.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn h100() -> Thermal {
        let found = Accelerator::named("H100 SXM 80GB").unwrap();
        Thermal::new(&found.unwrap(), 27.0)
    }

    #[test]
    fn seven_hundred_watts_settle_where_they_are_measured() {
        let mut gpu = h100();
        gpu.pass(600.0, 700.0, 27.0);
        assert!((65.0..75.0).contains(&gpu.celsius), "{}", gpu.celsius);
        assert_eq!((gpu.heat(), gpu.clock()), (Heat::Fine, 1.0));
    }

    #[test]
    fn lost_cooling_throttles_and_then_switches_off() {
        let mut gpu = h100();
        gpu.pass(600.0, 700.0, 46.0);
        assert_eq!(gpu.heat(), Heat::Throttled);
        assert!(gpu.clock() < 1.0);
        gpu.pass(600.0, 700.0, 60.0);
        assert_eq!((gpu.heat(), gpu.clock()), (Heat::Off, 0.0));
    }

    #[test]
    fn two_halves_are_a_whole() {
        let (mut once, mut twice) = (h100(), h100());
        once.pass(10.0, 500.0, 27.0);
        twice.pass(5.0, 500.0, 27.0);
        twice.pass(5.0, 500.0, 27.0);
        assert!((once.celsius - twice.celsius).abs() < 1e-9);
    }
}
