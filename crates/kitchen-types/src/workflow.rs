//! A workflow as data: a tree of enums. What is not in the tree is absent, not pretended.
//!
//! The same tree is written in Rust with the functions of [`build`], and in TOML or JSON:
//!
//! ```toml
//! name = "supervised"
//!
//! [[steps]]
//! do.stage = "load_dataset"
//! config = { name = "digits" }
//!
//! [[steps]]
//! name = "train"
//! do.loop = { repeat.until.is = "finished", body = [{ do.stage = "step" }] }
//! quiet = true
//!
//! [[finally]]
//! do.stage = "close_session"
//! ```

pub mod build;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A named tree of nodes, and the named sub-trees that it calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// What it is called.
    pub name: String,
    /// What it does, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What runs, in order.
    pub steps: Vec<Node>,
    /// What always runs at the end: after success, failure and cancellation alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Node>,
    /// Sub-workflows that [`NodeKind::Call`] names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workflows: BTreeMap<String, Vec<Node>>,
}

/// One node: what it does, and what happens if that fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What it is called in paths; empty takes the name of the stage, the sub-workflow or the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it does.
    #[serde(rename = "do")]
    pub kind: NodeKind,
    /// The settings of a stage; each must be a key that the stage declares.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Value>,
    /// Announces this node as a whole: its start and its end are events, those of the nodes
    /// below it are not. For loops that turn many times a second.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// What happens if that fails.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NodeKind {
    /// Runs the stage that is registered under this name.
    Stage(String),
    /// Runs nodes one after the other.
    Sequence(Vec<Node>),
    /// Runs nodes again and again.
    Loop {
        /// How often.
        repeat: Repeat,
        /// What runs each time.
        body: Vec<Node>,
    },
    /// Runs one of two branches.
    If {
        /// Which.
        condition: Condition,
        /// What runs if it holds.
        then: Vec<Node>,
        /// What runs if it does not.
        #[serde(default, rename = "else", skip_serializing_if = "Vec::is_empty")]
        otherwise: Vec<Node>,
    },
    /// Runs branches at the same time, each on its own copy of the state's values. A live resource
    /// (a session, a file) is shared for reading, or belongs to the one branch that changes it.
    Parallel {
        /// The branches.
        branches: Vec<Node>,
        /// How many run at once, at most; 0 means all.
        #[serde(default)]
        limit: usize,
        /// What becomes of what they write.
        #[serde(default)]
        merge: Merge,
    },
    /// Runs the sub-workflow of this name in [`Workflow::workflows`].
    Call(String),
    /// Runs a producer and a consumer at the same time, with a bounded buffer between them.
    Stream {
        /// Makes one item each time it runs.
        producer: Vec<Node>,
        /// Takes one item each time it runs.
        consumer: Vec<Node>,
        /// The state key that the producer writes and the consumer reads.
        item: String,
        /// How many items the consumer takes. A list's items reach the producer; a condition is
        /// asked of the consumer's state.
        repeat: Repeat,
        /// Items that may wait, at most.
        buffer: usize,
        /// How many items the consumer may finish between the start of an item's making and its
        /// use; older items are dropped and made anew. `None` sets no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        staleness: Option<u64>,
    },
}

/// How often a body runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Repeat {
    /// So many times.
    Times(u64),
    /// Once for each item of a list.
    Each {
        /// The state key that holds the list.
        list: String,
        /// The state key that holds the current item.
        item: String,
    },
    /// While the condition holds, which is checked before each turn.
    While(Condition),
    /// Until the condition holds, which is checked before each turn.
    Until(Condition),
}

/// A question to the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// Whether a state key holds `true`.
    Is(String),
    /// Whether a state key equals a value.
    Equals {
        /// The key.
        key: String,
        /// The value.
        value: Value,
    },
    /// Whether a number under a state key is below a limit.
    Below {
        /// The key.
        key: String,
        /// The limit.
        limit: f64,
    },
    /// Whether a number under a state key is above a limit.
    Above {
        /// The key.
        key: String,
        /// The limit.
        limit: f64,
    },
    /// Whether a condition does not hold.
    Not(Box<Condition>),
    /// Whether all hold.
    All(Vec<Condition>),
    /// Whether any holds.
    Any(Vec<Condition>),
}

/// What becomes of what parallel branches write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Each branch must write other keys than its neighbours.
    #[default]
    Disjoint,
    /// Branches are merged in the order in which they are written down; later ones win.
    InOrder,
}

/// What happens if a node fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Tried again before it counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// The longest that one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What follows when all attempts failed.
    pub on_failure: OnFailure,
    /// What always runs afterwards, whether the node succeeded, failed or was cancelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Node>,
}

impl Policy {
    /// Whether nothing is asked that would not happen anyway.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a failed node is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The pause before the second attempt.
    #[serde(default)]
    pub delay_ms: u64,
    /// What each further pause is multiplied by.
    #[serde(default = "Retry::doubling")]
    pub backoff: f64,
    /// The longest pause.
    #[serde(default = "Retry::two_minutes")]
    pub max_delay_ms: u64,
}

impl Retry {
    /// So many attempts in all, without a pause.
    pub fn times(attempts: u32) -> Self {
        Self {
            attempts,
            delay_ms: 0,
            backoff: Self::doubling(),
            max_delay_ms: Self::two_minutes(),
        }
    }

    /// The pause before an attempt: `delay_ms * backoff^(attempt - 2)`, at most `max_delay_ms`,
    /// and none before the first.
    pub fn delay_before_ms(&self, attempt: u32) -> u64 {
        if attempt < 2 {
            return 0;
        }
        let pause = self.delay_ms as f64 * self.backoff.powf(f64::from(attempt - 2));
        // 0 times infinity is not a number, which the cast takes for 0, as it should.
        (pause as u64).min(self.max_delay_ms)
    }

    fn doubling() -> f64 {
        2.0
    }

    fn two_minutes() -> u64 {
        120_000
    }
}

/// What follows when all attempts failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The workflow fails.
    #[default]
    Fail,
    /// The node is passed over.
    Skip,
    /// Every stage that completed is undone, the newest first; then the workflow fails, whatever
    /// the nodes around this one say.
    RollBack,
}
