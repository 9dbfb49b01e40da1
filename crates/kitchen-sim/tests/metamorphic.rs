//! What must hold whatever the constants are: checked on jobs drawn at random.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use kitchen_sim::Constants;
use kitchen_sim::cost::{peak_memory, times};
use kitchen_sim::input::{
    Attention, Batch, Cluster, Job, Layout, Precision, Recompute, Sharding, Software, accelerators,
    models,
};
use kitchen_sim::random::Random;

/// Jobs that divide, with everything else drawn at random.
fn jobs() -> Vec<Job> {
    let mut random = Random::new(5);
    let (models, accelerators) = (models(), accelerators().unwrap());
    let mut made = Vec::new();
    while made.len() < 500 {
        let mut pick = |count: usize| random.below(count as u32) as usize;
        let degree = |power: usize| 1_u32 << power;
        let (tp, pp, dp) = (degree(pick(4)), degree(pick(4)), degree(pick(7)));
        let micro_batch = degree(pick(3));
        let job = Job {
            model: models[pick(models.len())].1.clone(),
            cluster: Cluster {
                accelerator: accelerators[pick(accelerators.len())].clone(),
                devices: tp * pp * dp,
                devices_per_node: 8,
                node_gbps: [800.0, 1600.0, 3200.0][pick(3)],
            },
            layout: Layout {
                tp,
                cp: 1,
                pp,
                vp: degree(pick(2)),
                dp,
                ep: 1,
                sp: tp > 1 && pick(2) == 1,
                sharding: [
                    Sharding::None,
                    Sharding::DistOpt,
                    Sharding::Zero2,
                    Sharding::Fsdp,
                ][pick(4)],
                recompute: [Recompute::None, Recompute::Selective, Recompute::Full][pick(3)],
                micro_batch,
            },
            software: Software {
                precision: [Precision::Bf16, Precision::Fp8][pick(2)],
                attention: [
                    Attention::Unfused,
                    Attention::Flash1,
                    Attention::Flash2,
                    Attention::Flash3,
                ][pick(4)],
                compile: pick(2) == 1,
                year: 2021 + pick(6) as u32,
                overlap: pick(2) == 1,
                tp_overlap: pick(2) == 1,
            },
            batch: Batch {
                seq_len: 1024 << pick(4),
                global_batch: dp * micro_batch * 2 * degree(pick(5)),
            },
        };
        if job.check().is_ok() {
            made.push(job);
        }
    }
    made
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| Constants::bundled().unwrap());

fn seconds(job: &Job) -> f64 {
    times(job, &CONSTANTS).seconds()
}

#[test]
fn every_time_is_finite_and_positive() {
    for job in jobs() {
        let times = times(&job, &CONSTANTS);
        let parts = [
            times.linear,
            times.attention,
            times.elementwise,
            times.host,
            times.tensor,
            times.pipeline,
            times.data,
            times.bubble,
            times.optimizer,
            times.jitter,
        ];
        assert!(
            parts.iter().all(|part| part.is_finite() && *part >= -1e-12),
            "{job:?}: {times:?}"
        );
        assert!(times.seconds() > 0.0);
    }
}

#[test]
fn doubling_a_bandwidth_never_hurts() {
    let doubled: [fn(&mut Job); 3] = [
        |job| job.cluster.node_gbps *= 2.0,
        |job| job.cluster.accelerator.link_gbs *= 2.0,
        |job| job.cluster.accelerator.mem_bw_gbs *= 2.0,
    ];
    for job in jobs() {
        for double in doubled {
            let mut better = job.clone();
            double(&mut better);
            assert!(seconds(&better) <= seconds(&job) * (1.0 + 1e-12), "{job:?}");
        }
    }
}

#[test]
fn more_devices_never_slow_a_step_but_by_communication() {
    for job in jobs() {
        let mut more = job.clone();
        more.layout.dp *= 2;
        more.cluster.devices *= 2;
        if more.check().is_ok() {
            let (before, after) = (times(&job, &CONSTANTS), times(&more, &CONSTANTS));
            let talk = after.data + after.jitter + after.tensor + after.pipeline;
            assert!(after.seconds() - talk <= before.seconds(), "{job:?}");
        }
    }
}

#[test]
fn memory_grows_with_the_micro_batch() {
    for job in jobs() {
        let mut larger = job.clone();
        larger.layout.micro_batch *= 2;
        let (before, after) = (peak_memory(&job).1, peak_memory(&larger).1);
        // Half as many micro-steps are in flight where there are few of them.
        let is_full = job.micro_steps() >= 4 * job.layout.pp;
        assert!(!is_full || after.sum() > before.sum(), "{job:?}");
    }
}

#[test]
fn more_layers_and_longer_sequences_take_longer() {
    for job in jobs() {
        let mut deeper = job.clone();
        deeper.model.layers *= 2;
        assert!(seconds(&deeper) > seconds(&job));
        let mut longer = job.clone();
        longer.batch.seq_len *= 2;
        assert!(seconds(&longer) > seconds(&job));
    }
}

#[test]
fn computing_again_costs_time_and_saves_memory() {
    for mut job in jobs() {
        job.layout.recompute = Recompute::None;
        let kept = (seconds(&job), peak_memory(&job).1.activations);
        job.layout.recompute = Recompute::Full;
        assert!(seconds(&job) > kept.0);
        // One layer is there in full while it is computed again.
        let is_deep = job.layers_per_stage() > 2;
        assert!(
            !is_deep || peak_memory(&job).1.activations < kept.1,
            "{job:?}"
        );
    }
}

#[test]
fn a_name_changes_nothing() {
    for job in jobs() {
        let mut renamed = job.clone();
        renamed.cluster.accelerator.name = "another".to_owned();
        renamed.cluster.accelerator.source = String::new();
        assert_eq!(seconds(&renamed), seconds(&job));
    }
}
