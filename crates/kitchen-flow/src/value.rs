//! What the engine can do with a plain value without knowing its type.

use std::any::{Any, TypeId};
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use kitchen_types::Number;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde_json::Value;

use crate::key::KeyType;

/// What can be done with a value of a certain type.
pub(crate) struct ValueOps {
    /// A copy of its own.
    pub(crate) copy: fn(&dyn Any) -> Option<Rc<dyn Any>>,
    /// The value as JSON.
    pub(crate) to_json: fn(&dyn Any) -> serde_json::Result<Value>,
    /// The value from JSON.
    pub(crate) from_json: fn(&Value) -> serde_json::Result<Rc<dyn Any>>,
    /// What can be done with it as a list, if it is one.
    pub(crate) list: Option<ListOps>,
}

impl ValueOps {
    pub(crate) const fn of<T>(list: Option<ListOps>) -> Self
    where
        T: Clone + Serialize + DeserializeOwned + 'static,
    {
        Self {
            copy: |value| Some(Rc::new(value.downcast_ref::<T>()?.clone())),
            to_json: |value| match value.downcast_ref::<T>() {
                Some(value) => serde_json::to_value(value),
                None => Err(serde_json::Error::custom("the value has another type")),
            },
            from_json: |json| Ok(Rc::new(T::deserialize(json)?)),
            list,
        }
    }
}

/// What can be done with a list.
pub(crate) struct ListOps {
    /// The type of an item.
    pub(crate) item: fn() -> KeyType,
    /// How many items there are.
    pub(crate) len: fn(&dyn Any) -> usize,
    /// Puts a copy of an item in a place, which is reused where nobody else holds it. Says
    /// whether there is such an item.
    pub(crate) copy_item: fn(&dyn Any, usize, &mut Rc<dyn Any>) -> bool,
}

impl ListOps {
    pub(crate) const fn of<T>() -> Self
    where
        T: Clone + Serialize + DeserializeOwned + 'static,
    {
        Self {
            item: KeyType::of_value::<T>,
            len: |list| list.downcast_ref::<Vec<T>>().map_or(0, Vec::len),
            copy_item: |list, index, place| {
                let Some(item) = list
                    .downcast_ref::<Vec<T>>()
                    .and_then(|list| list.get(index))
                else {
                    return false;
                };
                match Rc::get_mut(place).and_then(|place| place.downcast_mut::<T>()) {
                    Some(place) => place.clone_from(item),
                    None => *place = Rc::new(item.clone()),
                }
                true
            },
        }
    }
}

/// What a condition can ask for without allocating.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

/// The kinds of scalars that conditions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Bool,
    Number,
    Text,
}

macro_rules! scalars {
    ($($type:ty: $kind:ident, $value:ident => $scalar:expr;)*) => {
        impl<'a> Scalar<'a> {
            /// The scalar in a value, if it is of a type that has one.
            pub(crate) fn of(value: &'a dyn Any) -> Option<Self> {
                $(if let Some($value) = value.downcast_ref::<$type>() {
                    return Some($scalar);
                })*
                None
            }
        }

        impl ScalarKind {
            /// The kind of scalar in values of a type, if they have one.
            pub(crate) fn of(holds: &KeyType) -> Option<Self> {
                $(if holds.id == TypeId::of::<$type>() {
                    return Some(Self::$kind);
                })*
                None
            }
        }
    };
}

scalars! {
    bool: Bool, value => Scalar::Bool(*value);
    u64: Number, value => Scalar::Unsigned(*value);
    f64: Number, value => Scalar::Float(*value);
    Number: Number, value => Scalar::Float(value.0);
    String: Text, value => Scalar::Text(value);
    usize: Number, value => Scalar::Unsigned(*value as u64);
    u32: Number, value => Scalar::Unsigned((*value).into());
    i64: Number, value => Scalar::Signed(*value);
    i32: Number, value => Scalar::Signed((*value).into());
    f32: Number, value => Scalar::Float((*value).into());
    u16: Number, value => Scalar::Unsigned((*value).into());
    u8: Number, value => Scalar::Unsigned((*value).into());
    i16: Number, value => Scalar::Signed((*value).into());
    i8: Number, value => Scalar::Signed((*value).into());
    Arc<str>: Text, value => Scalar::Text(value);
}

impl Scalar<'_> {
    /// How a number stands to a limit; `None` for what is no number, and for NaN.
    pub(crate) fn compare(self, limit: f64) -> Option<Ordering> {
        match self {
            Self::Unsigned(value) => (value as f64).partial_cmp(&limit),
            Self::Signed(value) => (value as f64).partial_cmp(&limit),
            Self::Float(value) => value.partial_cmp(&limit),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// Whether it equals a JSON value; 2 and 2.0 are equal, and whole numbers compare exactly.
    pub(crate) fn equals(self, json: &Value) -> bool {
        match self {
            Self::Bool(value) => json.as_bool() == Some(value),
            Self::Text(value) => json.as_str() == Some(value),
            Self::Float(value) => json.as_f64() == Some(value),
            Self::Unsigned(value) => match json.as_u64() {
                Some(whole) => whole == value,
                None => json.is_f64() && json.as_f64() == Some(value as f64),
            },
            Self::Signed(value) => match json.as_i64() {
                Some(whole) => whole == value,
                None => json.is_f64() && json.as_f64() == Some(value as f64),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_equal_json_of_the_same_worth() {
        let table: [(&dyn Any, Value, bool); 12] = [
            (&true, json!(true), true),
            (&true, json!("true"), false),
            (&2_u64, json!(2), true),
            (&2_u64, json!(2.0), true),
            (&2_u64, json!(-2), false),
            (&-2_i32, json!(-2), true),
            (&u64::MAX, json!(u64::MAX - 1), false),
            (&u64::MAX, json!(u64::MAX), true),
            (&0.5_f32, json!(0.5), true),
            (&Number(f64::NAN), json!("NaN"), false),
            (&"a".to_owned(), json!("a"), true),
            (&"a".to_owned(), json!(1), false),
        ];
        for (value, json, expected) in table {
            let scalar = Scalar::of(value);
            assert_eq!(
                scalar.map(|scalar| scalar.equals(&json)),
                Some(expected),
                "{scalar:?} and {json}"
            );
        }
    }

    #[test]
    fn nan_is_neither_below_nor_above() {
        assert_eq!(Scalar::Float(f64::NAN).compare(1.0), None);
        assert_eq!(Scalar::Signed(-3).compare(-2.5), Some(Ordering::Less));
    }

    #[test]
    fn an_item_is_copied_in_place_where_nobody_else_holds_it() {
        let list = ListOps::of::<u64>();
        let items = vec![7_u64, 8];
        let mut place: Rc<dyn Any> = Rc::new(());
        assert!((list.copy_item)(&items, 0, &mut place));
        let address = Rc::as_ptr(&place).cast::<u8>();
        assert!((list.copy_item)(&items, 1, &mut place));
        assert_eq!(Rc::as_ptr(&place).cast::<u8>(), address);
        assert_eq!(place.downcast_ref(), Some(&8_u64));
        assert!(!(list.copy_item)(&items, 2, &mut place));
    }
}
