//! What can be wrong with a workflow before its first step.

use kitchen_types::event::StagePath;

use crate::key::KeyType;

/// Something wrong with a workflow, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}: {fault}")]
pub struct Problem {
    /// The path of the node.
    pub path: StagePath,
    /// What is wrong there.
    pub fault: Fault,
}

/// Something wrong with a node.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No stage is registered under the name.
    #[error("there is no stage `{name}`{}", hint(nearest))]
    UnknownStage {
        /// The name.
        name: String,
        /// The registered name most like it.
        nearest: Option<String>,
    },
    /// No sub-workflow has the name.
    #[error("there is no sub-workflow `{name}`{}", hint(nearest))]
    UnknownWorkflow {
        /// The name.
        name: String,
        /// The sub-workflow with the name most like it.
        nearest: Option<String>,
    },
    /// A sub-workflow calls itself, directly or through others.
    #[error("`{0}` calls itself; a repetition is a loop")]
    RecursiveCall(String),
    /// A sub-workflow is called by nobody.
    #[error("the sub-workflow `{0}` is never called; call it or remove it")]
    UnusedWorkflow(String),
    /// Nodes lie too deep within each other.
    #[error("nodes lie more than {0} deep within each other; use fewer levels")]
    TooDeep(usize),
    /// There are too many nodes, once every call is written out.
    #[error("the workflow has more than {0} nodes when every call is written out; use loops")]
    TooLarge(usize),
    /// A name that would make paths ambiguous.
    #[error("`{0}` contains `/`, which separates the parts of a path; choose another name")]
    BadName(String),
    /// A block with nothing in it.
    #[error("{0} is empty; put a stage in it or remove it")]
    Empty(&'static str),

    /// Settings on a node that is no stage.
    #[error("only stages have settings, so nothing reads `{0}`; move it to a stage")]
    ConfigWithoutStage(String),
    /// The stage has no such setting.
    #[error("stage `{stage}` has no setting `{key}`{}", hint(nearest))]
    UnknownConfig {
        /// The stage.
        stage: String,
        /// The setting.
        key: String,
        /// The declared setting most like it.
        nearest: Option<String>,
    },
    /// A setting without a default is not given.
    #[error("stage `{stage}` needs the setting `{key}` ({description})")]
    MissingConfig {
        /// The stage.
        stage: String,
        /// The setting.
        key: String,
        /// What it means.
        description: String,
    },
    /// A setting has a value of the wrong type.
    #[error("the setting `{key}` of stage `{stage}` is unusable: {reason}")]
    BadConfig {
        /// The stage.
        stage: String,
        /// The setting.
        key: String,
        /// Why.
        reason: String,
    },

    /// A retry that never tries.
    #[error("0 attempts would never try; attempts counts the first one, so it is at least 1")]
    NoAttempts,
    /// A backoff that is no growth.
    #[error("the backoff is {0}; each pause is multiplied by it, so it must be at least 1")]
    BadBackoff(f64),
    /// A timeout that leaves no time.
    #[error("a timeout of 0 ms leaves no time; give it more or remove it")]
    NoTime,
    /// A buffer that holds nothing.
    #[error("a buffer for 0 items lets nothing pass; it holds at least 1")]
    NoBuffer,

    /// A key is read that no earlier node writes.
    #[error(
        "reads `{key}`, which nothing before it writes{}{}",
        hint(nearest),
        advice(writers)
    )]
    NoWriter {
        /// The key.
        key: String,
        /// The key most like it that is there.
        nearest: Option<String>,
        /// Registered stages that write it.
        writers: Vec<String>,
    },
    /// A key is read that is written only on some ways there, or was taken away on some.
    #[error(
        "reads `{key}`, which may be missing on account of {by}; \
         write it before, or let the stage do without it (`reads_if_there`)"
    )]
    MayBeMissing {
        /// The key.
        key: String,
        /// The node on which it depends.
        by: StagePath,
    },
    /// A key is there the first time round only.
    #[error("reads `{key}`, which the nodes here take away, so that the next {round} misses it")]
    GoneNextTime {
        /// The key.
        key: String,
        /// What comes round: a turn or an attempt.
        round: &'static str,
    },
    /// Two nodes mean different types by one key.
    #[error("uses `{key}` as a {here}, but {other} uses it as a {there}; rename one of the keys")]
    TypeMismatch {
        /// The key.
        key: String,
        /// The type here.
        here: KeyType,
        /// The type there.
        there: KeyType,
        /// The other node, or `the given state`.
        other: StagePath,
    },
    /// A condition asks for something that the key's type cannot answer.
    #[error("asks whether `{key}` is {asked}, but it is a {holds}; ask for another key")]
    BadQuestion {
        /// The key.
        key: String,
        /// What is asked.
        asked: String,
        /// What the key holds.
        holds: KeyType,
    },
    /// A loop goes through something that is no list.
    #[error(
        "goes through `{key}`, but it is a {holds}; name a key that is declared with `Key::list`"
    )]
    NoList {
        /// The key.
        key: String,
        /// What it holds.
        holds: KeyType,
    },

    /// Two branches write one key, and the merge does not say which counts.
    #[error(
        "both {first} and {second} write `{key}`; let only one of them do it \
         (branches of a parallel block can also be merged `in_order`, where the last one counts)"
    )]
    MergeConflict {
        /// The key.
        key: String,
        /// A branch.
        first: StagePath,
        /// Another one.
        second: StagePath,
    },
    /// One branch changes a live resource that another one uses at the same time.
    #[error(
        "{first} changes `{key}`, a live resource, while {second} uses it; \
         run them one after the other, or give each its own"
    )]
    SharedResource {
        /// The key.
        key: String,
        /// The branch that changes it.
        first: StagePath,
        /// The other one.
        second: StagePath,
    },
    /// The producer does not write the item that the consumer is to take.
    #[error("the producer does not always write `{0}`, the item that it is to make")]
    NoItem(String),
}

impl Fault {
    /// Whether it keeps us from knowing which keys are written.
    pub(crate) fn hides_keys(&self) -> bool {
        matches!(
            self,
            Self::UnknownStage { .. }
                | Self::UnknownWorkflow { .. }
                | Self::RecursiveCall(_)
                | Self::TooDeep(_)
                | Self::TooLarge(_)
        )
    }
}

/// The candidate that `name` was most likely meant to be.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate.to_owned())
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

fn advice(writers: &[String]) -> String {
    match writers {
        [] => String::new(),
        writers => format!("; put {} before it", writers.join(" or ")),
    }
}
