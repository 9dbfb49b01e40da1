//! The clock of a cluster on which somebody else trains, step by step.
//!
//! A [`story`](crate::story) decides everything itself. Here whoever trains decides what is done
//! next, and the clock says how long it took, or what came between.

mod failures;
#[cfg(test)]
mod tests;

use kitchen_types::config::Incident;

use failures::{Failure, Failures};

use crate::constants::Constants;
use crate::cost::{Network, Times, device_gib, estimate, network_times, peak_memory, watts};
use crate::input::{Batch, Cluster, Job, Layout, Model, Software};
use crate::reliability::Cause;
use crate::run::{Act, Cue, DETECT, RESTART};
use crate::story::{
    ClusterSpec, Site, SpecError, bundled, check_cluster, check_incidents, cluster, cues,
    fastest_layout, saving,
};

/// What is trained.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A transformer, in the fastest layout that fits.
    Transformer(Model, Batch),
    /// Any other network, copied to all devices.
    Network(Network),
}

/// What is trained, on which cluster, and what goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What is trained.
    pub work: Work,
    /// On what.
    pub cluster: ClusterSpec,
    /// Interruptions by each node in a day.
    pub failures_per_day: f64,
    /// What goes wrong at a given time. What they do to the loss is not the clock's affair.
    pub incidents: Vec<Incident>,
    /// The seed of all chance.
    pub seed: u64,
}

/// What is known before the first step.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Seconds of a step on healthy nodes.
    pub step: f64,
    /// Seconds for which a checkpoint stops the work.
    pub save: f64,
    /// Model FLOPs utilisation, as in [`Estimate`](crate::cost::Estimate).
    pub mfu: f64,
    /// The layout.
    pub layout: Layout,
    /// GiB on the fullest device, and what it has; absent where nobody worked it out.
    pub memory_gib: Option<(f64, f64)>,
}

/// A failure that stopped the run, and made it go back to its last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interruption {
    /// When, in seconds of the clock.
    pub at: f64,
    /// Why, in words.
    pub cause: &'static str,
    /// The node at fault, from 0.
    pub node: u32,
    /// Which of its devices, if one is.
    pub gpu: Option<u32>,
    /// Seconds until the next step.
    pub down: f64,
}

/// A clock that goes on only while the cluster does something.
///
/// Where it stands is all there is to know of it: set to a time, it goes on as it did from there.
#[derive(Clone, Debug)]
pub struct Clock {
    at: f64,
    forecast: Forecast,
    /// In order of time.
    cues: Vec<Cue>,
    /// How many of them have come to pass.
    past: usize,
    failures: Failures,
    /// What comes by chance next, if anything does.
    next: Option<Failure>,
}

impl Clock {
    /// A clock at 0.
    ///
    /// # Errors
    ///
    /// If the cluster is impossible, does not have what incidents concern, or is too small.
    pub fn new(order: &Order) -> Result<Self, SpecError> {
        check_cluster(&order.cluster)?;
        let cluster = cluster(&order.cluster)?;
        check_incidents(&order.cluster, &cluster, &order.incidents)?;
        let constants = Constants::bundled().map_err(|error| bundled(&error))?;
        let (parameters, load) = match &order.work {
            Work::Transformer(model, batch) => {
                let loaded = transformer(model, *batch, &cluster, &constants)?;
                (model.parameters(), loaded)
            }
            Work::Network(network) => (
                network.parameters,
                of_network(network, &cluster, &constants),
            ),
        };
        let site = Site {
            accelerator: &cluster.accelerator,
            cluster: &order.cluster,
            step: load.times.seconds(),
            computing: load.times.computing(),
            device_watts: watts(&cluster.accelerator, load.times.utilisation()),
            restart: RESTART,
        };
        let mut cues = cues(&site, &order.incidents);
        cues.sort_by(|one, other| one.at.total_cmp(&other.at));
        let failures = Failures::new(order, &cluster);
        Ok(Self {
            at: 0.0,
            forecast: Forecast {
                step: load.times.seconds(),
                save: saving(&order.cluster, &cluster, parameters),
                mfu: load.mfu,
                layout: load.layout,
                memory_gib: load.memory_gib,
            },
            cues,
            past: 0,
            next: failures.after(0.0),
            failures,
        })
    }

    /// What is known before the first step.
    #[must_use]
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// Seconds since the beginning.
    #[must_use]
    pub fn at(&self) -> f64 {
        self.at
    }

    /// Puts the clock to a time, as after a restart of whoever trains. What was to happen before
    /// then has happened.
    pub fn set(&mut self, at: f64) {
        self.at = at;
        self.past = self.cues.iter().take_while(|cue| cue.at <= at).count();
        self.next = self.failures.after(at);
    }

