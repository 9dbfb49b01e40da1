//! The store on a simulated browser that dies, or runs out of room, in any operation.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::rc::Rc;

use futures::FutureExt;
use kitchen_types::random::{Generator, Key};

use super::*;

/// What a future that never has to wait brings.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

/// What a browser's private files and database hold.
#[derive(Default)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    index: BTreeMap<String, SlotRecord>,
    /// Operations that change something, so far.
    operations: usize,
    /// In which of them the tab dies, and how much of that one comes about.
    dies: Option<(usize, Share)>,
    /// From which of them on, and up to which, there is no room.
    full: std::ops::Range<usize>,
    room: Option<u64>,
}

/// How much of its last operation a tab that dies leaves behind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    Nothing,
    Emptied,
    Half,
    Mixed,
    Everything,
}

const SHARES: [Share; 5] = [
    Share::Nothing,
    Share::Emptied,
    Share::Half,
    Share::Mixed,
    Share::Everything,
];

#[derive(Clone, Default)]
struct Simulated(Rc<RefCell<Disk>>);

impl Disk {
    /// Counts an operation, and says how much of it comes about; an error once the tab is dead.
    fn operate(&mut self) -> Result<(Share, Result<(), Fault>), Fault> {
        let number = self.operations;
        self.operations += 1;
        let gone = || Fault("the tab is gone".into());
        match self.dies {
            Some((dies, _)) if number > dies => Err(gone()),
            Some((dies, share)) if number == dies => Ok((share, Err(gone()))),
            _ if self.full.contains(&number) => Ok((Share::Half, Err(Fault("no room".into())))),
            _ => Ok((Share::Everything, Ok(()))),
        }
    }
}

#[async_trait(?Send)]
impl Medium for Simulated {
    async fn room(&self) -> Option<u64> {
        self.0.borrow().room
    }

    async fn write(&self, file: &str, header: &[u8], bytes: &[u8]) -> Result<(), Fault> {
        let mut disk = self.0.borrow_mut();
        let (share, outcome) = disk.operate()?;
        let new = [header, bytes].concat();
        let half = new[..new.len() / 2].to_vec();
        let before = disk.files.get(file).cloned();
        let after = match share {
            Share::Nothing => before,
            Share::Emptied => Some(Vec::new()),
            Share::Half => Some(half),
            Share::Mixed => {
                let before = before.unwrap_or_default();
                let rest = before.get(half.len()..).unwrap_or_default();
                Some([&half[..], rest].concat())
            }
            Share::Everything => Some(new),
        };
        if let Some(after) = after {
            disk.files.insert(file.into(), after);
        }
        outcome
    }

    async fn read(&self, file: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.0.borrow().files.get(file).cloned())
    }

    async fn remove(&self, file: &str) -> Result<(), Fault> {
        let mut disk = self.0.borrow_mut();
        let (share, outcome) = disk.operate()?;
        if share == Share::Everything {
            disk.files.remove(file);
        }
        outcome
    }

    async fn files(&self) -> Result<Vec<String>, Fault> {
        Ok(self.0.borrow().files.keys().cloned().collect())
    }

    async fn records(&self) -> Result<Vec<(String, SlotRecord)>, Fault> {
        let index = self.0.borrow().index.clone();
        Ok(index.into_iter().collect())
    }

    async fn commit(&self, changes: &[Change]) -> Result<(), Fault> {
        let mut disk = self.0.borrow_mut();
        let (share, outcome) = disk.operate()?;
        if share == Share::Everything {
            for (name, record) in changes {
                match record {
                    Some(record) => disk.index.insert(name.clone(), record.clone()),
                    None => disk.index.remove(name),
                };
            }
        }
        outcome
    }
}

fn open(disk: &Simulated) -> Slots<Simulated> {
    block_on(Slots::open(disk.clone())).unwrap()
}

type Contents = BTreeMap<String, Vec<u8>>;

/// Everything that can be read.
fn contents(store: &Slots<Simulated>) -> Contents {
    let files = block_on(store.list("")).unwrap();
    let read = files.into_iter().map(|file| {
        let bytes = block_on(store.get(&file.name)).unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        (file.name, bytes)
    });
    read.collect()
}

