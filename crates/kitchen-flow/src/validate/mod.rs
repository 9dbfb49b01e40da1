//! Checks a workflow before its first step, and turns it into a plan.

mod flow;
mod footprint;
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kitchen_types::event::StagePath;
use kitchen_types::workflow::{Node, NodeKind, OnFailure, Policy, Retry, Workflow};
use serde_json::Value;

use crate::key::KeyInfo;
use crate::plan::{Plan, PlanNode, PlanPolicy, StageUse, StreamPlan, Work};
use crate::problem::{Fault, Problem, nearest};
use crate::registry::{Registered, Registry};
use flow::Flow;
use footprint::Footprint;

/// How deep nodes may lie within each other. Walking them takes stack space in proportion.
const MAX_DEPTH: usize = 64;
/// How many nodes there may be once every call is written out: calls of calls multiply.
const MAX_NODES: usize = 10_000;

/// Checks everything about a workflow that can be known before its first step. `given` are the
/// keys of the state that it will be given; see [`State::keys`](crate::State::keys).
///
/// Errors with all problems found. Which keys are there when they are read is looked into only
/// once every name is known.
pub fn validate(
    workflow: &Workflow,
    registry: &Registry,
    given: &[KeyInfo],
) -> Result<Plan, Vec<Problem>> {
    let mut compiler = Compiler::new(workflow, registry);
    let root: StagePath = workflow.name.as_str().into();
    compiler.check_name(&root, &workflow.name);
    let steps = compiler.block(&root, "the workflow", &workflow.steps, true);
    let finally = match workflow.finally.as_slice() {
        [] => Vec::new(),
        nodes => compiler.block(&join(&root, "finally"), "finally", nodes, true),
    };
    compiler.check_unused(&root);
    let plan = Plan {
        steps,
        finally,
        rolls_back: compiler.rolls_back,
    };
    let mut problems = compiler.problems;
    if !problems.iter().any(|problem| problem.fault.hides_keys()) {
        problems.extend(Flow::check(&plan, registry, given));
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    }
}

/// Finds every stage, writes out every call, and gives every node its path.
struct Compiler<'a> {
    workflow: &'a Workflow,
    registry: &'a Registry,
    problems: Vec<Problem>,
    /// The calls around the current node, outermost first.
    calling: Vec<&'a str>,
    called: BTreeSet<&'a str>,
    depth: usize,
    nodes: usize,
    rolls_back: bool,
}

impl<'a> Compiler<'a> {
    fn new(workflow: &'a Workflow, registry: &'a Registry) -> Self {
        Self {
            workflow,
            registry,
            problems: Vec::new(),
            calling: Vec::new(),
            called: BTreeSet::new(),
            depth: 0,
            nodes: 0,
            rolls_back: false,
        }
    }

    /// Nodes that run one after the other, or side by side. `what` they are is for messages.
    fn block(
        &mut self,
        path: &StagePath,
        what: &'static str,
        nodes: &'a [Node],
        announced: bool,
    ) -> Vec<PlanNode> {
        if nodes.is_empty() {
            self.problem(path, Fault::Empty(what));
        }
        if self.depth == MAX_DEPTH {
            self.problem(path, Fault::TooDeep(MAX_DEPTH));
            return Vec::new();
        }
        self.depth += 1;
        let mut names = BTreeMap::new();
        let block = nodes
            .iter()
            .map_while(|node| {
                let name = label(node);
                self.check_name(path, name);
                let path = match names.entry(name).and_modify(|n| *n += 1).or_insert(1) {
                    1 => join(path, name),
                    n => join(path, &format!("{name}#{n}")),
                };
                self.node(path, node, announced)
            })
            .collect();
        self.depth -= 1;
        block
    }

