//! One step, operation by operation: what each pipeline stage of each replica does, and when.

mod order;

use serde::Serialize;

use crate::constants::Constants;
use crate::cost::{Chunk, chunks, times};
use crate::input::{Job, Refusal};
use order::order;

/// One operation of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Operation {
    /// The stage, from 0.
    pub stage: u32,
    /// Which of the stage's chunks of the model, from 0.
    pub chunk: u32,
    /// Which micro-step, from 0.
    pub micro: u32,
    /// Which way.
    pub pass: Direction,
    /// Seconds since the step began.
    pub start: f64,
    /// The same, at its end.
    pub end: f64,
}

/// Forward or backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From tokens to loss.
    Forward,
    /// From loss to gradients.
    Backward,
}

/// One step of the whole cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// The operations of the slowest replica, stage by stage, each in the order of time.
    pub operations: Vec<Operation>,
    /// Which replica that is.
    pub replica: u32,
    /// When each replica has done its last operation, in seconds.
    pub ends: Vec<f64>,
    /// Seconds of the step: the slowest replica, then gradients and optimizer.
    pub seconds: f64,
}

/// Traces one step. `slowness` gives, for a replica and a stage, the factor by which its slowest
/// device is slow: 1 for a healthy one.
///
/// # Errors
///
/// If the job is impossible, or interleaved with micro-steps that the stages do not divide.
pub fn trace(
    job: &Job,
    constants: &Constants,
    slowness: impl Fn(u32, u32) -> f64,
) -> Result<Trace, Refusal> {
    job.check()?;
    let (m, p) = (job.micro_steps(), job.layout.pp);
    if job.layout.vp > 1 && !m.is_multiple_of(p) {
        let (whole, part) = (u64::from(m), u64::from(p));
        return Err(Refusal::Indivisible {
            what: "micro-steps",
            whole,
            part_name: "pp",
            part,
            nearest: whole.div_ceil(part) * part,
        });
    }
    let costs = chunks(job, constants);
    let mut pipeline = Pipeline::new(job, &costs);
    let mut ends = Vec::new();
    let mut slowest = (0, 0.0, Vec::new());
    for replica in 0..job.layout.dp {
        let end = pipeline.flow(|stage| slowness(replica, stage));
        if end > slowest.1 {
            slowest = (replica, end, pipeline.operations.clone());
        }
        ends.push(end);
    }
    let whole = times(job, constants);
    let after = whole.data + whole.optimizer + whole.jitter + constants.step_ms * 1e-3;
    Ok(Trace {
        operations: slowest.2,
        replica: slowest.0,
        ends,
        seconds: slowest.1 + after,
    })
}

/// The pipeline of one replica, used again for the next.
struct Pipeline<'a> {
    stages: u32,
    chunks: u32,
    costs: &'a [Chunk],
    handover: f64,
    /// All operations, each stage's in the order in which it does them.
    operations: Vec<Operation>,
    /// How many operations each stage has.
    each: usize,
    /// When each operation of each stage, chunk and micro-step was done; NaN before.
    done: Vec<f64>,
    micros: u32,
}

impl<'a> Pipeline<'a> {
    fn new(job: &Job, costs: &'a [Chunk]) -> Self {
        let (stages, chunks, micros) = (job.layout.pp, job.layout.vp, job.micro_steps());
        let mut operations = Vec::new();
        for stage in 0..stages {
            operations.extend(order(stage, stages, chunks, micros));
        }
        let each = operations.len() / stages as usize;
        let handover = costs.first().map_or(0.0, |chunk| chunk.handover);
        Self {
            stages,
            chunks,
            costs,
            handover,
            done: vec![f64::NAN; operations.len()],
            operations,
            each,
            micros,
        }
    }

    /// Lets the micro-steps flow, and says when the last operation is done. Every stage does its
    /// operations in its own order, each as soon as what it needs has arrived.
    fn flow(&mut self, slowness: impl Fn(u32) -> f64) -> f64 {
        self.done.fill(f64::NAN);
        let mut next = vec![0_usize; self.stages as usize];
        let mut free = vec![0.0_f64; self.stages as usize];
        let mut ready: Vec<u32> = (0..self.stages).rev().collect();
        while let Some(stage) = ready.pop() {
            let at = stage as usize;
            let slow = slowness(stage);
            let before = next[at];
            while next[at] < self.each {
                let place = at * self.each + next[at];
                let operation = self.operations[place];
                let needed = self.arrival(&operation);
                if needed.is_nan() {
                    break;
                }
                let start = needed.max(free[at]);
                let end = start + slow * self.length(&operation);
                self.operations[place].start = start;
                self.operations[place].end = end;
                let slot = self.slot(stage, operation.chunk, operation.micro, operation.pass);
                self.done[slot] = end;
                // Handing over keeps the sender busy too: neither frameworks of the time nor the
                // analytic step overlap it in the plain schedule.
                free[at] = end + self.handover;
                next[at] += 1;
            }
            if next[at] > before {
                ready.push((stage + 1) % self.stages);
                ready.push((stage + self.stages - 1) % self.stages);
            }
        }
        free.into_iter().fold(0.0, f64::max)
    }

    /// When what an operation needs is there; NaN if that is not known yet.
    fn arrival(&self, operation: &Operation) -> f64 {
        let (last_stage, last_chunk) = (self.stages - 1, self.chunks - 1);
        let (stage, chunk) = (operation.stage, operation.chunk);
        let source = match operation.pass {
            Direction::Forward if stage > 0 => (stage - 1, chunk, Direction::Forward),
            Direction::Forward if chunk > 0 => (last_stage, chunk - 1, Direction::Forward),
            Direction::Forward => return 0.0,
            Direction::Backward if stage < last_stage => (stage + 1, chunk, Direction::Backward),
            Direction::Backward if chunk < last_chunk => (0, chunk + 1, Direction::Backward),
            Direction::Backward => (stage, chunk, Direction::Forward),
        };
        let (from, chunk, pass) = source;
        let done = self.done[self.slot(from, chunk, operation.micro, pass)];
        if from == stage {
            done
        } else {
            done + self.handover
        }
    }

    fn length(&self, operation: &Operation) -> f64 {
        let place = (operation.stage * self.chunks + operation.chunk) as usize;
        let cost = self.costs[place];
        match operation.pass {
            Direction::Forward => cost.forward,
            Direction::Backward => cost.backward,
        }
    }

    fn slot(&self, stage: u32, chunk: u32, micro: u32, pass: Direction) -> usize {
        let pass = u32::from(pass == Direction::Backward);
        (((stage * self.chunks + chunk) * self.micros + micro) * 2 + pass) as usize
    }
}
