//! A workflow that has been checked: what the engine walks.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use kitchen_types::event::StagePath;
use kitchen_types::workflow::{Condition, Merge, OnFailure, Repeat, Retry};
use serde_json::Value;

use crate::registry::Registered;

/// A workflow that has been checked, with every stage found and every path spelt out.
///
/// [`validate`](crate::validate) makes it; an [`Engine`](crate::Engine) runs it, any number of
/// times.
pub struct Plan {
    pub(crate) steps: Vec<PlanNode>,
    pub(crate) finally: Vec<PlanNode>,
    /// Whether any node rolls back, so that completed stages must be remembered.
    pub(crate) rolls_back: bool,
}

pub(crate) struct PlanNode {
    /// Unique, but for the turns of a loop: a node's path is its identity.
    pub(crate) path: StagePath,
    pub(crate) work: Work,
    /// `None` where nothing is asked that would not happen anyway.
    pub(crate) policy: Option<Box<PlanPolicy>>,
    /// Whether its start and its end are events.
    pub(crate) announced: bool,
}

pub(crate) enum Work {
    Stage(StageUse),
    /// A sequence, or a call, whose nodes stand here.
    Sequence(Vec<PlanNode>),
    Loop {
        repeat: Repeat,
        body: Vec<PlanNode>,
    },
    If {
        condition: Condition,
        then: Vec<PlanNode>,
        otherwise: Vec<PlanNode>,
    },
    Parallel {
        branches: Vec<PlanNode>,
        /// For each branch, the live resources that it changes, and so has to itself.
        owned: Vec<Vec<String>>,
        limit: Option<usize>,
        merge: Merge,
    },
    Stream(Box<StreamPlan>),
}

/// A stage, and the settings it has in one place.
pub(crate) struct StageUse {
    pub(crate) registered: Rc<Registered>,
    /// Complete: defaults are filled in.
    pub(crate) config: BTreeMap<&'static str, Value>,
}

pub(crate) struct StreamPlan {
    pub(crate) producer: Vec<PlanNode>,
    pub(crate) consumer: Vec<PlanNode>,
    /// The live resources that the producer changes, then those that the consumer changes.
    pub(crate) owned: [Vec<String>; 2],
    pub(crate) item: String,
    pub(crate) repeat: Repeat,
    pub(crate) buffer: usize,
    pub(crate) staleness: Option<u64>,
}

pub(crate) struct PlanPolicy {
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_failure: OnFailure,
    pub(crate) finally: Vec<PlanNode>,
}

impl Plan {
    /// The paths of all stages, in the order in which they are written down.
    pub fn stages(&self) -> Vec<StagePath> {
        let mut paths = Vec::new();
        for node in self.steps.iter().chain(&self.finally) {
            node.visit(&mut |node, _| paths.push(node.path.clone()));
        }
        paths
    }
}

impl PlanNode {
    /// Shows every stage at and below this node to `see`, in the order written down.
    pub(crate) fn visit<'a>(&'a self, see: &mut impl FnMut(&'a PlanNode, &'a StageUse)) {
        if let Work::Stage(stage) = &self.work {
            see(self, stage);
        }
        let finally = self.policy.iter().flat_map(|policy| &policy.finally);
        for node in self.work.parts().chain(finally) {
            node.visit(see);
        }
    }
}

impl Work {
    /// The nodes right below, in the order written down.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &PlanNode> {
        let (first, second): (&[PlanNode], &[PlanNode]) = match self {
            Self::Stage(_) => (&[], &[]),
            Self::Sequence(nodes) | Self::Loop { body: nodes, .. } => (nodes, &[]),
            Self::If {
                then, otherwise, ..
            } => (then, otherwise),
            Self::Parallel { branches, .. } => (branches, &[]),
            Self::Stream(stream) => (&stream.producer, &stream.consumer),
        };
        first.iter().chain(second)
    }
}
