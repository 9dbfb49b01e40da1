//! Typed names for what stages hand to each other.

use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{ListOps, ValueOps};

/// A name in the state, and the type of what stands there.
///
/// ```
/// use kitchen_flow::Key;
///
/// /// A live resource: whatever type it is.
/// const LOG: Key<std::fs::File> = Key::new("log");
/// /// A plain value, which conditions can ask for.
/// const FINISHED: Key<bool> = Key::value("finished");
/// /// A list, which loops can go through.
/// const SEEDS: Key<Vec<u64>> = Key::list("seeds");
/// ```
pub struct Key<T> {
    name: &'static str,
    value: Option<&'static ValueOps>,
    holds: PhantomData<fn() -> T>,
}

impl<T: 'static> Key<T> {
    /// A key for anything, such as a live resource. Parallel branches share it for reading, or
    /// leave it to the one branch that changes it.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: None,
            holds: PhantomData,
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name and type, as plain data.
    pub fn info(&self) -> KeyInfo {
        KeyInfo {
            name: Cow::Borrowed(self.name),
            holds: self.holds(),
        }
    }

    pub(crate) fn holds(&self) -> KeyType {
        KeyType {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            value: self.value,
        }
    }
}

impl<T: Clone + Serialize + DeserializeOwned + 'static> Key<T> {
    /// A key for a plain value: conditions can ask for it, snapshots hold it, and each parallel
    /// branch changes a copy of its own.
    pub const fn value(name: &'static str) -> Self {
        Self {
            name,
            value: Some(const { &ValueOps::of::<T>(None) }),
            holds: PhantomData,
        }
    }
}

impl<T: Clone + Serialize + DeserializeOwned + 'static> Key<Vec<T>> {
    /// A key for a list of plain values, which loops can go through.
    pub const fn list(name: &'static str) -> Self {
        Self {
            name,
            value: Some(const { &ValueOps::of::<Vec<T>>(Some(ListOps::of::<T>())) }),
            holds: PhantomData,
        }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T: 'static> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.info(), f)
    }
}

/// A key's name and type, as plain data.
#[derive(Clone, PartialEq)]
pub struct KeyInfo {
    /// The name.
    pub name: Cow<'static, str>,
    /// The type of what stands there.
    pub holds: KeyType,
}

impl fmt::Debug for KeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.holds)
    }
}

/// The type of what stands under a key.
#[derive(Clone, Copy)]
pub struct KeyType {
    pub(crate) id: TypeId,
    name: &'static str,
    pub(crate) value: Option<&'static ValueOps>,
}

impl KeyType {
    /// The type `T`, as a plain value.
    pub(crate) fn of_value<T: Clone + Serialize + DeserializeOwned + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            value: Some(const { &ValueOps::of::<T>(None) }),
        }
    }

    /// Whether it is a plain value, and not a live resource.
    pub fn is_value(&self) -> bool {
        self.value.is_some()
    }
}

/// Two types are the same whether or not both were declared to be values.
impl PartialEq for KeyType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The type without the modules that its parts are in, such as `Box<dyn TrainingClient>`.
impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.name;
        while let Some((before, after)) = rest.split_once("::") {
            let is_path = |c: char| c.is_alphanumeric() || c == '_';
            f.write_str(before.trim_end_matches(is_path))?;
            rest = after;
        }
        f.write_str(rest)
    }
}

impl fmt::Debug for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_without_their_modules() {
        let table: [(KeyType, &str); 4] = [
            (Key::<u64>::new("k").holds(), "u64"),
            (Key::<Vec<String>>::new("k").holds(), "Vec<String>"),
            (
                Key::<Box<dyn crate::Stage>>::new("k").holds(),
                "Box<dyn Stage>",
            ),
            (
                Key::<Option<(std::rc::Rc<str>, fmt::Error)>>::new("k").holds(),
                "Option<(Rc<str>, Error)>",
            ),
        ];
        for (holds, shown) in table {
            assert_eq!(holds.to_string(), shown);
        }
    }
}
