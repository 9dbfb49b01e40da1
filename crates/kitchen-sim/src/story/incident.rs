//! What goes wrong at a given time.

use serde::{Deserialize, Serialize};

use super::duration::Seconds;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// When, counted from the first step.
    pub at: Seconds,
    /// What.
    pub what: Trouble,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Trouble::GpuFailure { .. } => "gpu failure",
            Trouble::NodeFailure { .. } => "node failure",
            Trouble::NetworkPartition { .. } => "network partition",
            Trouble::Straggler { .. } => "straggler",
            Trouble::EccStorm { .. } => "ecc storm",
            Trouble::LossSpike { .. } => "loss spike",
            Trouble::ThermalEvent { .. } => "thermal event",
            Trouble::SlowStorage { .. } => "slow storage",
        }
    }

    /// How long it lasts, if it is not over at once.
    #[must_use]
    pub fn lasts(&self) -> Option<f64> {
        match self {
            Trouble::GpuFailure { .. }
            | Trouble::NodeFailure { .. }
            | Trouble::LossSpike { .. } => None,
            Trouble::NetworkPartition { lasts, .. }
            | Trouble::Straggler { lasts, .. }
            | Trouble::EccStorm { lasts, .. }
            | Trouble::ThermalEvent { lasts, .. }
            | Trouble::SlowStorage { lasts, .. } => Some(lasts.0),
        }
    }

    /// Its quantities, with the least and the most that makes sense, and the nodes, racks and GPUs
    /// it names.
    pub(super) fn quantities(&self) -> Vec<Quantity> {
        use Quantity::{Gpu, Node, Rack, Range};
        const ANY: f64 = 1e6;
        match *self {
            Trouble::GpuFailure { node, gpu } => vec![Node(node), Gpu(gpu)],
            Trouble::NodeFailure { node } => vec![Node(node)],
            Trouble::NetworkPartition { node, nodes, .. } => {
                let last = node.saturating_add(nodes).saturating_sub(1);
                vec![Range("nodes", f64::from(nodes), 1.0, ANY), Node(last)]
            }
            Trouble::Straggler { node, slowness, .. } => {
                vec![Node(node), Range("slowness", slowness, 0.0, 100.0)]
            }
            Trouble::EccStorm {
                node,
                gpu,
                per_minute,
                ..
            } => vec![
                Node(node),
                Gpu(gpu),
                Range("per_minute", per_minute, 0.0, ANY),
            ],
            Trouble::LossSpike { height, steps, .. } => vec![
                Range("height", height, 0.0, 20.0),
                Range("steps", steps, 0.1, ANY),
            ],
            Trouble::ThermalEvent { rack, warmer, .. } => {
                vec![Rack(rack), Range("warmer", warmer, 0.0, 60.0)]
            }
            Trouble::SlowStorage { factor, .. } => vec![Range("factor", factor, 1.0, 1000.0)],
        }
    }
}

/// Something in an incident that can be wrong.
pub(super) enum Quantity {
    Node(u32),
    Gpu(u32),
    Rack(u32),
    /// Name, value, least, most.
    Range(&'static str, f64, f64, f64),
}
