//! Functions that read like the workflow they build: first what a block is, then what is in it.
//!
//! ```
//! use kitchen_types::workflow::build::*;
//!
//! workflow("supervised")
//!     .then(stage("load_dataset").with("name", "digits"))
//!     .then(
//!         repeat_until(is("finished")).named("train").quiet().body([
//!             stage("forward_backward"),
//!             stage("optim_step"),
//!             when(is("evaluation_due")).then([stage("evaluate")]),
//!         ]),
//!     )
//!     .finally(stage("close_session"));
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Condition, Merge, Node, NodeKind, OnFailure, Policy, Repeat, Retry, Workflow};

/// A workflow with nothing in it.
pub fn workflow(name: impl Into<String>) -> Workflow {
    Workflow {
        name: name.into(),
        description: String::new(),
        steps: Vec::new(),
        finally: Vec::new(),
        workflows: BTreeMap::new(),
    }
}

impl Workflow {
    /// Says what it does, in a sentence.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Runs `node` next.
    pub fn then(mut self, node: Node) -> Self {
        self.steps.push(node);
        self
    }

    /// Runs `node` at the end, whatever happened.
    pub fn finally(mut self, node: Node) -> Self {
        self.finally.push(node);
        self
    }

    /// Names nodes that [`call`] runs.
    pub fn define(
        mut self,
        name: impl Into<String>,
        nodes: impl IntoIterator<Item = Node>,
    ) -> Self {
        self.workflows
            .insert(name.into(), nodes.into_iter().collect());
        self
    }
}

/// Runs the stage of this name.
pub fn stage(name: impl Into<String>) -> Node {
    NodeKind::Stage(name.into()).into()
}

/// Runs nodes one after the other.
pub fn sequence(nodes: impl IntoIterator<Item = Node>) -> Node {
    NodeKind::Sequence(nodes.into_iter().collect()).into()
}

/// Runs the sub-workflow of this name.
pub fn call(workflow: impl Into<String>) -> Node {
    NodeKind::Call(workflow.into()).into()
}

impl From<NodeKind> for Node {
    fn from(kind: NodeKind) -> Self {
        Self {
            name: String::new(),
            kind,
            config: BTreeMap::new(),
            quiet: false,
            policy: Policy::default(),
        }
    }
}

impl Node {
    /// Gives it a name in paths.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets one setting of a stage.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// Announces it as a whole, without what is below it.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Tries it again before it counts as failed.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policy.retry = Some(retry);
        self
    }

    /// Limits how long one attempt may take.
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.policy.timeout_ms = Some(timeout_ms);
        self
    }

    /// Passes over it if it fails.
    pub fn or_skip(mut self) -> Self {
        self.policy.on_failure = OnFailure::Skip;
        self
    }

    /// Undoes what was done, and ends the workflow, if it fails.
    pub fn or_roll_back(mut self) -> Self {
        self.policy.on_failure = OnFailure::RollBack;
        self
    }

    /// Runs nodes after it, whatever happened.
    pub fn finally(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.policy.finally = nodes.into_iter().collect();
        self
    }
}

/// Runs a body so many times.
pub fn repeat(times: u64) -> LoopHeader {
    LoopHeader::new(Repeat::Times(times))
}

/// Runs a body for each item of the list under the key `list`, with the item under the key `item`.
pub fn for_each(item: impl Into<String>, list: impl Into<String>) -> LoopHeader {
    LoopHeader::new(Repeat::Each {
        list: list.into(),
        item: item.into(),
    })
}

/// Runs a body while a condition holds.
pub fn repeat_while(condition: Condition) -> LoopHeader {
    LoopHeader::new(Repeat::While(condition))
}

/// Runs a body until a condition holds.
pub fn repeat_until(condition: Condition) -> LoopHeader {
    LoopHeader::new(Repeat::Until(condition))
}

/// A loop that still lacks its body.
#[derive(Clone, Debug)]
#[must_use = "a loop without a body is not a node"]
pub struct LoopHeader {
    name: String,
    quiet: bool,
    repeat: Repeat,
}

impl LoopHeader {
    fn new(repeat: Repeat) -> Self {
        Self {
            name: String::new(),
            quiet: false,
            repeat,
        }
    }

    /// Gives it a name in paths.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Announces it as a whole, without what is in its body.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// What runs each time.
    pub fn body(self, nodes: impl IntoIterator<Item = Node>) -> Node {
        let (repeat, body) = (self.repeat, nodes.into_iter().collect());
        Node {
            name: self.name,
            quiet: self.quiet,
            ..NodeKind::Loop { repeat, body }.into()
        }
    }
}

