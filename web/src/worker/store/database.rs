//! IndexedDB: three tables of JSON texts, changed in transactions that survive a crash.

use js_sys::{Array, Promise};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

use super::js::{call, fault, options};
use super::medium::Fault;

const NAME: &str = "kitchen";

/// The version of the tables.
const VERSION: u32 = 1;

/// A table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    Runs,
    Files,
    Intents,
}

impl Table {
    const ALL: [Self; 3] = [Self::Runs, Self::Files, Self::Intents];

    fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Files => "files",
            Self::Intents => "intents",
        }
    }
}

/// A change to a table.
#[derive(Debug)]
pub(super) enum Edit {
    Put {
        table: Table,
        key: String,
        value: String,
    },
    Remove {
        table: Table,
        key: String,
    },
    /// Removes all whose key begins with `folder` and a slash.
    RemoveInside {
        table: Table,
        folder: String,
    },
}

impl Edit {
    /// Puts plain data.
    pub(super) fn put(table: Table, key: impl Into<String>, value: &impl Serialize) -> Self {
        Self::Put {
            table,
            key: key.into(),
            // Plain data always has a JSON form.
            value: serde_json::to_string(value).unwrap_or_default(),
        }
    }
}

/// The page's database.
#[derive(Debug)]
pub(super) struct Database(IdbDatabase);

impl Database {
    /// Opens it, with its tables.
    pub(super) async fn open() -> Result<Self, Fault> {
        let scope = super::scope();
        let factory = scope.indexed_db().map_err(fault)?;
        let factory = factory.ok_or_else(|| Fault("this browser has no IndexedDB".into()))?;
        let request = factory.open_with_u32(NAME, VERSION).map_err(fault)?;
        let opening = request.clone();
        let make_tables = Closure::once(move || {
            let Ok(Ok(database)) = opening.result().map(JsCast::dyn_into::<IdbDatabase>) else {
                return;
            };
            for table in Table::ALL {
                // What fails here fails the opening, which says why.
                let _ = database.create_object_store(table.name());
            }
        });
        request.set_onupgradeneeded(Some(make_tables.as_ref().unchecked_ref()));
        let database: IdbDatabase = answer(&request).await?.unchecked_into();
        // A newer version of the page, in another tab, waits for this one to let go.
        let closing = database.clone();
        let let_go = Closure::<dyn FnMut()>::new(move || closing.close());
        database.set_onversionchange(Some(let_go.as_ref().unchecked_ref()));
        let_go.forget();
        Ok(Self(database))
    }

    /// The keys and values of a table; only those whose key begins with `folder` and a slash, if
    /// one is named. Keys come without that beginning.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        table: Table,
        folder: Option<&str>,
    ) -> Result<Vec<(String, T)>, Fault> {
        let transaction = self.transaction(&[table], "readonly")?;
        let store = transaction.object_store(table.name()).map_err(fault)?;
        let range = match folder {
            Some(folder) => inside(folder)?.into(),
            None => JsValue::UNDEFINED,
        };
        let keys = store.get_all_keys_with_key(&range).map_err(fault)?;
        let values = store.get_all_with_key(&range).map_err(fault)?;
        // Both are asked before either is awaited: a transaction ends when nothing is asked of it.
        let (keys, values) = futures::future::join(answer(&keys), answer(&values)).await;
        let (keys, values): (Array, Array) = (keys?.unchecked_into(), values?.unchecked_into());
        let skipped = folder.map_or(0, |folder| folder.len() + 1);
        let text = |value: JsValue| value.as_string().unwrap_or_default();
        keys.iter()
            .map(text)
            .zip(values.iter().map(text))
            .map(|(key, value)| {
                let value = serde_json::from_str(&value).map_err(|error| {
                    Fault(format!(
                        "what was written down of {key} is of another version of this page \
                         ({error}); reload the page"
                    ))
                })?;
                Ok((key.get(skipped..).unwrap_or_default().to_owned(), value))
            })
            .collect()
    }

    /// Makes all changes, or none; they have reached the disk when this returns.
    pub(super) async fn edit(&self, edits: &[Edit]) -> Result<(), Fault> {
        let transaction = self.transaction(&Table::ALL, "readwrite")?;
        let asked = edits.iter().try_for_each(|edit| ask(&transaction, edit));
        if let Err(error) = asked {
            // Nothing of it is to be seen; an aborted transaction cannot be aborted again.
            let _ = transaction.abort();
            return Err(fault(error));
        }
        let ended = Promise::new(&mut |resolve, reject| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        match JsFuture::from(ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(match transaction.error() {
                Some(error) => fault(error.into()),
                None => Fault("the browser gave up writing it".into()),
            }),
        }
    }

    fn transaction(&self, tables: &[Table], mode: &str) -> Result<IdbTransaction, Fault> {
        let names: Array = tables
            .iter()
            .map(|table| JsValue::from(table.name()))
            .collect();
        // Without asking, some browsers say that it is done before it has reached the disk.
        let strict = options("durability", "strict");
        let arguments = [names.into(), mode.into(), strict];
        Ok(call(&self.0, "transaction", &arguments)?.unchecked_into())
    }
}

fn ask(transaction: &IdbTransaction, edit: &Edit) -> Result<(), JsValue> {
    let store = |table: &Table| -> Result<IdbObjectStore, JsValue> {
        transaction.object_store(table.name())
    };
    // What becomes of each request shows in what becomes of the transaction.
    match edit {
        Edit::Put { table, key, value } => {
            store(table)?.put_with_key(&JsValue::from(value), &JsValue::from(key))?;
        }
        Edit::Remove { table, key } => {
            store(table)?.delete(&JsValue::from(key))?;
        }
        Edit::RemoveInside { table, folder } => {
            let range = inside(folder).map_err(|fault| JsValue::from(fault.0))?;
            store(table)?.delete(&range)?;
        }
    }
    Ok(())
}

/// All keys that begin with `folder` and a slash: `0` is the character after the slash.
fn inside(folder: &str) -> Result<IdbKeyRange, Fault> {
    let (first, after) = (format!("{folder}/"), format!("{folder}0"));
    IdbKeyRange::bound_with_lower_open_and_upper_open(&first.into(), &after.into(), false, true)
        .map_err(fault)
}

/// Waits for what a request brings.
async fn answer(request: &IdbRequest) -> Result<JsValue, Fault> {
    let ended = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(ended).await {
        Ok(_) => request.result().map_err(fault),
        Err(_) => Err(match request.error() {
            Ok(Some(error)) => fault(error.into()),
            _ => Fault("the browser's database gave no answer".into()),
        }),
    }
}
