//! Runs to begin with.

use super::error::SpecError;
use super::spec::Spec;

/// A bundled specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// How it is asked for.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// Declares scenarios by the names of their files.
macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        &[$(Scenario {
            name: $name,
            text: include_str!(concat!("../../data/scenarios/", $name, ".toml")),
        }),*]
    };
}

/// All of them; the first is shown unasked.
pub const SCENARIOS: &[Scenario] = scenarios![
    "first-night",
    "calm",
    "small",
    "node-failure",
    "network-partition",
    "straggler",
    "ecc-storm",
    "loss-spike",
    "thermal-event",
    "slow-storage",
    "bad-day",
    "llama3-405b",
];

impl Scenario {
    /// The scenario of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Its specification.
    ///
    /// # Errors
    ///
    /// If the file is malformed, which a test rules out.
    pub fn spec(&self) -> Result<Spec, SpecError> {
        Spec::parse(self.text)
    }
}

impl Spec {
    /// Reads a specification in TOML.
    ///
    /// # Errors
    ///
    /// If the text is none; with the line.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        Ok(toml::from_str(text)?)
    }
}
