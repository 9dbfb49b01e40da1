//! One optimizer step: all micro-steps through the pipeline, and what comes after them.

use serde::Serialize;

use super::energy::{Use, watts};
use super::layer::{Layer, Micro, Pass};
use super::memory::{Memory, check_memory, stage_memory};
use super::stage::{Longest, Parameters, handover, longest_stage};
use crate::constants::Constants;
use crate::input::{Job, Refusal, Sharding};
use crate::math::{log2, parts};

/// Where the seconds of one step go, on the device that works longest. The parts sum to
/// [`Times::seconds`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Linear layers, the output layer included.
    pub linear: f64,
    /// Attention between tokens.
    pub attention: f64,
    /// Norms, activations, casts.
    pub elementwise: f64,
    /// The device waits for the host to launch something, or between micro-steps.
    pub host: f64,
    /// Exposed communication of tensor, context and expert parallelism.
    pub tensor: f64,
    /// Exposed communication between pipeline stages.
    pub pipeline: f64,
    /// Exposed communication of data parallelism, and what hidden communication slows down.
    pub data: f64,
    /// Waiting for other stages.
    pub bubble: f64,
    /// The optimizer, and adding up gradients.
    pub optimizer: f64,
    /// Waiting for the slowest device.
    pub jitter: f64,
}

impl Times {
    /// Seconds of the step.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.linear
            + self.attention
            + self.elementwise
            + self.host
            + self.tensor
            + self.pipeline
            + self.data
            + self.bubble
            + self.optimizer
            + self.jitter
    }

    /// The share of the step that is arithmetic.
    #[must_use]
    pub fn computing(&self) -> f64 {
        (self.linear + self.attention) / self.seconds()
    }

    /// For which share of the step each part of a device is in use.
    pub(crate) fn utilisation(&self) -> Use {
        let whole = self.seconds();
        Use {
            tensor: self.computing(),
            memory: (self.elementwise + self.optimizer + 0.3 * self.linear) / whole,
            link: (self.tensor + self.pipeline + self.data) / whole,
        }
    }
}

/// Seconds of communication of one step on the device that works longest, hidden or not. What of it
/// other work does not hide stands in [`Times`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Communication {
    /// Inside of layers: tensor, context and expert parallelism.
    pub layers: f64,
    /// Between pipeline stages.
    pub pipeline: f64,
    /// Gradients and weights between data parallel ranks.
    pub data: f64,
}

/// A stage and what its devices hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageMemory {
    /// The stage, from 0.
    pub stage: u32,
    /// Its layers.
    pub layers: u32,
    /// Bytes on each of its devices.
    pub memory: Memory,
}

/// All that is predicted of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Seconds of the step, by part.
    pub times: Times,
    /// Seconds of the step.
    pub seconds: f64,
    /// Seconds of communication by kind, hidden or not.
    pub communication: Communication,
    /// Tokens a second, over all devices.
    pub tokens_per_s: f64,
    /// Model FLOPs utilisation: [`crate::input::Model::flops_per_token`] (causal attention counted
    /// in half, recomputation not at all) over the 16-bit peak, whatever the precision.
    pub mfu: f64,
    /// What each stage holds.
    pub stages: Vec<StageMemory>,
    /// Watts of one device, on average.
    pub device_watts: f64,
    /// Joules of all devices for the step.
    pub joules: f64,
}

/// Predicts one step.
///
/// # Errors
///
/// If the job is impossible or does not fit into memory.
pub fn estimate(job: &Job, constants: &Constants) -> Result<Estimate, Refusal> {
    job.check()?;
    check_memory(job)?;
    let times = times(job, constants);
    let seconds = times.seconds();
    let tokens = f64::from(job.batch.global_batch) * f64::from(job.batch.seq_len);
    let devices = f64::from(job.cluster.devices);
    let peak = job.cluster.accelerator.peak_bf16_tflops * 1e12;
    let flops = tokens * job.model.flops_per_token(job.batch.seq_len);
    let device_watts = watts(&job.cluster.accelerator, times.utilisation());
    let stages = (0..job.layout.pp).map(|stage| StageMemory {
        stage,
        layers: job.layers_of(stage),
        memory: stage_memory(job, stage),
    });
    Ok(Estimate {
        times,
        seconds,
        communication: communication(job, constants),
        tokens_per_s: tokens / seconds,
        mfu: flops / (seconds * devices * peak),
        stages: stages.collect(),
        device_watts,
        joules: device_watts * devices * seconds,
    })
}

