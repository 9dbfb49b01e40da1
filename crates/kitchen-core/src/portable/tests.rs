#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use futures::executor::block_on;
use kitchen_types::event::Step;
use kitchen_types::{Board, Number};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::checkpoint::load_newest;
use crate::store::Memory;

fn tensor(name: &str, values: &[f32]) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: vec![values.len()],
        values: values.to_vec(),
    }
}

fn checkpoint(step: u64) -> Checkpoint {
    Checkpoint {
        run: RunId::new("mine").unwrap(),
        config_hash: "c".into(),
        data_fingerprint: "d".into(),
        model: ModelState {
            weights: vec![
                tensor("layers.0.bias", &[f32::MIN_POSITIVE, -0.0]),
                tensor("layers.0.weight", &[1.0, 2.0, 3.0]),
            ],
            optimizer: vec![tensor("layers.0.weight.exp_avg", &[0.5; 3])],
        },
        state: LoopState {
            step,
            lr: Some(Number(0.25)),
            ..LoopState::default()
        },
        tokenizer: Some("{\"kind\":\"bytes\", \"kitchen.blake3\":\"0\"}".into()),
    }
}

/// Steps, each between the beginning and the end of a stage.
fn events(steps: u64) -> Vec<Envelope> {
    let of_step = |step| {
        let stage = || "supervised/batches".into();
        let stepped = Event::Stepped(Step {
            step,
            epoch: 1,
            loss: Number(2.0 / step as f64),
            accuracy: None,
            lr: Number(0.1),
            grad_norm: None,
            update_ratio: None,
            samples: 8,
            tokens: 0,
            duration_us: 10,
        });
        let ended = Event::StageFinished {
            stage: stage(),
            duration_us: 3,
        };
        [Event::StageStarted { stage: stage() }, stepped, ended]
    };
    (1..=steps)
        .flat_map(of_step)
        .zip(0..)
        .map(|(event, seq)| Envelope {
            run: RunId::new("mine").unwrap(),
            seq,
            at_ms: seq,
            event,
        })
        .collect()
}

fn file() -> Vec<u8> {
    pack(&checkpoint(4), &RunConfig::default(), &events(4))
        .unwrap()
        .bytes
}

fn bytes_with(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Vec<u8> {
    let bytes = file();
    let mut metadata = super::file::metadata(&bytes).unwrap();
    change(&mut metadata);
    metadata
        .entry(super::file::HASH.into())
        .and_modify(|hash| *hash = super::file::NO_HASH.into());
    let metadata = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    let checkpoint = checkpoint(4);
    let tensors = tensors(&checkpoint.model).unwrap();
    let header = super::file::header(&tensors, &metadata).unwrap();
    super::file::seal(super::file::assemble(header, &tensors))
}

fn refused(bytes: &[u8]) -> String {
    unpack(bytes).unwrap_err().to_string()
}

#[test]
fn comes_back_as_it_was() {
    let packed = pack(&checkpoint(4), &RunConfig::default(), &events(9)).unwrap();
    assert_eq!(packed.left_out, None);
    let portable = unpack(&packed.bytes).unwrap();
    assert_eq!(portable.checkpoint, checkpoint(4));
    assert_eq!(portable.config, RunConfig::default());
    // What came after the checkpoint stays behind; the stages after step 4 do no harm.
    let (back, all) = (Board::replay(&portable.events), Board::replay(&events(4)));
    assert_eq!(back.curve("train.loss"), all.curve("train.loss"));
    assert_eq!(
        packed.bytes,
        file_of(9),
        "the same run gives the same bytes"
    );
}

fn file_of(steps: u64) -> Vec<u8> {
    pack(&checkpoint(4), &RunConfig::default(), &events(steps))
        .unwrap()
        .bytes
}

/// Read as the format is written down (safetensors 0.4): eight bytes of length, that much JSON,
/// then the numbers.
#[test]
fn others_find_the_weights_under_their_names() {
    let bytes = file();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert_eq!(length % 8, 0, "numbers are aligned");
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header["__metadata__"]["format"], "pt");
    let entries = header["__metadata__"].as_object().unwrap().values();
    assert!(entries.into_iter().all(Value::is_string));
    let floats = |name: &str| -> Vec<f32> {
        assert_eq!(header[name]["dtype"], "F32");
        let at = |end: usize| header[name]["data_offsets"][end].as_u64().unwrap() as usize;
        let numbers = &bytes[8 + length..][at(0)..at(1)];
        let numbers = numbers.chunks(4);
        numbers
            .map(|it| f32::from_le_bytes(it.try_into().unwrap()))
            .collect()
    };
    assert_eq!(floats("layers.0.weight"), [1.0, 2.0, 3.0]);
    assert_eq!(floats("optimizer.layers.0.weight.exp_avg"), [0.5; 3]);
}

