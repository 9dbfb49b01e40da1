//! What the outside world lends a run. Nothing in a run reaches for any of it by itself.

use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use kitchen_flow::StageError;
use kitchen_types::RunConfig;
use kitchen_types::event::DeviceTiming;
use kitchen_types::ports::{BlobStore, Dataset, DatasetStore, Loss, TrainingClient};
use kitchen_types::question::Preview;

use crate::preview::Latest;
use crate::supervised::Shown;

/// What the outside world lends a run.
pub struct Host {
    /// Where the run keeps its files.
    pub store: Rc<dyn BlobStore>,
    /// Where data come from.
    pub data: Rc<dyn DatasetStore>,
    /// Where training happens.
    pub devices: Rc<dyn Devices>,
    /// Milliseconds since 1970.
    pub now_ms: fn() -> u64,
}

/// Opens training clients.
#[async_trait(?Send)]
pub trait Devices {
    /// Chooses a device as `config` says, and puts a new model for `data` on it. `loss` and `data`
    /// serve to time a step where there is a choice.
    async fn open(
        &self,
        config: &RunConfig,
        data: &dyn Dataset,
        loss: &Loss,
    ) -> Result<Opened, StageError>;
}

/// A training client, and how its device was chosen.
pub struct Opened {
    /// The client.
    pub client: Box<dyn TrainingClient>,
    /// Why this device.
    pub reason: String,
    /// Every device that was timed.
    pub timings: Vec<DeviceTiming>,
}

/// What stages see of the host.
pub(crate) struct Lent {
    pub(crate) host: Host,
    pub(crate) run: kitchen_types::RunId,
    pub(crate) preview: Latest<Preview>,
    /// When the preview last showed a decision surface.
    pub(crate) surface_shown: Cell<Option<Shown>>,
}
