//! GPUs, through Burn's wgpu.

use burn::backend::{WgpuDevice, WgpuDeviceKind};
use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuBackend, WgpuInitError, WgpuSetup, wgpu};
use kitchen_types::ports::ClientError;

use super::OpenDevice;

/// What a GPU is lost by.
pub(super) type Handle = wgpu::Device;

/// In order of preference. OpenGL is left out: its compute shaders are slow, and its driver
/// panics when two threads look for adapters at once.
const GRAPHICS_APIS: [(WgpuBackend, wgpu::Backends); 4] = [
    (WgpuBackend::Vulkan, wgpu::Backends::VULKAN),
    (WgpuBackend::Metal, wgpu::Backends::METAL),
    (WgpuBackend::Dx12, wgpu::Backends::DX12),
    (WgpuBackend::WebGpu, wgpu::Backends::BROWSER_WEBGPU),
];

/// As [`OpenDevice::gpu`].
pub(super) async fn open() -> Result<OpenDevice, ClientError> {
    let mut reasons = Vec::new();
    for (api, backend) in GRAPHICS_APIS {
        match open_through(api, backend).await {
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

/// As [`OpenDevice::destroy`].
pub(super) fn destroy(handle: &Handle) -> bool {
    handle.destroy();
    // Burn hears of a loss when the device is polled, and takes errors before that for its own
    // mistakes. That nothing is left to wait for is no news.
    handle.poll(wgpu::PollType::wait_indefinitely()).ok();
    true
}

fn opened(burn: Device, info: &wgpu::AdapterInfo, handle: Option<Handle>) -> OpenDevice {
    OpenDevice {
        burn,
        is_gpu: true,
        software: info.device_type == wgpu::DeviceType::Cpu,
        adapter: describe(info),
        handle,
    }
}

async fn open_through(
    api: WgpuBackend,
    backends: wgpu::Backends,
) -> Result<OpenDevice, WgpuInitError> {
    let options = Device::wgpu_options().graphics_api(api);
    match options.init_with_setup_async().await {
        Ok((burn, setup)) => {
            let info = setup.adapter.get_info();
            Ok(opened(burn, &info, Some(setup.device)))
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
            let shared = opened(Device::from(device), &adapter.get_info(), None);
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
    Ok(opened(burn, &info, Some(device)))
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
