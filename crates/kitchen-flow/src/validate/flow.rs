//! Follows keys through a plan: what stands where when it is read.

use std::collections::BTreeMap;

use kitchen_types::event::StagePath;
use kitchen_types::workflow::{Condition, Merge, OnFailure, Repeat};

use super::footprint::Footprint;
use super::may_not_run;
use crate::key::{KeyInfo, KeyType};
use crate::plan::{Plan, PlanNode, PlanPolicy, StageUse, StreamPlan, Work};
use crate::problem::{Fault, Problem, nearest};
use crate::registry::Registry;
use crate::stage::Access;
use crate::value::ScalarKind;

/// What stands where, at one point of the plan.
type Keys = BTreeMap<String, Known>;

/// What is known of a key that may be there.
#[derive(Clone)]
struct Known {
    /// Whether it is there in every case.
    certain: bool,
    /// When it was written, by the clock of [`Flow::tick`].
    since: u64,
    /// The node that wrote it, or took it away in some cases.
    by: StagePath,
}

/// A read that found its key.
struct PastRead {
    key: String,
    by: StagePath,
    since: u64,
}

/// Follows keys through a plan.
pub(super) struct Flow<'a> {
    registry: &'a Registry,
    /// The one type of each key, and who used it first.
    types: BTreeMap<String, (KeyType, StagePath)>,
    reads: Vec<PastRead>,
    clock: u64,
    problems: Vec<Problem>,
}

impl<'a> Flow<'a> {
    /// What is wrong with how a plan uses keys, if its state is `given` these.
    pub(super) fn check(plan: &Plan, registry: &'a Registry, given: &[KeyInfo]) -> Vec<Problem> {
        let mut flow = Self {
            registry,
            types: BTreeMap::new(),
            reads: Vec::new(),
            clock: 0,
            problems: Vec::new(),
        };
        let state: StagePath = "the given state".into();
        let mut keys = Keys::new();
        for KeyInfo { name, holds } in given {
            flow.typed(name, *holds, &state);
            flow.write(&mut keys, name, &state);
        }
        let start = keys.clone();
        flow.block(&mut keys, &plan.steps);
        let mut end = interrupted(&start, &keys, &Footprint::of(&plan.steps), &state);
        flow.block(&mut end, &plan.finally);
        flow.problems
    }

    fn block(&mut self, keys: &mut Keys, nodes: &[PlanNode]) {
        for node in nodes {
            self.node(keys, node);
        }
    }

    fn node(&mut self, keys: &mut Keys, node: &PlanNode) {
        let start = keys.clone();
        let (began, reads) = (self.tick(), self.reads.len());
        match &node.work {
            Work::Stage(stage) => self.stage(keys, &node.path, stage),
            Work::Sequence(nodes) => self.block(keys, nodes),
            Work::Loop { repeat, body } => self.repeat(keys, &node.path, repeat, body),
            Work::If {
                condition,
                then,
                otherwise,
            } => {
                self.ask(keys, &node.path, condition);
                let mut other = keys.clone();
                self.block(keys, then);
                self.block(&mut other, otherwise);
                *keys = either(keys, &other, &node.path);
            }
            Work::Parallel {
                branches, merge, ..
            } => self.parallel(keys, branches, *merge),
            Work::Stream(stream) => self.stream(keys, &node.path, stream),
        }
        if let Some(policy) = &node.policy {
            if policy.retry.attempts > 1 {
                let taken = Footprint::of([node]).taken;
                self.check_next(reads, began, "attempt", |key| !taken.contains(key));
            }
            self.policy(keys, start, node, policy);
        }
    }

    fn stage(&mut self, keys: &mut Keys, path: &StagePath, stage: &StageUse) {
        let uses = &stage.registered.spec.keys;
        for used in uses {
            self.typed(&used.key.name, used.key.holds, path);
            if matches!(used.access, Access::Read | Access::Change | Access::Take) {
                self.read(keys, &used.key.name, path);
            }
        }
        for used in uses {
            match used.access {
                Access::Read | Access::ReadIfThere => {}
                Access::Take => lose(keys, &used.key.name, path),
                Access::Write | Access::Change => self.write(keys, &used.key.name, path),
            }
        }
    }

