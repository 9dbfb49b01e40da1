//! Devices: which there are, how they are opened, and how they are lost.

#[cfg(feature = "gpu")]
mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "device/no_gpu.rs"]
mod gpu;

use std::cell::{Cell, RefCell};

use burn::tensor::{Device, Tensor, Transaction};
use kitchen_types::ports::ClientError;

use crate::self_test::self_test;

/// A device that is ready to train on. Cloning it shares the device.
#[derive(Clone, Debug)]
pub struct OpenDevice {
    /// Without autodiff; models add it to their weights.
    pub(crate) burn: Device,
    is_gpu: bool,
    adapter: String,
    software: bool,
    /// The GPU itself, where it was opened here, to lose it on purpose.
    handle: Option<gpu::Handle>,
}

impl OpenDevice {
    /// The CPU. It is always there, and the same run gives the same bytes on it.
    pub fn cpu() -> Self {
        Self {
            burn: Device::flex(),
            is_gpu: false,
            adapter: "Burn flex".into(),
            software: false,
            handle: None,
        }
    }

    /// The default GPU, through Vulkan, Metal, DX12 or, in the browser, WebGPU.
    ///
    /// # Errors
    /// [`ClientError::NoDevice`] where there is no adapter, the adapter gives no device, or Kitchen
    /// was built without the feature `gpu`.
    pub async fn gpu() -> Result<Self, ClientError> {
        gpu::open().await
    }

    /// Takes the GPU away from everything that uses it, as a crash of its driver would: whatever
    /// is done with it next fails with [`ClientError::DeviceLost`]. Says whether it could be done:
    /// it cannot to a CPU, nor to a GPU that was opened elsewhere in this process.
    pub fn destroy(&self) -> bool {
        self.handle.as_ref().is_some_and(gpu::destroy)
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

    /// `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        if self.is_gpu { "gpu" } else { "cpu" }
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
        !self.is_gpu
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
