#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use futures::executor::block_on;
use kitchen_types::Number;
use kitchen_types::ports::{BlobStore, ModelState, NamedTensor};

use super::*;
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
        run: RunId::new("run").unwrap(),
        config_hash: "c".into(),
        data_fingerprint: "d".into(),
        model: ModelState {
            weights: vec![
                tensor("a", &[1.0, f32::NAN, -0.0, step as f32]),
                tensor("b", &[f32::MIN_POSITIVE]),
            ],
            optimizer: vec![tensor("a.exp_avg", &[0.5; 4])],
        },
        state: LoopState {
            step,
            lr: Some(Number(f64::INFINITY)),
            ..LoopState::default()
        },
        tokenizer: Some("{\"kind\":\"bytes\"}".into()),
    }
}

fn bits(tensors: &[NamedTensor]) -> Vec<(String, Vec<u32>)> {
    let bits = |t: &NamedTensor| t.values.iter().map(|v| v.to_bits()).collect();
    tensors.iter().map(|t| (t.name.clone(), bits(t))).collect()
}

fn store_with(steps: &[u64]) -> (Rc<Memory>, Vec<String>) {
    let store = Rc::new(Memory::default());
    let names = steps
        .iter()
        .map(|step| {
            let packed = pack(&checkpoint(*step)).unwrap();
            block_on(packed.store(store.clone())).unwrap();
            packed.name
        })
        .collect();
    (store, names)
}

#[test]
fn comes_back_bit_for_bit() {
    let (store, names) = store_with(&[400]);
    let loaded = block_on(load(&*store, &names[0])).unwrap();
    let original = checkpoint(400);
    assert_eq!(bits(&loaded.model.weights), bits(&original.model.weights));
    assert_eq!(
        bits(&loaded.model.optimizer),
        bits(&original.model.optimizer)
    );
    assert_eq!(loaded.state, original.state);
    assert_eq!(loaded.tokenizer, original.tokenizer);
}

#[test]
fn the_same_state_has_the_same_name_and_is_stored_once() {
    let (store, names) = store_with(&[7, 7]);
    assert_eq!(names[0], names[1]);
    assert_eq!(block_on(list(&*store)).unwrap().len(), 1);
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed_and_the_ancestor_is_used() {
    let (pristine, names) = store_with(&[100, 200]);
    let folder = format!("checkpoints/{}", names[1]);
    for file in block_on(pristine.list(&folder)).unwrap() {
        for damage in 0..40 {
            let (store, _) = store_with(&[100, 200]);
            let mut bytes = block_on(store.get(&file.name)).unwrap();
            let at = damage * bytes.len() / 40;
            if damage % 2 == 0 {
                bytes[at] ^= 1 << (damage % 8);
            } else {
                bytes.truncate(at);
            }
            block_on(store.put(&file.name, &bytes)).unwrap();
            let newest = block_on(load_newest(&*store, u64::MAX)).unwrap();
            let (name, _) = newest.found.unwrap();
            assert_eq!(name, names[0], "{} damaged at {at}", file.name);
            assert_eq!(newest.rejected.len(), 1);
        }
    }
}

#[test]
fn a_checkpoint_of_a_newer_program_is_refused_in_clear_words() {
    let (store, names) = store_with(&[1]);
    let path = format!("checkpoints/{}/{MANIFEST}", names[0]);
    let text = String::from_utf8(block_on(store.get(&path)).unwrap()).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 99");
    let name = format!("step-000000001-{}", fingerprint(newer.as_bytes()));
    let path = format!("checkpoints/{name}/{MANIFEST}");
    block_on(store.put(&path, newer.as_bytes())).unwrap();
    assert_eq!(
        block_on(load(&*store, &name)).unwrap_err().to_string(),
        "its format is 99, and this program reads up to 1; use a newer kitchen"
    );
}

#[test]
fn retention_keeps_the_newest_two_at_least_and_what_is_pinned() {
    let (store, names) = store_with(&[1, 2, 3, 4, 5]);
    let saved = block_on(list(&*store)).unwrap();
    let steps = |keep, pinned: &[&str]| -> Vec<u64> {
        superfluous(&saved, keep, pinned)
            .iter()
            .map(|s| s.step)
            .collect()
    };
    assert_eq!(steps(3, &[]), [1, 2]);
    assert_eq!(steps(0, &[]), [1, 2, 3]);
    assert_eq!(steps(2, &[&names[1]]), [1, 3]);
    assert_eq!(steps(9, &[]), [0u64; 0]);
}

#[test]
fn going_back_takes_the_newest_at_or_before_the_step() {
    let (store, names) = store_with(&[100, 200, 300]);
    let newest = |step| {
        block_on(load_newest(&*store, step))
            .unwrap()
            .found
            .map(|(name, _)| name)
    };
    assert_eq!(newest(250).as_ref(), Some(&names[1]));
    assert_eq!(newest(200).as_ref(), Some(&names[1]));
    assert_eq!(newest(99), None);
}
