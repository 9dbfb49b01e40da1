//! The engine: a queue of what comes next, and the work in between.

mod work;

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::plan::{DAY, Plan, PlanError};
use super::record::{Happening, Performance, Record, Told};
use super::script::{Act, Doing, Script, Span};
use crate::math::cos;
use crate::random::Random;
use crate::reliability::{Cause, Culprit};

/// Seconds for which the length of a step is taken to be constant.
const HOUR: f64 = 3600.0;

/// Carries out a plan. The same plan gives the same record, bit for bit, on every platform.
///
/// # Errors
///
/// If the plan makes no sense.
pub fn run(plan: &Plan) -> Result<Record, PlanError> {
    Ok(carry_out(plan, &Script::default(), None)?.record)
}

/// The same, with what a script makes happen, and with all that was done when.
///
/// # Errors
///
/// If the plan makes no sense.
pub fn perform(plan: &Plan, script: &Script) -> Result<Performance, PlanError> {
    carry_out(plan, script, Some(Vec::new()))
}

fn carry_out(
    plan: &Plan,
    script: &Script,
    spans: Option<Vec<Span>>,
) -> Result<Performance, PlanError> {
    plan.check()?;
    let mut engine = Engine::new(plan, script, spans);
    while let Some(next) = engine.next_before_end() {
        engine.work_until(next.at);
        if engine.is_done {
            break;
        }
        engine.handle(next);
    }
    engine.work_until(plan.seconds);
    Ok(engine.finish())
}

/// Something that will happen. Of two at one time, the one that was planned first comes first.
#[derive(Clone, Copy, PartialEq)]
struct Next {
    at: f64,
    number: u64,
    what: Coming,
}

#[derive(Clone, Copy, PartialEq)]
enum Coming {
    /// The node fails, unless it has been replaced since.
    Failure { node: usize, generation: u32 },
    /// Somebody notices that the node is slow.
    Noticed { node: usize, generation: u32 },
    /// It gets warmer or colder outside.
    Hour,
    /// The script has something happen.
    Cue(usize),
    /// What the script had happen is over.
    Over(usize),
}

impl Eq for Next {}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.at.total_cmp(&other.at);
        by_time.then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One place in the cluster and the node in it.
#[derive(Clone, Copy, Default)]
struct Node {
    /// How many nodes stood here before.
    generation: u32,
    is_bad: bool,
    is_slow: bool,
    strikes: u32,
}

/// Work since the last checkpoint.
#[derive(Clone, Copy, Default)]
struct Pending {
    steps: f64,
    productive: f64,
    slowed: f64,
}

/// What stops the work, and is part of it.
#[derive(Clone, Copy, PartialEq)]
enum Task {
    Validate,
    Save,
}

struct Engine<'a> {
    plan: &'a Plan,
    script: &'a Script,
    /// What was done when, if somebody asked.
    spans: Option<Vec<Span>>,
    /// Acts of the script that last.
    lasting: Vec<usize>,
    /// What is being done instead of steps, and for how many seconds still.
    busy: Option<(Task, f64)>,
    /// The step at which held-out data were looked at.
    validated: u64,
    is_done: bool,
    random: Random,
    queue: BinaryHeap<Reverse<Next>>,
    planned: u64,
    nodes: Vec<Node>,
    slow_nodes: u32,
    now: f64,
    /// By how much steps are longer at this hour.
    warmth: f64,
    pending: Pending,
    /// Steps between two checkpoints.
    stride: f64,
    record: Record,
}

impl<'a> Engine<'a> {
    fn new(plan: &'a Plan, script: &'a Script, spans: Option<Vec<Span>>) -> Self {
        let mut engine = Self {
            plan,
            script,
            spans,
            lasting: Vec::new(),
            busy: None,
            validated: 0,
            is_done: false,
            random: Random::of(plan.seed, 1),
            queue: BinaryHeap::new(),
            planned: 0,
            nodes: vec![Node::default(); plan.nodes as usize],
            slow_nodes: 0,
            now: 0.0,
            warmth: 0.0,
            pending: Pending::default(),
            stride: (plan.interval / plan.step).ceil().max(1.0),
            record: Record {
                steps: 0,
                productive: 0.0,
                slowed: 0.0,
                saving: 0.0,
                validating: 0.0,
                lost: 0.0,
                down: 0.0,
                interruptions: 0,
                replaced: 0,
                events: Vec::new(),
            },
        };
        for node in 0..engine.nodes.len() {
            engine.place(node, 0.0);
        }
        engine.plan_at(HOUR, Coming::Hour);
        for (number, cue) in script.cues.iter().enumerate() {
            engine.plan_at(cue.at, Coming::Cue(number));
        }
        engine
    }

    fn next_before_end(&mut self) -> Option<Next> {
        let Reverse(next) = self.queue.pop()?;
        (next.at < self.plan.seconds).then_some(next)
    }

    fn plan_at(&mut self, at: f64, what: Coming) {
        let number = self.planned;
        self.planned += 1;
        self.queue.push(Reverse(Next { at, number, what }));
    }

    /// Puts a new node into place `node` at time `at`.
    fn place(&mut self, node: usize, at: f64) {
        let is_bad = self.random.uniform() < self.plan.rates.bad_share;
        let is_slow = self.random.uniform() < self.plan.slow_share;
        let Some(place) = self.nodes.get_mut(node) else {
            return;
        };
        *place = Node {
            generation: place.generation + 1,
            is_bad,
            is_slow,
            strikes: 0,
        };
        let generation = place.generation;
        if is_slow {
            self.slow_nodes += 1;
            let noticed = at + self.plan.slow_for;
            self.plan_at(noticed, Coming::Noticed { node, generation });
        }
        self.plan_failure(node, at);
    }