    /// Takes one step.
    ///
    /// # Errors
    ///
    /// What interrupted it. The clock then stands where the next step can begin.
    pub fn step(&mut self) -> Result<(), Interruption> {
        self.work(self.forecast.step)
    }

    /// Looks at held-out data that are so large a share of a batch: a forward pass, which is a third
    /// of a step.
    ///
    /// # Errors
    ///
    /// As [`Self::step`].
    pub fn look(&mut self, share: f64) -> Result<(), Interruption> {
        self.work(share * self.forecast.step / 3.0)
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    ///
    /// As [`Self::step`].
    pub fn save(&mut self) -> Result<(), Interruption> {
        let slow = self.acts().fold(1.0, |slowest: f64, act| match act {
            Act::SlowSaves { factor, .. } => slowest.max(factor),
            _ => slowest,
        });
        self.pass(slow * self.forecast.save, |_| 1.0)
    }

    /// Acts that have begun.
    fn acts(&self) -> impl Iterator<Item = Act> {
        let begun = self.cues.iter().take(self.past).map(|cue| cue.act);
        let at = self.at;
        begun.filter(move |act| act.end().is_none_or(|end| end > at))
    }

    fn work(&mut self, seconds: f64) -> Result<(), Interruption> {
        self.pass(seconds, |clock| {
            clock.acts().fold(1.0, |slowest: f64, act| match act {
                Act::Slow { share, .. } => slowest.max(1.0 + share),
                _ => slowest,
            })
        })
    }

    /// Lets what takes `seconds` happen, `slow` times as slowly.
    fn pass(&mut self, seconds: f64, slow: impl Fn(&Self) -> f64) -> Result<(), Interruption> {
        let mut left = seconds;
        loop {
            let slowness = slow(self);
            let next = self.next_change();
            let done = self.at + left * slowness;
            if done <= next {
                self.at = done;
                return Ok(());
            }
            left -= (next - self.at) / slowness;
            self.at = next;
            self.happen()?;
            left = left.max(0.0);
        }
    }

    /// When something happens next, or is over.
    fn next_change(&self) -> f64 {
        let coming = self.cues.get(self.past).map(|cue| cue.at);
        let ends = self.acts().filter_map(|act| act.end());
        let by_chance = self.next.map(|failure| failure.at);
        let changes = coming.into_iter().chain(ends).chain(by_chance);
        changes.fold(f64::INFINITY, f64::min).max(self.at)
    }

    /// What is due at this time.
    fn happen(&mut self) -> Result<(), Interruption> {
        if let Some(failure) = self.next.filter(|failure| failure.at <= self.at) {
            return Err(self.stop(failure.cause, failure.node, failure.gpu, 0.0));
        }
        let Some(cue) = self.cues.get(self.past).copied() else {
            return Ok(());
        };
        if cue.at > self.at {
            // Something is over.
            return Ok(());
        }
        self.past += 1;
        match cue.act {
            Act::Slow { .. } | Act::SlowSaves { .. } | Act::RollBack => Ok(()),
            Act::Stall { until } => {
                self.at = until.max(self.at);
                Ok(())
            }
            Act::Fail {
                node,
                device,
                cause,
                until,
                ..
            } => Err(self.stop(cause, node, device, until)),
        }
    }

    /// The run stands, until `until` at least. What would have happened meanwhile has.
    fn stop(&mut self, cause: Cause, node: u32, gpu: Option<u32>, until: f64) -> Interruption {
        let at = self.at;
        let again = (at + DETECT + RESTART).max(until);
        self.set(again);
        Interruption {
            at,
            cause: cause.name,
            node,
            gpu,
            down: again - at,
        }
    }
}

/// What work means for a cluster.
struct Load {
    times: Times,
    mfu: f64,
    layout: Layout,
    memory_gib: Option<(f64, f64)>,
}

fn transformer(
    model: &Model,
    batch: Batch,
    cluster: &Cluster,
    constants: &Constants,
) -> Result<Load, SpecError> {
    let mut job = Job {
        model: model.clone(),
        cluster: cluster.clone(),
        layout: Layout::plain(cluster.devices),
        software: Software::default(),
        batch,
    };
    job.layout = fastest_layout(&job, constants)?;
    let found = estimate(&job, constants)?;
    Ok(Load {
        times: found.times,
        mfu: found.mfu,
        layout: job.layout,
        memory_gib: Some((peak_memory(&job).1.gib(), device_gib(&job))),
    })
}

fn of_network(network: &Network, cluster: &Cluster, constants: &Constants) -> Load {
    let times = network_times(network, cluster, constants);
    let peak = f64::from(cluster.devices) * cluster.accelerator.peak_bf16_tflops * 1e12;
    Load {
        mfu: network.flops() / (times.seconds() * peak),
        times,
        layout: Layout::plain(cluster.devices),
        memory_gib: None,
    }
}