    fn repeat(&mut self, keys: &mut Keys, path: &StagePath, repeat: &Repeat, body: &[PlanNode]) {
        let before = keys.clone();
        self.list(keys, path, repeat);
        self.rounds(keys, path, repeat, body);
        if may_not_run(repeat) {
            *keys = either(&before, keys, path);
        }
        if let Repeat::Each { item, .. } = repeat {
            scope(keys, &before, item);
        }
    }

    /// A body that runs again and again, and what is asked before each turn.
    fn rounds(&mut self, keys: &mut Keys, path: &StagePath, repeat: &Repeat, body: &[PlanNode]) {
        let (began, reads) = (self.tick(), self.reads.len());
        match repeat {
            Repeat::While(condition) | Repeat::Until(condition) => self.ask(keys, path, condition),
            Repeat::Each { item, .. } => self.write(keys, item, path),
            Repeat::Times(_) => {}
        }
        self.block(keys, body);
        if !matches!(repeat, Repeat::Times(0 | 1)) {
            self.check_next(reads, began, "turn", |key| is_certain(keys, key));
        }
    }

    /// Whether what was read in this round, and stood there before it, is `there` in the next.
    fn check_next(
        &mut self,
        reads: usize,
        began: u64,
        round: &'static str,
        there: impl Fn(&str) -> bool,
    ) {
        let missed: Vec<_> = (self.reads.iter().skip(reads))
            .filter(|read| read.since < began && !there(&read.key))
            .map(|read| (read.by.clone(), read.key.clone()))
            .collect();
        for (path, key) in missed {
            self.problem(&path, Fault::GoneNextTime { key, round });
        }
    }

    fn parallel(&mut self, keys: &mut Keys, branches: &[PlanNode], merge: Merge) {
        let began = self.tick();
        let ends: Vec<Keys> = branches
            .iter()
            .map(|branch| {
                let mut fork = keys.clone();
                self.node(&mut fork, branch);
                fork
            })
            .collect();
        for end in ends {
            gather(keys, end, began);
        }
        let prints: Vec<_> = branches
            .iter()
            .map(|branch| (&branch.path, Footprint::of([branch])))
            .collect();
        for (index, one) in prints.iter().enumerate() {
            for other in prints.iter().skip(index + 1) {
                self.conflicts(one, other, merge, "");
            }
        }
    }

    fn stream(&mut self, keys: &mut Keys, path: &StagePath, stream: &StreamPlan) {
        self.list(keys, path, &stream.repeat);
        let before = keys.clone();
        let (began, item) = (self.tick(), &stream.item);

        let mut made = before.clone();
        self.rounds(&mut made, path, &upstream(&stream.repeat), &stream.producer);
        let is_made = made
            .get(item)
            .is_some_and(|known| known.certain && known.since > began);
        if !is_made {
            self.problem(path, Fault::NoItem(item.clone()));
        }

        let mut used = before.clone();
        self.write(&mut used, item, path);
        let after = self.tick();
        self.rounds(
            &mut used,
            path,
            &downstream(&stream.repeat),
            &stream.consumer,
        );
        // Each item is put there anew, whatever became of the one before.
        self.problems.retain(
            |problem| !matches!(&problem.fault, Fault::GoneNextTime { key, .. } if key == item),
        );

        gather(keys, made, began);
        gather(keys, used, after);
        if may_not_run(&stream.repeat) {
            *keys = either(&before, keys, path);
        }
        scope(keys, &before, item);
        let sides = [&stream.producer, &stream.consumer].map(Footprint::of);
        let [one, other] = sides.map(|footprint| (path, footprint));
        self.conflicts(&one, &other, Merge::Disjoint, item);
    }