    fn plan_failure(&mut self, node: usize, at: f64) {
        let Some(place) = self.nodes.get(node).copied() else {
            return;
        };
        let rates = &self.plan.rates;
        let per_day = if place.is_bad {
            rates.bad_per_day
        } else {
            rates.per_node_day
        };
        let wait = self.random.exponential() * DAY;
        if per_day > 0.0 {
            let generation = place.generation;
            self.plan_at(at + wait / per_day, Coming::Failure { node, generation });
        }
    }

    fn handle(&mut self, next: Next) {
        match next.what {
            Coming::Hour => {
                self.warmth = self.warmth_at(next.at);
                self.plan_at(next.at + HOUR, Coming::Hour);
            }
            Coming::Cue(number) => self.act(number, next.at),
            Coming::Over(number) => self.lasting.retain(|other| *other != number),
            Coming::Noticed { node, generation } if self.stands(node, generation) => {
                self.replace(node, next.at);
            }
            Coming::Failure { node, generation } if self.stands(node, generation) => {
                self.fail(node, next.at);
            }
            Coming::Noticed { .. } | Coming::Failure { .. } => {}
        }
    }

    fn stands(&self, node: usize, generation: u32) -> bool {
        let place = self.nodes.get(node);
        place.is_some_and(|place| place.generation == generation)
    }

    /// Hottest at three in the afternoon; the run begins at midnight.
    fn warmth_at(&self, at: f64) -> f64 {
        let turn = 2.0 * std::f64::consts::PI * (at / DAY - 15.0 / 24.0);
        self.plan.diurnal * 0.5 * (1.0 + cos(turn))
    }

    fn replace(&mut self, node: usize, at: f64) {
        if self.nodes.get(node).is_some_and(|place| place.is_slow) {
            self.slow_nodes -= 1;
        }
        self.record.replaced += 1;
        let told = Happening::Replaced { node: node as u32 };
        self.tell(at.max(self.now), told);
        self.place(node, at.max(self.now));
    }

    /// A node fails. If the run stands still already, that only costs the node.
    fn fail(&mut self, node: usize, at: f64) {
        let cause = Cause::at(self.random.uniform());
        let place = self.random.below(self.plan.devices_per_node);
        let is_hardware = matches!(cause.culprit, Culprit::Gpu | Culprit::Host);
        let device = (cause.culprit == Culprit::Gpu).then_some(place);
        let is_done = match self.nodes.get_mut(node) {
            Some(node) => {
                node.strikes += 1;
                // What ails a bad node is not found at once.
                if node.is_bad {
                    node.strikes >= self.plan.rates.strikes
                } else {
                    is_hardware
                }
            }
            None => false,
        };
        if at >= self.now {
            self.interrupt((node, device), cause, at);
        }
        if is_done {
            self.replace(node, self.now);
        } else {
            self.plan_failure(node, self.now);
        }
    }

    /// Does what the script says.
    fn act(&mut self, number: usize, at: f64) {
        let Some(cue) = self.script.cues.get(number) else {
            return;
        };
        if let Some(end) = cue.act.end() {
            self.lasting.push(number);
            self.plan_at(end.max(at), Coming::Over(number));
        }
        match cue.act {
            Act::Slow { .. } | Act::SlowSaves { .. } => {}
            Act::Stall { until } => self.stand_until(until),
            Act::RollBack => {
                if at >= self.now {
                    let lost = self.lose_work();
                    self.tell(self.now, Happening::RolledBack { lost });
                    self.come_back(self.now + self.plan.restart);
                }
            }
            Act::Fail {
                node,
                device,
                cause,
                replaced,
                until,
            } => {
                if at >= self.now {
                    self.interrupt((node as usize, device), cause, until);
                } else {
                    self.stand_until(until);
                }
                if replaced && (node as usize) < self.nodes.len() {
                    self.replace(node as usize, self.now);
                }
            }
        }
    }

    /// Stops because of a node, and comes back as soon as that can be, but not before `until`.
    fn interrupt(&mut self, (node, device): (usize, Option<u32>), cause: Cause, until: f64) {
        let lost = self.lose_work();
        self.record.interruptions += 1;
        let told = Happening::Failed {
            node: node as u32,
            device,
            cause,
            lost,
        };
        self.tell(self.now, told);
        let usual = self.now + (self.plan.detect + self.plan.restart);
        self.come_back(usual.max(until));
    }

    /// Forgets what was done since the last checkpoint, and gives the steps of it.
    fn lose_work(&mut self) -> u64 {
        self.record.lost += self.pending.productive + self.pending.slowed;
        let lost = self.pending.steps.floor() as u64;
        self.pending = Pending::default();
        self.busy = None;
        self.validated = self.record.steps;
        lost
    }

    fn come_back(&mut self, at: f64) {
        self.stand_until(at);
        let step = self.record.steps;
        self.tell(self.now, Happening::Resumed { step });
    }

    fn stand_until(&mut self, until: f64) {
        let down = until.min(self.plan.seconds) - self.now;
        if down > 0.0 {
            self.record.down += down;
            self.spend(down, Doing::Down);
        }
    }

    fn tell(&mut self, at: f64, what: Happening) {
        self.record.events.push(Told { at, what });
    }

    fn finish(mut self) -> Performance {
        self.keep();
        Performance {
            record: self.record,
            spans: self.spans.unwrap_or_default(),
        }
    }
}
