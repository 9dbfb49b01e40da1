//! Every GPU at one time: memory, use, heat, power, and whether it is well.

use serde::Serialize;

use super::heat::HotRack;
use super::setting::Setting;
use crate::cost::{Use, watts};
use crate::math::parts;
use crate::random::Random;
use crate::run::{Doing, Span};
use crate::thermal::Thermal;

/// Seconds after which what a GPU did has left no heat: six time constants.
const MEMORY_OF_HEAT: f64 = 90.0;
/// Purpose of the draws that make GPUs differ.
const UNIT: u64 = 111;
/// Spread of the power of GPUs of one kind: about what fleets show.
const POWER_SPREAD: f64 = 0.02;
/// Kelvin by which each GPU of a node is warmer than the one before it in the stream of air.
const IN_A_ROW: f64 = 0.5;

/// How a GPU is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Nothing is known to be wrong with it.
    Well,
    /// It is slower than others.
    Slow,
    /// Its memory corrects errors.
    Correcting,
    /// It is so hot that it lowers its clock.
    Hot,
    /// It cannot reach the others.
    CutOff,
    /// It has failed.
    Failed,
}

/// One GPU at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// GiB in use.
    pub gib: f64,
    /// The share of time in which it computes, from 0 to 1.
    pub used: f64,
    /// Degrees Celsius.
    pub celsius: f64,
    /// Watts.
    pub watts: f64,
    /// How it is.
    pub condition: Condition,
}

/// Nodes that are not well for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ailment {
    pub(super) node: u32,
    pub(super) nodes: u32,
    /// The GPU of the node, if it is only one.
    pub(super) gpu: Option<u32>,
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) condition: Condition,
}

/// What all GPUs are doing at one time.
pub(super) struct Fleet<'a> {
    setting: &'a Setting,
    /// Those of [`Fleet::new`] that last at the time.
    ailments: Vec<Ailment>,
    racks: Vec<(u32, super::heat::Look)>,
    /// What all do, before their differences.
    load: Load,
    celsius: f64,
    /// GiB by pipeline stage, while the run stands or goes.
    memory: Vec<f64>,
}

/// What a healthy GPU does.
#[derive(Clone, Copy)]
struct Load {
    used: f64,
    watts: f64,
    holds: bool,
}

impl<'a> Fleet<'a> {
    /// The fleet `at` seconds after the first step began; before it, and after the last span, GPUs
    /// are idle.
    pub(super) fn new(
        setting: &'a Setting,
        (spans, ailments, racks): (&[Span], &[Ailment], &[HotRack]),
        at: f64,
    ) -> Self {
        let last = |until: f64, from: f64| from <= at && at < until;
        let stages = setting.estimate.stages.iter();
        Self {
            setting,
            ailments: ailments
                .iter()
                .filter(|ailment| last(ailment.until, ailment.from))
                .copied()
                .collect(),
            racks: racks
                .iter()
                .filter_map(|rack| Some((rack.rack, rack.at(at)?)))
                .collect(),
            load: load(setting, doing(spans, at)),
            celsius: celsius(setting, spans, at),
            memory: stages.map(|stage| stage.memory.gib()).collect(),
        }
    }

    /// How many GPUs there are.
    pub(super) fn len(&self) -> u32 {
        self.setting.job.cluster.devices
    }

    /// GPU `number`, from 0: those of a node beside each other, those of a rack too.
    pub(super) fn gpu(&self, number: u32) -> Gpu {
        let cluster = &self.setting.job.cluster;
        let (node, place) = (
            number / cluster.devices_per_node,
            number % cluster.devices_per_node,
        );
        let condition = self.condition(node, place);
        let usual = self.setting.spec.cluster.inlet_c;
        let mut unit = Random::of(self.setting.spec.seed ^ u64::from(number) << 20, UNIT);
        let factor = 1.0 + POWER_SPREAD * unit.normal().clamp(-2.0, 2.0);
        let (inlet, settled, drawn) = match self.hot(node) {
            Some(look) if self.load.used > 0.0 => (look.inlet, look.celsius, look.watts),
            Some(look) => (
                look.inlet,
                self.celsius + look.inlet - usual,
                self.load.watts,
            ),
            None => (usual, self.celsius, self.load.watts),
        };
        let most = cluster.accelerator.tdp_w.unwrap_or(f64::INFINITY);
        let gpu = Gpu {
            gib: if self.load.holds {
                self.gib(number)
            } else {
                0.5
            },
            used: self.load.used,
            celsius: inlet + factor * (settled - inlet) + IN_A_ROW * f64::from(place.min(8)),
            watts: (factor * drawn).min(most),
            condition,
        };
        if condition == Condition::Failed {
            return Gpu {
                gib: 0.0,
                used: 0.0,
                watts: 0.0,
                celsius: usual,
                ..gpu
            };
        }
        gpu
    }

    fn condition(&self, node: u32, place: u32) -> Condition {
        let found = self.ailments.iter().filter(|ailment| {
            let nodes = ailment.node..ailment.node.saturating_add(ailment.nodes);
            nodes.contains(&node) && ailment.gpu.is_none_or(|gpu| gpu == place)
        });
        let throttled = self.hot(node).filter(|look| look.clock < 1.0);
        let hot = throttled.map(|_| Condition::Hot);
        let worst = found.map(|ailment| ailment.condition).chain(hot).max();
        worst.unwrap_or(Condition::Well)
    }

    fn hot(&self, node: u32) -> Option<super::heat::Look> {
        let rack = node / self.setting.spec.cluster.nodes_per_rack;
        let found = self.racks.iter().find(|(hot, _)| *hot == rack);
        found.map(|(_, look)| *look)
    }

