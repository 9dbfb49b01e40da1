//! What stages hand to each other: values and live resources under typed keys.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use crate::key::{Key, KeyInfo, KeyType};

/// Values and live resources under typed keys.
///
/// A key keeps its type for as long as something stands there.
#[derive(Default)]
pub struct State {
    slots: BTreeMap<Name, Slot>,
}

pub(crate) type Name = Cow<'static, str>;

/// What stands under a key. It is shared with parallel branches and with handles from
/// [`State::share`]; it can be changed in place by whoever holds it alone.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) content: Rc<dyn Any>,
    pub(crate) holds: KeyType,
}

/// Why the state does not give or take something.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// Nothing stands there.
    #[error("there is no `{key}` ({holds}); put it in the state, or run a stage that writes it")]
    Missing {
        /// The key.
        key: String,
        /// The type that was looked for.
        holds: KeyType,
    },
    /// Something of another type stands there.
    #[error("`{key}` holds a {found}, where a {wanted} was expected; give one of them another key")]
    Mismatch {
        /// The key.
        key: String,
        /// The type that was asked for.
        wanted: KeyType,
        /// The type that stands there.
        found: KeyType,
    },
    /// Somebody else holds a live resource that was to be changed or taken.
    #[error(
        "`{key}` ({holds}) is shared at the moment, so it can only be read; \
         drop the handles from `share`, and leave it to one parallel branch"
    )]
    Shared {
        /// The key.
        key: String,
        /// Its type.
        holds: KeyType,
    },
    /// A value does not fit in JSON, or comes from JSON that does not fit its type.
    #[error("`{key}` ({holds}) cannot be kept in a snapshot: {reason}")]
    Snapshot {
        /// The key.
        key: String,
        /// Its type.
        holds: KeyType,
        /// Why.
        reason: String,
    },
}

