//! How much memory the devices of a pipeline stage need.

use serde::Serialize;

use super::stage::{Parameters, in_flight};
use crate::input::{Attention, Experts, Job, Model, Precision, Recompute, Refusal, Sharding};

/// Bytes in a GiB.
const GIB: f64 = 1_073_741_824.0;
/// What libraries and communication keep for themselves.
const WORKSPACE: f64 = GIB;
/// Bytes for each logit: in 16 bits, in 32 for the loss, and the gradient in 16.
const LOGIT: f64 = 8.0;

/// Bytes on each device of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// 16-bit weights, and those gathered for the layer at work.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// Master weights and Adam's moments.
    pub optimizer: f64,
    /// What the backward pass needs of all micro-steps in flight.
    pub activations: f64,
    /// Logits and their gradients.
    pub logits: f64,
    /// What libraries keep.
    pub workspace: f64,
}

impl Memory {
    /// All parts together, in bytes.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.states() + self.activations + self.logits + self.workspace
    }

    /// The same in GiB.
    #[must_use]
    pub fn gib(&self) -> f64 {
        self.sum() / GIB
    }

    fn states(&self) -> f64 {
        self.weights + self.gradients + self.optimizer
    }
}

/// Memory of a device of the cluster, in GiB. Makers mean 2^30 bytes where they print GB.
#[must_use]
pub fn device_gib(job: &Job) -> f64 {
    job.cluster.accelerator.mem_gb
}

/// Memory on each device of `stage`.
#[must_use]
pub fn stage_memory(job: &Job, stage: u32) -> Memory {
    let (weights, gradients, optimizer) = states(job, stage);
    let is_last = stage + 1 == job.layout.pp;
    let logits = job.tokens() * f64::from(job.model.vocab) / f64::from(job.layout.tp);
    Memory {
        weights,
        gradients,
        optimizer,
        activations: activations(job, stage),
        logits: if is_last { LOGIT * logits } else { 0.0 },
        workspace: WORKSPACE,
    }
}

/// The fullest stage and its memory. Only the first, which has most micro-steps in flight and the
/// embedding, and the last, which has the logits, can be it.
#[must_use]
pub fn peak_memory(job: &Job) -> (u32, Memory) {
    let last = job.layout.pp.max(1) - 1;
    let first = stage_memory(job, 0);
    let end = stage_memory(job, last);
    if end.sum() > first.sum() {
        (last, end)
    } else {
        (0, first)
    }
}

/// Refuses a job that does not fit, and says what would help.
pub(crate) fn check_memory(job: &Job) -> Result<(), Refusal> {
    let (stage, memory) = peak_memory(job);
    if memory.gib() <= device_gib(job) {
        return Ok(());
    }
    let remedy = if memory.states() < memory.activations {
        match (job.layout.recompute, job.layout.micro_batch) {
            (_, 2..) => "halve micro_batch".to_owned(),
            (Recompute::None | Recompute::Selective, _) => "use recompute = full".to_owned(),
            (Recompute::Full, _) => format!("use cp = {}", 2 * u64::from(job.layout.cp)),
        }
    } else if job.layout.sharding.shards_optimizer() {
        let parts = u64::from(job.layout.tp) * u64::from(job.layout.pp);
        format!("use tp·pp = {}", parts.saturating_mul(2))
    } else {
        "use sharding = dist-opt".to_owned()
    };
    Err(Refusal::Memory {
        stage,
        need_gib: memory.gib(),
        have_gib: device_gib(job),
        remedy,
    })
}

/// Weights, gradients and optimizer of mixed-precision Adam: 2 + 2 + 12 bytes a parameter, each
/// part shared over data parallel ranks or not (Rajbhandari et al. 2020, section 3). Megatron's
/// distributed optimizer keeps gradients in 32 bits.
fn states(job: &Job, stage: u32) -> (f64, f64, f64) {
    let parameters = Parameters::of(job, stage);
    let (all, shard) = (parameters.sum(), parameters.shard(job));
    match job.layout.sharding {
        Sharding::None => (2.0 * all, 2.0 * all, 12.0 * all),
        Sharding::Zero1 => (2.0 * all, 2.0 * all, 12.0 * shard),
        Sharding::DistOpt => (2.0 * all, 4.0 * all, 12.0 * shard),
        Sharding::Zero2 => (2.0 * all, 2.0 * shard, 12.0 * shard),
        // Two parts are gathered at a time, the one at work and the next: layers, or the last of
        // them and the output layer.
        Sharding::Zero3 | Sharding::Fsdp => {
            let layer = layer_parameters(job);
            let table = job.model.embedding_parameters() / f64::from(job.layout.tp);
            let gathered = 2.0 * (layer + layer.max(table));
            (
                2.0 * shard + gathered,
                2.0 * shard + 0.5 * gathered,
                12.0 * shard,
            )
        }
    }
}

