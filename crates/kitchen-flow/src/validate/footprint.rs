//! What a part of a plan does to the state, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use kitchen_types::workflow::Repeat;

use crate::plan::{PlanNode, Work};
use crate::stage::Access;

/// The keys that a part of a plan may use, and how.
#[derive(Default)]
pub(super) struct Footprint {
    /// Every key that is used, and whether it is a live resource.
    pub(super) used: BTreeMap<String, bool>,
    /// Keys that are changed, written or taken.
    pub(super) touched: BTreeSet<String>,
    /// Keys that are taken.
    pub(super) taken: BTreeSet<String>,
    /// Live resources that are changed or taken.
    changed_live: BTreeSet<String>,
}

impl Footprint {
    pub(super) fn of<'a>(nodes: impl IntoIterator<Item = &'a PlanNode>) -> Self {
        let mut footprint = Self::default();
        for node in nodes {
            footprint.add(node);
        }
        footprint
    }

    /// The live resources that whoever runs this must have to itself.
    pub(super) fn owned(&self) -> Vec<String> {
        self.changed_live.iter().cloned().collect()
    }

    fn add(&mut self, node: &PlanNode) {
        if let Work::Stage(stage) = &node.work {
            for used in &stage.registered.spec.keys {
                self.add_use(&used.key.name, used.key.holds.is_value(), used.access);
            }
        }
        let mut below = Self::of(node.children());
        for local in locals(&node.work) {
            below.used.remove(local);
            below.touched.remove(local);
            below.taken.remove(local);
            below.changed_live.remove(local);
        }
        self.used.append(&mut below.used);
        self.touched.append(&mut below.touched);
        self.taken.append(&mut below.taken);
        self.changed_live.append(&mut below.changed_live);
    }

    fn add_use(&mut self, key: &str, is_value: bool, access: Access) {
        self.used.insert(key.to_owned(), !is_value);
        if !matches!(access, Access::Read | Access::ReadIfThere) {
            self.touched.insert(key.to_owned());
        }
        if access == Access::Take {
            self.taken.insert(key.to_owned());
        }
        if !is_value && matches!(access, Access::Take | Access::Change) {
            self.changed_live.insert(key.to_owned());
        }
    }
}

/// The keys that mean something inside a node only.
fn locals(work: &Work) -> impl Iterator<Item = &str> {
    let (repeat, item) = match work {
        Work::Loop { repeat, .. } => (Some(repeat), None),
        Work::Stream(stream) => (Some(&stream.repeat), Some(stream.item.as_str())),
        _ => (None, None),
    };
    let turn = repeat.and_then(|repeat| match repeat {
        Repeat::Each { item, .. } => Some(item.as_str()),
        _ => None,
    });
    turn.into_iter().chain(item)
}
