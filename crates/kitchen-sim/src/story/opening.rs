//! What is told before the first step.

use super::event::{Event, Moment, digits, places};
use super::setting::Setting;
use crate::cost::peak_memory;

/// Reports of something that progresses.
const REPORTS: u32 = 8;
/// Bytes in a GiB.
const GIB: f64 = 1_073_741_824.0;

/// From the start of the program to the first step.
pub(super) fn opening(setting: &Setting) -> Vec<Moment> {
    let mut opening = Opening {
        setting,
        now: 0.0,
        told: Vec::new(),
    };
    opening.model();
    opening.data();
    opening.cluster();
    opening.layout();
    opening.plan();
    opening.told
}

struct Opening<'a> {
    setting: &'a Setting,
    now: f64,
    told: Vec<Moment>,
}

impl Opening<'_> {
    fn tell(&mut self, event: Event) {
        let at = places(self.now, 2);
        self.told.push(Moment { at, event });
    }

    /// Tells of something that takes `seconds` in up to eight parts, each with its share.
    fn progress(&mut self, seconds: f64, parts: u32, event: impl Fn(f64) -> Event) {
        let begin = self.now;
        for part in 1..=parts.clamp(1, REPORTS) {
            let share = f64::from(part) / f64::from(parts.clamp(1, REPORTS));
            self.now = begin + seconds * share;
            self.tell(event(share));
        }
    }

    fn model(&mut self) {
        let setting = self.setting;
        let spec = &setting.spec;
        let model = &setting.job.model;
        self.tell(Event::Began {
            run: spec.name.clone(),
            seed: spec.seed,
        });
        self.tell(Event::Model {
            name: model_name(setting),
            params: setting.parameters as u64,
        });
        self.tell(Event::Shape {
            layers: model.layers,
            hidden: model.hidden,
            heads: model.heads,
            vocab: model.vocab,
        });
    }

    fn data(&mut self) {
        let setting = self.setting;
        let vocab = setting.job.model.vocab;
        self.progress(setting.setup.tokenizer, 4, |share| Event::Tokenizer {
            vocab,
            share,
        });
        self.now += setting.setup.dataset;
        let data = &setting.spec.data;
        let tokens = |samples: u64| samples.saturating_mul(u64::from(data.seq_len));
        self.tell(Event::Dataset {
            name: data.name.clone(),
            samples: data.samples,
        });
        self.tell(Event::Tokens {
            train: tokens(data.samples),
            held_out: tokens(data.validation_samples),
        });
    }

    fn cluster(&mut self) {
        let setting = self.setting;
        let cluster = &setting.job.cluster;
        let (gpus, nodes) = (cluster.devices, setting.nodes());
        let reached = |share: f64| (f64::from(nodes) * share) as u32;
        let each = cluster.devices_per_node;
        self.progress(setting.setup.devices, nodes, |share| Event::Gpus {
            found: reached(share).saturating_mul(each).min(gpus),
            of: gpus,
        });
        self.tell(Event::Card {
            name: cluster.accelerator.name.clone(),
            gib: setting.memory_gib().1,
        });
        self.progress(setting.setup.connect, nodes, |share| Event::Nccl {
            ranks: reached(share).saturating_mul(each).min(gpus),
            of: gpus,
            nodes,
        });
    }

    fn layout(&mut self) {
        let setting = self.setting;
        let layout = &setting.job.layout;
        self.tell(Event::Layout {
            tp: layout.tp,
            cp: layout.cp,
            pp: layout.pp,
            vp: layout.vp,
            dp: layout.dp,
            ep: layout.ep,
        });
        self.tell(Event::Sharding {
            rule: layout.sharding.name().to_owned(),
            ranks: layout.replicas(),
        });
        self.tell(Event::Precision {
            linear: setting.job.software.precision.name().to_owned(),
            optimizer: "fp32".to_owned(),
        });
        self.now += setting.setup.weights;
        let memory = peak_memory(&setting.job).1;
        let gib = |bytes: f64| places(bytes / GIB, 2);
        self.tell(Event::States {
            weights: gib(memory.weights),
            grads: gib(memory.gradients),
            optim: gib(memory.optimizer),
        });
        self.tell(Event::Memory {
            activations: gib(memory.activations + memory.logits),
            sum: gib(memory.sum()),
            of: setting.memory_gib().1,
        });
    }

    fn plan(&mut self) {
        let setting = self.setting;
        self.tell(Event::Plan {
            steps: setting.steps,
            epochs: setting.epochs(),
            batch: setting.spec.data.global_batch,
        });
        self.tell(Event::Schedule {
            peak: setting.schedule.peak,
            warmup: setting.schedule.warmup,
            end: digits(setting.schedule.rate(setting.steps as f64)),
        });
        self.tell(Event::Predicted {
            step_s: digits(setting.estimate.seconds),
            mfu: places(setting.estimate.mfu, 3),
        });
    }
}

/// The public model, or what else it is.
pub(super) fn model_name(setting: &Setting) -> String {
    let spec = &setting.spec.model;
    match &spec.preset {
        Some(name) if spec.is_preset() => name.clone(),
        Some(name) => format!("{name}, changed"),
        None if spec.layers.is_none() => "llama3-8b".to_owned(),
        None => "transformer".to_owned(),
    }
}

/// Bytes of export shard `number`, from 0: all the same but the last.
pub(super) fn shard_bytes(setting: &Setting, number: u32) -> u64 {
    let all = setting.export_bytes as u64;
    let each = all.div_ceil(u64::from(setting.shards.max(1)));
    let before = each.saturating_mul(u64::from(number));
    each.min(all.saturating_sub(before))
}
