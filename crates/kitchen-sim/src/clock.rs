//! The clock of a cluster on which somebody else trains, step by step.
//!
//! A [`story`](crate::story) decides everything itself. Here whoever trains decides what is done
//! next, and the clock says how long it took, or what came between.

use kitchen_types::config::Incident;

use crate::constants::Constants;
use crate::cost::{Network, device_gib, estimate, network_times, peak_memory, watts};
use crate::input::{Batch, Cluster, Job, Layout, Model, Software};
use crate::math::parts;
use crate::random::Random;
use crate::reliability::{Cause, Culprit};
use crate::run::{Act, Cue, DAY, DETECT, RESTART};
use crate::story::{
    ClusterSpec, Site, SpecError, bundled, check_cluster, check_incident, cluster, cues,
    fastest_layout, saving,
};

/// The purpose of the draws of failures.
const FAILURES: u64 = 201;

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
}

impl Clock {
    /// A clock at 0.
    ///
    /// # Errors
    ///
    /// If the cluster is impossible, does not have what incidents concern, or is too small.
    pub fn new(order: &Order) -> Result<Self, SpecError> {
        check_cluster(&order.cluster)?;
        let mut incidents = order.incidents.iter();
        incidents.try_for_each(|incident| check_incident(&order.cluster, incident))?;
        let constants = Constants::bundled().map_err(|error| bundled(&error))?;
        let cluster = cluster(&order.cluster)?;
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
            step: load.step,
            computing: load.computing,
            device_watts: load.watts,
            restart: RESTART,
        };
        let mut cues = cues(&site, &order.incidents);
        cues.sort_by(|one, other| one.at.total_cmp(&other.at));
        Ok(Self {
            at: 0.0,
            forecast: Forecast {
                step: load.step,
                save: saving(&order.cluster, parameters),
                mfu: load.mfu,
                layout: load.layout,
                memory_gib: load.memory_gib,
            },
            cues,
            past: 0,
            failures: Failures::new(order, &cluster),
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
        self.failures.begin_after(at);
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
            if done < next {
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
        let changes = coming.into_iter().chain(ends).chain([self.failures.next]);
        changes.fold(f64::INFINITY, f64::min).max(self.at)
    }

    /// What is due at this time.
    fn happen(&mut self) -> Result<(), Interruption> {
        if self.failures.next <= self.at {
            let (cause, node, gpu) = self.failures.draw();
            return Err(self.stop(cause, node, gpu, 0.0));
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
    step: f64,
    computing: f64,
    watts: f64,
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
        step: found.seconds,
        computing: found.times.computing(),
        watts: found.device_watts,
        mfu: found.mfu,
        layout: job.layout,
        memory_gib: Some((peak_memory(&job).1.gib(), device_gib(&job))),
    })
}

fn of_network(network: &Network, cluster: &Cluster, constants: &Constants) -> Load {
    let times = network_times(network, cluster, constants);
    let peak = f64::from(cluster.devices) * cluster.accelerator.peak_bf16_tflops * 1e12;
    Load {
        step: times.seconds(),
        computing: times.computing(),
        watts: watts(&cluster.accelerator, times.utilisation()),
        mfu: network.flops() / (times.seconds() * peak),
        layout: Layout::plain(cluster.devices),
        memory_gib: None,
    }
}

/// Failures by chance: after exponential waits, whatever the cluster does meanwhile.
#[derive(Clone, Debug)]
struct Failures {
    random: Random,
    /// The mean wait.
    mean: f64,
    nodes: u32,
    gpus_per_node: u32,
    /// When the next one comes.
    next: f64,
}

impl Failures {
    fn new(order: &Order, cluster: &Cluster) -> Self {
        let nodes = parts(cluster.devices, cluster.devices_per_node);
        let mut failures = Self {
            random: Random::of(order.seed, FAILURES),
            mean: DAY / (order.failures_per_day.max(0.0) * f64::from(nodes)),
            nodes,
            gpus_per_node: cluster.devices_per_node,
            next: 0.0,
        };
        failures.plan();
        failures
    }

    fn plan(&mut self) {
        self.next += self.random.exponential() * self.mean;
        if self.next.is_nan() {
            self.next = f64::INFINITY;
        }
    }

    /// What fails next.
    fn draw(&mut self) -> (Cause, u32, Option<u32>) {
        let cause = Cause::at(self.random.uniform());
        let node = self.random.below(self.nodes);
        let gpu = self.random.below(self.gpus_per_node);
        self.plan();
        (cause, node, (cause.culprit == Culprit::Gpu).then_some(gpu))
    }

    /// Forgets those up to `at`.
    fn begin_after(&mut self, at: f64) {
        while self.next <= at {
            self.draw();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]

    use kitchen_types::config::{Seconds, Trouble};

    use super::*;
    use crate::cost::Matrix;

    fn order(incidents: Vec<(f64, Trouble)>) -> Order {
        let matrix = Matrix {
            inputs: 64.0,
            outputs: 10.0,
            uses: 1.0,
        };
        Order {
            work: Work::Network(Network {
                matrices: vec![matrix],
                parameters: 650.0,
                batch: 32,
            }),
            cluster: ClusterSpec {
                gpus: 16,
                ..ClusterSpec::default()
            },
            failures_per_day: 0.0,
            incidents: (incidents.into_iter())
                .map(|(at, what)| Incident {
                    at: Seconds(at),
                    what,
                })
                .collect(),
            seed: 1,
        }
    }

    fn clock(incidents: Vec<(f64, Trouble)>) -> Clock {
        Clock::new(&order(incidents)).unwrap()
    }

    fn straggler(lasts: f64) -> Trouble {
        Trouble::Straggler {
            node: 1,
            slowness: 1.0,
            lasts: Seconds(lasts),
        }
    }

    #[test]
    fn healthy_steps_take_what_was_forecast() {
        let mut clock = clock(Vec::new());
        let step = clock.forecast().step;
        for _ in 0..100 {
            clock.step().unwrap();
        }
        assert!((clock.at() / (100.0 * step) - 1.0).abs() < 1e-12);
        let before = clock.at();
        clock.save().unwrap();
        assert_eq!(clock.at() - before, clock.forecast().save);
        clock.look(3.0).unwrap();
        assert!((clock.at() - before - clock.forecast().save - step).abs() < 1e-9);
    }

    #[test]
    fn a_straggler_makes_steps_longer_while_it_is_there() {
        let step = clock(Vec::new()).forecast().step;
        // From the middle of the second step for two steps of the clock: one step's work.
        let mut clock = clock(vec![(1.5 * step, straggler(2.0 * step))]);
        for _ in 0..3 {
            clock.step().unwrap();
        }
        assert!((clock.at() / step - 4.0).abs() < 1e-9, "{}", clock.at());
    }

    #[test]
    fn a_failure_stops_the_run_and_a_partition_only_holds_it_up() {
        let mut failing = clock(vec![(0.0, Trouble::GpuFailure { node: 1, gpu: 3 })]);
        let stopped = failing.step().unwrap_err();
        assert_eq!(
            stopped,
            Interruption {
                at: 0.0,
                cause: "faulty gpu",
                node: 1,
                gpu: Some(3),
                down: 420.0
            }
        );
        assert_eq!(failing.at(), 420.0);
        failing.step().unwrap();

        let cut = Trouble::NetworkPartition {
            node: 0,
            nodes: 1,
            lasts: Seconds(60.0),
        };
        let mut waiting = clock(vec![(0.0, cut)]);
        waiting.step().unwrap();
        let step = waiting.forecast().step;
        assert!((waiting.at() - 60.0 - step).abs() < 1e-9);
    }

    #[test]
    fn storage_is_slow_while_it_is() {
        let slow = Trouble::SlowStorage {
            factor: 10.0,
            lasts: Seconds(5.0),
        };
        let mut clock = clock(vec![(0.0, slow)]);
        clock.step().unwrap();
        let (before, save) = (clock.at(), clock.forecast().save);
        clock.save().unwrap();
        assert!((clock.at() - before - 10.0 * save).abs() < 1e-9);
        let before = clock.at();
        clock.save().unwrap();
        assert!((clock.at() - before - save).abs() < 1e-9);
    }

    #[test]
    fn failures_come_as_often_as_they_should_and_a_clock_that_is_set_goes_on_alike() {
        let mut often = order(Vec::new());
        often.failures_per_day = 12.0;
        let mut clock = Clock::new(&often).unwrap();
        let mut seen = Vec::new();
        while clock.at() < 100.0 * DAY {
            // A quarter of an hour at once.
            if let Err(stopped) = clock.look(3.0 * 900.0 / clock.forecast().step) {
                seen.push(stopped);
            }
        }
        // Two nodes, 12 a day each, but for the seven minutes after each.
        let expected = 100.0 * 24.0 * (1.0 - 420.0 / (3600.0 + 420.0));
        assert!(
            (seen.len() as f64 / expected - 1.0).abs() < 0.06,
            "{}, not {expected}",
            seen.len()
        );

        let middle = seen.len() / 2;
        let mut again = Clock::new(&often).unwrap();
        again.set(seen[middle - 1].at + seen[middle - 1].down);
        let next = loop {
            if let Err(stopped) = again.look(3.0 * 900.0 / again.forecast().step) {
                break stopped;
            }
        };
        assert_eq!(
            (next.cause, next.node, next.gpu),
            (seen[middle].cause, seen[middle].node, seen[middle].gpu)
        );
        assert_eq!(next.at, seen[middle].at);
    }

    #[test]
    fn what_is_not_there_cannot_fail() {
        let error = Clock::new(&order(vec![(1.0, Trouble::NodeFailure { node: 2 })]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "the node failure at 1s concerns node 2, but there are 2, from 0"
        );
        let mut unknown = order(Vec::new());
        unknown.cluster.accelerator = "abacus".into();
        let error = Clock::new(&unknown).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no accelerator `abacus`"),
            "{error}"
        );
    }

    #[test]
    fn a_transformer_is_spread_as_fits() {
        let mut large = order(Vec::new());
        large.cluster.gpus = 64;
        let batch = Batch {
            seq_len: 8192,
            global_batch: 512,
        };
        large.work = Work::Transformer(Model::named("llama3-8b").unwrap(), batch);
        let clock = Clock::new(&large).unwrap();
        let found = clock.forecast();
        let (needed, has) = found.memory_gib.unwrap();
        assert!(needed < has);
        assert_eq!(found.layout.devices(), 64);
        assert!((0.2..0.7).contains(&found.mfu), "{found:?}");
    }
}
