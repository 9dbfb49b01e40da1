//! How a job is spread over devices.

use serde::{Deserialize, Serialize};

/// Degrees of parallelism and what is kept where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Tensor parallel degree.
    pub tp: u32,
    /// Context parallel degree.
    pub cp: u32,
    /// Pipeline stages.
    pub pp: u32,
    /// Chunks of the model on each stage; 1 is the plain one-forward-one-backward schedule.
    pub vp: u32,
    /// Data parallel degree.
    pub dp: u32,
    /// Expert parallel degree, inside of the data parallel one.
    pub ep: u32,
    /// Whether norms and dropout are split over the tensor parallel ranks.
    pub sp: bool,
    /// What data parallel ranks share.
    pub sharding: Sharding,
    /// What the backward pass computes again.
    pub recompute: Recompute,
    /// Sequences of one micro-step on each data parallel rank.
    pub micro_batch: u32,
}

/// What the data parallel ranks hold in parts instead of in copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharding {
    /// Nothing: gradients are all-reduced, the optimizer is replicated.
    None,
    /// The optimizer's state.
    Zero1,
    /// The optimizer's state, by reduce-scatter and all-gather, with gradients in fp32.
    DistOpt,
    /// The optimizer's state and the gradients.
    Zero2,
    /// Weights too: gathered for the forward pass and again for the backward pass.
    Zero3,
    /// The same, by another name.
    Fsdp,
}

/// What the backward pass computes again instead of having it kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// Nothing.
    None,
    /// What is large and cheap, such as the core of attention.
    Selective,
    /// Everything but the inputs of layers.
    Full,
}

impl Layout {
    /// Copies of the whole model on `devices`, one sequence at a time.
    #[must_use]
    pub fn plain(devices: u32) -> Self {
        Self {
            tp: 1,
            cp: 1,
            pp: 1,
            vp: 1,
            dp: devices,
            ep: 1,
            sp: false,
            sharding: Sharding::None,
            recompute: Recompute::None,
            micro_batch: 1,
        }
    }

    /// Devices that the layout takes.
    #[must_use]
    pub fn devices(&self) -> u64 {
        [self.tp, self.cp, self.pp, self.dp]
            .into_iter()
            .map(u64::from)
            .fold(1, u64::saturating_mul)
    }

    /// Whether what is computed again is a list of operators, not the core of attention.
    ///
    /// That is what frameworks do that wrap each layer to shard its gradients or weights; Megatron
    /// computes the core of attention again.
    #[must_use]
    pub fn recomputes_operators(&self) -> bool {
        self.recompute == Recompute::Selective && self.sharding.shards_gradients()
    }

    /// Ranks over which states are sharded: those that hold the same weights.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.dp.saturating_mul(self.cp)
    }
}

impl Recompute {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Recompute::None => "none",
            Recompute::Selective => "selective",
            Recompute::Full => "full",
        }
    }
}

impl Sharding {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sharding::None => "none",
            Sharding::Zero1 => "zero1",
            Sharding::DistOpt => "dist-opt",
            Sharding::Zero2 => "zero2",
            Sharding::Zero3 => "zero3",
            Sharding::Fsdp => "fsdp",
        }
    }

    /// Whether weights are gathered for each pass.
    #[must_use]
    pub fn shards_weights(self) -> bool {
        matches!(self, Sharding::Zero3 | Sharding::Fsdp)
    }

    /// Whether each micro-step leaves only a part of the gradients.
    #[must_use]
    pub fn shards_gradients(self) -> bool {
        self.shards_weights() || self == Sharding::Zero2
    }

    /// Whether each rank updates only a part of the weights.
    #[must_use]
    pub fn shards_optimizer(self) -> bool {
        self != Sharding::None
    }
}