/// Runs one branch or another.
pub fn when(condition: Condition) -> IfHeader {
    IfHeader {
        name: String::new(),
        condition,
    }
}

/// A conditional that still lacks its branches.
#[derive(Clone, Debug)]
#[must_use = "a conditional without branches is not a node"]
pub struct IfHeader {
    name: String,
    condition: Condition,
}

impl IfHeader {
    /// Gives it a name in paths.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What runs if the condition holds; if it does not, nothing does.
    pub fn then(self, nodes: impl IntoIterator<Item = Node>) -> Node {
        self.either(nodes, [])
    }

    /// What runs if the condition holds, and what runs if it does not.
    pub fn either(
        self,
        then: impl IntoIterator<Item = Node>,
        otherwise: impl IntoIterator<Item = Node>,
    ) -> Node {
        Node::from(NodeKind::If {
            condition: self.condition,
            then: then.into_iter().collect(),
            otherwise: otherwise.into_iter().collect(),
        })
        .named(self.name)
    }
}

/// Runs branches at the same time.
pub fn parallel() -> ParallelHeader {
    ParallelHeader {
        name: String::new(),
        limit: 0,
        merge: Merge::Disjoint,
    }
}

/// A parallel block that still lacks its branches.
#[derive(Clone, Debug)]
#[must_use = "a parallel block without branches is not a node"]
pub struct ParallelHeader {
    name: String,
    limit: usize,
    merge: Merge,
}

impl ParallelHeader {
    /// Gives it a name in paths.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many branches run at once, at most.
    pub fn at_most(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Lets several branches write one key: the last one in the order written down wins.
    pub fn merged_in_order(mut self) -> Self {
        self.merge = Merge::InOrder;
        self
    }

    /// What runs at the same time.
    pub fn branches(self, nodes: impl IntoIterator<Item = Node>) -> Node {
        Node::from(NodeKind::Parallel {
            branches: nodes.into_iter().collect(),
            limit: self.limit,
            merge: self.merge,
        })
        .named(self.name)
    }
}

/// Runs a producer beside a consumer, `times` over, passing what the producer writes under the
/// key `item`.
pub fn stream(item: impl Into<String>, repeat: Repeat) -> StreamHeader {
    StreamHeader {
        name: String::new(),
        item: item.into(),
        repeat,
        buffer: 1,
        staleness: None,
    }
}

/// A stream that still lacks its two sides.
#[derive(Clone, Debug)]
#[must_use = "a stream without a producer and a consumer is not a node"]
pub struct StreamHeader {
    name: String,
    item: String,
    repeat: Repeat,
    buffer: usize,
    staleness: Option<u64>,
}

impl StreamHeader {
    /// Gives it a name in paths.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Items that may wait, at most; 1 unless said otherwise.
    pub fn buffer(mut self, items: usize) -> Self {
        self.buffer = items;
        self
    }

    /// Drops an item, and has it made anew, if the consumer finished more than so many others
    /// since its making began.
    pub fn stale_after(mut self, items: u64) -> Self {
        self.staleness = Some(items);
        self
    }

    /// What makes an item, and what takes it.
    pub fn between(
        self,
        producer: impl IntoIterator<Item = Node>,
        consumer: impl IntoIterator<Item = Node>,
    ) -> Node {
        Node::from(NodeKind::Stream {
            producer: producer.into_iter().collect(),
            consumer: consumer.into_iter().collect(),
            item: self.item,
            repeat: self.repeat,
            buffer: self.buffer,
            staleness: self.staleness,
        })
        .named(self.name)
    }
}

/// Whether a key holds `true`.
pub fn is(key: impl Into<String>) -> Condition {
    Condition::Is(key.into())
}

/// Whether a key equals a value.
pub fn equals(key: impl Into<String>, value: impl Into<Value>) -> Condition {
    let (key, value) = (key.into(), value.into());
    Condition::Equals { key, value }
}

/// Whether the number under a key is below a limit.
pub fn below(key: impl Into<String>, limit: f64) -> Condition {
    let key = key.into();
    Condition::Below { key, limit }
}

/// Whether the number under a key is above a limit.
pub fn above(key: impl Into<String>, limit: f64) -> Condition {
    let key = key.into();
    Condition::Above { key, limit }
}

/// Whether a condition does not hold.
pub fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// Whether all conditions hold.
pub fn all_of(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    Condition::All(conditions.into_iter().collect())
}

/// Whether any condition holds.
pub fn any_of(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    Condition::Any(conditions.into_iter().collect())
}
