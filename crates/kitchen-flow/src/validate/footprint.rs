//! What a part of a plan does to the state, in whatever order.

use std::collections::BTreeSet;

use kitchen_types::event::StagePath;
use kitchen_types::workflow::{Merge, Repeat};

use crate::plan::{PlanNode, Work};
use crate::problem::{Fault, Problem};
use crate::stage::Access;

/// The keys that a part of a plan may use, and how.
#[derive(Default)]
pub(super) struct Footprint {
    /// Every key that is used.
    pub(super) used: BTreeSet<String>,
    /// Keys that are changed, written or taken.
    pub(super) touched: BTreeSet<String>,
    /// Keys that are taken.
    pub(super) taken: BTreeSet<String>,
    /// Live resources that are changed or taken, so that nobody else can use them meanwhile.
    pub(super) owned: BTreeSet<String>,
}

impl Footprint {
    pub(super) fn of<'a>(nodes: impl IntoIterator<Item = &'a PlanNode>) -> Self {
        let mut footprint = Self::default();
        for node in nodes {
            footprint.add(Self::of_work(&node.work));
            if let Some(policy) = &node.policy {
                footprint.add(Self::of(&policy.finally));
            }
        }
        footprint
    }

    /// What a node does to the state, but for what always runs after it.
    pub(super) fn of_work(work: &Work) -> Self {
        let mut footprint = Self::of(work.parts());
        for local in locals(work) {
            footprint.used.remove(local);
            footprint.touched.remove(local);
            footprint.taken.remove(local);
            footprint.owned.remove(local);
        }
        if let Work::Stage(stage) = work {
            for used in &stage.registered.spec.keys {
                footprint.add_use(&used.key.name, used.key.holds.is_value(), used.access);
            }
        }
        footprint
    }

    fn add(&mut self, mut other: Self) {
        self.used.append(&mut other.used);
        self.touched.append(&mut other.touched);
        self.taken.append(&mut other.taken);
        self.owned.append(&mut other.owned);
    }

    fn add_use(&mut self, key: &str, is_value: bool, access: Access) {
        self.used.insert(key.to_owned());
        if access != Access::Read {
            self.touched.insert(key.to_owned());
        }
        if access == Access::Take {
            self.taken.insert(key.to_owned());
        }
        if !is_value && matches!(access, Access::Take | Access::Change) {
            self.owned.insert(key.to_owned());
        }
    }
}

/// A part of a plan that runs beside others.
pub(super) struct Branch {
    path: StagePath,
    footprint: Footprint,
}

impl Branch {
    pub(super) fn new<'a>(path: StagePath, nodes: impl IntoIterator<Item = &'a PlanNode>) -> Self {
        let footprint = Footprint::of(nodes);
        Self { path, footprint }
    }

    /// What two branches must not do at the same time; `local` is passed from one to the other.
    pub(super) fn conflicts(&self, other: &Self, merge: Merge, local: &str) -> Vec<Problem> {
        let shared = self.footprint.used.intersection(&other.footprint.used);
        shared
            .filter(|key| *key != local)
            .filter_map(|key| self.conflict(other, merge, key))
            .collect()
    }

    fn conflict(&self, other: &Self, merge: Merge, key: &String) -> Option<Problem> {
        let touches = |branch: &Self| branch.footprint.touched.contains(key);
        let owns = |branch: &Self| branch.footprint.owned.contains(key);
        let unclear = touches(self) && touches(other) && merge == Merge::Disjoint;
        let (owner, neighbour) = match (unclear || owns(self), owns(other)) {
            (true, _) => (self, other),
            (false, true) => (other, self),
            (false, false) => return None,
        };
        let key = key.clone();
        let (first, second) = (owner.path.clone(), neighbour.path.clone());
        Some(Problem {
            path: owner.path.clone(),
            fault: match unclear {
                true => Fault::MergeConflict { key, first, second },
                false => Fault::SharedResource { key, first, second },
            },
        })
    }
}

/// The keys that mean something inside a node only.
fn locals(work: &Work) -> impl Iterator<Item = &str> {
    let (turn, passed) = match work {
        Work::Loop { repeat, .. } => (turn_item(repeat), None),
        Work::Stream(stream) => (turn_item(&stream.repeat), Some(stream.item.as_str())),
        _ => (None, None),
    };
    turn.into_iter().chain(passed)
}

/// The key that holds a list's item for one turn.
pub(super) fn turn_item(repeat: &Repeat) -> Option<&str> {
    match repeat {
        Repeat::Each { item, .. } => Some(item),
        Repeat::Times(_) | Repeat::While(_) | Repeat::Until(_) => None,
    }
}