/// `b3sum` of the file with zeros for the hash gives the hash.
#[test]
fn the_hash_can_be_checked_by_others() {
    let bytes = file();
    let metadata = super::file::metadata(&bytes).unwrap();
    let hash = &metadata[super::file::HASH];
    let text = bytes
        .windows(hash.len())
        .position(|window| window == hash.as_bytes())
        .unwrap();
    let mut blank = bytes.clone();
    blank[text..text + hash.len()].fill(b'0');
    assert_eq!(blake3::hash(&blank).to_hex().as_str(), hash);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_flipped_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = file();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert!(unpack(&bytes).is_err(), "bit {} of byte {}", bit, at);
    }

    #[test]
    fn any_bytes_are_refused_in_peace(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(unpack(&bytes).is_err());
        // The same as a header of the length that it should have.
        let mut framed = (bytes.len() as u64).to_le_bytes().to_vec();
        framed.extend(bytes);
        prop_assert!(unpack(&framed).is_err());
    }
}

#[test]
fn every_cut_is_noticed() {
    let bytes = file();
    for length in 0..bytes.len() {
        assert!(unpack(&bytes[..length]).is_err(), "cut to {length}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(unpack(&longer).is_err());
}

#[test]
fn weights_of_others_are_refused_with_what_they_lack() {
    let metadata = Some(std::collections::HashMap::from([(
        "format".to_owned(),
        "pt".to_owned(),
    )]));
    let plain = checkpoint::write_tensors(&checkpoint(4).model.weights, metadata).unwrap();
    assert_eq!(
        refused(&plain),
        "this safetensors file holds weights only: it lacks `kitchen.manifest` in its metadata, \
         without which training cannot go on; write one with `export RUN --resumable`, or save \
         one in the page"
    );
}

#[test]
fn what_is_wrong_is_said() {
    type Change = fn(&mut BTreeMap<String, String>);
    let replace = |entry: &'static str, old: &'static str, new: &'static str| {
        move |it: &mut BTreeMap<String, String>| {
            let text = it[entry].replace(old, new);
            assert_ne!(text, it[entry], "{entry} holds no {old}");
            it.insert(entry.into(), text);
        }
    };
    let gone: [(&str, Change); 3] = [
        ("`kitchen.config`", |it| {
            it.remove("kitchen.config");
        }),
        ("`kitchen.events`", |it| {
            it.remove("kitchen.events");
        }),
        ("`kitchen.blake3`", |it| {
            it.remove("kitchen.blake3");
        }),
    ];
    for (what, change) in gone {
        let said = refused(&bytes_with(change));
        assert!(said.contains("it lacks") && said.contains(what), "{said}");
    }
    for (entry, old, new, expected) in [
        (
            "kitchen.manifest",
            "\"format\":1",
            "\"format\":99,\"more\":0",
            "its format is 99, and this program reads up to 1; use a newer kitchen",
        ),
        (
            "kitchen.manifest",
            "\"run\":\"mine\"",
            "\"run\":\"../up\"",
            "`kitchen.manifest` of the file cannot be used: `../up` cannot name a run",
        ),
        (
            "kitchen.manifest",
            "\"step\":4",
            "\"step\":5",
            "`kitchen.loop` of the file cannot be used: it stands at step 4, and the manifest at 5",
        ),
        (
            "kitchen.loop",
            "\"epoch\":0",
            "\"epoch\":18446744073709551615",
            "it counts to 18446744073709551615, which no run does",
        ),
        (
            "kitchen.config",
            "\"batch\":32",
            "\"batch\":0",
            "`batch` is 0, and must be from 1",
        ),
        (
            "kitchen.config",
            "\"lr\":",
            "\"learning\":1,\"lr\":",
            "unknown field `learning`",
        ),
        (
            "kitchen.events",
            "\"seq\":3",
            "\"seq\":4",
            "they are not those of one run, in order from 0",
        ),
        (
            "kitchen.events",
            "\"run\":\"mine\",\"seq\":3",
            "\"run\":\"yours\",\"seq\":3",
            "they are not those of one run",
        ),
        (
            "kitchen.events",
            "{\"run\":\"mine\",\"seq\":3",
            "{\"run\":\"mine\"; \"seq\":3",
            "line 4 is not an event",
        ),
    ] {
        let said = refused(&bytes_with(replace(entry, old, new)));
        assert!(said.contains(expected), "{entry}: {said}");
    }
    let torn = bytes_with(|it| {
        it.entry("kitchen.events".into())
            .and_modify(|text| text.truncate(text.len() - 1));
    });
    assert!(refused(&torn).contains("its last line is torn"));
    let deep = bytes_with(|it| {
        it.insert("kitchen.manifest".into(), "[".repeat(100_000));
    });
    assert!(refused(&deep).contains("recursion limit exceeded"));
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_it_is_read() {
    let mut bytes = file();
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let said = refused(&bytes);
    assert!(
        said.contains("its header is longer than the file"),
        "{said}"
    );
}

#[test]
fn another_program_that_writes_the_same_again_is_noticed() {
    let bytes = file();
    let metadata = super::file::metadata(&bytes).unwrap();
    let weights = &checkpoint(4).model.weights;
    let rewritten = checkpoint::write_tensors(weights, Some(metadata.into_iter().collect()));
    assert!(refused(&rewritten.unwrap()).contains("another program has rewritten it"));
}

#[test]
fn a_weight_that_is_called_as_the_optimizers_are_is_refused() {
    let mut clashing = checkpoint(4);
    clashing.model.weights[0].name = "optimizer.steps".into();
    let error = pack(&clashing, &RunConfig::default(), &[]).unwrap_err();
    assert!(error.to_string().contains("`optimizer.steps`"), "{error}");
}

#[test]
fn where_there_is_no_room_stages_go_first_and_then_steps() {
    let config = RunConfig::default();
    let checkpoint = checkpoint(100);
    let size = |most| {
        let packed = pack_within(most, &checkpoint, &config, &events(100)).unwrap();
        let events = unpack(&packed.bytes).unwrap().events;
        let last = Board::replay(&events).current_step();
        (packed.left_out, events.len(), last)
    };
    assert_eq!(size(MOST_HEADER), (None, 300, 100));
    assert_eq!(
        size(40_000),
        (Some("the events of stages".into()), 100, 100)
    );
    let (left_out, kept, last) = size(12_000);
    assert_eq!(
        left_out.unwrap(),
        "the events of stages, and those of all steps but every 4th"
    );
    assert_eq!((kept, last), (25, 100));
    assert!(pack_within(1000, &checkpoint, &config, &events(100)).is_err());
}

#[test]
fn settles_as_another_run() {
    let store = Rc::new(Memory::default());
    let portable = unpack(&file()).unwrap();
    let run = RunId::new("mine-2").unwrap();
    let record = block_on(portable.settle(run.clone(), store.clone(), 7)).unwrap();
    let numbers: Vec<u64> = record.iter().map(|it| it.seq).collect();
    assert!(numbers.iter().copied().eq(0..record.len() as u64));
    assert!(record.iter().all(|it| it.run == run));
    let newest = block_on(load_newest(&*store, u64::MAX)).unwrap();
    let (name, stored) = newest.found.unwrap();
    assert_eq!(stored.model, checkpoint(4).model);
    assert_eq!(stored.run, run);
    let board = Board::replay(&record);
    assert_eq!(board.checkpoints[0].name, name);
}
