//! How long one layer, and the output layer, take for one micro-step on one device.

use super::device::Device;
use super::link::{Groups, Links};
use crate::constants::Constants;
use crate::input::{Job, Precision, Recompute};
use crate::math::log2;

/// Share of the linear layers that a list of operators computes again. The usual list keeps every
/// second multiplication; of those it drops, some nobody needs again.
const OPERATORS_AGAIN: f64 = 1.0 / 3.0;

/// Seconds of one part of the model, forward and backward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pass {
    /// Forward.
    pub(crate) forward: f64,
    /// Backward, with what is computed again.
    pub(crate) backward: f64,
}

impl Pass {
    pub(crate) fn sum(self) -> f64 {
        self.forward + self.backward
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            forward: self.forward * factor,
            backward: self.backward * factor,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            forward: self.forward + other.forward,
            backward: self.backward + other.backward,
        }
    }

    /// Each pass as long as the longer of two that run beside each other.
    pub(crate) fn at_least(self, other: Self) -> Self {
        Self {
            forward: self.forward.max(other.forward),
            backward: self.backward.max(other.backward),
        }
    }
}

/// What one layer costs on one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layer {
    /// Matrix multiplications of the linear layers.
    pub(crate) linear: Pass,
    /// Attention between tokens.
    pub(crate) attention: Pass,
    /// Norms, activations, residuals, casts.
    pub(crate) elementwise: Pass,
    /// Communication that other work cannot hide.
    pub(crate) exposed: Pass,
    /// All communication of tensor, context and expert parallelism.
    pub(crate) communication: Pass,
    /// What the host needs to launch all that.
    pub(crate) launch: Pass,
}

impl Layer {
    /// Seconds that the device is at work without the host holding it up.
    pub(crate) fn busy(&self) -> Pass {
        self.linear.plus(self.attention).plus(self.elementwise)
    }

    /// Seconds that the layer takes: the device's, or the host's where it cannot keep up.
    pub(crate) fn whole(&self) -> Pass {
        self.busy().plus(self.exposed).at_least(self.launch)
    }
}

/// Seconds of communication inside of a layer, forward.
#[derive(Clone, Copy)]
struct Talk {
    tensor: f64,
    ring: f64,
    experts: f64,
}

impl Talk {
    /// Both ways: backward, the ring goes around with keys and values and with their gradients.
    fn passes(self) -> Pass {
        Pass {
            forward: self.tensor + self.ring + self.experts,
            backward: self.tensor + 2.0 * self.ring + self.experts,
        }
    }
}

/// The costs of one micro-step on one device.
pub(crate) struct Micro<'a> {
    job: &'a Job,
    device: Device<'a>,
    links: Links<'a>,
    groups: Groups,
    constants: &'a Constants,
    tokens: f64,
    tp: f64,
}

impl<'a> Micro<'a> {
    pub(crate) fn new(job: &'a Job, constants: &'a Constants) -> Self {
        Self {
            job,
            device: Device::new(&job.cluster.accelerator, &job.software, constants),
            links: Links::new(&job.cluster, constants),
            groups: Groups::new(&job.cluster, &job.layout),
            constants,
            tokens: job.tokens(),
            tp: f64::from(job.layout.tp),
        }
    }

    /// One layer.
    pub(crate) fn layer(&self) -> Layer {
        let linear = self.linears();
        let attention = self.attention();
        let elementwise = self.elementwise();
        let talk = self.talk();
        let kept = Layer {
            linear,
            attention,
            elementwise,
            exposed: self.exposed(talk, attention),
            communication: talk.passes(),
            launch: self.launch(),
        };
        self.recomputed(kept)
    }

    /// Adds what the backward pass computes again.
    fn recomputed(&self, layer: Layer) -> Layer {
        let again = |pass: Pass| Pass {
            backward: pass.backward + pass.forward,
            ..pass
        };
        match self.job.layout.recompute {
            Recompute::None => layer,
            Recompute::Selective if self.job.layout.recomputes_operators() => Layer {
                linear: Pass {
                    backward: layer.linear.backward + OPERATORS_AGAIN * layer.linear.forward,
                    ..layer.linear
                },
                elementwise: again(layer.elementwise),
                ..layer
            },
            Recompute::Selective => Layer {
                attention: again(layer.attention),
                ..layer
            },
            Recompute::Full => Layer {
                linear: again(layer.linear),
                attention: again(layer.attention),
                elementwise: again(layer.elementwise),
                exposed: again(layer.exposed),
                communication: again(layer.communication),
                launch: again(layer.launch),
            },
        }
    }