/// The seconds of one step of a job that has been checked; nothing is allocated.
#[must_use]
pub fn times(job: &Job, constants: &Constants) -> Times {
    let micro = Micro::new(job, constants);
    let layer = micro.layer();
    let head = micro.head();
    let m = f64::from(job.micro_steps());
    let stage = longest_stage(job, &layer, head);
    let steady = work(&layer, head, stage, m);
    let handover = handover(job, &micro, constants);
    let data = data(job, &micro, &layer, head, stage, constants);
    let whole = Times {
        host: steady.host + m * constants.micro_step_ms * 1e-3 + constants.step_ms * 1e-3,
        pipeline: m * handover,
        bubble: bubble(job, &layer, head, stage, handover),
        data,
        optimizer: optimizer(job, &micro, m, constants),
        ..steady
    };
    let nodes = parts(job.cluster.devices, job.cluster.devices_per_node);
    let jitter = constants.jitter * log2(f64::from(nodes)) * whole.seconds();
    Times { jitter, ..whole }
}

/// All communication of one step.
fn communication(job: &Job, constants: &Constants) -> Communication {
    let micro = Micro::new(job, constants);
    let layer = micro.layer();
    let stage = longest_stage(job, &layer, micro.head());
    let (links, groups) = micro.links();
    let m = f64::from(job.micro_steps());
    // How often the weights, or as many gradients, go around in one step.
    let rounds = match job.layout.sharding {
        Sharding::None | Sharding::Zero1 | Sharding::DistOpt => 2.0,
        Sharding::Zero2 => 1.0 + m,
        Sharding::Zero3 | Sharding::Fsdp => 3.0 * m,
    };
    let bytes = 2.0 * Parameters::of(job, 0).sum();
    Communication {
        layers: m * stage.layers * layer.communication.sum(),
        pipeline: 2.0 * m * f64::from(job.layout.vp) * micro.handover(),
        data: rounds * links.gather(groups.data, bytes),
    }
}

/// What the longest stage does in `m` micro-steps.
fn work(layer: &Layer, head: Pass, stage: Longest, m: f64) -> Times {
    let count = m * stage.layers;
    let whole = layer.whole().sum();
    let tensor = layer.exposed.sum();
    Times {
        linear: count * layer.linear.sum() + m * stage.heads * head.sum(),
        attention: count * layer.attention.sum(),
        elementwise: count * layer.elementwise.sum(),
        tensor: count * tensor,
        host: count * (whole - layer.busy().sum() - tensor),
        ..Times::default()
    }
}

/// Seconds for which the longest stage waits at both ends of the step: what the other stages do
/// for one micro-step, divided by the chunks of a stage (Narayanan et al. 2021, section 2.2).
fn bubble(job: &Job, layer: &Layer, head: Pass, stage: Longest, handover: f64) -> f64 {
    let others = f64::from(job.model.layers) - stage.layers;
    let work = others * layer.whole().sum() + (1.0 - stage.heads) * head.sum();
    let hops = f64::from(job.layout.pp - 1) * handover;
    (work + hops) / f64::from(job.layout.vp)
}

/// Memory traffic of the optimizer on the weights it updates here, and of adding up gradients.
fn optimizer(job: &Job, micro: &Micro, m: f64, constants: &Constants) -> f64 {
    let parameters = Parameters::of(job, 0);
    let updated = if job.layout.sharding.shards_optimizer() {
        parameters.shard(job)
    } else {
        parameters.sum()
    };
    let added = if m > 1.0 {
        m * constants.accumulate_bytes * parameters.sum()
    } else {
        0.0
    };
    micro
        .device()
        .sweep(constants.optimizer_bytes * updated + added)
}

