//! The devices of this machine, through Burn.

use async_trait::async_trait;
use kitchen_flow::StageError;
use kitchen_train::{BurnClient, Gpu, OpenDevice, Workload, choose_device, time_step};
use kitchen_types::RunConfig;
use kitchen_types::config::DeviceChoice;
use kitchen_types::ports::{Batch, Dataset, Loss};

use crate::estimate;
use crate::host::{Devices, Opened};
use crate::simulated_cluster::SimulatedCluster;

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

    /// How many milliseconds a step takes on the CPU.
    ///
    /// # Errors
    /// Where model, data and batch do not fit.
    pub async fn time_cpu(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<f64, StageError> {
        let batch = first_batch(config, data)?;
        let work = workload(config, data, loss, &batch);
        Ok(time_step(&OpenDevice::cpu(), work).await?)
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

fn first_batch(config: &RunConfig, data: &dyn Dataset) -> Result<Batch, StageError> {
    let positions: Vec<u64> = (0..data.len().min(config.batch as u64)).collect();
    Ok(data.batch(&positions)?)
}

fn workload<'a>(
    config: &'a RunConfig,
    data: &'a dyn Dataset,
    loss: &'a Loss,
    batch: &'a Batch,
) -> Workload<'a> {
    Workload {
        model: &config.model,
        data: data.spec(),
        optimizer: &config.optimizer,
        loss,
        batch,
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
        let batch = first_batch(config, data)?;
        let work = workload(config, data, loss, &batch);
        let choice = choose_device(config.device, work, &self.gpu).await?;
        let client = BurnClient::open(
            &config.model,
            data.spec(),
            &config.optimizer,
            choice.device,
            config.seed,
        )?;
        if config.device == DeviceChoice::Cluster {
            let cluster = SimulatedCluster::new(Box::new(client), config, data.spec())?;
            return Ok(Opened {
                reason: cluster.forecast(),
                client: Box::new(cluster),
                timings: choice.timings,
            });
        }
        Ok(Opened {
            client: Box::new(client),
            reason: choice.reason,
            timings: choice.timings,
        })
    }
}
