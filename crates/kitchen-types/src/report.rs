//! What the command line answers to questions, as JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::CatalogEntry;
use crate::summary::RunSummary;

/// Everything there is to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Named requests with everything filled in.
    pub recipes: Vec<RecipeInfo>,
    /// Families of models, with what they are.
    pub models: BTreeMap<String, String>,
    /// Data sets, and kinds of files.
    pub data: Vec<CatalogEntry>,
    /// What workflows are made of.
    pub stages: Vec<StageInfo>,
}

/// A named request with everything filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeInfo {
    /// What it is called.
    pub name: String,
    /// What it trains.
    pub title: String,
    /// What a person learns from it.
    pub teaches: String,
    /// What comes out.
    pub expect: String,
    /// How long it takes on two cores without a GPU.
    pub takes: String,
    /// What to try after it, as arguments of `run`, each with what it shows.
    pub next: Vec<(String, String)>,
    /// Its settings over the defaults, as TOML.
    pub settings: String,
}

/// What workflows are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageInfo {
    /// What workflows call it.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it finds in the state.
    pub reads: Vec<String>,
    /// What it puts into the state, or changes there.
    pub writes: Vec<String>,
    /// Its settings, with what they mean.
    pub config: BTreeMap<String, String>,
    /// The events that it sends.
    pub events: Vec<String>,
}

/// How two runs differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// One run.
    pub first: RunSummary,
    /// The other.
    pub second: RunSummary,
    /// The settings in which they differ.
    pub settings: Vec<SettingChange>,
}

/// A setting with two values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingChange {
    /// Which setting, such as `model.gpt.layers`.
    pub path: String,
    /// Its value in the first; absent where that has no such setting.
    pub old: Option<Value>,
    /// Its value in the second; absent where that has no such setting.
    pub new: Option<Value>,
}

/// What works on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Examination {
    /// The program's version.
    pub version: String,
    /// The operating system and the processor's architecture.
    pub platform: String,
    /// Threads that run at the same time.
    pub cores: u64,
    /// What was looked at.
    pub findings: Vec<ExaminationFinding>,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExaminationFinding {
    /// What.
    pub what: String,
    /// Whether it works; absent where it is neither good nor bad.
    pub works: Option<bool>,
    /// What was found, and what to do.
    pub found: String,
}
