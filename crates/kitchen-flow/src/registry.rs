//! The stages there are.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::stage::{Stage, StageSpec};

/// The stages that workflows can name.
#[derive(Clone, Default)]
pub struct Registry {
    stages: BTreeMap<&'static str, Rc<Registered>>,
}

/// A stage with what it declares.
pub(crate) struct Registered {
    pub(crate) stage: Box<dyn Stage>,
    pub(crate) spec: StageSpec,
}

impl Registry {
    /// A registry with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stage. One that is registered under the same name gives way, so that a built-in
    /// stage can be replaced.
    pub fn add(&mut self, stage: impl Stage + 'static) {
        let spec = stage.spec();
        let stage = Box::new(stage);
        self.stages
            .insert(spec.name, Rc::new(Registered { stage, spec }));
    }

    /// The same, in a chain.
    pub fn with(mut self, stage: impl Stage + 'static) -> Self {
        self.add(stage);
        self
    }

    /// What each stage declares, in order of name.
    pub fn list(&self) -> impl Iterator<Item = &StageSpec> {
        self.stages.values().map(|stage| &stage.spec)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Registered>> {
        self.stages.get(name)
    }
}
