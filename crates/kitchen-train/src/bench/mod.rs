//! Named work of a fixed size, timed: Kitchen's own step, and the same step as a newcomer to Burn
//! would write it.
//!
//! A step is forward, backward, optimizer, and the loss read by the host. Data are random, the
//! same on every run.

mod bare;
mod forensics;
#[cfg(feature = "gpu")]
mod launches;
#[cfg(not(feature = "gpu"))]
#[path = "no_launches.rs"]
mod launches;
mod work;

use kitchen_platform::{Stopwatch, peak_memory_bytes};
use kitchen_types::Number;
use kitchen_types::bench::BenchReport;
use kitchen_types::ports::{ClientError, OptimStep, TrainingClient};

use crate::client::BurnClient;
use crate::device::OpenDevice;
pub use forensics::forensics;
use launches::Launches;
use work::Work;

/// The names that [`run`] and [`bare()`] know.
pub const NAMES: [&str; 4] = ["mlp-784", "gpt-210k", "cnn-28", "nanogpt-cpu"];

/// Steps before the clock counts.
const WARM_UP: u64 = 3;

/// Times `steps` steps of the work called `name`.
///
/// `threads` is what the caller has arranged for the CPU's kernels; it is only reported.
///
/// # Errors
/// [`ClientError::Unsupported`] on an unknown name; whatever the device says.
pub async fn run(
    name: &str,
    device: &OpenDevice,
    threads: usize,
    steps: u64,
) -> Result<BenchReport, ClientError> {
    let work = Work::named(name)?;
    let mut client = BurnClient::open(&work.model, &work.data, &work.optimizer, device.clone(), 1)?;
    let mut timer = Timer::new(device);
    let mut waits = 0;
    for step in 1..=WARM_UP + steps {
        if step == WARM_UP + 1 {
            waits = client.counters().readbacks.unwrap_or_default();
        }
        let time = Stopwatch::start();
        let loss = client.forward_backward(&work.batch, &work.loss).await?;
        let update = OptimStep {
            step,
            lr: work::LEARNING_RATE,
            clip_norm: 0.0,
            measure: false,
            ..OptimStep::default()
        };
        client.optim_step(&update).await?.await?;
        loss.await?;
        timer.add(step, &time);
    }
    let waited = client.counters().readbacks.unwrap_or_default() - waits;
    let mut report = timer.report(name, device, threads);
    report.readbacks_per_step = Some(Number(waited as f64 / steps.max(1) as f64));
    Ok(report)
}

/// The same for a loop on Burn alone: its own layers, its own Adam.
///
/// # Errors
/// [`ClientError::Unsupported`] on an unknown name; [`ClientError::DeviceLost`].
pub async fn bare(
    name: &str,
    device: &OpenDevice,
    threads: usize,
    steps: u64,
) -> Result<BenchReport, ClientError> {
    let work = Work::named(name)?;
    let mut timer = Timer::new(device);
    bare::train(&work, device, WARM_UP + steps, &mut timer).await?;
    let mut report = timer.report(&format!("{name} (bare Burn)"), device, threads);
    report.readbacks_per_step = Some(Number(1.0));
    Ok(report)
}

/// Collects the times of the steps that count, and the kernels they launch.
#[derive(Debug)]
struct Timer {
    ms: Vec<f64>,
    /// None on the CPU, whose work is function calls.
    launches: Option<Launches>,
    /// Those of the steps that do not count.
    launched_before: u64,
}

impl Timer {
    fn new(device: &OpenDevice) -> Self {
        Self {
            ms: Vec::new(),
            launches: (!device.is_cpu()).then(Launches::watch),
            launched_before: 0,
        }
    }

    fn launched(&self) -> Option<u64> {
        self.launches.as_ref().map(Launches::so_far)
    }

    fn add(&mut self, step: u64, time: &Stopwatch) {
        if step > WARM_UP {
            self.ms.push(time.elapsed().as_secs_f64() * 1e3);
        } else {
            self.launched_before = self.launched().unwrap_or_default();
        }
    }

    fn report(mut self, name: &str, device: &OpenDevice, threads: usize) -> BenchReport {
        self.ms.sort_by(f64::total_cmp);
        let at = |place: usize| Number(self.ms.get(place).copied().unwrap_or(f64::NAN));
        let launched = self.launched().map(|all| all - self.launched_before);
        let steps = self.ms.len().max(1) as f64;
        BenchReport {
            name: name.into(),
            device: device.name().into(),
            threads,
            steps: self.ms.len() as u64,
            median_ms: at(self.ms.len() / 2),
            min_ms: at(0),
            launches_per_step: launched.map(|launched| Number(launched as f64 / steps)),
            readbacks_per_step: None,
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}
