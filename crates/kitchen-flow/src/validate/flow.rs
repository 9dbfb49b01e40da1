//! Follows keys through a plan: what stands where when it is read.

use std::collections::{BTreeMap, BTreeSet};

use kitchen_types::event::StagePath;
use kitchen_types::workflow::{Condition, Merge, OnFailure, Repeat};

use super::footprint::{Branch, Footprint, turn_item};
use super::join;
use super::keys::Keys;
use crate::key::{KeyInfo, KeyType};
use crate::plan::{Plan, PlanNode, PlanPolicy, StageUse, StreamPlan, Work};
use crate::problem::{Fault, Problem, nearest};
use crate::registry::Registry;
use crate::stage::Access;
use crate::value::ScalarKind;

/// A read that found its key.
struct PastRead {
    key: String,
    by: StagePath,
    since: u64,
}

/// A body that runs again and again.
struct Rounds<'a> {
    /// What is asked before each turn.
    asks: Option<&'a Condition>,
    /// A key that is put there anew for each turn.
    fresh: Option<&'a str>,
    /// Whether there can be a second turn.
    again: bool,
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
        let mut keys = Keys::default();
        for KeyInfo { name, holds } in given {
            flow.typed(name, *holds, &state);
            flow.write(&mut keys, name, &state);
        }
        let start = keys.clone();
        flow.block(&mut keys, &plan.steps);
        let mut end = keys.interrupted(&start, &Footprint::of(&plan.steps).taken);
        flow.block(&mut end, &plan.finally);
        flow.problems
    }

    fn block(&mut self, keys: &mut Keys, nodes: &[PlanNode]) {
        for node in nodes {
            self.node(keys, node);
        }
    }

    fn node(&mut self, keys: &mut Keys, node: &PlanNode) {
        let start = node.policy.is_some().then(|| keys.clone());
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
                *keys = keys.or(&other, &node.path);
            }
            Work::Parallel {
                branches, merge, ..
            } => self.parallel(keys, branches, *merge),
            Work::Stream(stream) => self.stream(keys, &node.path, stream),
        }
        if let (Some(policy), Some(start)) = (&node.policy, start) {
            let taken = Footprint::of_work(&node.work).taken;
            if policy.retry.attempts > 1 {
                self.check_next(reads, began, "attempt", |key| !taken.contains(key));
            }
            self.policy(keys, &start, node, policy, &taken);
        }
    }

    fn stage(&mut self, keys: &mut Keys, path: &StagePath, stage: &StageUse) {
        let uses = &stage.registered.spec.keys;
        for used in uses {
            self.typed(&used.key.name, used.key.holds, path);
            if used.access != Access::Write && !used.optional {
                self.read(keys, &used.key.name, path);
            }
        }
        for used in uses {
            match used.access {
                Access::Take => keys.lose(&used.key.name, path),
                Access::Write | Access::Change if !used.optional => {
                    self.write(keys, &used.key.name, path);
                }
                // What is changed where it is there is there afterwards as it was before.
                Access::Read | Access::Write | Access::Change => {}
            }
        }
    }

    fn repeat(&mut self, keys: &mut Keys, path: &StagePath, repeat: &Repeat, body: &[PlanNode]) {
        let before = keys.clone();
        self.list(keys, path, repeat);
        let rounds = Rounds {
            asks: condition(repeat),
            fresh: turn_item(repeat),
            again: !matches!(repeat, Repeat::Times(0 | 1)),
        };
        self.rounds(keys, path, &rounds, body);
        if may_not_run(repeat) {
            *keys = before.or(keys, path);
        }
        if let Some(item) = turn_item(repeat) {
            keys.restore(item, &before);
        }
    }

    /// A body that runs again and again.
    fn rounds(
        &mut self,
        keys: &mut Keys,
        path: &StagePath,
        rounds: &Rounds<'_>,
        body: &[PlanNode],
    ) {
        let (began, reads) = (self.tick(), self.reads.len());
        if let Some(condition) = rounds.asks {
            self.ask(keys, path, condition);
        }
        if let Some(key) = rounds.fresh {
            self.write(keys, key, path);
        }
        self.block(keys, body);
        if rounds.again {
            self.check_next(reads, began, "turn", |key| keys.has(key));
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
        let before = keys.clone();
        for branch in branches {
            let (mut fork, began) = (before.clone(), self.tick());
            self.node(&mut fork, branch);
            keys.gather(&before, fork, began);
        }
        let branches: Vec<_> = branches
            .iter()
            .map(|branch| Branch::new(branch.path.clone(), [branch]))
            .collect();
        for (index, one) in branches.iter().enumerate() {
            for other in branches.iter().skip(index + 1) {
                self.problems.extend(one.conflicts(other, merge, ""));
            }
        }
    }

    fn stream(&mut self, keys: &mut Keys, path: &StagePath, stream: &StreamPlan) {
        self.list(keys, path, &stream.repeat);
        let (before, item) = (keys.clone(), stream.item.as_str());

        let (mut made, began) = (before.clone(), self.tick());
        // Each item is passed on, so that no turn finds that of the one before.
        made.restore(item, &Keys::default());
        let rounds = Rounds {
            asks: None,
            fresh: turn_item(&stream.repeat),
            again: true,
        };
        self.rounds(&mut made, path, &rounds, &stream.producer);
        if !made.has_since(item, began) && !stream.producer.is_empty() {
            self.problem(path, Fault::NoItem(item.to_owned()));
        }
        keys.gather(&before, made, began);

        let (mut used, began) = (before.clone(), self.tick());
        let rounds = Rounds {
            asks: condition(&stream.repeat),
            fresh: Some(item),
            again: true,
        };
        self.rounds(&mut used, path, &rounds, &stream.consumer);
        keys.gather(&before, used, began);

        if may_not_run(&stream.repeat) {
            *keys = before.or(keys, path);
        }
        for local in [Some(item), turn_item(&stream.repeat)]
            .into_iter()
            .flatten()
        {
            keys.restore(local, &before);
        }
        let producer = Branch::new(join(path, "producer"), &stream.producer);
        let consumer = Branch::new(join(path, "consumer"), &stream.consumer);
        let conflicts = producer.conflicts(&consumer, Merge::Disjoint, item);
        self.problems.extend(conflicts);
    }

    fn policy(
        &mut self,
        keys: &mut Keys,
        start: &Keys,
        node: &PlanNode,
        policy: &PlanPolicy,
        taken: &BTreeSet<String>,
    ) {
        let mut end = keys.interrupted(start, taken);
        if policy.on_failure == OnFailure::Skip {
            *keys = end.or(start, &node.path);
        }
        let began = self.tick();
        self.block(&mut end, &policy.finally);
        for key in &Footprint::of(&policy.finally).taken {
            keys.lose(key, &node.path);
        }
        keys.extend_since(end, began);
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
            Some(known) => Fault::MayBeMissing {
                key: key.to_owned(),
                by: known.by.clone(),
            },
            None => Fault::NoWriter {
                key: key.to_owned(),
                nearest: nearest(key, keys.names()),
                writers: self.writers(key),
            },
        };
        self.problem(path, fault);
        // One mistake is told once, not by every reader that follows.
        self.write(keys, key, path);
    }

    fn write(&mut self, keys: &mut Keys, key: &str, path: &StagePath) {
        let now = self.tick();
        keys.write(key, now, path);
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

fn condition(repeat: &Repeat) -> Option<&Condition> {
    match repeat {
        Repeat::While(condition) | Repeat::Until(condition) => Some(condition),
        Repeat::Times(_) | Repeat::Each { .. } => None,
    }
}

/// Whether a body may not run at all.
fn may_not_run(repeat: &Repeat) -> bool {
    !matches!(repeat, Repeat::Times(1..))
}
