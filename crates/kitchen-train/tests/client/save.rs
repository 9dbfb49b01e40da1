//! What is saved is what is needed to go on, under PyTorch's names.

use kitchen_types::ports::{ModelState, NamedTensor};

use super::*;

/// Dropout, momentum of the optimizer, and weights must all come back, or the losses part.
#[test]
fn saved_and_restored_it_goes_on_bit_for_bit() {
    for (name, mut model, spec) in families() {
        match &mut model {
            ModelConfig::Mlp(config) => config.dropout = 0.2,
            ModelConfig::Cnn(config) => config.dropout = 0.2,
            ModelConfig::Gpt(config) => config.dropout = 0.2,
            ModelConfig::Rnn(config) => config.dropout = 0.2,
        }
        let train = |client: &mut BurnClient, steps: std::ops::RangeInclusive<u64>| {
            steps
                .map(|number| {
                    let batch = batch(&spec, 4, number);
                    step(client, &batch, &CROSS_ENTROPY, number, 0.01)
                })
                .collect::<Vec<_>>()
        };
        let mut client = open(&model, &spec, 1);
        train(&mut client, 1..=3);
        let saved = block_on(client.save()).unwrap();
        let uninterrupted = train(&mut client, 4..=6);

        let mut resumed = open(&model, &spec, 1);
        block_on(resumed.restore(&saved)).unwrap();
        assert_eq!(block_on(resumed.save()).unwrap(), saved, "{name}");
        assert_eq!(train(&mut resumed, 4..=6), uninterrupted, "{name}");
        let ends = [&mut client, &mut resumed].map(|client| block_on(client.save()).unwrap());
        assert_eq!(ends[0], ends[1], "{name}");
    }
}

#[test]
fn names_and_shapes_are_those_that_pytorch_loads() {
    let expected: &[(&str, &[&str])] = &[
        (
            "mlp",
            &[
                "layers.0.weight [16, 12]",
                "layers.0.bias [16]",
                "layers.1.weight [3, 16]",
                "layers.1.bias [3]",
            ],
        ),
        (
            "cnn",
            &[
                "convolutions.0.weight [4, 1, 3, 3]",
                "convolutions.1.bias [8]",
                "hidden.weight [16, 8]",
                "head.weight [3, 16]",
            ],
        ),
        (
            "gpt",
            &[
                "token_embedding.weight [7, 16]",
                "position_embedding.weight [8, 16]",
                "blocks.1.attention_norm.bias [16]",
                "blocks.0.attention.qkv.weight [48, 16]",
                "blocks.0.feed_forward.up.weight [64, 16]",
                "norm.weight [16]",
            ],
        ),
        (
            "llama",
            &[
                "blocks.0.attention.qkv.weight [32, 16]",
                "blocks.0.attention.projection.weight [16, 16]",
                "blocks.1.feed_forward.gate_up.weight [96, 16]",
                "blocks.1.feed_forward.down.weight [16, 48]",
                "head.weight [7, 16]",
            ],
        ),
        (
            "lstm",
            &[
                "rnn.weight_ih_l0 [64, 16]",
                "rnn.weight_hh_l1 [64, 16]",
                "rnn.bias_ih_l1 [64]",
                "head.bias [7]",
            ],
        ),
        ("gru", &["rnn.weight_ih_l0 [48, 16]", "rnn.bias_hh_l1 [48]"]),
    ];
    for ((name, model, spec), (expected_name, expected)) in families().into_iter().zip(expected) {
        assert_eq!(name, *expected_name);
        let mut client = open(&model, &spec, 1);
        let saved = block_on(client.save()).unwrap().weights;
        let found: Vec<String> = saved
            .iter()
            .map(|weight| format!("{} {:?}", weight.name, weight.shape))
            .collect();
        for weight in *expected {
            assert!(
                found.iter().any(|found| found == weight),
                "{weight} is not in {found:?}"
            );
        }
        let info = client.describe();
        let numbers: usize = saved.iter().map(|weight| weight.values.len()).sum();
        assert_eq!(info.parameters, numbers as u64, "{name}");
        assert_eq!(info.layers.len(), saved.len(), "{name}");
    }
}

/// Burn keeps `[inputs, outputs]`: a forgotten transposition shows here.
#[test]
fn a_saved_matrix_maps_inputs_to_outputs_row_by_row() {
    let linear = ModelConfig::Mlp(MlpConfig {
        hidden: vec![],
        ..MlpConfig::default()
    });
    let spec = values(2, 3);
    let mut client = open(&linear, &spec, 1);
    let named = |name: &str, shape: &[usize], values: &[f32]| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: values.to_vec(),
    };
    let state = ModelState {
        weights: vec![
            named("layers.0.weight", &[3, 2], &[1., 2., 3., 4., 5., 6.]),
            named("layers.0.bias", &[3], &[0.5, 0.0, -0.5]),
        ],
        optimizer: Vec::new(),
    };
    block_on(client.restore(&state)).unwrap();
    let inputs = Inputs::Features {
        shape: vec![2],
        values: vec![1.0, 10.0],
    };
    let predictions = block_on(client.predict(&inputs)).unwrap();
    assert_eq!(predictions.values, [21.5, 43.0, 64.5]);
    assert_eq!(block_on(client.save()).unwrap().weights, state.weights);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let (_, model, spec) = families().remove(0);
    let mut client = open(&model, &spec, 1);
    step(&mut client, &batch(&spec, 4, 1), &CROSS_ENTROPY, 1, 0.01);
    let good = block_on(client.save()).unwrap();
    let spoilt = |spoil: fn(&mut ModelState)| {
        let mut state = good.clone();
        spoil(&mut state);
        state
    };
    let cases = [
        (
            "lack `layers.0.weight`",
            spoilt(|state| drop(state.weights.remove(0))),
        ),
        (
            "`extra`, which the model has not",
            spoilt(|state| {
                let mut extra = state.weights[0].clone();
                extra.name = "extra".into();
                state.weights.push(extra);
            }),
        ),
        (
            "`layers.0.weight` has shape [12, 16], the model needs [16, 12]",
            spoilt(|state| {
                state.weights[0].shape.reverse();
            }),
        ),
        (
            "`layers.0.bias` holds 15 numbers",
            spoilt(|state| state.weights[1].values.truncate(15)),
        ),
        (
            "`layers.0.bias` twice",
            spoilt(|state| state.weights.push(state.weights[1].clone())),
        ),
        (
            "optimizer",
            spoilt(|state| state.optimizer[0].name = "nonsense".into()),
        ),
        (
            "`steps` is not a counter",
            spoilt(|state| {
                state.optimizer.last_mut().unwrap().values.clear();
            }),
        ),
    ];
    for (expected, state) in cases {
        let error = block_on(client.restore(&state)).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
        assert_eq!(block_on(client.save()).unwrap(), good, "{expected}");
    }
}