impl State {
    /// A state with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts something under a key, in place of what stood there. Errors if that had another type.
    pub fn put<T: 'static>(&mut self, key: &Key<T>, content: T) -> Result<(), StateError> {
        let Some(slot) = self.slots.get_mut(key.name()) else {
            let content = Rc::new(content);
            let holds = key.holds();
            self.slots
                .insert(Cow::Borrowed(key.name()), Slot { content, holds });
            return Ok(());
        };
        slot.check(key)?;
        match Rc::get_mut(&mut slot.content).and_then(|place| place.downcast_mut::<T>()) {
            Some(place) => *place = content,
            None => slot.content = Rc::new(content),
        }
        Ok(())
    }

    /// What stands under a key.
    pub fn get<T: 'static>(&self, key: &Key<T>) -> Result<&T, StateError> {
        let slot = self.slots.get(key.name()).ok_or_else(|| missing(key))?;
        slot.content
            .downcast_ref()
            .ok_or_else(|| slot.mismatch(key))
    }

    /// What stands under a key, to be changed. A value that is shared is copied first; a live
    /// resource that is shared is an error.
    pub fn get_mut<T: 'static>(&mut self, key: &Key<T>) -> Result<&mut T, StateError> {
        let slot = self.slots.get_mut(key.name()).ok_or_else(|| missing(key))?;
        slot.check(key)?;
        slot.own().ok_or_else(|| shared(key))?;
        Rc::get_mut(&mut slot.content)
            .and_then(|content| content.downcast_mut())
            .ok_or_else(|| shared(key))
    }

    /// A handle on what stands under a key, which does not borrow the state. While it is held,
    /// a live resource can only be read.
    pub fn share<T: 'static>(&self, key: &Key<T>) -> Result<Rc<T>, StateError> {
        let slot = self.slots.get(key.name()).ok_or_else(|| missing(key))?;
        Rc::clone(&slot.content)
            .downcast()
            .map_err(|_| slot.mismatch(key))
    }

    /// Takes away what stands under a key. Where it is shared, a value is copied, and a live
    /// resource is an error, which leaves it where it is.
    pub fn take<T: 'static>(&mut self, key: &Key<T>) -> Result<T, StateError> {
        let slot = self.slots.get_mut(key.name()).ok_or_else(|| missing(key))?;
        slot.check(key)?;
        slot.own().ok_or_else(|| shared(key))?;
        let slot = self.slots.remove(key.name()).ok_or_else(|| missing(key))?;
        slot.content
            .downcast()
            .ok()
            .and_then(Rc::into_inner)
            .ok_or_else(|| shared(key))
    }

    /// Whether anything stands under a name.
    pub fn contains(&self, name: &str) -> bool {
        self.slots.contains_key(name)
    }

    /// Every key with something under it, in order of name.
    pub fn keys(&self) -> Vec<KeyInfo> {
        let info = |(name, slot): (&Name, &Slot)| KeyInfo {
            name: name.clone(),
            holds: slot.holds,
        };
        self.slots.iter().map(info).collect()
    }

    /// All plain values, as JSON; live resources are left out.
    pub fn snapshot(&self) -> Result<BTreeMap<String, Value>, StateError> {
        let mut values = BTreeMap::new();
        for (name, slot) in &self.slots {
            let Some(ops) = slot.holds.value else {
                continue;
            };
            let json = (ops.to_json)(&*slot.content)
                .map_err(|error| snapshot_error(name, slot.holds, &error))?;
            values.insert(name.to_string(), json);
        }
        Ok(values)
    }

    /// Puts back the values of a snapshot that `keys` name; others in it are left alone.
    ///
    /// Errors if a value does not fit its key's type; the state is then unchanged.
    pub fn restore(
        &mut self,
        snapshot: &BTreeMap<String, Value>,
        keys: &[KeyInfo],
    ) -> Result<(), StateError> {
        let mut restored = Vec::new();
        for KeyInfo { name, holds } in keys {
            let (Some(ops), Some(json)) = (holds.value, snapshot.get(&**name)) else {
                continue;
            };
            let content =
                (ops.from_json)(json).map_err(|error| snapshot_error(name, *holds, &error))?;
            let holds = *holds;
            restored.push((name.clone(), Slot { content, holds }));
        }
        self.slots.extend(restored);
        Ok(())
    }

    pub(crate) fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.get(name)
    }

    pub(crate) fn slot_mut(&mut self, name: &str) -> Option<&mut Slot> {
        self.slots.get_mut(name)
    }

    pub(crate) fn put_slot(&mut self, name: &str, slot: Slot) {
        match self.slots.get_mut(name) {
            Some(place) => *place = slot,
            None => {
                self.slots.insert(Cow::Owned(name.to_owned()), slot);
            }
        }
    }

    pub(crate) fn take_slot(&mut self, name: &str) -> Option<Slot> {
        self.slots.remove(name)
    }

    /// The same contents, shared.
    pub(crate) fn fork(&self) -> Self {
        Self {
            slots: self.slots.clone(),
        }
    }

    /// Takes over what `part` has changed since it was forked from `before`, but for `local`.
    pub(crate) fn merge(&mut self, part: Self, before: &Self, local: &str) {
        for name in before.slots.keys() {
            if !part.slots.contains_key(name) && name != local {
                self.slots.remove(name);
            }
        }
        for (name, slot) in part.slots {
            let untouched = before.slots.get(&name).is_some_and(|old| slot.is(old));
            if !untouched && name != local {
                self.slots.insert(name, slot);
            }
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

impl Slot {
    fn check<T: 'static>(&self, key: &Key<T>) -> Result<(), StateError> {
        if self.content.is::<T>() {
            Ok(())
        } else {
            Err(self.mismatch(key))
        }
    }

    /// Makes sure that nobody else holds the content, by copying it if it is a value.
    fn own(&mut self) -> Option<()> {
        if Rc::get_mut(&mut self.content).is_none() {
            self.content = (self.holds.value?.copy)(&*self.content)?;
        }
        Some(())
    }

    fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.content, &other.content)
    }

    fn mismatch<T: 'static>(&self, key: &Key<T>) -> StateError {
        StateError::Mismatch {
            key: key.name().to_owned(),
            wanted: key.holds(),
            found: self.holds,
        }
    }
}

fn missing<T: 'static>(key: &Key<T>) -> StateError {
    StateError::Missing {
        key: key.name().to_owned(),
        holds: key.holds(),
    }
}

fn shared<T: 'static>(key: &Key<T>) -> StateError {
    StateError::Shared {
        key: key.name().to_owned(),
        holds: key.holds(),
    }
}

fn snapshot_error(name: &str, holds: KeyType, reason: &dyn fmt::Display) -> StateError {
    StateError::Snapshot {
        key: name.to_owned(),
        holds,
        reason: reason.to_string(),
    }
}
