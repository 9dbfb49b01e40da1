//! Devices: which there are, and which is fastest for a given model and batch.

use burn::backend::{WgpuDevice, WgpuDeviceKind};
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuBackend, WgpuInitError, wgpu};
use kitchen_platform::Stopwatch;
use kitchen_types::Number;
use kitchen_types::config::{DeviceChoice, ModelConfig, OptimizerConfig};
use kitchen_types::event::DeviceTiming;
use kitchen_types::ports::{Batch, ClientError, DataSpec, Loss, OptimStep, TrainingClient};

use crate::client::BurnClient;

/// A device that is ready to train on. Cloning it shares the device.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// Without autodiff; models add it to their weights.
    pub(crate) burn: Device,
    kind: Kind,
    adapter: String,
    software: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cpu,
    Gpu,
}

impl OpenDevice {
    /// The CPU. It is always there, and the same run gives the same bytes on it.
    pub fn cpu() -> Self {
        Self {
            burn: Device::flex(),
            kind: Kind::Cpu,
            adapter: "Burn flex".into(),
            software: false,
        }
    }

    /// The default GPU, through Vulkan, Metal, DX12 or, in the browser, WebGPU.
    ///
    /// # Errors
    /// [`ClientError::NoDevice`] where there is no adapter, or the adapter gives no device.
    pub async fn gpu() -> Result<Self, ClientError> {
        let mut reasons = Vec::new();
        for (api, backend) in GRAPHICS_APIS {
            match open(api, backend).await {
                Ok((burn, info)) => {
                    return Ok(Self {
                        burn,
                        kind: Kind::Gpu,
                        software: info.device_type == wgpu::DeviceType::Cpu,
                        adapter: describe(&info),
                    });
                }
                // What this platform does not know at all is not worth a word.
                Err(WgpuInitError::UnsupportedGraphicsApi { .. }) => {}
                Err(WgpuInitError::AdapterUnavailable { message, .. }) => {
                    reasons.push(format!("{api:?}: {message}"));
                }
                Err(error) => reasons.push(format!("{api:?}: {error}")),
            }
        }
        Err(ClientError::NoDevice {
            device: "GPU adapter".into(),
            reason: reasons.join("; "),
            remedy: "use `device=cpu`, install a Vulkan driver, or turn on WebGPU in the browser"
                .into(),
        })
    }

    /// `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Cpu => "cpu",
            Kind::Gpu => "gpu",
        }
    }

    /// The adapter by its own name, such as `llvmpipe (LLVM 15.0.6, 256 bits), Vulkan`.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Whether a GPU's work is done by the CPU after all (lavapipe, SwiftShader, WARP).
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Whether tensors lie in the host's memory, where one pass over a slice beats any queue.
    pub(crate) fn is_cpu(&self) -> bool {
        self.kind == Kind::Cpu
    }
}

/// In order of preference. OpenGL is left out: its compute shaders are slow, and its driver
/// panics when two threads look for adapters at once.
const GRAPHICS_APIS: [(WgpuBackend, wgpu::Backends); 4] = [
    (WgpuBackend::Vulkan, wgpu::Backends::VULKAN),
    (WgpuBackend::Metal, wgpu::Backends::METAL),
    (WgpuBackend::Dx12, wgpu::Backends::DX12),
    (WgpuBackend::WebGpu, wgpu::Backends::BROWSER_WEBGPU),
];

async fn open(
    api: WgpuBackend,
    backends: wgpu::Backends,
) -> Result<(Device, wgpu::AdapterInfo), WgpuInitError> {
    let options = Device::wgpu_options().graphics_api(api);
    match options.init_with_setup_async().await {
        Ok((device, setup)) => Ok((device, setup.adapter.get_info())),
        // The process has opened it before; Burn keeps one runtime for each selector.
        Err(WgpuInitError::Registration { .. }) => {
            let device = WgpuDevice::new(WgpuDeviceKind::DefaultDevice).on(api);
            let info = adapter_info(backends).await;
            let info = info.map_err(|message| WgpuInitError::AdapterUnavailable {
                device: device.clone(),
                message,
            })?;
            Ok((Device::from(device), info))
        }
        Err(error) => Err(error),
    }
}

async fn adapter_info(backends: wgpu::Backends) -> Result<wgpu::AdapterInfo, String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance.request_adapter(&options).await;
    Ok(adapter.map_err(|error| error.to_string())?.get_info())
}

fn describe(info: &wgpu::AdapterInfo) -> String {
    match info.name.as_str() {
        "" => format!("unnamed adapter, {:?}", info.backend),
        name => format!("{name}, {:?}", info.backend),
    }
}

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
/// [`ClientError::NoDevice`] where a GPU was asked for and there is none; whatever the client
/// says where the model does not fit the data.
pub async fn choose_device(
    choice: DeviceChoice,
    work: Workload<'_>,
) -> Result<Choice, ClientError> {
    match choice {
        DeviceChoice::Cpu => Ok(as_asked(OpenDevice::cpu())),
        DeviceChoice::Gpu => Ok(as_asked(OpenDevice::gpu().await?)),
        DeviceChoice::Auto => fastest(work).await,
    }
}

fn as_asked(device: OpenDevice) -> Choice {
    Choice {
        device,
        timings: Vec::new(),
        reason: "it was asked for".into(),
    }
}

async fn fastest(work: Workload<'_>) -> Result<Choice, ClientError> {
    let cpu = OpenDevice::cpu();
    let gpu = match OpenDevice::gpu().await {
        Ok(gpu) => gpu,
        Err(error) => {
            return Ok(Choice {
                device: cpu,
                timings: vec![untimed("gpu", error.to_string())],
                reason: "it is the only device here".into(),
            });
        }
    };
    let gpu_name = label(&gpu);
    if gpu.is_software() {
        let note = "a software adapter: it runs on this CPU, and was not timed; \
                    `device=gpu` uses it all the same";
        return Ok(Choice {
            device: cpu,
            timings: vec![untimed(&gpu_name, note.into())],
            reason: "the only GPU here is a software adapter".into(),
        });
    }

    let cpu_ms = time_step(&cpu, work).await?;
    let cpu_timing = timed(&label(&cpu), cpu_ms);
    match time_step(&gpu, work).await {
        Ok(gpu_ms) => {
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
