//! The devices of this machine, through Burn.

use async_trait::async_trait;
use kitchen_flow::StageError;
use kitchen_train::{BurnClient, Workload, choose_device};
use kitchen_types::RunConfig;
use kitchen_types::ports::{Dataset, Loss};

use crate::host::{Devices, Opened};

/// The devices of this machine: its CPU, and a GPU if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDevices;

#[async_trait(?Send)]
impl Devices for LocalDevices {
    async fn open(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<Opened, StageError> {
        let positions: Vec<u64> = (0..data.len().min(config.batch as u64)).collect();
        let work = Workload {
            model: &config.model,
            data: data.spec(),
            optimizer: &config.optimizer,
            loss,
            batch: &data.batch(&positions)?,
        };
        let choice = choose_device(config.device, work).await?;
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
