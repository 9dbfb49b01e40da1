//! A whole run through workflow, events and observers, beside the bare loop over the same work.

use std::rc::Rc;

use anyhow::bail;
use futures::StreamExt;
use futures::executor::block_on;
use kitchen_core::data::{Sampler, Store};
use kitchen_core::store::Memory;
use kitchen_core::supervised::supervised;
use kitchen_core::train::{BurnClient, OpenDevice};
use kitchen_core::{Host, LocalDevices, Recipe, StartRequest};
use kitchen_platform::Stopwatch;
use kitchen_types::bench::BenchReport;
use kitchen_types::config::{DeviceChoice, Span};
use kitchen_types::ports::{DatasetStore, Loss, OptimStep, TrainingClient};
use kitchen_types::random::Key;
use kitchen_types::{Event, RunConfig, RunId};

use crate::cli::{BenchArgs, Device};
use crate::request::Request;

/// Steps before the clock counts.
const WARM_UP: u64 = 10;

/// Times the recipe `digits`.
pub(super) fn time(args: &BenchArgs, threads: usize) -> anyhow::Result<Vec<BenchReport>> {
    if args.device != Device::Cpu {
        bail!("`loop` compares two loops on the CPU; leave `--device` out");
    }
    let config = config(args.steps)?;
    let mut reports = vec![super::report(
        "loop",
        "cpu",
        threads,
        block_on(run(config.clone()))?,
    )];
    if args.bare {
        let ms = block_on(bare(&config))?;
        reports.push(super::report("loop (bare)", "cpu", threads, ms));
    }
    Ok(reports)
}

/// The recipe, with nothing but steps in it.
fn config(steps: u64) -> anyhow::Result<RunConfig> {
    let recipe = Recipe::find("digits").map_or("digits", |recipe| recipe.name);
    let mut config = Request::read(&[recipe.to_owned()])?.resolve()?.config;
    config.device = DeviceChoice::Cpu;
    config.steps = Span::Steps(WARM_UP + steps);
    for every in [&mut config.evaluate.every, &mut config.checkpoint.every] {
        *every = Span::Steps(WARM_UP + steps);
    }
    Ok(config)
}

/// The time between one step's report and the next, in milliseconds.
async fn run(config: RunConfig) -> anyhow::Result<Vec<f64>> {
    let host = Host {
        store: Rc::new(Memory::default()),
        data: Rc::new(Store::on_disk("")),
        devices: Rc::new(LocalDevices::default()),
        now_ms: kitchen_platform::now_ms,
    };
    let request = StartRequest {
        run: RunId::new("bench")?,
        config,
        workflow: supervised(),
        first_seq: 0,
    };
    let mut run = kitchen_core::start(request, host).await?;
    let mut ms = Vec::new();
    let mut clock = Stopwatch::start();
    while let Some(envelope) = run.events.next().await {
        if let Event::Stepped(step) = envelope.event {
            if step.step > WARM_UP {
                ms.push(clock.elapsed().as_secs_f64() * 1e3);
            }
            clock = Stopwatch::start();
        }
    }
    Ok(ms)
}

/// The same steps without workflow and events, as `examples/loop.rs` takes them.
async fn bare(config: &RunConfig) -> anyhow::Result<Vec<f64>> {
    let data = Store::on_disk("").open(&config.data, config.seed)?.train;
    let (device, loss) = (
        OpenDevice::cpu(),
        Loss::CrossEntropy {
            label_smoothing: 0.0,
        },
    );
    let mut client = BurnClient::open(
        &config.model,
        data.spec(),
        &config.optimizer,
        device,
        config.seed,
    )?;
    let sampler = Sampler::new(&*data, config.batch, Key::new(config.seed))?;
    let mut ms = Vec::new();
    for step in 1..=config.steps.steps(1) {
        let clock = Stopwatch::start();
        let (epoch, batch) = (
            (step - 1) / sampler.batches_per_epoch(),
            (step - 1) % sampler.batches_per_epoch(),
        );
        let positions = sampler.positions(&*data, epoch, batch, &Default::default())?;
        let report = client
            .forward_backward(&data.batch(&positions)?, &loss)
            .await?;
        let update = OptimStep {
            step,
            lr: config.lr,
            clip_norm: 0.0,
            measure: false,
            ..OptimStep::default()
        };
        client.optim_step(&update).await?.await?;
        report.await?;
        if step > WARM_UP {
            ms.push(clock.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(ms)
}
