//! What a stage can reach while it runs.

use std::rc::Rc;

use kitchen_types::Event;
use kitchen_types::event::StagePath;
use kitchen_types::random;
use serde::Deserialize;

use crate::engine::give_way;
use crate::interrupt::Scope;
use crate::key::Key;
use crate::observer::Observer;
use crate::plan::StageUse;
use crate::stage::{Access, StageError};
use crate::state::{State, StateError};

/// What a stage can reach while it runs: the keys and settings that it declared, its place in the
/// workflow, and those who watch.
pub struct Context<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) stage: &'a StageUse,
    pub(crate) path: &'a StagePath,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) random: &'a random::Key,
    pub(crate) scope: &'a Scope<'a>,
}

impl<'a> Context<'a> {
    /// What stands under a key that the stage declared in whatever way.
    pub fn get<T: 'static>(&self, key: &Key<T>) -> Result<&T, StageError> {
        self.declared(key, "reads", |_| true)?;
        Ok(self.state.get(key)?)
    }

    /// What stands under a key that the stage declared, if anything does.
    pub fn find<T: 'static>(&self, key: &Key<T>) -> Result<Option<&T>, StageError> {
        self.declared(key, "reads_if_there", |_| true)?;
        match self.state.get(key) {
            Ok(content) => Ok(Some(content)),
            Err(StateError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether anything stands under a key.
    pub fn has<T: 'static>(&self, key: &Key<T>) -> bool {
        self.state.contains(key.name())
    }

    /// A handle on what stands under a key, which does not borrow the context. While it is held,
    /// a live resource can only be read.
    pub fn share<T: 'static>(&self, key: &Key<T>) -> Result<Rc<T>, StageError> {
        self.declared(key, "reads", |_| true)?;
        Ok(self.state.share(key)?)
    }

    /// What stands under a key that the stage [changes](crate::StageSpec::changes).
    pub fn get_mut<T: 'static>(&mut self, key: &Key<T>) -> Result<&mut T, StageError> {
        self.declared(key, "changes", |access| access == Access::Change)?;
        Ok(self.state.get_mut(key)?)
    }

    /// Takes away what stands under a key that the stage [takes](crate::StageSpec::takes), or
    /// [changes](crate::StageSpec::changes) and will put back.
    pub fn take<T: 'static>(&mut self, key: &Key<T>) -> Result<T, StageError> {
        self.declared(key, "takes", |access| {
            matches!(access, Access::Take | Access::Change)
        })?;
        Ok(self.state.take(key)?)
    }

    /// Puts something under a key that the stage [writes](crate::StageSpec::writes) or
    /// [changes](crate::StageSpec::changes).
    pub fn put<T: 'static>(&mut self, key: &Key<T>, content: T) -> Result<(), StageError> {
        self.declared(key, "writes", |access| {
            matches!(access, Access::Write | Access::Change)
        })?;
        Ok(self.state.put(key, content)?)
    }

    /// One of the stage's settings, or its default.
    pub fn config<T: Deserialize<'a>>(&self, name: &str) -> Result<T, StageError> {
        let Some(value) = self.stage.config.get(name) else {
            return Err(StageError::new(format!(
                "the setting `{name}` is not declared; add `.config(..)` or `.config_or(..)` \
                 to the stage's spec"
            )));
        };
        T::deserialize(value)
            .map_err(|error| StageError::new(format!("the setting `{name}` is unusable: {error}")))
    }

    /// Tells those who watch. If nobody does, `event` is not called.
    pub fn emit(&self, event: impl FnOnce() -> Event) {
        self.emitter().emit(event);
    }

    /// Tells those who watch, without borrowing the context.
    pub fn emitter(&self) -> Emitter<'a> {
        Emitter(self.observer)
    }

    /// Gives those who watch time to take what they were told; at once if nothing waits.
    pub async fn yield_events(&self) {
        give_way(self.observer).await;
    }

    /// Where the stage stands in the workflow, such as `supervised/train/optim_step`.
    pub fn path(&self) -> &StagePath {
        self.path
    }

    /// The key of this place's randomness: another than every other place's. Key it further by a
    /// step or a purpose.
    pub fn random(&self) -> random::Key {
        self.random.purpose(self.path)
    }

    /// Whether the run is to end, so that a long stage can end early.
    pub fn is_cancelled(&self) -> bool {
        self.scope.is_cancelled()
    }

    /// Waits until the run is to end; forever if it never is.
    pub async fn cancelled(&self) {
        self.scope.cancelled().await;
    }

    /// Errors unless the stage declared a use of `key` that `allows` this one. Without this the
    /// checks before the first step would not be worth much.
    fn declared<T: 'static>(
        &self,
        key: &Key<T>,
        verb: &str,
        allows: impl Fn(Access) -> bool,
    ) -> Result<(), StageError> {
        let spec = &self.stage.registered.spec;
        let declared = |used: &crate::KeyUse| used.key.name == key.name() && allows(used.access);
        if spec.keys.iter().any(declared) {
            return Ok(());
        }
        Err(StageError::new(format!(
            "`{}` was not declared for this; add `.{verb}(..)` to the spec of stage `{}`",
            key.name(),
            spec.name
        )))
    }
}

/// Tells those who watch a run.
#[derive(Clone, Copy)]
pub struct Emitter<'a>(pub(crate) &'a dyn Observer);

impl Emitter<'_> {
    /// Tells them. If nobody watches, `event` is not called.
    pub fn emit(&self, event: impl FnOnce() -> Event) {
        if self.0.is_listening() {
            self.0.observe(event());
        }
    }
}