    /// Stages are farthest apart.
    fn gib(&self, number: u32) -> f64 {
        let layout = &self.setting.job.layout;
        let stage = number / parts(self.len(), layout.pp).max(1);
        self.memory.get(stage as usize).copied().unwrap_or(0.0)
    }
}

/// What is done at a time.
fn doing(spans: &[Span], at: f64) -> Option<Doing> {
    let place = spans.partition_point(|span| span.until <= at);
    let span = spans.get(place)?;
    (span.from <= at).then_some(span.doing)
}

/// Watts of a healthy GPU that does this.
pub(super) fn span_watts(setting: &Setting, doing: Doing) -> f64 {
    load(setting, Some(doing)).watts
}

/// What a healthy GPU does then. Waiting for another one is busy waiting, but not work.
fn load(setting: &Setting, doing: Option<Doing>) -> Load {
    let accelerator = &setting.job.cluster.accelerator;
    let times = &setting.estimate.times;
    let idle = watts(accelerator, Use::default());
    let full = setting.estimate.device_watts;
    let waiting = times.host + times.bubble + times.jitter;
    let busy = 1.0 - waiting / setting.estimate.seconds;
    let (used, watts, holds) = match doing {
        Some(Doing::Training { step, .. }) => {
            let share = setting.plan.step / step;
            (busy * share, idle + (full - idle) * share, true)
        }
        Some(Doing::Validating { .. }) => (busy, full, true),
        Some(Doing::Saving { .. }) => {
            let sending = Use {
                link: 1.0,
                ..Use::default()
            };
            (0.0, crate::cost::watts(accelerator, sending), true)
        }
        Some(Doing::Down) | None => (0.0, idle, false),
    };
    Load { used, watts, holds }
}

/// The temperature of a healthy GPU, from what it did in the minutes before.
fn celsius(setting: &Setting, spans: &[Span], at: f64) -> f64 {
    let inlet = setting.spec.cluster.inlet_c;
    let begin = at - MEMORY_OF_HEAT;
    let mut device = Thermal::new(&setting.job.cluster.accelerator, inlet);
    let before = load(setting, doing(spans, begin));
    device.celsius = device.settled(before.watts, inlet);
    let mut now = begin;
    let first = spans.partition_point(|span| span.until <= begin);
    for span in spans.iter().skip(first).take_while(|span| span.from < at) {
        if span.from > now {
            device.pass(span.from - now, load(setting, None).watts, inlet);
        }
        let end = span.until.min(at);
        let seconds = end - span.from.max(begin);
        device.pass(seconds, load(setting, Some(span.doing)).watts, inlet);
        now = end;
    }
    if at > now {
        device.pass(at - now, load(setting, None).watts, inlet);
    }
    device.celsius
}

/// Some GPUs seen as one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The first of them.
    pub first: u32,
    /// How many there are.
    pub count: u32,
    /// Their mean, and the worst condition.
    pub gpu: Gpu,
    /// The highest temperature.
    pub hottest: f64,
}

/// GPUs in a cell, so that `gpus` of them, `per_node` in a node, need at most `cells`: one, a part
/// of a node that divides it, or whole nodes.
#[must_use]
pub fn per_cell(gpus: u32, per_node: u32, cells: u32) -> u32 {
    let least = parts(gpus, cells);
    let part = (1..=per_node).find(|part| per_node.is_multiple_of(*part) && *part >= least);
    part.unwrap_or_else(|| parts(least, per_node) * per_node)
}

impl Fleet<'_> {
    /// All GPUs, `each` in a cell.
    pub(super) fn cells(&self, each: u32) -> Vec<Cell> {
        let each = each.max(1);
        let firsts = (0..self.len()).step_by(each as usize);
        firsts.map(|first| self.cell(first, each)).collect()
    }

    /// The mean of every `stride`-th GPU.
    pub(super) fn sample(&self, stride: u32) -> Gpu {
        self.mean((0..self.len()).step_by(stride.max(1) as usize)).0
    }

    /// The GPUs from `first` on as one.
    fn cell(&self, first: u32, count: u32) -> Cell {
        let count = count.min(self.len().saturating_sub(first));
        let (gpu, hottest) = self.mean(first..first + count);
        Cell {
            first,
            count,
            gpu,
            hottest,
        }
    }

    /// The mean of some GPUs, with the worst condition; and the highest temperature.
    fn mean(&self, numbers: impl Iterator<Item = u32>) -> (Gpu, f64) {
        let mut sum = Gpu {
            gib: 0.0,
            used: 0.0,
            celsius: 0.0,
            watts: 0.0,
            condition: Condition::Well,
        };
        let (mut count, mut hottest) = (0.0, 0.0_f64);
        for gpu in numbers.map(|number| self.gpu(number)) {
            sum.gib += gpu.gib;
            sum.used += gpu.used;
            sum.celsius += gpu.celsius;
            sum.watts += gpu.watts;
            sum.condition = sum.condition.max(gpu.condition);
            hottest = hottest.max(gpu.celsius);
            count += 1.0;
        }
        let share = 1.0 / f64::max(count, 1.0);
        sum.gib *= share;
        sum.used *= share;
        sum.celsius *= share;
        sum.watts *= share;
        (sum, hottest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_whole_parts() {
        for (gpus, per_node, cells, expected) in [
            (8, 8, 400, 1),
            (64, 8, 64, 1),
            (64, 8, 63, 2),
            (1024, 8, 300, 4),
            (16_384, 8, 1000, 24),
            (16_384, 8, 2048, 8),
            (10, 8, 1, 16),
            (72, 72, 10, 8),
        ] {
            assert_eq!(per_cell(gpus, per_node, cells), expected, "{gpus} {cells}");
        }
    }
}