/// What can be done to a store.
#[derive(Clone, Debug)]
enum Act {
    Put(&'static str, Vec<u8>),
    PutSet(&'static str, Vec<u8>),
    Delete(&'static str),
}

impl Act {
    fn draw(draws: &mut Generator) -> Self {
        let bytes = vec![draws.below(256) as u8; draws.below(40) as usize];
        let one_of = |names: [&'static str; 2], draws: &mut Generator| {
            names[usize::from(draws.below(2) == 1)]
        };
        match draws.below(5) {
            0 | 1 => Self::Put(one_of(["config.toml", "events/0.jsonl"], draws), bytes),
            2 | 3 => Self::PutSet(one_of(["sets/first", "sets/second"], draws), bytes),
            _ => Self::Delete(one_of(["config.toml", "sets/first"], draws)),
        }
    }

    async fn on(&self, store: &Slots<Simulated>) -> Result<(), StoreError> {
        match self {
            Self::Put(name, bytes) => store.put(name, bytes).await,
            Self::PutSet(folder, bytes) => {
                let set: &[(&str, &[u8])] =
                    &[("weights", bytes), ("loop", b"state"), ("manifest", b"")];
                store.put_set(folder, set).await
            }
            Self::Delete(name) => store.delete(name).await,
        }
    }

    /// What the store holds afterwards, if it held `before`.
    fn after(&self, before: &Contents) -> Contents {
        let mut after = before.clone();
        match self {
            Self::Put(name, bytes) => drop(after.insert((*name).into(), bytes.clone())),
            Self::PutSet(folder, _) if after.contains_key(&format!("{folder}/loop")) => {}
            Self::PutSet(folder, bytes) => {
                after.insert(format!("{folder}/weights"), bytes.clone());
                after.insert(format!("{folder}/loop"), b"state".into());
                after.insert(format!("{folder}/manifest"), Vec::new());
            }
            Self::Delete(name) => {
                after.retain(|kept, _| kept != name && !kept.starts_with(&format!("{name}/")));
            }
        }
        after
    }
}

/// Some acts, and how many operations they come to.
fn acts(seed: u64) -> (Vec<Act>, usize) {
    let mut draws = Key::new(seed).rng();
    let acts: Vec<Act> = (0..8).map(|_| Act::draw(&mut draws)).collect();
    let disk = Simulated::default();
    let store = open(&disk);
    let mut expected = Contents::new();
    for act in &acts {
        let _ = block_on(act.on(&store));
        expected = act.after(&expected);
        assert_eq!(contents(&store), expected, "{acts:?}");
    }
    assert_eq!(contents(&open(&disk)), expected);
    let operations = disk.0.borrow().operations;
    (acts, operations)
}

#[test]
fn a_tab_that_dies_anywhere_leaves_the_old_or_the_new_and_never_half() {
    for seed in 0..60 {
        let (acts, operations) = acts(seed);
        for dies in 0..operations {
            for share in SHARES {
                let at = format!("seed {seed}, operation {dies}, {share:?}: {acts:?}");
                let disk = Simulated::default();
                disk.0.borrow_mut().dies = Some((dies, share));
                let store = open(&disk);
                let mut before = Contents::new();
                let mut interrupted = None;
                for act in &acts {
                    let outcome = block_on(act.on(&store));
                    if disk.0.borrow().operations > dies {
                        interrupted = Some((act, outcome));
                        break;
                    }
                    before = act.after(&before);
                }
                let (act, outcome) = interrupted.unwrap();
                disk.0.borrow_mut().dies = None;

                let store = open(&disk);
                let found = contents(&store);
                let after = act.after(&before);
                assert!(found == before || found == after, "{at}");
                // What was acknowledged is there: a delete is once its record is gone.
                assert!(outcome.is_err() || found == after, "{at}");

                // Nothing is left over but the two slots of each name, and the store can be used.
                for file in block_on(disk.files()).unwrap() {
                    let of_a_name =
                        |name: &String| file.starts_with(&slot::file_name(name, Slot::First)[..32]);
                    assert!(found.keys().any(of_a_name), "{at}");
                }
                block_on(store.put("config.toml", b"again")).unwrap();
                assert_eq!(
                    block_on(store.get("config.toml")).unwrap(),
                    b"again",
                    "{at}"
                );
            }
        }
    }
}

#[test]
fn when_room_runs_out_what_was_kept_stays_and_writing_goes_on_later() {
    for seed in 0..60 {
        let (acts, operations) = acts(seed);
        for from in 0..operations {
            let disk = Simulated::default();
            disk.0.borrow_mut().full = from..from + 3;
            let store = open(&disk);
            let mut expected = Contents::new();
            for act in &acts {
                let outcome = block_on(act.on(&store));
                match outcome {
                    Ok(()) | Err(StoreError::Exists(_)) => expected = act.after(&expected),
                    Err(_) => {}
                }
                let at = format!("seed {seed}, full from {from}, {act:?} of {acts:?}");
                assert_eq!(contents(&store), expected, "{at}");
            }
            assert_eq!(contents(&open(&disk)), expected);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let disk = Simulated::default();
    let store = open(&disk);
    disk.0.borrow_mut().room = Some(159);
    let error = block_on(store.put("weights", &[0; 100])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`weights` could not be written: 160 bytes are needed, and the browser has room for 159; \
         delete runs that are not needed any more, or download them first"
    );
    assert_eq!(disk.0.borrow().operations, 0);
    disk.0.borrow_mut().room = Some(160);
    block_on(store.put("weights", &[0; 100])).unwrap();
}

#[test]
fn damage_is_met_with_the_older_generation_or_said() {
    let disk = Simulated::default();
    let store = open(&disk);
    block_on(store.put("config.toml", b"one")).unwrap();
    let flip = |slot| {
        let mut disk = disk.0.borrow_mut();
        let file = disk.files.get_mut(&slot::file_name("config.toml", slot));
        *file.unwrap().last_mut().unwrap() ^= 1;
    };
    flip(Slot::First);
    assert_eq!(
        block_on(store.get("config.toml")).unwrap_err().to_string(),
        "`config.toml` could not be read: it does not match its checksum"
    );
    block_on(store.put("config.toml", b"two")).unwrap();
    block_on(store.put("config.toml", b"three")).unwrap();
    flip(Slot::First);
    assert_eq!(block_on(store.get("config.toml")).unwrap(), b"two");
    let store = open(&disk);
    assert_eq!(block_on(store.get("config.toml")).unwrap(), b"two");
    block_on(store.put("config.toml", b"four")).unwrap();
    assert_eq!(block_on(store.get("config.toml")).unwrap(), b"four");
}

#[test]
fn names_that_leave_the_store_are_refused() {
    let store = open(&Simulated::default());
    for name in ["", "/etc", "../up", "a//b", "a\\b"] {
        let refused = Err(StoreError::InvalidName(name.into()));
        assert_eq!(block_on(store.put(name, b"")), refused);
        assert_eq!(block_on(store.put_set(name, &[])), refused);
        assert_eq!(block_on(store.delete(name)), refused);
    }
    let set: &[(&str, &[u8])] = &[("x", b"1")];
    block_on(store.put_set("sets/first", set)).unwrap();
    assert_eq!(
        block_on(store.put_set("sets/first", set)),
        Err(StoreError::Exists("sets/first".into()))
    );
}
