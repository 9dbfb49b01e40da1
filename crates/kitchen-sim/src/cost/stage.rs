//! A pipeline stage: what it holds, how much it has in flight, how long its chunks take.

use super::layer::{Layer, Micro, Pass};
use crate::constants::Constants;
use crate::input::Job;

/// Parameters of one stage on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// Those that every data parallel rank has.
    pub(crate) dense: f64,
    /// Those of the experts that live here.
    pub(crate) expert: f64,
}

impl Parameters {
    pub(crate) fn of(job: &Job, stage: u32) -> Self {
        let (model, layout) = (&job.model, &job.layout);
        let tp = f64::from(layout.tp);
        let layers = f64::from(job.layers_of(stage));
        let is_first = stage == 0;
        let is_last = stage + 1 == layout.pp;
        let own_head = is_last && !(is_first && model.tied_embeddings);
        let tables = f64::from(u8::from(is_first) + u8::from(own_head));
        let layer = model.attention_parameters() + model.dense_ffn_parameters();
        Self {
            dense: (layers * layer + tables * model.embedding_parameters()) / tp,
            expert: layers * model.expert_parameters() / (tp * f64::from(layout.ep)),
        }
    }

    pub(crate) fn sum(self) -> f64 {
        self.dense + self.expert
    }

    /// Parameters of which this device keeps the sharded state.
    pub(crate) fn shard(self, job: &Job) -> f64 {
        let replicas = f64::from(job.layout.replicas());
        let expert_replicas = (replicas / f64::from(job.layout.ep)).max(1.0);
        self.dense / replicas + self.expert / expert_replicas
    }
}

/// Micro-steps whose activations `stage` holds at once, in units of its whole depth.
///
/// Plain schedule: those that later stages still work on. Interleaved: p(1 + (p-1)/(pv)) on the
/// first stage (Korthikanti et al. 2022, section 4.2.3), two chunks fewer on each later one.
pub(crate) fn in_flight(job: &Job, stage: u32) -> f64 {
    let (p, v) = (f64::from(job.layout.pp), f64::from(job.layout.vp));
    let later = p - 1.0 - f64::from(stage);
    let most = f64::from(job.micro_steps());
    if job.layout.vp <= 1 {
        return (later + 1.0).min(most);
    }
    let chunks = 2.0 * later + (v - 1.0) * p + 1.0;
    (chunks / v).min(most)
}

/// The layers of the stage that works longest, and whether it has the output layer.
#[derive(Clone, Copy)]
pub(crate) struct Longest {
    pub(crate) layers: f64,
    pub(crate) heads: f64,
}

pub(crate) fn longest_stage(job: &Job, layer: &Layer, head: Pass) -> Longest {
    let full = f64::from(job.layers_per_stage());
    let end = f64::from(job.layers_of(job.layout.pp - 1));
    let (each, head) = (layer.whole().sum(), head.sum());
    if end * each + head >= full * each || job.layout.pp == 1 {
        return Longest {
            layers: end,
            heads: 1.0,
        };
    }
    Longest {
        layers: full,
        heads: 0.0,
    }
}

/// Exposed seconds of handing activations on and gradients back, for one micro-step.
pub(crate) fn handover(job: &Job, micro: &Micro, constants: &Constants) -> f64 {
    let chunks = f64::from(job.layout.vp);
    let hides = job.layout.vp > 1 && job.software.overlap;
    let left = if hides {
        1.0 - constants.dp_hidden
    } else {
        1.0
    };
    2.0 * chunks * micro.handover() * left
}

/// What one chunk of the model on one stage takes for one micro-step, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) forward: f64,
    pub(crate) backward: f64,
    /// Exposed time of handing activations on, or gradients back.
    pub(crate) handover: f64,
}

/// All chunks of all stages, those of one stage beside each other.
pub(crate) fn chunks(job: &Job, constants: &Constants) -> Vec<Chunk> {
    let micro = Micro::new(job, constants);
    let (layer, head) = (micro.layer().whole(), micro.head());
    let (stages, per_stage) = (job.layout.pp, job.layout.vp);
    let handover = handover(job, &micro, constants) / (2.0 * f64::from(per_stage));
    let wait = 0.5 * constants.micro_step_ms * 1e-3 / f64::from(per_stage);
    let mut made = Vec::new();
    for stage in 0..stages {
        let layers = job.layers_of(stage);
        for chunk in 0..per_stage {
            // A short stage lacks layers in its last chunks.
            let full = job.layers_per_chunk();
            let here = f64::from(layers.saturating_sub(chunk * full).min(full));
            let is_last = stage + 1 == stages && chunk + 1 == per_stage;
            let head = if is_last { head } else { Pass::default() };
            made.push(Chunk {
                forward: here * layer.forward + head.forward + wait,
                backward: here * layer.backward + head.backward + wait,
                handover,
            });
        }
    }
    made
}