/// Seconds that data parallelism adds to the step.
fn data(
    job: &Job,
    micro: &Micro,
    layer: &Layer,
    head: Pass,
    stage: Longest,
    constants: &Constants,
) -> f64 {
    let (links, groups) = micro.links();
    let parameters = Parameters::of(job, 0).sum();
    let m = f64::from(job.micro_steps());
    let gather = links.gather(groups.data, 2.0 * parameters);
    let compute = layer.whole().times(stage.layers);
    let compute = Pass {
        forward: compute.forward + stage.heads * head.forward,
        backward: compute.backward + stage.heads * head.backward,
    };
    let exposed = |communication: f64, beside: f64| {
        if !job.software.overlap {
            return communication;
        }
        let hidden = communication.min(constants.dp_hidden * beside);
        communication - hidden + constants.overlap_slowdown * hidden
    };
    match job.layout.sharding {
        Sharding::None | Sharding::Zero1 => exposed(2.0 * gather, compute.backward),
        Sharding::DistOpt => exposed(gather, compute.backward) + exposed(gather, compute.forward),
        Sharding::Zero2 => exposed(gather, compute.forward) + m * exposed(gather, compute.backward),
        Sharding::Zero3 | Sharding::Fsdp => {
            m * (exposed(gather, compute.forward) + exposed(2.0 * gather, compute.backward))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::example::job;

    #[test]
    fn the_bubble_is_one_less_than_the_stages_over_the_micro_steps() {
        // Narayanan et al. 2021, section 2.2: (p-1)/m of the work, and 1/v of that interleaved.
        let constants = Constants::bundled().unwrap();
        let mut deep = job("gpt3-175b", "A100 SXM 80GB", 64);
        deep.model.vocab = 8;
        deep.layout.tp = 8;
        deep.layout.pp = 8;
        deep.layout.dp = 1;
        deep.batch.global_batch = 64;
        let share = |job: &Job| {
            let times = times(job, &constants);
            let work = times.linear + times.attention + times.elementwise + times.tensor;
            times.bubble / work
        };
        assert!(
            (share(&deep) / (7.0 / 64.0) - 1.0).abs() < 0.02,
            "{}",
            share(&deep)
        );
        deep.layout.vp = 4;
        assert!(
            (share(&deep) / (7.0 / 256.0) - 1.0).abs() < 0.03,
            "{}",
            share(&deep)
        );
    }

    #[test]
    fn an_estimate_adds_up() {
        let constants = Constants::bundled().unwrap();
        let mut llama = job("llama3-8b", "H100 SXM 80GB", 64);
        llama.layout.sharding = Sharding::Fsdp;
        let found = estimate(&llama, &constants).unwrap();
        assert_eq!(found.tokens_per_s, 512.0 * 2048.0 / found.seconds);
        assert_eq!(found.seconds, found.times.seconds());
        assert!((0.2..0.6).contains(&found.mfu), "{}", found.mfu);
        assert!(
            (300.0..=700.0).contains(&found.device_watts),
            "{}",
            found.device_watts
        );
        assert_eq!(found.joules, found.device_watts * 64.0 * found.seconds);
        assert_eq!(found.stages.len(), 1);
        // One device has nobody to talk to but the other replicas; most of that is hidden.
        assert_eq!(
            (found.communication.layers, found.communication.pipeline),
            (0.0, 0.0)
        );
        assert!(found.communication.data > found.times.data);
    }

    #[test]
    fn the_impossible_is_refused() {
        let constants = Constants::bundled().unwrap();
        let mut odd = job("llama3-8b", "H100 SXM 80GB", 64);
        let refusal = |job: &Job| estimate(job, &constants).unwrap_err().to_string();
        odd.layout.dp = 60;
        assert_eq!(
            refusal(&odd),
            "global_batch (512) is not a multiple of dp·micro_batch (60); the nearest that is: 540"
        );
        odd.layout.dp = 32;
        assert_eq!(
            refusal(&odd),
            "tp·cp·pp·dp is 32, but the cluster has 64 devices"
        );
        odd.layout.pp = 64;
        assert_eq!(
            refusal(&odd),
            "pp·vp (64) exceeds layers + 2 (34); at most 34 works"
        );
        odd.layout.pp = 0;
        assert_eq!(refusal(&odd), "`pp` must be at least 1");
        let mut old = job("llama3-8b", "A100 SXM 80GB", 64);
        old.software.precision = crate::input::Precision::Fp8;
        assert_eq!(
            refusal(&old),
            "A100 SXM 80GB has no fp8 arithmetic; use bf16"
        );
    }
}
