//! Jobs for tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::input::{
    Attention, Batch, Cluster, Job, Layout, Precision, Recompute, Sharding, Software, accelerators,
    models,
};

/// A model on nodes of eight, with everything else plain.
pub(crate) fn job(model: &str, accelerator: &str, devices: u32) -> Job {
    let model = models()
        .into_iter()
        .find(|(name, _)| *name == model)
        .unwrap()
        .1;
    let all = accelerators().unwrap();
    let accelerator = all.into_iter().find(|one| one.name == accelerator).unwrap();
    Job {
        model,
        cluster: Cluster {
            accelerator,
            devices,
            devices_per_node: 8,
            node_gbps: 3200.0,
        },
        layout: Layout {
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
        },
        software: Software {
            precision: Precision::Bf16,
            attention: Attention::Flash2,
            compile: false,
            year: 2024,
            overlap: true,
            tp_overlap: false,
        },
        batch: Batch {
            seq_len: 2048,
            global_batch: 512,
        },
    }
}
