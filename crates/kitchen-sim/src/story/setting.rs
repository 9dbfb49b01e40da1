//! What follows from a specification before anything happens.

use kitchen_types::config::Incident;

use super::check::{check, check_length};
use super::curve::{Curve, Spike, guess};
use super::error::SpecError;
use super::site::Site;
use super::spec::{ClusterSpec, LayoutSpec, ModelSpec, Spec};
use crate::constants::Constants;
use crate::cost::{Estimate, device_gib, estimate, peak_memory};
use crate::input::{
    Accelerator, Activation, Batch, Cluster, Job, Layout, Model, Refusal, accelerators, models,
};
use crate::loss::{LossLaw, Schedule};
use crate::math::{log2, parts};
use crate::reliability::{checkpoint_bytes, daly};
use crate::run::{Plan, Validation};
use crate::search::{Space, nearest, search};

/// Bytes of a parameter in 16 bits, as models are exported.
const EXPORT_BYTES: f64 = 2.0;
/// The most bytes of one file of an export, as is usual on model hubs.
const SHARD_BYTES: f64 = 5e9;
/// The share of a device's memory that a layout which nobody chose may need.
const MEMORY_SHARE: f64 = 0.9;
/// Seconds for which devices stop before a checkpoint flows to storage.
const SNAPSHOT: f64 = 2.0;
/// Gbit/s of the network adapter of each device where no network is usual, as on desktop cards.
const ADAPTER_GBPS: f64 = 400.0;
/// A run that is so many times as long as it should be is given up.
const PATIENCE: f64 = 20.0;

/// A run before it begins: sizes, times and counts, all from its specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The specification.
    pub spec: Spec,
    /// The job of each step.
    pub job: Job,
    /// What is predicted of a step.
    pub estimate: Estimate,
    /// Parameters.
    pub parameters: f64,
    /// Steps of the whole run.
    pub steps: u64,
    /// Steps in which all data are seen once.
    pub steps_per_epoch: u64,
    /// The learning rate over steps.
    pub schedule: Schedule,
    /// Bytes of a checkpoint.
    pub checkpoint_bytes: f64,
    /// Bytes of the exported weights.
    pub export_bytes: f64,
    /// Files of the export.
    pub shards: u32,
    /// What happens by chance, and how long things take.
    pub plan: Plan,
    /// Looks at held-out data, if there are any.
    pub validation: Option<Validation>,
    /// Seconds from the start of the program until the first step.
    pub setup: Setup,
    pub(super) curve: Curve,
}

/// Seconds of what comes before the first step. Nobody publishes them for all sizes: these are
/// plain assumptions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Reading the tokenizer.
    pub tokenizer: f64,
    /// Reading the index of the data.
    pub dataset: f64,
    /// Finding the GPUs.
    pub devices: f64,
    /// Connecting all ranks.
    pub connect: f64,
    /// Making or reading the weights.
    pub weights: f64,
}

impl Setup {
    /// All of it.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.tokenizer + self.dataset + self.devices + self.connect + self.weights
    }
}

impl Setting {
    /// What follows from a specification.
    ///
    /// # Errors
    ///
    /// If it contradicts itself, or the job is impossible or too large.
    pub fn of(spec: Spec) -> Result<Self, SpecError> {
        let mut job = Self::job_of(&spec)?;
        let constants = Constants::bundled().map_err(|error| bundled(&error))?;
        job.layout = layout(&spec, &job, &constants)?;
        let estimate =
            estimate(&job, &constants).map_err(|refusal| refused(&spec, &job, refusal))?;
        let parameters = job.model.parameters();
        let batch = u64::from(spec.data.global_batch);
        let steps_per_epoch = (spec.data.samples / batch).max(1);
        let whole = steps_per_epoch.saturating_mul(u64::from(spec.schedule.epochs));
        let steps = spec.schedule.steps.unwrap_or(whole);
        check_length(&spec, steps, estimate.seconds)?;
        let schedule = Schedule {
            peak: spec.schedule.peak_lr,
            warmup: spec.schedule.warmup.min(steps / 2),
            stable: 0,
            steps,
            anneal: spec.schedule.anneal,
        };
        let tokens = |samples: f64| samples * f64::from(spec.data.seq_len);
        let curve = Curve {
            law: LossLaw::of(parameters),
            schedule,
            seed: spec.seed,
            batch_tokens: tokens(f64::from(spec.data.global_batch)),
            held_out_tokens: tokens(spec.data.validation_samples.max(1) as f64),
            guess: guess(job.model.vocab),
            spikes: spikes(&spec.incidents, estimate.seconds),
        };
        let export_bytes = EXPORT_BYTES * parameters;
        let nodes = job.cluster.nodes();
        let setting = Self {
            parameters,
            steps,
            steps_per_epoch,
            schedule,
            checkpoint_bytes: checkpoint_bytes(parameters),
            export_bytes,
            shards: (export_bytes / SHARD_BYTES).ceil().max(1.0) as u32,
            plan: plan(&spec, &job, &estimate, steps),
            validation: validation(&spec, &estimate),
            setup: Setup {
                tokenizer: 1.0,
                dataset: 2.0,
                devices: 1.0,
                connect: 2.0 + 2.0 * log2(f64::from(nodes)),
                weights: 3.0,
            },
            curve,
            job,
            estimate,
            spec,
        };
        setting.plan.check()?;
        Ok(setting)
    }

