//! What fails by chance, and when.

use super::Order;
use crate::input::Cluster;
use crate::math::parts;
use crate::random::Random;
use crate::reliability::{Cause, Culprit};
use crate::run::DAY;

/// The purpose of the draws of failures.
const FAILURES: u64 = 201;

/// Failures by chance: a Poisson process, of which any stretch can be worked out by itself.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    seed: u64,
    /// The mean wait. Time is cut into stretches of that length.
    mean: f64,
    nodes: u32,
    gpus_per_node: u32,
}

/// A failure that comes by chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) at: f64,
    pub(super) cause: Cause,
    pub(super) node: u32,
    pub(super) gpu: Option<u32>,
}

/// Stretches without a failure after which none is looked for: one in e^100 has none.
const STRETCHES: u32 = 100;

impl Failures {
    pub(super) fn new(order: &Order, cluster: &Cluster) -> Self {
        let nodes = parts(cluster.devices, cluster.devices_per_node);
        Self {
            seed: order.seed,
            mean: DAY / (order.failures_per_day.max(0.0) * f64::from(nodes)),
            nodes,
            gpus_per_node: cluster.devices_per_node,
        }
    }

    /// The first one after `at`, if they come at all.
    pub(super) fn after(&self, at: f64) -> Option<Failure> {
        if !self.mean.is_normal() {
            return None;
        }
        let first = (at / self.mean).floor();
        let mut stretches = (0..STRETCHES).map(|number| first + f64::from(number));
        stretches.find_map(|stretch| self.in_stretch(stretch, at))
    }

    /// The first one after `at` in a stretch. What comes in it does not depend on any other, as an
    /// exponential wait has no memory.
    fn in_stretch(&self, stretch: f64, at: f64) -> Option<Failure> {
        let mut random = Random::of(self.seed ^ stretch.to_bits(), FAILURES);
        let mut waited = 0.0;
        loop {
            waited += random.exponential();
            let cause = Cause::at(random.uniform());
            let node = random.below(self.nodes);
            let gpu = random.below(self.gpus_per_node);
            let when = (stretch + waited) * self.mean;
            if waited >= 1.0 {
                return None;
            }
            if when > at {
                return Some(Failure {
                    at: when,
                    cause,
                    node,
                    gpu: (cause.culprit == Culprit::Gpu).then_some(gpu),
                });
            }
        }
    }
}
