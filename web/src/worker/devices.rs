//! The devices of a tab.
//!
//! GPU kernels make up most of the worker's weight. So the program that a page loads first is built
//! without them, and asks to be replaced by the one that has them where that may be of use.

use std::cell::RefCell;
use std::future::pending;

use async_trait::async_trait;
use kitchen_core::flow::StageError;
use kitchen_core::train::Choice;
use kitchen_core::{Devices, LocalDevices, Opened};
use kitchen_types::RunConfig;
use kitchen_types::config::DeviceChoice;
use kitchen_types::page::{FromWorker, GpuHere};
use kitchen_types::ports::{Dataset, Loss};

use super::say;

/// What a run may take, by its estimate: half of what a tab's memory can grow to.
pub(super) const MEMORY_LIMIT_BYTES: u64 = 2 << 30;

/// A model whose steps take less on the CPU starts at once there: loading what speaks to the GPU,
/// and compiling kernels, takes seconds.
const TRY_GPU_FROM_MS: f64 = 1.0;

/// The CPU, and the GPU where this program can use it.
pub(super) struct TabDevices {
    local: LocalDevices,
    gpu: RefCell<GpuHere>,
}

impl TabDevices {
    pub(super) fn new() -> Self {
        let local = LocalDevices::default()
            .with_memory_limit(MEMORY_LIMIT_BYTES)
            .with_self_test();
        let unknown = GpuHere::Missing("the page did not say whether there is one".into());
        Self {
            local,
            gpu: RefCell::new(unknown),
        }
    }

    /// Takes the page's word for what GPU there is.
    pub(super) fn hear_of(&self, gpu: GpuHere) {
        self.gpu.replace(gpu);
    }

    /// As [`LocalDevices::destroy_gpu`].
    pub(super) fn destroy_gpu(&self) -> bool {
        self.local.destroy_gpu()
    }

    /// As [`LocalDevices::gpu_is_lost`].
    pub(super) async fn gpu_is_lost(&self) -> bool {
        self.local.gpu_is_lost().await
    }

    /// What `device=auto` comes to without the means to use a GPU.
    async fn choose(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<Choice, StageError> {
        let gpu = self.gpu.borrow().clone();
        Ok(match gpu {
            GpuHere::Missing(reason) => Choice::for_want_of_a_gpu(reason),
            GpuHere::Software(name) => Choice::over_software(&name),
            GpuHere::Hardware(name) => {
                let cpu_ms = self.local.time_cpu(config, data, loss).await?;
                if cpu_ms >= TRY_GPU_FROM_MS {
                    return be_replaced().await;
                }
                Choice::over_untried(&name, cpu_ms)
            }
        })
    }
}

#[async_trait(?Send)]
impl Devices for TabDevices {
    async fn open(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<Opened, StageError> {
        let is_here = matches!(config.device, DeviceChoice::Cpu | DeviceChoice::Cluster);
        if cfg!(feature = "gpu") || is_here {
            return self.local.open(config, data, loss).await;
        }
        if config.device == DeviceChoice::Gpu {
            return be_replaced().await;
        }
        let on_cpu = RunConfig {
            device: DeviceChoice::Cpu,
            ..config.clone()
        };
        // Refuses first what does not fit into the tab.
        let opened = self.local.open(&on_cpu, data, loss).await?;
        let choice = self.choose(config, data, loss).await?;
        Ok(Opened {
            reason: choice.reason,
            timings: choice.timings,
            ..opened
        })
    }
}

/// Asks for a worker that can use the GPU. The page ends this one.
async fn be_replaced<T>() -> T {
    say(&FromWorker::WantsGpu);
    pending().await
}