    /// Linear layers: attention's two, and the feed-forward network or the experts.
    fn linears(&self) -> Pass {
        let (model, t) = (&self.job.model, self.tp);
        let (m, h) = (self.tokens, f64::from(model.hidden));
        let mut all = self.linear(m, model.qkv_width() / t, h, 1.0);
        all = all.plus(self.linear(m, h, model.attention_width() / t, 1.0));
        let wide = f64::from(model.activation.matrices_in());
        if model.ffn > 0 {
            let f = f64::from(model.ffn) / t;
            all = all.plus(self.linear(m, wide * f, h, 1.0));
            all = all.plus(self.linear(m, h, f, 1.0));
        }
        if let Some(experts) = model.experts {
            let f = f64::from(experts.ffn) / t;
            let here = f64::from(experts.count) / f64::from(self.job.layout.ep);
            let each = m * f64::from(experts.active) / here;
            all = all.plus(self.linear(each, wide * f, h, here));
            all = all.plus(self.linear(each, h, f, here));
        }
        all
    }

    /// A linear layer forward, and backward for its input and for its weights.
    fn linear(&self, m: f64, n: f64, k: f64, count: f64) -> Pass {
        Pass {
            forward: self.device.linear(m, n, k, count),
            backward: self.device.linear(m, k, n, count) + self.device.linear(n, k, m, count),
        }
    }

    /// Attention between tokens. A fused kernel skips what a token may not see; an unfused one
    /// computes it and masks it, and moves every score through memory.
    fn attention(&self) -> Pass {
        let (model, layout) = (&self.job.model, &self.job.layout);
        let s = f64::from(self.job.batch.seq_len);
        let head = f64::from(model.head_dim);
        let heads = f64::from(model.heads) / self.tp;
        let scores = self.tokens * s * heads;
        if let Some(rate) = self.device.attention_rate {
            let forward = self.device.attend(rate, 0.5 * 4.0 * scores * head, head);
            return Pass {
                forward,
                backward: forward * self.constants.flash_backward,
            };
        }
        let many = f64::from(layout.micro_batch) * heads;
        let rows = s / f64::from(layout.cp);
        // One of the two has short sums, the other few columns: both move the scores.
        let product = self.device.linear_batched(rows, s, head, many)
            + self.device.linear_batched(rows, head, s, many);
        let moved = self
            .device
            .sweep(2.0 * self.constants.unfused_passes * scores);
        let forward = product + moved;
        Pass {
            forward,
            backward: 2.0 * forward,
        }
    }

    /// Norms, residuals, activation and casts, by the elements that they read and write in
    /// 16 bits: per token eight widths of the model (two norms, two residuals with dropout), two
    /// passes over the heads (biases, positions), and the feed-forward network in and out
    /// (Korthikanti et al. 2022, section 4, counts the same tensors).
    fn elementwise(&self) -> Pass {
        let model = &self.job.model;
        let h = f64::from(model.hidden);
        let wide = f64::from(model.activation.matrices_in()) + 1.0;
        let split = if self.job.layout.sp { self.tp } else { 1.0 };
        let expert = model.experts.map_or(0.0, |experts| {
            f64::from(experts.active) * (f64::from(experts.ffn) * wide + 4.0 * h) / self.tp
        });
        let ffn = wide * f64::from(model.ffn) / self.tp + expert;
        let heads = 2.0 * model.qkv_width() / self.tp;
        let widths = if model.activation.matrices_in() > 1 {
            6.0
        } else {
            8.0
        };
        let elements = widths * h / split + heads + ffn;
        let bytes = 2.0 * elements * self.constants.elementwise_passes * self.uncompiled();
        let forward = self.device.sweep(self.tokens * (bytes + self.cast_bytes()));
        Pass {
            forward,
            backward: 2.0 * forward,
        }
    }

    /// The share of elementwise traffic and of launches that is left by a compiler, if there is one.
    fn uncompiled(&self) -> f64 {
        if self.job.software.compile {
            self.constants.compiled_share
        } else {
            1.0
        }
    }

