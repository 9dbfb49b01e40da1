//! How the shares of a mixture's domains follow what is measured of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the shares of a mixture's domains change while it is learnt. Any but `off` looks at the
/// losses of the domains after each evaluation (`evaluate.every`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CurriculumConfig {
    /// The shares are those of the weights.
    #[default]
    Off,
    /// A domain whose loss has risen above its lowest comes more often until it is back.
    Replay(ReplayConfig),
    /// Domains that lag behind a reference come more often (DoReMi, Xie et al. 2023).
    Doremi(DoremiConfig),
    /// Domains with high losses come more often, by a bandit that also explores (online data mixing,
    /// Albalak et al. 2023).
    Odm(OdmConfig),
    /// Domains come more often where what they teach is still wanting, by a graph of which teaches
    /// which (Skill-it, Chen et al. 2023).
    SkillIt(SkillItConfig),
}

impl CurriculumConfig {
    /// Whether the shares follow anything.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }
}

/// Constants of replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayConfig {
    /// A domain is forgotten when its loss lies further than this above its lowest, in units of the
    /// loss.
    pub threshold: f64,
    /// Its weight is multiplied by 1 + `gain` times as many thresholds, at each evaluation.
    pub gain: f64,
    /// The least share of a domain.
    pub floor: f64,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            threshold: 0.02,
            gain: 1.0,
            floor: 0.01,
        }
    }
}

/// Constants of DoReMi.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DoremiConfig {
    /// The losses that a reference model reaches, one for each domain, in their order.
    pub reference: Vec<f64>,
    /// How far the shares move for each unit of loss above the reference.
    pub step_size: f64,
    /// How much of the uniform distribution is mixed in (the paper says 0.001, its program 0.0001).
    pub smoothing: f64,
}

impl Default for DoremiConfig {
    fn default() -> Self {
        Self {
            reference: Vec::new(),
            step_size: 1.0,
            smoothing: 1e-4,
        }
    }
}

/// Constants of online data mixing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OdmConfig {
    /// How much of a domain's reward is kept at each evaluation.
    pub smoothing: f64,
}

impl Default for OdmConfig {
    fn default() -> Self {
        Self { smoothing: 0.9 }
    }
}

/// Constants of Skill-it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SkillItConfig {
    /// How far the shares move for each unit of loss.
    pub step_size: f64,
    /// Evaluations that count.
    pub window: usize,
    /// How much each domain (a row) helps to learn each (a column), in their order; empty where
    /// each helps itself alone.
    pub graph: Vec<Vec<f64>>,
}

impl Default for SkillItConfig {
    fn default() -> Self {
        Self {
            step_size: 0.2,
            window: 3,
            graph: Vec::new(),
        }
    }
}
