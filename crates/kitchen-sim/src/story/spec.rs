//! One specification of a run, from which everything that is shown follows.

use kitchen_types::config::{ClusterConfig, Incident};
use serde::{Deserialize, Serialize};

use crate::input::{Activation, Experts, Layout, Recompute, Sharding, Software};
use crate::loss::Anneal;

/// A run, as data: what is left out has a default, and what is not known is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// What the run is called.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// The seed of all chance.
    pub seed: u64,
    /// What is trained.
    pub model: ModelSpec,
    /// On what.
    pub cluster: ClusterSpec,
    /// Spread how; the fastest layout that fits, if absent.
    pub layout: Option<LayoutSpec>,
    /// By what.
    pub software: Software,
    /// From what.
    pub data: DataSpec,
    /// For how long, and at which learning rates.
    pub schedule: ScheduleSpec,
    /// How often things are done.
    pub every: EverySpec,
    /// What goes wrong.
    pub incidents: Vec<Incident>,
}

/// A model: one of the public ones, or its dimensions, which also change a public one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSpec {
    /// A public model.
    pub preset: Option<String>,
    /// Transformer layers.
    pub layers: Option<u32>,
    /// Width of the residual stream.
    pub hidden: Option<u32>,
    /// Attention heads.
    pub heads: Option<u32>,
    /// Heads of keys and values.
    pub kv_heads: Option<u32>,
    /// Width of one head.
    pub head_dim: Option<u32>,
    /// Width of the feed-forward network.
    pub ffn: Option<u32>,
    /// The function in the feed-forward network.
    pub activation: Option<Activation>,
    /// Tokens in the vocabulary.
    pub vocab: Option<u32>,
    /// Whether the output layer shares the weights of the embedding.
    pub tied_embeddings: Option<bool>,
    /// A mixture of experts.
    pub experts: Option<Experts>,
}

impl ModelSpec {
    /// Whether it is a public model as it is, or the usual one.
    #[must_use]
    pub fn is_preset(&self) -> bool {
        let plain = Self {
            preset: self.preset.clone(),
            ..Self::default()
        };
        *self == plain
    }
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterSpec {
    /// What all GPUs are.
    pub accelerator: String,
    /// How many there are.
    pub gpus: u32,
    /// How many share a node; as many as is usual for the accelerator, if absent.
    pub gpus_per_node: Option<u32>,
    /// Sum over the network adapters of one node, in Gbit/s; what is usual for the accelerator, if
    /// absent.
    pub node_gbps: Option<f64>,
    /// Nodes in a rack.
    pub nodes_per_rack: u32,
    /// Degrees Celsius of the air that comes in.
    pub inlet_c: f64,
    /// What storage takes from all nodes together, in GB/s; 1 for each node, if absent.
    pub storage_gbs: Option<f64>,
}

/// Degrees of parallelism. Data parallelism takes the GPUs that are left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayoutSpec {
    /// Tensor parallel degree.
    pub tp: u32,
    /// Context parallel degree.
    pub cp: u32,
    /// Pipeline stages.
    pub pp: u32,
    /// Chunks of the model on each stage.
    pub vp: u32,
    /// Expert parallel degree.
    pub ep: u32,
    /// Whether norms and dropout are split too; so they are where there is tensor parallelism, if
    /// absent.
    pub sp: Option<bool>,
    /// What data parallel ranks share.
    pub sharding: Sharding,
    /// What the backward pass computes again.
    pub recompute: Recompute,
    /// Sequences of one micro-step.
    pub micro_batch: u32,
}

/// Data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSpec {
    /// What they are called.
    pub name: String,
    /// Sequences to train on.
    pub samples: u64,
    /// Sequences held out.
    pub validation_samples: u64,
    /// Tokens of a sequence.
    pub seq_len: u32,
    /// Sequences of a step.
    pub global_batch: u32,
}

/// Learning rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSpec {
    /// How often all data are seen.
    pub epochs: u32,
    /// Steps, instead of whole epochs.
    pub steps: Option<u64>,
    /// The highest learning rate.
    pub peak_lr: f64,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// How the learning rate falls.
    pub anneal: Anneal,
}

/// Steps between two of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EverySpec {
    /// Reports of rates, communication, gradients and GPUs.
    pub log: u64,
    /// Looks at held-out data; 0 is never.
    pub validation: u64,
    /// Checkpoints; as often as wastes least (Daly 2006), if absent.
    pub checkpoint: Option<u64>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            name: "run".to_owned(),
            about: String::new(),
            seed: 1,
            model: ModelSpec::default(),
            cluster: ClusterSpec::default(),
            layout: None,
            software: Software::default(),
            data: DataSpec::default(),
            schedule: ScheduleSpec::default(),
            every: EverySpec::default(),
            incidents: Vec::new(),
        }
    }
}

impl Default for ClusterSpec {
    fn default() -> Self {
        Self {
            gpus: 64,
            gpus_per_node: None,
            node_gbps: None,
            ..Self::from(&ClusterConfig::default())
        }
    }
}

/// What a run's configuration leaves open is as usual.
impl From<&ClusterConfig> for ClusterSpec {
    fn from(config: &ClusterConfig) -> Self {
        Self {
            accelerator: config.accelerator.clone(),
            gpus: config.gpus,
            gpus_per_node: Some(config.gpus_per_node),
            node_gbps: Some(config.node_gbps),
            nodes_per_rack: 4,
            inlet_c: 25.0,
            storage_gbs: None,
        }
    }
}

impl Default for LayoutSpec {
    fn default() -> Self {
        Self {
            tp: 1,
            cp: 1,
            pp: 1,
            vp: 1,
            ep: 1,
            sp: None,
            sharding: Sharding::DistOpt,
            recompute: Recompute::None,
            micro_batch: 1,
        }
    }
}

impl LayoutSpec {
    /// The layout on `gpus`.
    #[must_use]
    pub fn on(&self, gpus: u32) -> Layout {
        let each = [self.tp, self.cp, self.pp].into_iter();
        let taken = each.fold(1_u32, u32::saturating_mul).max(1);
        Layout {
            tp: self.tp,
            cp: self.cp,
            pp: self.pp,
            vp: self.vp,
            dp: (gpus / taken).max(1),
            ep: self.ep,
            sp: self.sp.unwrap_or(self.tp > 1),
            sharding: self.sharding,
            recompute: self.recompute,
            micro_batch: self.micro_batch,
        }
    }
}

impl Default for DataSpec {
    fn default() -> Self {
        Self {
            name: "web text".to_owned(),
            samples: 262_144,
            validation_samples: 1024,
            seq_len: 8192,
            global_batch: 512,
        }
    }
}

impl Default for ScheduleSpec {
    fn default() -> Self {
        Self {
            epochs: 1,
            steps: None,
            peak_lr: 3e-4,
            warmup: 100,
            anneal: Anneal::Cosine(0.1),
        }
    }
}

impl Default for EverySpec {
    fn default() -> Self {
        Self {
            log: 10,
            validation: 128,
            checkpoint: None,
        }
    }
}