    /// The job of a specification before it is spread over its cluster: for those who look for a
    /// layout themselves.
    ///
    /// # Errors
    ///
    /// If the specification contradicts itself.
    pub fn job_of(spec: &Spec) -> Result<Job, SpecError> {
        check(spec)?;
        job(spec)
    }

    /// What incidents act upon.
    pub(super) fn site(&self) -> Site<'_> {
        Site {
            accelerator: &self.job.cluster.accelerator,
            cluster: &self.spec.cluster,
            step: self.plan.step,
            computing: self.estimate.times.computing(),
            device_watts: self.estimate.device_watts,
            restart: self.plan.restart,
        }
    }

    /// Nodes of the cluster.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.plan.nodes
    }

    /// Racks of the cluster.
    #[must_use]
    pub fn racks(&self) -> u32 {
        parts(self.nodes(), self.spec.cluster.nodes_per_rack)
    }

    /// GiB on the fullest device, and what it has.
    #[must_use]
    pub fn memory_gib(&self) -> (f64, f64) {
        (peak_memory(&self.job).1.gib(), device_gib(&self.job))
    }

    /// Tokens of a step.
    #[must_use]
    pub fn batch_tokens(&self) -> f64 {
        self.curve.batch_tokens
    }

    /// The epoch of a step, both from 1.
    #[must_use]
    pub fn epoch(&self, step: u64) -> u64 {
        step.saturating_sub(1) / self.steps_per_epoch + 1
    }

    /// Epochs of the run, the last perhaps not a whole one.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.epoch(self.steps)
    }
}

pub(crate) fn bundled(error: &dyn std::fmt::Display) -> SpecError {
    SpecError::Bundled(error.to_string())
}

/// The cluster of a specification, with what is known of its accelerator.
pub(crate) fn cluster(spec: &ClusterSpec) -> Result<Cluster, SpecError> {
    let known = accelerators().map_err(|error| bundled(&error))?;
    let wanted = &spec.accelerator;
    let found = known.iter().find(|one| one.name == *wanted).cloned();
    let accelerator: Accelerator = found.ok_or_else(|| SpecError::Unknown {
        what: "accelerator",
        name: wanted.clone(),
        known: list(known.iter().map(|one| one.name.as_str())),
    })?;
    let each = spec.gpus_per_node.unwrap_or(accelerator.node_size());
    let usual = accelerator.usual_gbps(each);
    let node_gbps = spec.node_gbps.or(usual);
    Ok(Cluster {
        accelerator,
        devices: spec.gpus,
        devices_per_node: each.min(spec.gpus),
        node_gbps: node_gbps.unwrap_or(ADAPTER_GBPS * f64::from(each)),
    })
}

