//! What a diagnosis of one batch costs.

use kitchen_platform::{Stopwatch, peak_memory_bytes};
use kitchen_types::Number;
use kitchen_types::bench::ForensicsBench;
use kitchen_types::ports::{ClientError, OptimStep, TrainingClient};

use super::WARM_UP;
use super::work::{LEARNING_RATE, Work};
use crate::client::BurnClient;
use crate::device::OpenDevice;

/// Times a training step and a diagnosis of the same batch of `batch` examples by turns, so that
/// whatever else the machine does meets both; and once the diagnosis by a backward pass for each
/// example alone.
///
/// # Errors
/// [`ClientError::Unsupported`] on an unknown name; whatever the device says.
pub async fn forensics(
    name: &str,
    batch: usize,
    device: &OpenDevice,
    threads: usize,
    rounds: u64,
) -> Result<ForensicsBench, ClientError> {
    let mut subject = Subject::open(name, batch, device)?;
    for _ in 0..WARM_UP {
        subject.step().await?;
    }
    let step_memory_bytes = peak_memory_bytes();
    subject.diagnose().await?;
    let diagnosis_memory_bytes = peak_memory_bytes();

    let (mut steps, mut diagnoses, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let step = subject.step().await?;
        let diagnosis = subject.diagnose().await?;
        steps.push(step);
        diagnoses.push(diagnosis);
        ratios.push(diagnosis / step);
    }
    let step_ms = median(steps);
    let clock = Stopwatch::start();
    let Subject { client, work, .. } = &subject;
    client.per_sample_alone(&work.batch, &work.loss).await?;
    let alone_ms = clock.elapsed().as_secs_f64() * 1e3;
    Ok(ForensicsBench {
        name: name.into(),
        device: device.name().into(),
        threads,
        batch,
        rounds,
        step_ms: Number(step_ms),
        diagnosis_ms: Number(median(diagnoses)),
        ratio: Number(median(ratios)),
        alone_ms: Number(alone_ms),
        alone_ratio: Number(alone_ms / step_ms),
        step_memory_bytes,
        diagnosis_memory_bytes,
    })
}

struct Subject {
    work: Work,
    client: BurnClient,
    steps: u64,
}

impl Subject {
    fn open(name: &str, batch: usize, device: &OpenDevice) -> Result<Self, ClientError> {
        let work = Work::sized(name, Some(batch))?;
        let client = BurnClient::open(&work.model, &work.data, &work.optimizer, device.clone(), 1)?;
        Ok(Self {
            work,
            client,
            steps: 0,
        })
    }

    /// A training step, in milliseconds.
    async fn step(&mut self) -> Result<f64, ClientError> {
        let clock = Stopwatch::start();
        let Work { batch, loss, .. } = &self.work;
        let loss = self.client.forward_backward(batch, loss).await?;
        self.steps += 1;
        let update = OptimStep {
            step: self.steps,
            lr: LEARNING_RATE,
            clip_norm: 0.0,
            measure: false,
            ..OptimStep::default()
        };
        self.client.optim_step(&update).await?.await?;
        loss.await?;
        Ok(clock.elapsed().as_secs_f64() * 1e3)
    }

    /// A diagnosis, in milliseconds.
    async fn diagnose(&mut self) -> Result<f64, ClientError> {
        let clock = Stopwatch::start();
        let Work { batch, loss, .. } = &self.work;
        self.client.per_sample(batch, loss).await?;
        Ok(clock.elapsed().as_secs_f64() * 1e3)
    }
}

fn median(mut ms: Vec<f64>) -> f64 {
    ms.sort_by(f64::total_cmp);
    ms.get(ms.len() / 2).copied().unwrap_or(f64::NAN)
}
