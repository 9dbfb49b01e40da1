//! A workflow as a tree that people can read.

use std::fmt::{self, Write};

use kitchen_types::workflow::{Condition, Merge, Node, NodeKind, OnFailure, Repeat, Workflow};

use crate::registry::Registry;
use crate::stage::Access;
use crate::validate::label;

/// A workflow as an indented tree: what runs in which order, what each stage does, and what
/// follows failure.
///
/// It describes what is written, sound or not; [`validate`](crate::validate) says whether it is.
pub fn describe(workflow: &Workflow, registry: &Registry) -> String {
    let mut tree = Tree {
        registry,
        text: String::new(),
    };
    // Writing to a string cannot fail.
    let _ = tree.workflow(workflow);
    tree.text
}

struct Tree<'a> {
    registry: &'a Registry,
    text: String,
}

/// What hangs below a line: named groups of nodes, or nodes.
enum Below<'a> {
    Node(&'a Node),
    Group(&'a str, &'a [Node]),
}

impl Tree<'_> {
    fn workflow(&mut self, workflow: &Workflow) -> fmt::Result {
        self.text.write_str(&workflow.name)?;
        if !workflow.description.is_empty() {
            write!(self.text, ": {}", workflow.description)?;
        }
        self.text.write_char('\n')?;
        let mut below = nodes(&workflow.steps);
        let calls: Vec<_> = (workflow.workflows.keys())
            .map(|name| format!("to call: {name}"))
            .collect();
        below.extend(group("finally", &workflow.finally));
        for (title, nodes) in calls.iter().zip(workflow.workflows.values()) {
            below.push(Below::Group(title, nodes));
        }
        self.below(&below, "")
    }

    fn below(&mut self, below: &[Below<'_>], indent: &str) -> fmt::Result {
        for (index, entry) in below.iter().enumerate() {
            let is_last = index + 1 == below.len();
            let (branch, rest) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            write!(self.text, "{indent}{branch}")?;
            let indent = format!("{indent}{rest}");
            match entry {
                Below::Node(node) => self.node(node, &indent)?,
                Below::Group(title, group) => {
                    writeln!(self.text, "{title}")?;
                    self.below(&nodes(group), &indent)?;
                }
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, indent: &str) -> fmt::Result {
        self.text.write_str(label(node))?;
        let mut below = Vec::new();
        match &node.kind {
            NodeKind::Stage(name) => self.stage(node, name)?,
            NodeKind::Sequence(steps) => below = nodes(steps),
            NodeKind::Call(name) => write!(self.text, ": call {name}")?,
            NodeKind::Loop { repeat, body } => {
                write!(self.text, ": {}", Repeated(repeat))?;
                below = nodes(body);
            }
            NodeKind::If {
                condition,
                then,
                otherwise,
            } => {
                write!(self.text, ": {}", Asked(condition))?;
                below.push(Below::Group("then", then));
                below.extend(group("else", otherwise));
            }
            NodeKind::Parallel {
                branches,
                limit,
                merge,
            } => {
                self.text.write_str(": at the same time")?;
                if *limit > 0 {
                    write!(self.text, ", at most {limit} at once")?;
                }
                if *merge == Merge::InOrder {
                    self.text.write_str(", the last one counts")?;
                }
                below = nodes(branches);
            }
            NodeKind::Stream {
                producer,
                consumer,
                item,
                repeat,
                buffer,
                staleness,
            } => {
                write!(
                    self.text,
                    ": {} `{item}`, {buffer} waiting",
                    Repeated(repeat)
                )?;
                if let Some(items) = staleness {
                    write!(self.text, ", stale after {items}")?;
                }
                below.push(Below::Group("producer", producer));
                below.push(Below::Group("consumer", consumer));
            }
        }
        self.policy(node)?;
        self.text.write_char('\n')?;
        below.extend(group("finally", &node.policy.finally));
        self.below(&below, indent)
    }

    fn stage(&mut self, node: &Node, name: &str) -> fmt::Result {
        if !node.name.is_empty() && node.name != name {
            write!(self.text, " = {name}")?;
        }
        if !node.config.is_empty() {
            let settings = node
                .config
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            write!(self.text, "({})", settings.collect::<Vec<_>>().join(", "))?;
        }
        let Some(registered) = self.registry.get(name) else {
            return self.text.write_str(": unknown");
        };
        let spec = &registered.spec;
        write!(self.text, ": {}", spec.description)?;
        let keys = |wanted: fn(Access) -> bool| {
            let used = spec.keys.iter().filter(|used| wanted(used.access));
            used.map(|used| &*used.key.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let read = keys(|access| access != Access::Write);
        let written = keys(|access| matches!(access, Access::Write | Access::Change));
        match (read.as_str(), written.as_str()) {
            ("", "") => Ok(()),
            (read, "") => write!(self.text, " ({read})"),
            ("", written) => write!(self.text, " (-> {written})"),
            (read, written) => write!(self.text, " ({read} -> {written})"),
        }
    }

    fn policy(&mut self, node: &Node) -> fmt::Result {
        let mut notes = Vec::new();
        if node.quiet {
            notes.push("quiet".to_owned());
        }
        if let Some(retry) = &node.policy.retry {
            notes.push(format!("up to {} attempts", retry.attempts));
        }
        if let Some(timeout_ms) = node.policy.timeout_ms {
            notes.push(format!("within {timeout_ms} ms"));
        }
        match node.policy.on_failure {
            OnFailure::Fail => {}
            OnFailure::Skip => notes.push("or skip".to_owned()),
            OnFailure::RollBack => notes.push("or roll back".to_owned()),
        }
        if notes.is_empty() {
            return Ok(());
        }
        write!(self.text, " [{}]", notes.join(", "))
    }
}

fn nodes(nodes: &[Node]) -> Vec<Below<'_>> {
    nodes.iter().map(Below::Node).collect()
}

fn group<'a>(title: &'a str, nodes: &'a [Node]) -> Option<Below<'a>> {
    (!nodes.is_empty()).then_some(Below::Group(title, nodes))
}

struct Repeated<'a>(&'a Repeat);

impl fmt::Display for Repeated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repeat::Times(times) => write!(f, "{times} times"),
            Repeat::Each { list, item } => write!(f, "for each `{item}` of `{list}`"),
            Repeat::While(condition) => write!(f, "while {}", Asked(condition)),
            Repeat::Until(condition) => write!(f, "until {}", Asked(condition)),
        }
    }
}

struct Asked<'a>(&'a Condition);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |conditions: &[Condition], separator: &str| {
            f.write_char('(')?;
            for (index, condition) in conditions.iter().enumerate() {
                let separator = if index == 0 { "" } else { separator };
                write!(f, "{separator}{}", Asked(condition))?;
            }
            f.write_char(')')
        };
        match self.0 {
            Condition::All(conditions) => list(conditions, " and "),
            Condition::Any(conditions) => list(conditions, " or "),
            Condition::Is(key) => write!(f, "`{key}`"),
            Condition::Equals { key, value } => write!(f, "`{key}` = {value}"),
            Condition::Below { key, limit } => write!(f, "`{key}` < {limit}"),
            Condition::Above { key, limit } => write!(f, "`{key}` > {limit}"),
            Condition::Not(condition) => write!(f, "not {}", Asked(condition)),
        }
    }
}
