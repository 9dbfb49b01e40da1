//! The bare training loop: no workflow engine, no events, no checkpoints. A newcomer reads this
//! first; everything else in Kitchen is this loop, watched over.
//!
//! ```sh
//! cargo run --release -p kitchen-core --example loop
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;

use futures::executor::block_on;
use kitchen_data::{Sampler, Store};
use kitchen_train::{BurnClient, OpenDevice};
use kitchen_types::config::{DataConfig, MlpConfig, ModelConfig, OptimizerConfig};
use kitchen_types::ports::{Dataset, DatasetStore, Loss, OptimStep, TrainingClient};
use kitchen_types::random::Key;

const SEED: u64 = 1;
const BATCH: usize = 32;
const EPOCHS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    block_on(train())
}

async fn train() -> Result<(), Box<dyn Error>> {
    let data = Store::on_disk("").open(&DataConfig::default(), SEED)?;
    let model = ModelConfig::Mlp(MlpConfig::default());
    let optimizer = OptimizerConfig::default();
    let mut client = BurnClient::open(
        &model,
        data.train.spec(),
        &optimizer,
        OpenDevice::cpu(),
        SEED,
    )?;
    let loss = Loss::CrossEntropy {
        label_smoothing: 0.0,
    };

    let sampler = Sampler::new(&*data.train, BATCH, Key::new(SEED).purpose("data/order"))?;
    let mut step = 0;
    for epoch in 0..EPOCHS {
        let mut sum = 0.0;
        for batch in 0..sampler.batches_per_epoch() {
            let positions = sampler.positions(&*data.train, epoch, batch, &Default::default())?;
            let examples = data.train.batch(&positions)?;
            let report = client.forward_backward(&examples, &loss).await?;
            step += 1;
            let update = OptimStep {
                step,
                lr: 0.003,
                clip_norm: 0.0,
                measure: false,
                ..OptimStep::default()
            };
            client.optim_step(&update).await?.await?;
            sum += report.await?.loss.0;
        }
        let mean = sum / sampler.batches_per_epoch() as f64;
        let right = accuracy(&mut client, &*data.validation, &loss).await?;
        println!(
            "epoch {:2}  loss {mean:.4}  validation accuracy {right:.3}",
            epoch + 1
        );
    }
    Ok(())
}

async fn accuracy(
    client: &mut BurnClient,
    data: &dyn Dataset,
    loss: &Loss,
) -> Result<f64, Box<dyn Error>> {
    let everything: Vec<u64> = (0..data.len()).collect();
    let report = client.evaluate(&data.batch(&everything)?, loss).await?;
    Ok(report.correct.unwrap_or(0) as f64 / report.targets as f64)
}
