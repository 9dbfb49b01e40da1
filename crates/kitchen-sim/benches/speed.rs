//! How fast the simulator is, on one core: `cargo bench -p kitchen-sim`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;

use kitchen_platform::Stopwatch;
use kitchen_sim::Constants;
use kitchen_sim::cost::{estimate, times};
use kitchen_sim::input::{Accelerator, Attention, Batch, Job, Layout, Model, Sharding, Software};
use kitchen_sim::run::{Plan, run};
use kitchen_sim::search::{Space, search};
use kitchen_sim::story::{Scenario, Story};
use kitchen_sim::trace::trace;

const ROUNDS: usize = 7;

/// Llama-3 405B on 16,384 H100.
fn llama() -> Job {
    let h100 = Accelerator::named("H100 SXM 80GB").unwrap().unwrap();
    let plain = Job::plain(Model::named("llama3-405b").unwrap(), h100, 16_384);
    Job {
        layout: Layout {
            tp: 8,
            pp: 16,
            vp: 4,
            dp: 128,
            sp: true,
            sharding: Sharding::Zero2,
            ..plain.layout
        },
        software: Software {
            attention: Attention::Flash3,
            tp_overlap: true,
            ..plain.software
        },
        batch: Batch {
            seq_len: 8192,
            global_batch: 2048,
        },
        ..plain
    }
}

fn main() {
    let (job, constants) = (llama(), Constants::bundled().unwrap());
    let step = median(|| {
        for _ in 0..10_000 {
            black_box(times(black_box(&job), &constants));
        }
    });
    println!("analytic step                {:>10.0} ns", step * 100.0);

    let space = Space::default();
    let found = search(&job, &space, None, &constants).unwrap();
    let seconds = 1e-3 * median(|| drop(search(&job, &space, None, &constants)));
    let rate = found.examined as f64 / seconds / 1e6;
    println!("search, what fits            {rate:>10.2} million layouts a second");
    let seconds = 1e-3 * median(|| drop(search(&job, &space, Some(f64::MAX), &constants)));
    let rate = found.examined as f64 / seconds / 1e6;
    println!("search, all predicted        {rate:>10.2} million layouts a second");

    let traced = median(|| drop(trace(&job, &constants, |_, _| 1.0)));
    println!("trace of a step, 16,384 GPUs {traced:>10.1} ms");

    let plan = Plan::of(&job, &estimate(&job, &constants).unwrap(), 54.0, 1);
    let ran = median(|| drop(run(&plan)));
    println!("54 days, 16,384 GPUs         {ran:>10.1} ms");

    // 54 days take some 640,000 steps of that run.
    for (name, steps) in [
        ("first-night", None),
        ("llama3-405b", None),
        ("llama3-405b", Some(640_000)),
    ] {
        let mut spec = Scenario::named(name).unwrap().spec().unwrap();
        spec.schedule.steps = steps.or(spec.schedule.steps);
        let story = || Story::of(spec.clone()).unwrap();
        let (moments, days) = (story().count(), story().last().unwrap().at / 86_400.0);
        let told = median(|| {
            black_box(story().count());
        });
        println!("story of {days:>6.2} days         {told:>10.1} ms, {moments} moments ({name})");
    }
}

/// The median over rounds of how long `work` takes, in milliseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let clock = Stopwatch::start();
            work();
            clock.elapsed_us()
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2] as f64 / 1e3
}
