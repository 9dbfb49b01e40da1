//! Devices: which there are, how they are opened, and how they are lost.

use std::cell::{Cell, RefCell};

use burn::backend::{WgpuDevice, WgpuDeviceKind};
use burn::tensor::wgpu::{WgpuBackend, WgpuInitError, WgpuSetup, wgpu};
use burn::tensor::{Device, Tensor, Transaction};
use kitchen_types::ports::ClientError;

use crate::self_test::self_test;

/// A device that is ready to train on. Cloning it shares the device.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// Without autodiff; models add it to their weights.
    pub(crate) burn: Device,
    kind: Kind,
    adapter: String,
    software: bool,
    /// The GPU itself, where it was opened here, to lose it on purpose.
    handle: Option<wgpu::Device>,
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
            handle: None,
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
                Ok(device) => return Ok(device),
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

    /// Takes the GPU away from everything that uses it, as a crash of its driver would: whatever
    /// is done with it next fails with [`ClientError::DeviceLost`]. Says whether it could be done:
    /// it cannot to a CPU, nor to a GPU that was opened elsewhere in this process.
    pub fn destroy(&self) -> bool {
        let Some(handle) = &self.handle else {
            return false;
        };
        handle.destroy();
        // Burn hears of a loss when the device is polled, and takes errors before that for its own
        // mistakes. That nothing is left to wait for is no news.
        handle.poll(wgpu::PollType::wait_indefinitely()).ok();
        true
    }

    /// Whether the device still answers.
    async fn is_alive(&self) -> bool {
        let number = Tensor::<1>::ones([1], &self.burn);
        let read = Transaction::default()
            .register(number)
            .execute_async()
            .await;
        read.is_ok()
    }

    fn of(burn: Device, info: &wgpu::AdapterInfo, handle: Option<wgpu::Device>) -> Self {
        Self {
            burn,
            kind: Kind::Gpu,
            software: info.device_type == wgpu::DeviceType::Cpu,
            adapter: describe(info),
            handle,
        }
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

async fn open(api: WgpuBackend, backends: wgpu::Backends) -> Result<OpenDevice, WgpuInitError> {
    let options = Device::wgpu_options().graphics_api(api);
    match options.init_with_setup_async().await {
        Ok((burn, setup)) => {
            let info = setup.adapter.get_info();
            Ok(OpenDevice::of(burn, &info, Some(setup.device)))
        }
        // The process has opened it before; Burn keeps one runtime for each selector.
        Err(WgpuInitError::Registration { .. }) => {
            let device = WgpuDevice::new(WgpuDeviceKind::DefaultDevice).on(api);
            let (instance, adapter) =
                adapter(backends)
                    .await
                    .map_err(|message| WgpuInitError::AdapterUnavailable {
                        device: device.clone(),
                        message,
                    })?;
            let shared = OpenDevice::of(Device::from(device), &adapter.get_info(), None);
            match shared.is_alive().await {
                true => Ok(shared),
                false => reopen(instance, adapter).await,
            }
        }
        Err(error) => Err(error),
    }
}

/// A device beside one that was lost, with a runtime of its own.
async fn reopen(
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
) -> Result<OpenDevice, WgpuInitError> {
    let info = adapter.get_info();
    // What Burn asks for itself, but for what is experimental.
    let kept =
        wgpu::Features::MAPPABLE_PRIMARY_BUFFERS.union(wgpu::Features::all_experimental_mask());
    let request = wgpu::DeviceDescriptor {
        required_features: adapter.features().difference(kept),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) =
        adapter
            .request_device(&request)
            .await
            .map_err(|error| WgpuInitError::RequestDevice {
                message: error.to_string(),
            })?;
    let setup = WgpuSetup {
        backend: info.backend,
        instance,
        adapter,
        device: device.clone(),
        queue,
    };
    let burn = Device::wgpu_options().setup(setup).init()?;
    Ok(OpenDevice::of(burn, &info, Some(device)))
}

async fn adapter(backends: wgpu::Backends) -> Result<(wgpu::Instance, wgpu::Adapter), String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance.request_adapter(&options).await;
    Ok((instance, adapter.map_err(|error| error.to_string())?))
}

fn describe(info: &wgpu::AdapterInfo) -> String {
    match info.name.as_str() {
        "" => format!("unnamed adapter, {:?}", info.backend),
        name => format!("{name}, {:?}", info.backend),
    }
}

/// The GPU of this machine, opened once, and shared by all that train on it until it is lost.
#[derive(Debug, Default)]
pub struct Gpu {
    is_always_tested: bool,
    found: RefCell<Option<OpenDevice>>,
    is_tested: Cell<bool>,
}

impl Gpu {
    /// The same, but passing [`self_test`] even where a person asked for it by name: for browsers,
    /// whose drivers nobody chose. It compiles kernels, for seconds on a software adapter.
    pub fn always_tested() -> Self {
        Self {
            is_always_tested: true,
            ..Self::default()
        }
    }

    /// The GPU, as a person asks for it. A new device takes the place of one that was lost.
    ///
    /// # Errors
    /// [`ClientError::NoDevice`] where there is none, or it gives wrong numbers.
    pub async fn open(&self) -> Result<OpenDevice, ClientError> {
        if self.is_always_tested {
            self.tested().await
        } else {
            self.find().await
        }
    }

    /// The GPU, once it has passed [`self_test`].
    pub(crate) async fn tested(&self) -> Result<OpenDevice, ClientError> {
        let device = self.find().await?;
        if !self.is_tested.get() {
            self_test(&device).await?;
            self.is_tested.set(true);
        }
        Ok(device)
    }

    /// The GPU, tested or not.
    pub(crate) async fn find(&self) -> Result<OpenDevice, ClientError> {
        let before = self.found.borrow().clone();
        if let Some(device) = before
            && device.is_alive().await
        {
            return Ok(device);
        }
        let device = OpenDevice::gpu().await?;
        self.is_tested.set(false);
        self.found.replace(Some(device.clone()));
        Ok(device)
    }

    /// Whether one was opened that no longer answers.
    pub async fn is_lost(&self) -> bool {
        let found = self.found.borrow().clone();
        match found {
            Some(device) => !device.is_alive().await,
            None => false,
        }
    }

    /// Loses it on purpose, as [`OpenDevice::destroy`] does. Says whether it could be done.
    pub fn destroy(&self) -> bool {
        let found = self.found.borrow();
        found.as_ref().is_some_and(OpenDevice::destroy)
    }
}
