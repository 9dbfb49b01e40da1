//! What a simulated run is asked to do.

use serde::{Deserialize, Serialize};

use crate::cost::Estimate;
use crate::input::Job;
use crate::reliability::{FailureRates, checkpoint_bytes, daly};

/// Seconds in a day.
pub(crate) const DAY: f64 = 86_400.0;
/// Seconds from a failure until it is noticed, and from then until the next step, on a cluster that
/// is looked after well: see [`Plan::of`].
pub(crate) const DETECT: f64 = 120.0;
pub(crate) const RESTART: f64 = 300.0;

/// A run over days. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The seed of all chance.
    pub seed: u64,
    /// Nodes in the job.
    pub nodes: u32,
    /// Devices of each.
    pub devices_per_node: u32,
    /// How long the run lasts.
    pub seconds: f64,
    /// One step on healthy nodes.
    pub step: f64,
    /// How long a checkpoint stops the work.
    pub save: f64,
    /// Work between two checkpoints.
    pub interval: f64,
    /// From a failure until it is noticed.
    pub detect: f64,
    /// From then until the next step.
    pub restart: f64,
    /// How often nodes fail.
    pub rates: FailureRates,
    /// Share of nodes that are slow, at the start and among those that replace others.
    pub slow_share: f64,
    /// By how much they are, as a share of a step.
    pub slowness: f64,
    /// Until a slow node is noticed and replaced.
    pub slow_for: f64,
    /// Share by which steps take longer in the heat of the afternoon.
    pub diurnal: f64,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A quantity makes no sense.
    #[error("`{what}` is {value}; it must be {must}")]
    Quantity {
        /// The quantity.
        what: &'static str,
        /// What it is.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
}

impl Plan {
    /// A run of `job` over `days`, on a cluster as careful as that of Llama-3.
    ///
    /// A checkpoint stops the work while 14 bytes a parameter go to storage at 2 TB/s
    /// (arXiv:2407.21783, section 3.3.1), and for two seconds to leave the devices; failures are
    /// found within 3 minutes and mended within 7 (MegaScale, arXiv:2402.15627, says less than 10
    /// and 15 in all); half a node in a hundred is a tenth slower (the same).
    #[must_use]
    pub fn of(job: &Job, estimate: &Estimate, days: f64, seed: u64) -> Self {
        let nodes = job.cluster.nodes();
        let rates = FailureRates::LLAMA3.of_nodes(job.cluster.devices_per_node);
        let save = 2.0 + checkpoint_bytes(job.model.parameters()) / 2e12;
        let between = 3600.0 * rates.hours_between_when_burnt_in(f64::from(nodes));
        Self {
            seed,
            nodes,
            devices_per_node: job.cluster.devices_per_node,
            seconds: days * DAY,
            step: estimate.seconds,
            save,
            interval: daly(save, between).max(estimate.seconds),
            detect: DETECT,
            restart: RESTART,
            rates,
            slow_share: 0.005,
            slowness: 0.1,
            slow_for: 3600.0,
            diurnal: 0.01,
        }
    }

    /// Whether the plan can be carried out.
    ///
    /// # Errors
    ///
    /// If a quantity makes no sense.
    pub fn check(&self) -> Result<(), PlanError> {
        let positive = [
            ("nodes", f64::from(self.nodes)),
            ("devices_per_node", f64::from(self.devices_per_node)),
            ("seconds", self.seconds),
            ("step", self.step),
            ("interval", self.interval),
        ];
        let at_least_zero = [
            ("save", self.save),
            ("detect", self.detect),
            ("restart", self.restart),
            ("per_node_day", self.rates.per_node_day),
            ("bad_per_day", self.rates.bad_per_day),
            ("slowness", self.slowness),
            ("slow_for", self.slow_for),
            ("diurnal", self.diurnal),
        ];
        let shares = [
            ("bad_share", self.rates.bad_share),
            ("slow_share", self.slow_share),
        ];
        let is = |value: f64, ok: bool| ok && value.is_finite();
        let wrong = positive
            .iter()
            .find(|(_, value)| !is(*value, *value > 0.0))
            .map(|found| (found, "positive"))
            .or_else(|| {
                let found = at_least_zero
                    .iter()
                    .find(|(_, value)| !is(*value, *value >= 0.0));
                found.map(|found| (found, "0 or more"))
            })
            .or_else(|| {
                let found = shares
                    .iter()
                    .find(|(_, value)| !(0.0..=1.0).contains(value));
                found.map(|found| (found, "from 0 to 1"))
            });
        match wrong {
            Some((&(what, value), must)) => Err(PlanError::Quantity { what, value, must }),
            None => Ok(()),
        }
    }
}
