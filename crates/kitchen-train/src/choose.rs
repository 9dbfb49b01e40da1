//! Which device is fastest for a given model and batch.

use kitchen_platform::Stopwatch;
use kitchen_types::Number;
use kitchen_types::config::{DeviceChoice, ModelConfig, OptimizerConfig};
use kitchen_types::event::DeviceTiming;
use kitchen_types::ports::{Batch, ClientError, DataSpec, Loss, OptimStep, TrainingClient};

use crate::client::BurnClient;
use crate::device::{Gpu, OpenDevice};

/// The device that was chosen, and how the choice was made.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The device.
    pub device: OpenDevice,
    /// Every device there is, with its timing or the reason why it has none.
    pub timings: Vec<DeviceTiming>,
    /// Why this one, in words.
    pub reason: String,
}

impl Choice {
    /// The CPU, since there is no GPU, for this reason.
    pub fn for_want_of_a_gpu(reason: String) -> Self {
        Self {
            device: OpenDevice::cpu(),
            timings: vec![untimed("gpu", reason)],
            reason: "it is the only device here".into(),
        }
    }

    /// The CPU, since the only GPU is this one, and made of software.
    pub fn over_software(gpu: &str) -> Self {
        let note = "a software adapter: it runs on this CPU, and was not timed; \
                    `device=gpu` uses it all the same";
        Self {
            device: OpenDevice::cpu(),
            timings: vec![untimed(gpu, note.into())],
            reason: "the only GPU here is a software adapter".into(),
        }
    }

    /// The CPU, since a step takes so few milliseconds there that the GPU is not tried.
    pub fn over_untried(gpu: &str, cpu_ms: f64) -> Self {
        let cpu = OpenDevice::cpu();
        let timings = vec![
            timed(&label(&cpu), cpu_ms),
            untimed(gpu, "not tried; `device=gpu` uses it all the same".into()),
        ];
        Self {
            device: cpu,
            timings,
            reason: format!("a step takes only {cpu_ms:.2} ms on the CPU"),
        }
    }
}

/// What a step is made of: all that is needed to time one.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// The model.
    pub model: &'a ModelConfig,
    /// What the data look like.
    pub data: &'a DataSpec,
    /// How the weights move.
    pub optimizer: &'a OptimizerConfig,
    /// What is minimised.
    pub loss: &'a Loss,
    /// A batch of the size that will be trained on.
    pub batch: &'a Batch,
}

/// Opens what `choice` asks for. `auto` times a step on each device there is, and takes the
/// fastest; a software GPU adapter is listed without a timing, because its kernels alone take
/// seconds to compile and the CPU it runs on is there without it.
///
/// # Errors
/// [`ClientError::NoDevice`] where a GPU was asked for and there is none that works; whatever the client
/// says where the model does not fit the data.
pub async fn choose_device(
    choice: DeviceChoice,
    work: Workload<'_>,
    gpu: &Gpu,
) -> Result<Choice, ClientError> {
    match choice {
        DeviceChoice::Cpu | DeviceChoice::Cluster => Ok(as_asked(OpenDevice::cpu())),
        DeviceChoice::Gpu => Ok(as_asked(gpu.open().await?)),
        DeviceChoice::Auto => fastest(work, gpu).await,
    }
}

fn as_asked(device: OpenDevice) -> Choice {
    Choice {
        device,
        timings: Vec::new(),
        reason: "it was asked for".into(),
    }
}

async fn fastest(work: Workload<'_>, gpu: &Gpu) -> Result<Choice, ClientError> {
    let cpu = OpenDevice::cpu();
    let found = match gpu.find().await {
        Ok(found) => found,
        Err(error) => return Ok(Choice::for_want_of_a_gpu(error.to_string())),
    };
    let gpu_name = label(&found);
    if found.is_software() {
        return Ok(Choice::over_software(&gpu_name));
    }

    let cpu_ms = time_step(&cpu, work).await?;
    let cpu_timing = timed(&label(&cpu), cpu_ms);
    let tried = match gpu.tested().await {
        Ok(gpu) => time_step(&gpu, work).await.map(|ms| (gpu, ms)),
        Err(error) => Err(error),
    };
    match tried {
        Ok((gpu, gpu_ms)) => {
            let reason =
                format!("a step takes {cpu_ms:.2} ms on the CPU, {gpu_ms:.2} ms on the GPU");
            Ok(Choice {
                device: if gpu_ms < cpu_ms { gpu } else { cpu },
                timings: vec![cpu_timing, timed(&gpu_name, gpu_ms)],
                reason,
            })
        }
        Err(error) => Ok(Choice {
            device: cpu,
            timings: vec![cpu_timing, untimed(&gpu_name, error.to_string())],
            reason: "the GPU could not take a step".into(),
        }),
    }
}

fn label(device: &OpenDevice) -> String {
    format!("{}: {}", device.name(), device.adapter())
}

fn timed(device: &str, step_ms: f64) -> DeviceTiming {
    DeviceTiming {
        device: device.into(),
        step_ms: Some(Number(step_ms)),
        note: None,
    }
}

fn untimed(device: &str, note: String) -> DeviceTiming {
    DeviceTiming {
        device: device.into(),
        step_ms: None,
        note: Some(note),
    }
}

/// Steps before the clock counts: the first compiles kernels, the second fills memory pools.
const WARM_UP: u64 = 2;
/// Steps that count.
const TIMED: u64 = 5;

/// The median time of a whole training step, in milliseconds, the loss read each time.
///
/// # Errors
/// Whatever the client says where model, data and batch do not fit, or the device is lost.
pub async fn time_step(device: &OpenDevice, work: Workload<'_>) -> Result<f64, ClientError> {
    let seed = 0;
    let mut client = BurnClient::open(work.model, work.data, work.optimizer, device.clone(), seed)?;
    let mut times = Vec::new();
    for step in 1..=WARM_UP + TIMED {
        let step_time = Stopwatch::start();
        let loss = client.forward_backward(work.batch, work.loss).await?;
        let update = OptimStep {
            step,
            lr: 1e-4,
            clip_norm: work.optimizer.clip_norm,
            measure: false,
            ..OptimStep::default()
        };
        client.optim_step(&update).await?.await?;
        loss.await?;
        if step > WARM_UP {
            times.push(step_time.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or(f64::NAN))
}
