//! Why runs are interrupted.

use serde::Serialize;

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Culprit {
    /// A GPU or its memory.
    Gpu,
    /// A host: processor, memory, disk, power.
    Host,
    /// A switch, a cable, an adapter.
    Network,
    /// Software.
    Software,
    /// Something that nobody could name.
    Unknown,
}

/// A cause and how often it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// In words.
    pub name: &'static str,
    /// What is at fault.
    pub culprit: Culprit,
    /// How often it interrupted 54 days of Llama-3 405B on 16,384 GPUs (arXiv:2407.21783, table 5).
    pub count: u32,
}

const fn cause(name: &'static str, culprit: Culprit, count: u32) -> Cause {
    Cause {
        name,
        culprit,
        count,
    }
}

/// All causes of that table.
pub const CAUSES: &[Cause] = &[
    cause("faulty gpu", Culprit::Gpu, 148),
    cause("gpu hbm3 memory", Culprit::Gpu, 72),
    cause("software bug", Culprit::Software, 54),
    cause("network switch/cable", Culprit::Network, 35),
    cause("host maintenance", Culprit::Host, 32),
    cause("gpu sram memory", Culprit::Gpu, 19),
    cause("gpu system processor", Culprit::Gpu, 17),
    cause("nic", Culprit::Host, 7),
    cause("nccl watchdog timeouts", Culprit::Unknown, 7),
    cause("silent data corruption", Culprit::Gpu, 6),
    cause("gpu thermal interface + sensor", Culprit::Gpu, 6),
    cause("ssd", Culprit::Host, 3),
    cause("power supply", Culprit::Host, 3),
    cause("server chassis", Culprit::Host, 2),
    cause("io expansion board", Culprit::Host, 2),
    cause("dependency", Culprit::Software, 2),
    cause("cpu", Culprit::Host, 2),
    cause("system memory", Culprit::Host, 2),
];

impl Cause {
    /// The cause at `place`, from 0 to 1, of all interruptions in a row.
    #[must_use]
    pub fn at(place: f64) -> Self {
        let all: u32 = CAUSES.iter().map(|cause| cause.count).sum();
        let mut left = place.clamp(0.0, 1.0) * f64::from(all);
        for cause in CAUSES {
            left -= f64::from(cause.count);
            if left < 0.0 {
                return *cause;
            }
        }
        cause("unknown", Culprit::Unknown, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_sums_to_what_it_says() {
        let all: u32 = CAUSES.iter().map(|cause| cause.count).sum();
        assert_eq!(all, 419);
        assert_eq!(Cause::at(0.0).count, 148);
        assert_eq!(Cause::at(0.36).count, 72);
    }
}
