//! The cluster that `device=cluster` simulates.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::duration::Seconds;

/// The cluster that `device=cluster` simulates: what a step takes there, and what goes wrong. What
/// is learnt is not simulated: the model trains on this machine's CPU, as it would on any number of
/// GPUs that share its batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// What all GPUs are, as in `H100 SXM 80GB`.
    pub accelerator: String,
    /// How many there are.
    pub gpus: u32,
    /// How many share a node.
    pub gpus_per_node: u32,
    /// Sum over the network adapters of one node, in Gbit/s.
    pub node_gbps: f64,
    /// Interruptions by each node in a day; large clusters see 0.004.
    pub failures_per_day: f64,
    /// How many simulated seconds pass in one of yours; 0 waits for nothing.
    pub speed: f64,
    /// What goes wrong at a given time of the simulated clock.
    pub incidents: Vec<Incident>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            accelerator: "H100 SXM 80GB".into(),
            gpus: 8,
            gpus_per_node: 8,
            node_gbps: 3200.0,
            failures_per_day: 0.0,
            speed: 0.0,
            incidents: Vec::new(),
        }
    }
}

/// Something that goes wrong in a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// When, counted from the first step.
    pub at: Seconds,
    /// What.
    pub what: Trouble,
}

/// What can go wrong in a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// A GPU falls off its bus; its node is replaced.
    GpuFailure {
        /// Its node, from 0.
        node: u32,
        /// Which GPU of that node, from 0.
        gpu: u32,
    },
    /// A node fails as a whole, and is replaced.
    NodeFailure {
        /// Which, from 0.
        node: u32,
    },
    /// Nodes cannot reach the others: all wait, and give up when the watchdog's patience ends.
    NetworkPartition {
        /// The first node that is cut off, from 0.
        node: u32,
        /// Nodes that are.
        nodes: u32,
        /// Until the network is whole again.
        lasts: Seconds,
    },
    /// One node is slow, and so is everybody.
    Straggler {
        /// Which, from 0.
        node: u32,
        /// By which share its steps are longer: 0.3 is 30 %.
        slowness: f64,
        /// For how long.
        lasts: Seconds,
    },
    /// A memory corrects more and more errors, which slows it a little, until it cannot.
    EccStorm {
        /// The node, from 0.
        node: u32,
        /// The GPU of that node, from 0.
        gpu: u32,
        /// Corrected errors a minute, on average.
        per_minute: f64,
        /// Until the first error that cannot be corrected.
        lasts: Seconds,
    },
    /// The loss jumps.
    LossSpike {
        /// By so many nats.
        height: f64,
        /// Steps after which a third of it is left (1/e).
        steps: f64,
        /// Whether the run goes back to its last checkpoint, and leaves those batches out.
        rolls_back: bool,
    },
    /// A rack loses its cooling: the air at its inlets gets warmer.
    ThermalEvent {
        /// Which rack, from 0.
        rack: u32,
        /// Kelvin by which the air gets warmer in the end.
        warmer: f64,
        /// Until the cooling is back.
        lasts: Seconds,
    },
    /// Storage is slow.
    SlowStorage {
        /// Writing a checkpoint takes so many times as long.
        factor: f64,
        /// For how long.
        lasts: Seconds,
    },
}

impl Trouble {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GpuFailure { .. } => "gpu failure",
            Self::NodeFailure { .. } => "node failure",
            Self::NetworkPartition { .. } => "network partition",
            Self::Straggler { .. } => "straggler",
            Self::EccStorm { .. } => "ecc storm",
            Self::LossSpike { .. } => "loss spike",
            Self::ThermalEvent { .. } => "thermal event",
            Self::SlowStorage { .. } => "slow storage",
        }
    }

    /// How long it lasts in seconds, if it is not over at once.
    pub fn lasts(&self) -> Option<f64> {
        match self {
            Self::GpuFailure { .. } | Self::NodeFailure { .. } | Self::LossSpike { .. } => None,
            Self::NetworkPartition { lasts, .. }
            | Self::Straggler { lasts, .. }
            | Self::EccStorm { lasts, .. }
            | Self::ThermalEvent { lasts, .. }
            | Self::SlowStorage { lasts, .. } => Some(lasts.0),
        }
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time, such as \"90s\", \"40min\", \"2h10min\" or \"1d\".",
            "type": "string",
            "pattern": "^([0-9]{1,9}(\\.[0-9]{1,6})?(d|h|min|m|ms|s)){1,4}$"
        })
    }
}