    /// What two branches must not do at the same time; `local` is passed from one to the other.
    fn conflicts(
        &mut self,
        (first, one): &(&StagePath, Footprint),
        (second, other): &(&StagePath, Footprint),
        merge: Merge,
        local: &str,
    ) {
        let faces = |first: &StagePath, second: &StagePath| (first.clone(), second.clone());
        for key in one.used.keys().filter(|key| *key != local) {
            let Some(live) = other.used.get(key) else {
                continue;
            };
            let touched = (one.touched.contains(key), other.touched.contains(key));
            let (first, second) = match touched {
                (false, false) => continue,
                (true, _) => faces(first, second),
                (false, true) => faces(second, first),
            };
            let (path, key) = (first.clone(), key.clone());
            if touched == (true, true) && merge == Merge::Disjoint {
                let fault = Fault::MergeConflict { key, first, second };
                self.problem(&path, fault);
            } else if *live {
                let fault = Fault::SharedResource { key, first, second };
                self.problem(&path, fault);
            }
        }
    }

    fn policy(&mut self, keys: &mut Keys, start: Keys, node: &PlanNode, policy: &PlanPolicy) {
        let mut end = interrupted(&start, keys, &Footprint::of([node]), &node.path);
        if policy.on_failure == OnFailure::Skip {
            *keys = either(&start, keys, &node.path);
        }
        let began = self.tick();
        self.block(&mut end, &policy.finally);
        for (key, known) in end {
            let taken = !known.certain && is_certain(keys, &key);
            if known.since > began && known.certain {
                keys.insert(key, known);
            } else if taken && Footprint::of(&policy.finally).taken.contains(&key) {
                lose(keys, &key, &node.path);
            }
        }
    }

    /// The list that a loop goes through is read once, before the first turn.
    fn list(&mut self, keys: &mut Keys, path: &StagePath, repeat: &Repeat) {
        let Repeat::Each { list, item } = repeat else {
            return;
        };
        self.read(keys, list, path);
        let Some((holds, _)) = self.types.get(list) else {
            return;
        };
        let holds = *holds;
        match holds.value.and_then(|ops| ops.list.as_ref()) {
            Some(ops) => self.typed(item, (ops.item)(), path),
            None => self.problem(
                path,
                Fault::NoList {
                    key: list.clone(),
                    holds,
                },
            ),
        }
    }

    fn ask(&mut self, keys: &mut Keys, path: &StagePath, condition: &Condition) {
        let (key, asked, suits): (_, _, &dyn Fn(&KeyType) -> bool) = match condition {
            Condition::Not(condition) => return self.ask(keys, path, condition),
            Condition::All(conditions) | Condition::Any(conditions) => {
                for condition in conditions {
                    self.ask(keys, path, condition);
                }
                return;
            }
            Condition::Is(key) => (key, "true".to_owned(), &|holds| {
                ScalarKind::of(holds) == Some(ScalarKind::Bool)
            }),
            Condition::Below { key, limit } => (key, format!("below {limit}"), &is_number),
            Condition::Above { key, limit } => (key, format!("above {limit}"), &is_number),
            Condition::Equals { key, value } => (key, value.to_string(), &|holds| {
                (holds.value).is_some_and(|ops| (ops.from_json)(value).is_ok())
            }),
        };
        self.read(keys, key, path);
        if let Some((holds, _)) = self.types.get(key)
            && !suits(holds)
        {
            let (key, holds) = (key.clone(), *holds);
            self.problem(path, Fault::BadQuestion { key, asked, holds });
        }
    }

    fn read(&mut self, keys: &mut Keys, key: &str, path: &StagePath) {
        let fault = match keys.get(key) {
            Some(known) if known.certain => {
                return self.reads.push(PastRead {
                    key: key.to_owned(),
                    by: path.clone(),
                    since: known.since,
                });
            }
            Some(known) => Fault::NotAlwaysThere {
                key: key.to_owned(),
                by: known.by.clone(),
            },
            None => Fault::NoWriter {
                key: key.to_owned(),
                nearest: nearest(key, keys.keys().map(String::as_str)),
                writers: self.writers(key),
            },
        };
        self.problem(path, fault);
        // One mistake is told once, not by every reader that follows.
        self.write(keys, key, path);
    }

