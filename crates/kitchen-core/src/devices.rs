//! The devices of this machine, through Burn.

use async_trait::async_trait;
use kitchen_flow::StageError;
use kitchen_train::{BurnClient, Gpu, Workload, choose_device};
use kitchen_types::RunConfig;
use kitchen_types::ports::{Dataset, Loss};

use crate::estimate;
use crate::host::{Devices, Opened};

/// The devices of this machine: its CPU, and a GPU if there is one. Runs that are lent the same
/// ones share the GPU, which is opened once. `device=auto` tests it before it may be chosen.
#[derive(Debug, Default)]
pub struct LocalDevices {
    memory_limit_bytes: Option<u64>,
    gpu: Gpu,
}

impl LocalDevices {
    /// The same, but refusing what is estimated to take more memory. Natively there is no need
    /// for that: the system knows better what there is.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> Self {
        Self {
            memory_limit_bytes: Some(bytes),
            ..self
        }
    }

    /// The same, but testing a GPU that is asked for by name too.
    #[must_use]
    pub fn with_self_test(self) -> Self {
        Self {
            gpu: Gpu::always_tested(),
            ..self
        }
    }

    /// Takes the GPU away from all runs, to see what losing it is like. They fail, and whoever
    /// opens it next gets a new one. Says whether there was one to lose.
    pub fn destroy_gpu(&self) -> bool {
        self.gpu.destroy()
    }

    /// Whether a GPU was opened that no longer answers: what failed on it may go on elsewhere.
    pub async fn gpu_is_lost(&self) -> bool {
        self.gpu.is_lost().await
    }
}

#[async_trait(?Send)]
impl Devices for LocalDevices {
    async fn open(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<Opened, StageError> {
        if let Some(limit) = self.memory_limit_bytes {
            estimate::check(&estimate::estimate(config, data.spec())?, limit)?;
        }
        let positions: Vec<u64> = (0..data.len().min(config.batch as u64)).collect();
        let work = Workload {
            model: &config.model,
            data: data.spec(),
            optimizer: &config.optimizer,
            loss,
            batch: &data.batch(&positions)?,
        };
        let choice = choose_device(config.device, work, &self.gpu).await?;
        let client = BurnClient::open(
            &config.model,
            data.spec(),
            &config.optimizer,
            choice.device,
            config.seed,
        )?;
        Ok(Opened {
            client: Box::new(client),
            reason: choice.reason,
            timings: choice.timings,
        })
    }
}
