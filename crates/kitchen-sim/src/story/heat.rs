//! A rack without cooling, second by second.

use super::site::Site;
use crate::cost::{Use, watts};
use crate::math::exp;
use crate::thermal::{Heat, Thermal};

/// Seconds between two looks at a rack.
const LOOK: f64 = 5.0;
/// Seconds after which the air has come within a third (1/e) of where it ends.
const AIR: f64 = 150.0;
/// Kelvin above the incoming air at which a rack counts as cool again.
const COOL: f64 = 2.0;

/// How the devices of a rack fared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HotRack {
    pub(super) rack: u32,
    /// When it began, in seconds.
    pub(super) from: f64,
    /// What was seen every five seconds since.
    pub(super) looks: Vec<Look>,
    /// When devices switched off, if they did.
    pub(super) off: Option<f64>,
}

/// A device of the rack at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) celsius: f64,
    /// The share of its clock that it keeps.
    pub(super) clock: f64,
    pub(super) watts: f64,
    pub(super) inlet: f64,
}

impl HotRack {
    /// Cooling is lost `from` a time for `lasts` seconds, and the air gets `warmer` kelvin warmer in
    /// the end. Devices work all along, as far as their clock lets them.
    pub(super) fn of(site: &Site<'_>, rack: u32, from: f64, warmer: f64, lasts: f64) -> Self {
        let accelerator = site.accelerator;
        let idle = watts(accelerator, Use::default());
        let full = site.device_watts;
        let usual = site.cluster.inlet_c;
        let mut device = Thermal::new(accelerator, usual);
        device.celsius = device.settled(full, usual);
        let mut rise = 0.0;
        let mut looks = Vec::new();
        let mut off = None;
        let mut passed = 0.0;
        // What lasts longer than a day is a different room.
        while (passed < lasts || rise > COOL) && passed < 86_400.0 {
            let wanted = if passed < lasts { warmer } else { 0.0 };
            rise = wanted + (rise - wanted) * exp(-LOOK / AIR);
            let inlet = usual + rise;
            let clock = if off.is_some() { 0.0 } else { device.clock() };
            let drawn = idle + (full - idle) * clock;
            device.pass(LOOK, drawn, inlet);
            if off.is_none() && device.heat() == Heat::Off {
                off = Some(from + passed + LOOK);
            }
            looks.push(Look {
                celsius: device.celsius,
                clock,
                watts: drawn,
                inlet,
            });
            passed += LOOK;
        }
        Self {
            rack,
            from,
            looks,
            off,
        }
    }

    /// When the rack is cool again.
    pub(super) fn until(&self) -> f64 {
        self.from + LOOK * self.looks.len() as f64
    }

    /// The rack at a time, while it is hot.
    pub(super) fn at(&self, at: f64) -> Option<Look> {
        let place = (at - self.from) / LOOK;
        if place < 0.0 {
            return None;
        }
        self.looks.get(place as usize).copied()
    }

    /// Times between which the clock stays the same to a hundredth: beginning, end, clock.
    pub(super) fn stretches(&self) -> Vec<(f64, f64, f64)> {
        let mut made: Vec<(f64, f64, f64)> = Vec::new();
        for (number, look) in self.looks.iter().enumerate() {
            let from = self.from + LOOK * number as f64;
            let clock = (100.0 * look.clock + 0.5).floor() / 100.0;
            match made.last_mut() {
                Some((_, until, before)) if *before == clock => *until = from + LOOK,
                _ => made.push((from, from + LOOK, clock)),
            }
        }
        made
    }
}