fn layer_parameters(job: &Job) -> f64 {
    let model = &job.model;
    let dense = model.attention_parameters() + model.dense_ffn_parameters();
    let expert = model.expert_parameters() / f64::from(job.layout.ep);
    (dense + expert) / f64::from(job.layout.tp)
}

fn activations(job: &Job, stage: u32) -> f64 {
    let layers = f64::from(job.layers_of(stage));
    let kept = layers * in_flight(job, stage) * kept_bytes(job);
    // While one layer is computed again, all of it is there.
    let working = if job.layout.recompute == Recompute::Full {
        layer_bytes(job)
    } else {
        0.0
    };
    job.tokens() * (kept + working)
}

/// Bytes per token that a layer leaves for the backward pass.
fn kept_bytes(job: &Job) -> f64 {
    match job.layout.recompute {
        Recompute::Full => 2.0 * f64::from(job.model.hidden) / split(job),
        Recompute::Selective if job.layout.recomputes_operators() => operator_bytes(job),
        Recompute::None | Recompute::Selective => layer_bytes(job),
    }
}

/// Bytes per token that a layer leaves where operators are computed again: its input, what
/// attention gives, and every second product of its linear layers, in 16 bits.
fn operator_bytes(job: &Job) -> f64 {
    let (model, tp) = (&job.model, f64::from(job.layout.tp));
    let wide = f64::from(model.activation.matrices_in());
    let split_up = 2.0 * model.attention_width() + model.qkv_width() + wide * mlp_width(model);
    4.0 * f64::from(model.hidden) / split(job) + split_up / tp
}

/// Width of all feed-forward networks that a token meets.
fn mlp_width(model: &Model) -> f64 {
    let met = |experts: Experts| f64::from(experts.active) * f64::from(experts.ffn);
    f64::from(model.ffn) + model.experts.map_or(0.0, met)
}

/// Bytes per token of all that a layer computes: 10 widths that only sequence parallelism splits,
/// the rest split over tensor parallel ranks; 34 widths in all for a feed-forward network of four
/// (Korthikanti et al. 2022, equations 1 to 4). Scores are kept only where attention is not fused
/// and not computed again.
fn layer_bytes(job: &Job) -> f64 {
    let (model, tp) = (&job.model, f64::from(job.layout.tp));
    let h = f64::from(model.hidden);
    let input = linear_input_bytes(job);
    // Models with a gate are trained without dropout, and so without its masks.
    let masks = if model.activation.matrices_in() == 1 {
        2.0
    } else {
        0.0
    };
    let copied = (4.0 + 2.0 * input + masks) * h;
    let wide = f64::from(model.activation.matrices_in());
    let visits = model
        .experts
        .map_or(0.0, |experts| f64::from(experts.active));
    let mlp = (2.0 * wide + input) * mlp_width(model) + 2.0 * input * visits * h;
    let attention = 2.0 * model.qkv_width() + 2.0 * model.attention_width();
    let keeps_scores =
        job.software.attention == Attention::Unfused && job.layout.recompute == Recompute::None;
    let per_score = if keeps_scores { 5.0 } else { 0.0 };
    let scores = per_score * f64::from(model.heads) * f64::from(job.batch.seq_len);
    copied / split(job) + (attention + mlp + scores) / tp
}

/// Bytes in which the input of a linear layer is kept for the gradient of its weights.
fn linear_input_bytes(job: &Job) -> f64 {
    match job.software.precision {
        Precision::Fp16 | Precision::Bf16 => 2.0,
        Precision::Fp8 | Precision::Mxfp8 => 1.0,
        Precision::Nvfp4 => 0.5,
    }
}

