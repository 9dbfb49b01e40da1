//! Everything that a prediction depends on, and whether it is possible.

use serde::{Deserialize, Serialize};

use super::{Accelerator, Cluster, Layout, Model, Precision, Refusal, Software};
use crate::math::parts;

/// The data of one optimizer step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Tokens of one sequence.
    pub seq_len: u32,
    /// Sequences of one step, over all devices.
    pub global_batch: u32,
}

/// A model on a cluster in a layout, with the software that runs it and the data it sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What is trained.
    pub model: Model,
    /// On what.
    pub cluster: Cluster,
    /// Spread how.
    pub layout: Layout,
    /// By what.
    pub software: Software,
    /// From what.
    pub batch: Batch,
}

impl Job {
    /// A job to begin with: nodes of eight devices and 3,200 Gbit/s, nothing but data parallelism,
    /// and what software of 2024 does unasked.
    #[must_use]
    pub fn plain(model: Model, accelerator: Accelerator, devices: u32) -> Self {
        Self {
            model,
            cluster: Cluster {
                accelerator,
                devices,
                devices_per_node: 8,
                node_gbps: 3200.0,
            },
            layout: Layout::plain(devices),
            software: Software::default(),
            batch: Batch {
                seq_len: 2048,
                global_batch: 512,
            },
        }
    }

    /// Micro-steps of one optimizer step.
    #[must_use]
    pub fn micro_steps(&self) -> u32 {
        let at_once = self.layout.dp.saturating_mul(self.layout.micro_batch);
        self.batch.global_batch / at_once.max(1)
    }

    /// Tokens of one micro-step on one device, its share of the context.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        f64::from(self.layout.micro_batch) * f64::from(self.batch.seq_len)
            / f64::from(self.layout.cp)
    }

    /// Layers of the fullest chunk, and so of all but the outermost.
    #[must_use]
    pub fn layers_per_chunk(&self) -> u32 {
        parts(
            self.model.layers,
            self.layout.pp.saturating_mul(self.layout.vp),
        )
    }

    /// Layers of the fullest stage.
    #[must_use]
    pub fn layers_per_stage(&self) -> u32 {
        self.layers_per_chunk().saturating_mul(self.layout.vp)
    }

    /// Layers of `stage`. Where chunks cannot be of one length, the last stage is the shorter one,
    /// then those before it: it carries the output layer.
    #[must_use]
    pub fn layers_of(&self, stage: u32) -> u32 {
        let full = self.layers_per_stage();
        let before = full.saturating_mul(stage);
        self.model.layers.saturating_sub(before).min(full)
    }

    /// Whether the job can be: everything divides, and the device knows the arithmetic.
    ///
    /// Whether it fits into memory is said by [`crate::cost::Memory`].
    ///
    /// # Errors
    ///
    /// The first reason why not.
    pub fn check(&self) -> Result<(), Refusal> {
        self.check_positive()?;
        self.check_parts()?;
        self.check_devices()?;
        self.check_precision()
    }

    fn check_positive(&self) -> Result<(), Refusal> {
        let (model, layout) = (&self.model, &self.layout);
        let counts = [
            ("layers", model.layers),
            ("hidden", model.hidden),
            ("heads", model.heads),
            ("kv_heads", model.kv_heads),
            ("head_dim", model.head_dim),
            ("vocab", model.vocab),
            ("seq_len", self.batch.seq_len),
            ("global_batch", self.batch.global_batch),
            ("devices_per_node", self.cluster.devices_per_node),
            ("tp", layout.tp),
            ("cp", layout.cp),
            ("pp", layout.pp),
            ("vp", layout.vp),
            ("dp", layout.dp),
            ("ep", layout.ep),
            ("micro_batch", layout.micro_batch),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((what, _)) => Err(Refusal::Zero { what }),
            None => Ok(()),
        }
    }

    fn check_parts(&self) -> Result<(), Refusal> {
        let (model, layout) = (&self.model, &self.layout);
        let micro = (
            "dp·micro_batch",
            layout.dp.saturating_mul(layout.micro_batch),
        );
        divides(("global_batch", self.batch.global_batch), micro)?;
        divides(("heads", model.heads), ("tp", layout.tp))?;
        divides(("heads", model.heads), ("kv_heads", model.kv_heads))?;
        divides(("seq_len", self.batch.seq_len), ("cp", layout.cp))?;
        let stages = u64::from(layout.pp) * u64::from(layout.vp);
        // The embedding and the output layer may each take the place of a layer.
        fits(
            ("layers + 2", model.layers.saturating_add(2)),
            ("pp·vp", stages),
        )?;
        if let Some(experts) = model.experts {
            divides(("experts", experts.count), ("ep", layout.ep))?;
            let seats = layout.replicas().saturating_mul(layout.tp);
            fits(("dp·cp·tp", seats), ("ep", u64::from(layout.ep)))?;
        }
        Ok(())
    }

    fn check_devices(&self) -> Result<(), Refusal> {
        let taken = self.layout.devices();
        let devices = self.cluster.devices;
        if taken == u64::from(devices) {
            return Ok(());
        }
        Err(Refusal::Devices { taken, devices })
    }

    /// Whether the device knows the arithmetic, whatever the layout.
    pub(crate) fn check_arithmetic(&self) -> Result<(), Refusal> {
        self.check_positive()?;
        self.check_precision()
    }

    fn check_precision(&self) -> Result<(), Refusal> {
        let accelerator = &self.cluster.accelerator;
        let peak = match self.software.precision {
            Precision::Fp16 | Precision::Bf16 => return Ok(()),
            Precision::Fp8 | Precision::Mxfp8 => accelerator.peak_fp8_tflops,
            Precision::Nvfp4 => accelerator.peak_fp4_tflops,
        };
        match peak {
            Some(_) => Ok(()),
            None => Err(Refusal::Precision {
                accelerator: accelerator.name.clone(),
                precision: self.software.precision.name(),
            }),
        }
    }
}

fn divides(
    (what, whole): (&'static str, u32),
    (part_name, part): (&'static str, u32),
) -> Result<(), Refusal> {
    if whole % part == 0 {
        return Ok(());
    }
    let (whole, part) = (u64::from(whole), u64::from(part));
    Err(Refusal::Indivisible {
        what,
        whole,
        part_name,
        part,
        nearest: ((whole + part / 2) / part).max(1) * part,
    })
}

fn fits(
    (what, whole): (&'static str, u32),
    (parts_name, parts): (&'static str, u64),
) -> Result<(), Refusal> {
    let whole = u64::from(whole);
    if parts <= whole {
        return Ok(());
    }
    Err(Refusal::TooMany {
        what,
        whole,
        parts_name,
        parts,
    })
}