    fn write(&mut self, keys: &mut Keys, key: &str, path: &StagePath) {
        let known = Known {
            certain: true,
            since: self.tick(),
            by: path.clone(),
        };
        keys.insert(key.to_owned(), known);
    }

    fn typed(&mut self, key: &str, holds: KeyType, path: &StagePath) {
        let (there, other) =
            (self.types.entry(key.to_owned())).or_insert_with(|| (holds, path.clone()));
        if *there != holds {
            let fault = Fault::TypeMismatch {
                key: key.to_owned(),
                here: holds,
                there: *there,
                other: other.clone(),
            };
            self.problem(path, fault);
        }
    }

    fn writers(&self, key: &str) -> Vec<String> {
        let writes = |used: &crate::KeyUse| used.access == Access::Write && used.key.name == key;
        let stages = self.registry.list();
        stages
            .filter(|spec| spec.keys.iter().any(writes))
            .map(|spec| format!("`{}`", spec.name))
            .collect()
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn problem(&mut self, path: &StagePath, fault: Fault) {
        self.problems.push(Problem {
            path: path.clone(),
            fault,
        });
    }
}

fn is_number(holds: &KeyType) -> bool {
    ScalarKind::of(holds) == Some(ScalarKind::Number)
}

fn is_certain(keys: &Keys, key: &str) -> bool {
    keys.get(key).is_some_and(|known| known.certain)
}

/// From here on, `key` may be gone on account of the node at `path`.
fn lose(keys: &mut Keys, key: &str, path: &StagePath) {
    if let Some(known) = keys.get_mut(key) {
        known.certain = false;
        known.by = path.clone();
    }
}

/// What stands there after one of two ways, at the node at `path`.
fn either(one: &Keys, other: &Keys, path: &StagePath) -> Keys {
    let mut keys = one.clone();
    for (key, known) in other {
        let merged = keys.entry(key.clone()).or_insert_with(|| known.clone());
        merged.since = merged.since.min(known.since);
    }
    for (key, known) in &mut keys {
        let certain = is_certain(one, key) && is_certain(other, key);
        if known.certain && !certain {
            known.by = path.clone();
        }
        known.certain = certain;
    }
    keys
}

/// What stands there when nodes may have ended at any point between `start` and `end`.
fn interrupted(start: &Keys, end: &Keys, footprint: &Footprint, path: &StagePath) -> Keys {
    let mut keys = either(start, end, path);
    for key in &footprint.taken {
        lose(&mut keys, key, path);
    }
    keys
}

/// Adds what a branch did since it `began`.
fn gather(keys: &mut Keys, end: Keys, began: u64) {
    for (key, known) in end {
        let is_new = known.since > began || !keys.contains_key(&key);
        if is_new || !known.certain {
            keys.insert(key, known);
        }
    }
}

/// Gives a name that meant something inside a node the meaning that it had before.
fn scope(keys: &mut Keys, before: &Keys, name: &str) {
    match before.get(name) {
        Some(known) => keys.insert(name.to_owned(), known.clone()),
        None => keys.remove(name),
    };
}

/// What a stream's repetition means to its producer, which conditions do not concern.
fn upstream(repeat: &Repeat) -> Repeat {
    match repeat {
        Repeat::While(_) | Repeat::Until(_) => Repeat::Times(u64::MAX),
        repeat => repeat.clone(),
    }
}

/// What a stream's repetition means to its consumer, which a list's items do not reach.
fn downstream(repeat: &Repeat) -> Repeat {
    match repeat {
        Repeat::Each { .. } => Repeat::Times(u64::MAX),
        repeat => repeat.clone(),
    }
}