/// Ranks that share what lies between the linear layers.
fn split(job: &Job) -> f64 {
    if job.layout.sp {
        f64::from(job.layout.tp)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::example::job;

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() <= 1e-9 * expected,
            "{found}, not {expected}"
        );
    }

    /// GPT-3 175B on eight-fold tensor parallelism: h = 12,288, s = 2,048, 96 heads.
    fn gpt3() -> Job {
        let mut gpt3 = job("gpt3-175b", "A100 SXM 80GB", 512);
        gpt3.layout.tp = 8;
        gpt3.layout.pp = 8;
        gpt3.layout.dp = 8;
        gpt3.software.attention = Attention::Unfused;
        gpt3
    }

    #[test]
    fn activations_of_a_layer() {
        // Korthikanti et al. 2022, table 2, in units of h bytes per token; 5as/h = 80.
        let mut gpt3 = gpt3();
        let widths = |job: &Job| kept_bytes(job) / 12_288.0;
        near(widths(&gpt3), 10.0 + 24.0 / 8.0 + 80.0 / 8.0);
        gpt3.layout.sp = true;
        near(widths(&gpt3), (34.0 + 80.0) / 8.0);
        gpt3.layout.recompute = Recompute::Selective;
        near(widths(&gpt3), 34.0 / 8.0);
        gpt3.layout.recompute = Recompute::Full;
        near(widths(&gpt3), 2.0 / 8.0);
        gpt3.layout.sp = false;
        near(widths(&gpt3), 2.0);
    }

    #[test]
    fn states_of_adam() {
        // Rajbhandari et al. 2020, figure 1: 120, 31.4, 16.6 and 1.9 GB for 7.5 billion parameters
        // on 64 devices are 16, 4 + 12/64, 2 + 14/64 and 16/64 bytes a parameter.
        let mut dense = job("gpt3-6.7b", "A100 SXM 80GB", 64);
        let all = dense.model.parameters();
        let bytes = |job: &Job| {
            let (weights, gradients, optimizer) = states(job, 0);
            (weights + gradients + optimizer) / all
        };
        let table = [
            (Sharding::None, 16.0),
            (Sharding::Zero1, 4.0 + 12.0 / 64.0),
            (Sharding::DistOpt, 6.0 + 12.0 / 64.0),
            (Sharding::Zero2, 2.0 + 14.0 / 64.0),
        ];
        for (sharding, expected) in table {
            dense.layout.sharding = sharding;
            near(bytes(&dense), expected);
        }
        dense.layout.sharding = Sharding::Fsdp;
        // 12h² and Vh for h = 4,096 and V = 50,304; the larger twice.
        let gathered = 201_326_592.0 + 206_045_184.0;
        near(bytes(&dense), 16.0 / 64.0 + 3.0 * gathered / all);
    }

    #[test]
    fn operators_keep_every_second_product() {
        // Llama-3 8B: input and residual 2·4,096 each, attention 4,096, half of 6,144 + 28,672; two
        // bytes each.
        let mut llama = job("llama3-8b", "H100 SXM 80GB", 64);
        llama.layout.sharding = Sharding::Fsdp;
        llama.layout.recompute = Recompute::Selective;
        near(
            kept_bytes(&llama),
            2.0 * (8192.0 + 4096.0 + 3072.0 + 14_336.0),
        );
        llama.layout.recompute = Recompute::None;
        near(kept_bytes(&llama), 139_264.0);
    }

    #[test]
    fn micro_steps_in_flight() {
        let mut gpt3 = gpt3();
        near(in_flight(&gpt3, 0), 8.0);
        near(in_flight(&gpt3, 7), 1.0);
        // Korthikanti et al. 2022: interleaving multiplies by 1 + (p-1)/(pv).
        gpt3.layout.vp = 3;
        near(in_flight(&gpt3, 0), 8.0 * (1.0 + 7.0 / 24.0));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_remedy() {
        let error = check_memory(&job("gpt3-175b", "A100 SXM 80GB", 512)).unwrap_err();
        assert!(
            error.to_string().ends_with("use sharding = dist-opt"),
            "{error}"
        );
    }
}
