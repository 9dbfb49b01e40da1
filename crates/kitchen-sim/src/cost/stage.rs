//! What a pipeline stage holds: its parameters, and how many micro-steps it has in flight.

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