    /// One node; `None` where there are too many of them.
    fn node(&mut self, path: StagePath, node: &'a Node, announced: bool) -> Option<PlanNode> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            if self.nodes == MAX_NODES + 1 {
                self.problem(&path, Fault::TooLarge(MAX_NODES));
            }
            return None;
        }
        let work = self.work(&path, node, announced && !node.quiet);
        let policy = self.policy(&path, &node.policy, announced && !node.quiet);
        let is_stage = matches!(node.kind, NodeKind::Stage(_));
        Some(PlanNode {
            path,
            work,
            policy: policy.map(Box::new),
            announced: announced && (is_stage || node.quiet),
        })
    }

    fn work(&mut self, path: &StagePath, node: &'a Node, announced: bool) -> Work {
        if !matches!(node.kind, NodeKind::Stage(_)) {
            for key in node.config.keys() {
                self.problem(path, Fault::ConfigWithoutStage(key.clone()));
            }
        }
        match &node.kind {
            NodeKind::Stage(name) => self.stage(path, name, &node.config),
            NodeKind::Sequence(nodes) => {
                Work::Sequence(self.block(path, "the sequence", nodes, announced))
            }
            NodeKind::Loop { repeat, body } => Work::Loop {
                repeat: repeat.clone(),
                body: self.block(path, "the loop's body", body, announced),
            },
            NodeKind::If {
                condition,
                then,
                otherwise,
            } => Work::If {
                condition: condition.clone(),
                then: self.block(&join(path, "then"), "the branch", then, announced),
                otherwise: match otherwise.as_slice() {
                    [] => Vec::new(),
                    nodes => self.block(&join(path, "else"), "the branch", nodes, announced),
                },
            },
            NodeKind::Parallel {
                branches,
                limit,
                merge,
            } => {
                let branches = self.block(path, "the parallel block", branches, announced);
                Work::Parallel {
                    owned: branches.iter().map(|branch| owned([branch])).collect(),
                    branches,
                    limit: (*limit > 0).then_some(*limit),
                    merge: *merge,
                }
            }
            NodeKind::Call(name) => Work::Sequence(self.call(path, name, announced)),
            NodeKind::Stream {
                producer,
                consumer,
                item,
                repeat,
                buffer,
                staleness,
            } => {
                if *buffer == 0 {
                    self.problem(path, Fault::NoBuffer);
                }
                let upstream = join(path, "producer");
                let downstream = join(path, "consumer");
                let producer = self.block(&upstream, "the producer", producer, announced);
                let consumer = self.block(&downstream, "the consumer", consumer, announced);
                Work::Stream(Box::new(StreamPlan {
                    owned: [&producer, &consumer].map(owned),
                    producer,
                    consumer,
                    item: item.clone(),
                    repeat: repeat.clone(),
                    buffer: *buffer,
                    staleness: *staleness,
                }))
            }
        }
    }

    fn stage(&mut self, path: &StagePath, name: &str, config: &BTreeMap<String, Value>) -> Work {
        let Some(registered) = self.registry.get(name) else {
            let names = self.registry.list().map(|spec| spec.name);
            let nearest = nearest(name, names);
            let name = name.to_owned();
            self.problem(path, Fault::UnknownStage { name, nearest });
            return Work::Sequence(Vec::new());
        };
        Work::Stage(StageUse {
            config: self.config(path, registered, config),
            registered: registered.clone(),
        })
    }

    /// The settings of a stage, with defaults filled in.
    fn config(
        &mut self,
        path: &StagePath,
        registered: &Registered,
        given: &BTreeMap<String, Value>,
    ) -> BTreeMap<&'static str, Value> {
        let spec = &registered.spec;
        let stage = || spec.name.to_owned();
        for key in given.keys() {
            if !spec.config.iter().any(|declared| declared.name == key) {
                self.problem(
                    path,
                    Fault::UnknownConfig {
                        stage: stage(),
                        key: key.clone(),
                        nearest: nearest(key, spec.config.iter().map(|declared| declared.name)),
                    },
                );
            }
        }
        let mut config = BTreeMap::new();
        for declared in &spec.config {
            let key = declared.name.to_owned();
            let Some(value) = given.get(declared.name).or(declared.default.as_ref()) else {
                let description = declared.description.to_owned();
                let stage = stage();
                self.problem(
                    path,
                    Fault::MissingConfig {
                        stage,
                        key,
                        description,
                    },
                );
                continue;
            };
            if let Err(error) = (declared.check)(value) {
                let (stage, reason) = (stage(), error.to_string());
                self.problem(path, Fault::BadConfig { stage, key, reason });
            }
            config.insert(declared.name, value.clone());
        }
        config
    }

    /// The nodes of a sub-workflow, written out for this call.
    fn call(&mut self, path: &StagePath, name: &'a str, announced: bool) -> Vec<PlanNode> {
        let Some(nodes) = self.workflow.workflows.get(name) else {
            let names = self.workflow.workflows.keys().map(String::as_str);
            let nearest = nearest(name, names);
            let name = name.to_owned();
            self.problem(path, Fault::UnknownWorkflow { name, nearest });
            return Vec::new();
        };
        self.called.insert(name);
        if self.calling.contains(&name) {
            self.problem(path, Fault::RecursiveCall(name.to_owned()));
            return Vec::new();
        }
        self.calling.push(name);
        let block = self.block(path, "the sub-workflow", nodes, announced);
        self.calling.pop();
        block
    }

    fn policy(
        &mut self,
        path: &StagePath,
        policy: &'a Policy,
        announced: bool,
    ) -> Option<PlanPolicy> {
        if policy.is_default() {
            return None;
        }
        let retry = policy.retry.clone().unwrap_or(Retry::times(1));
        if retry.attempts == 0 {
            self.problem(path, Fault::NoAttempts);
        }
        if !(retry.backoff.is_finite() && retry.backoff >= 1.0) {
            self.problem(path, Fault::BadBackoff(retry.backoff));
        }
        if policy.timeout_ms == Some(0) {
            self.problem(path, Fault::NoTime);
        }
        self.rolls_back |= policy.on_failure == OnFailure::RollBack;
        Some(PlanPolicy {
            retry,
            timeout: policy.timeout_ms.map(Duration::from_millis),
            on_failure: policy.on_failure,
            finally: match policy.finally.as_slice() {
                [] => Vec::new(),
                nodes => self.block(&join(path, "finally"), "finally", nodes, announced),
            },
        })
    }

    fn check_name(&mut self, path: &StagePath, name: &str) {
        if name.contains('/') {
            self.problem(path, Fault::BadName(name.to_owned()));
        }
    }

    fn check_unused(&mut self, root: &StagePath) {
        for name in self.workflow.workflows.keys() {
            if !self.called.contains(name.as_str()) {
                self.problem(root, Fault::UnusedWorkflow(name.clone()));
            }
        }
    }

    fn problem(&mut self, path: &StagePath, fault: Fault) {
        self.problems.push(Problem {
            path: path.clone(),
            fault,
        });
    }
}

/// What a node is called in paths.
pub(crate) fn label(node: &Node) -> &str {
    match &node.kind {
        _ if !node.name.is_empty() => &node.name,
        NodeKind::Stage(name) | NodeKind::Call(name) => name,
        NodeKind::Sequence(_) => "sequence",
        NodeKind::Loop { .. } => "loop",
        NodeKind::If { .. } => "if",
        NodeKind::Parallel { .. } => "parallel",
        NodeKind::Stream { .. } => "stream",
    }
}

/// The live resources that nodes must have to themselves.
fn owned<'a>(nodes: impl IntoIterator<Item = &'a PlanNode>) -> Vec<String> {
    Footprint::of(nodes).owned.into_iter().collect()
}

fn join(path: &StagePath, name: &str) -> StagePath {
    Arc::from(format!("{path}/{name}"))
}
