//! What happens in a step, and what it declares about itself.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::key::{Key, KeyInfo};

/// What happens in a step.
#[async_trait(?Send)]
pub trait Stage {
    /// What it is called, reads, writes, can be told and says. Asked once, when it is registered.
    fn spec(&self) -> StageSpec;

    /// Does it. A stage is never interrupted, unless a timeout around it expires; one that takes
    /// long should look at [`Context::is_cancelled`].
    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError>;

    /// Undoes it, after a later stage failed; only asked of stages that declare
    /// [`StageSpec::can_roll_back`].
    async fn roll_back(&self, _ctx: &mut Context<'_>) -> Result<(), StageError> {
        Ok(())
    }
}

/// What a stage declares about itself. What it does not declare, it cannot reach.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// What workflows call it.
    pub name: &'static str,
    /// What it does, in a few words.
    pub description: &'static str,
    /// What it does with which keys.
    pub keys: Vec<KeyUse>,
    /// What it can be told.
    pub config: Vec<ConfigKey>,
    /// The events that it emits, as they are named in JSON.
    pub events: &'static [&'static str],
    /// Whether it can be undone.
    pub can_roll_back: bool,
}

/// What a stage does with a key.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// The key.
    pub key: KeyInfo,
    /// What is done with it.
    pub access: Access,
    /// Whether the stage does without it where nothing stands there.
    pub optional: bool,
}

/// What can be done with what stands under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Read,
    /// It is read and changed, or put anew.
    Change,
    /// It is put, whether or not something stood there.
    Write,
    /// It is taken away, so that later stages do not find it.
    Take,
}

/// A setting that a stage can be given.
#[derive(Clone)]
pub struct ConfigKey {
    /// The setting's name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// What it is if nobody sets it; `None` where it must be set.
    pub default: Option<Value>,
    pub(crate) check: fn(&Value) -> Result<(), serde_json::Error>,
}

impl fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({:?})",
            self.name, self.description, self.default
        )
    }
}

impl StageSpec {
    /// A stage that reads and writes nothing.
    pub fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            keys: Vec::new(),
            config: Vec::new(),
            events: &[],
            can_roll_back: false,
        }
    }

    /// It reads a key, which an earlier stage must have written.
    pub fn reads<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Read, false)
    }

    /// It reads a key where something stands there.
    pub fn reads_if_there<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Read, true)
    }

    /// It puts something under a key whenever it succeeds.
    pub fn writes<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Write, false)
    }

    /// It changes what stands under a key, which an earlier stage must have written: a value, or
    /// a live resource such as a training client. To read and write says the same.
    pub fn changes<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Change, false)
    }

    /// It changes what stands under a key, where something does: for stages that clean up.
    pub fn changes_if_there<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Change, true)
    }

    /// It takes away what stands under a key, which an earlier stage must have written.
    pub fn takes<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Take, false)
    }

    /// It takes away what stands under a key, where something does: for stages that clean up.
    pub fn takes_if_there<T: 'static>(self, key: &Key<T>) -> Self {
        self.uses(key, Access::Take, true)
    }

    fn uses<T: 'static>(mut self, key: &Key<T>, access: Access, optional: bool) -> Self {
        let key = key.info();
        let same = |used: &&mut KeyUse| used.key == key && !used.optional && !optional;
        let declared = self.keys.iter_mut().find(same);
        match declared.map(|used| (used.access, used)) {
            Some((Access::Read, used)) if access == Access::Write => used.access = Access::Change,
            Some((Access::Write, used)) if access == Access::Read => used.access = Access::Change,
            _ => self.keys.push(KeyUse {
                key,
                access,
                optional,
            }),
        }
        self
    }

    /// It has a setting that must be given, of type `T`.
    pub fn config<T: DeserializeOwned>(
        self,
        name: &'static str,
        description: &'static str,
    ) -> Self {
        self.setting::<T>(name, description, None)
    }

    /// It has a setting of type `T` with a default.
    pub fn config_or<T: DeserializeOwned>(
        self,
        name: &'static str,
        description: &'static str,
        default: impl Into<Value>,
    ) -> Self {
        self.setting::<T>(name, description, Some(default.into()))
    }

    fn setting<T: DeserializeOwned>(
        mut self,
        name: &'static str,
        description: &'static str,
        default: Option<Value>,
    ) -> Self {
        self.config.push(ConfigKey {
            name,
            description,
            default,
            check: |value| T::deserialize(value).map(drop),
        });
        self
    }

    /// It emits these events, as they are named in JSON.
    pub fn emits(mut self, events: &'static [&'static str]) -> Self {
        self.events = events;
        self
    }

    /// It can be undone by [`Stage::roll_back`].
    pub fn can_roll_back(mut self) -> Self {
        self.can_roll_back = true;
        self
    }
}

/// Why a stage failed. Any error becomes one by `?`.
pub struct StageError(Box<dyn Error>);

impl StageError {
    /// A failure in words: what, where, and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }

    /// The error behind it, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl<E: Error + 'static> From<E> for StageError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// The message, and those of the errors behind it that it does not repeat itself.
impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let message = error.to_string();
            if !said.contains(&message) {
                write!(f, ": {message}")?;
                said = message;
            }
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