fn job(spec: &Spec) -> Result<Job, SpecError> {
    Ok(Job {
        model: model(&spec.model)?,
        cluster: cluster(&spec.cluster)?,
        layout: Layout::plain(spec.cluster.gpus),
        software: spec.software,
        batch: Batch {
            seq_len: spec.data.seq_len,
            global_batch: spec.data.global_batch,
        },
    })
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn model(spec: &ModelSpec) -> Result<Model, SpecError> {
    let preset = match (&spec.preset, spec.layers) {
        (Some(name), _) => Some(Model::named(name).ok_or_else(|| SpecError::Unknown {
            what: "model",
            name: name.clone(),
            known: list(models().iter().map(|(name, _)| *name)),
        })?),
        // Without a single dimension, the usual model is meant.
        (None, None) if *spec == ModelSpec::default() => Model::named("llama3-8b"),
        (None, _) => None,
    };
    let of = preset.as_ref();
    let need = |given: Option<u32>, known: Option<u32>, what| {
        given.or(known).ok_or(SpecError::Missing { what })
    };
    let hidden = need(spec.hidden, of.map(|model| model.hidden), "hidden")?;
    let heads = need(spec.heads, of.map(|model| model.heads), "heads")?;
    let activation = spec.activation.or(of.map(|model| model.activation));
    let activation = activation.unwrap_or(Activation::Swiglu);
    Ok(Model {
        layers: need(spec.layers, of.map(|model| model.layers), "layers")?,
        hidden,
        heads,
        kv_heads: spec
            .kv_heads
            .or(of.map(|model| model.kv_heads))
            .unwrap_or(heads),
        head_dim: spec
            .head_dim
            .or(of.map(|model| model.head_dim))
            .unwrap_or(hidden / heads.max(1)),
        ffn: need(spec.ffn, of.map(|model| model.ffn), "ffn")?,
        activation,
        vocab: need(spec.vocab, of.map(|model| model.vocab), "vocab")?,
        tied_embeddings: spec
            .tied_embeddings
            .or(of.map(|model| model.tied_embeddings))
            .unwrap_or(false),
        experts: spec.experts.or(of.and_then(|model| model.experts)),
    })
}

/// The layout that was asked for, or the fastest that leaves some memory free.
fn layout(spec: &Spec, job: &Job, constants: &Constants) -> Result<Layout, SpecError> {
    match &spec.layout {
        Some(layout) => Ok(layout.on(job.cluster.devices)),
        None => fastest_layout(job, constants),
    }
}

/// Why a layout cannot be, and what to change about it where that helps.
fn refused(spec: &Spec, job: &Job, refusal: Refusal) -> SpecError {
    match (&spec.layout, nearest(job, &Space::default())) {
        (Some(asked), Some(near)) => SpecError::Layout {
            refusal,
            nearest: changes(asked, &near),
        },
        _ => refusal.into(),
    }
}

fn changes(from: &LayoutSpec, to: &Layout) -> String {
    let number = |key: &str, from: u32, to: u32| (from != to).then(|| format!("{key} = {to}"));
    let word = |key: &str, differs: bool, to: &str| differs.then(|| format!("{key} = \"{to}\""));
    let sp = to.sp != from.sp.unwrap_or(to.tp > 1);
    let all = [
        number("tp", from.tp, to.tp),
        number("cp", from.cp, to.cp),
        number("pp", from.pp, to.pp),
        number("vp", from.vp, to.vp),
        number("ep", from.ep, to.ep),
        sp.then(|| format!("sp = {}", to.sp)),
        word("sharding", from.sharding != to.sharding, to.sharding.name()),
        word(
            "recompute",
            from.recompute != to.recompute,
            to.recompute.name(),
        ),
        number("micro_batch", from.micro_batch, to.micro_batch),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The fastest layout that leaves some memory free.
pub(crate) fn fastest_layout(job: &Job, constants: &Constants) -> Result<Layout, SpecError> {
    let most = MEMORY_SHARE * device_gib(job);
    let found = search(job, &Space::default(), Some(most), constants)?;
    let best = found.best.ok_or_else(|| match found.examined {
        0 => SpecError::Indivisible {
            batch: job.batch.global_batch,
            gpus: job.cluster.devices,
        },
        examined => SpecError::NoLayout {
            examined,
            gpus: job.cluster.devices,
            accelerator: job.cluster.accelerator.name.clone(),
        },
    })?;
    Ok(best.layout)
}

fn plan(spec: &Spec, job: &Job, estimate: &Estimate, steps: u64) -> Plan {
    let usual = Plan::of(job, estimate, 1.0, spec.seed);
    let nodes = f64::from(usual.nodes);
    let save = saving(&spec.cluster, &job.cluster, job.model.parameters());
    let between = 3600.0 * usual.rates.hours_between_when_burnt_in(nodes);
    let interval = match spec.every.checkpoint {
        Some(steps) => steps as f64 * estimate.seconds,
        None => daly(save, between).max(estimate.seconds),
    };
    Plan {
        save,
        interval,
        seconds: 86_400.0 + PATIENCE * steps as f64 * (estimate.seconds + save),
        ..usual
    }
}

/// Seconds for which a checkpoint of so many parameters stops the work.
pub(crate) fn saving(spec: &ClusterSpec, cluster: &Cluster, parameters: f64) -> f64 {
    let storage = spec.storage_gbs.unwrap_or(f64::from(cluster.nodes())) * 1e9;
    SNAPSHOT + checkpoint_bytes(parameters) / storage
}

/// A look at held-out data is the forward pass of as many sequences: a third of their training.
fn validation(spec: &Spec, estimate: &Estimate) -> Option<Validation> {
    let samples = spec.data.validation_samples;
    if spec.every.validation == 0 || samples == 0 {
        return None;
    }
    let batches = samples as f64 / f64::from(spec.data.global_batch);
    Some(Validation {
        every: spec.every.validation,
        seconds: batches * estimate.seconds / 3.0,
    })
}

fn spikes(incidents: &[Incident], step: f64) -> Vec<Spike> {
    let spikes = incidents.iter();
    spikes
        .filter_map(|incident| Spike::of(incident, step))
        .collect()
}
