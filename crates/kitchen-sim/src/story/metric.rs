//! What a picture of all GPUs shows of each, in the terminal and on the page.

use super::fleet::{Cell, Condition};
use super::setting::Setting;

/// Degrees Celsius from the least to the most that is shown.
const DEGREES: (f64, f64) = (20.0, 90.0);

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The share of time in which it computes.
    Utilisation,
    /// Memory in use.
    Memory,
    /// Heat, of which the hottest counts: a mean would hide it.
    Temperature,
    /// Watts.
    Power,
}

/// What a GPU has at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Memory.
    pub gib: f64,
    /// Its design power, or what it draws in a step where that is not known.
    pub watts: f64,
}

impl Limits {
    /// Those of a run's GPUs.
    #[must_use]
    pub fn of(setting: &Setting) -> Self {
        let accelerator = &setting.job.cluster.accelerator;
        Self {
            gib: accelerator.mem_gb,
            watts: accelerator.tdp_w.unwrap_or(setting.estimate.device_watts),
        }
    }
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Utilisation,
        Self::Memory,
        Self::Temperature,
        Self::Power,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utilisation => "utilisation",
            Self::Memory => "memory",
            Self::Temperature => "temperature",
            Self::Power => "power",
        }
    }

    /// The next one, after the last the first.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Utilisation => Self::Memory,
            Self::Memory => Self::Temperature,
            Self::Temperature => Self::Power,
            Self::Power => Self::Utilisation,
        }
    }

    /// How much of it a cell has, from 0 to 1.
    #[must_use]
    pub fn level(self, cell: &Cell, limits: &Limits) -> f64 {
        let gpu = &cell.gpu;
        let level = match self {
            Self::Utilisation => gpu.used,
            Self::Memory => gpu.gib / limits.gib,
            Self::Temperature => (cell.hottest - DEGREES.0) / (DEGREES.1 - DEGREES.0),
            Self::Power => gpu.watts / limits.watts,
        };
        level.clamp(0.0, 1.0)
    }
}

impl Condition {
    /// The letter of a GPU that is not well, and what it stands for.
    #[must_use]
    pub fn mark(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Well => None,
            Self::Slow => Some(("s", "slow")),
            Self::Correcting => Some(("e", "ECC")),
            Self::Hot => Some(("h", "hot")),
            Self::CutOff => Some(("?", "cut off")),
            Self::Failed => Some(("X", "failed")),
        }
    }
}