    /// Memory traffic per token of bringing the inputs of linear layers to their precision.
    fn cast_bytes(&self) -> f64 {
        let block = match self.job.software.precision {
            Precision::Fp16 | Precision::Bf16 => return 0.0,
            Precision::Fp8 => 1.0,
            Precision::Mxfp8 | Precision::Nvfp4 => self.constants.block_scale,
        };
        let model = &self.job.model;
        let visits = model
            .experts
            .map_or(0.0, |experts| f64::from(experts.active));
        let h = f64::from(model.hidden);
        let own = model.attention_width() + f64::from(model.ffn);
        let expert = model
            .experts
            .map_or(0.0, |experts| visits * f64::from(experts.ffn));
        let inputs = h * (2.0 + visits) + (own + expert) / self.tp;
        inputs * self.constants.quantise_bytes * block
    }

    /// Communication inside of a layer, forward: two all-reduces for tensor parallelism (Shoeybi et
    /// al. 2019), keys and values around the ring for context parallelism, dispatch and combination
    /// for experts.
    fn talk(&self) -> Talk {
        let model = &self.job.model;
        let activations = 2.0 * self.tokens * f64::from(model.hidden);
        let context = self.groups.context;
        let kv = 2.0 * self.tokens * model.kv_width() / self.tp;
        Talk {
            tensor: 2.0 * self.links.all_reduce(self.groups.tensor, activations),
            ring: self.links.gather(context, kv * f64::from(context.ranks)),
            experts: model.experts.map_or(0.0, |experts| {
                let sent = activations * f64::from(experts.active) / self.tp;
                2.0 * self.links.exchange(self.groups.expert, sent)
            }),
        }
    }

    /// What of that no other work hides: the ring runs beside attention, a share of tensor
    /// parallelism beside multiplications.
    fn exposed(&self, talk: Talk, attention: Pass) -> Pass {
        let all = talk.passes();
        let hidden = if self.job.software.tp_overlap {
            self.constants.tp_hidden * talk.tensor
        } else {
            0.0
        };
        Pass {
            forward: all.forward - talk.ring.min(attention.forward) - hidden,
            backward: all.backward - (2.0 * talk.ring).min(attention.backward) - hidden,
        }
    }

    /// What the host needs: a fixed time for each pass of a layer and each collective operation.
    fn launch(&self) -> Pass {
        let constants = self.constants;
        let collectives = 2.0 * log2(self.tp);
        let pass = self.uncompiled() * constants.launch_layer_ms
            + collectives * constants.launch_collective_ms;
        Pass {
            forward: pass * 1e-3,
            backward: pass * 1e-3,
        }
    }

    /// The output layer and its loss, in 16 bits.
    pub(crate) fn head(&self) -> Pass {
        let model = &self.job.model;
        let (m, h) = (self.tokens, f64::from(model.hidden));
        let v = f64::from(model.vocab) / self.tp;
        let device = &self.device;
        let aligned = if self.vocabulary_is_aligned() {
            1.0
        } else {
            self.constants.unaligned_share
        };
        let loss = device.sweep(0.5 * self.constants.logit_bytes * m * v);
        Pass {
            forward: device.linear_16_bit(m, v, h) / aligned + loss,
            backward: (device.linear_16_bit(m, h, v) + device.linear_16_bit(v, h, m)) / aligned
                + loss,
        }
    }

    /// Whether tensor cores take the rows of the output layer as they lie: frameworks pad a
    /// vocabulary that they split, and others may leave it odd.
    fn vocabulary_is_aligned(&self) -> bool {
        self.job.layout.tp > 1 || self.job.model.vocab.is_multiple_of(8)
    }

    /// Seconds to hand the activations of a micro-step to the next stage.
    pub(crate) fn handover(&self) -> f64 {
        if self.job.layout.pp <= 1 {
            return 0.0;
        }
        // Each tensor parallel rank sends its part, and the next stage gathers them
        // (Narayanan et al. 2021, section 4.1).
        let bytes = 2.0 * self.tokens * f64::from(self.job.model.hidden) / self.tp;
        self.links.send(bytes, self.groups.stages_are_near)
    }

    pub(crate) fn links(&self) -> (&Links<'a>, &Groups) {
        (&self.links, &self.groups)
    }

    pub(crate) fn device(&self) -> &Device<'a> {
        &self.device
    }
}
