//! Looking into a model shows what is there, and leaves it alone.

use kitchen_types::config::Activation;
use kitchen_types::ports::{ClientError, ModelState, NamedTensor};
use kitchen_types::question::{Histogram, Inspection};

use super::*;

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: values.to_vec(),
    }
}

fn with_weights(model: MlpConfig, spec: &DataSpec, weights: Vec<NamedTensor>) -> BurnClient {
    let mut client = open(&ModelConfig::Mlp(model), spec, 1);
    let state = ModelState {
        weights,
        optimizer: Vec::new(),
    };
    block_on(client.restore(&state)).unwrap();
    client
}

fn inspect(client: &mut BurnClient, batch: &Batch, loss: &Loss) -> Inspection {
    block_on(client.inspect(batch, loss)).unwrap()
}

#[track_caller]
fn assert_spread(histogram: &Histogram, low: f64, high: f64, mean: f64, std: f64) {
    let found = [
        histogram.low.0,
        histogram.high.0,
        histogram.mean.0,
        histogram.std.0,
    ];
    for (found, expected) in found.into_iter().zip([low, high, mean, std]) {
        assert!((found - expected).abs() < 1e-5, "{histogram:?}");
    }
}

/// y = x0 - 2 x1 + 0.5 on two examples, by hand: the errors are -2.5 and 4.5, so the mean squared
/// error has the gradient (-2.5 x0 + 4.5 x0', -2.5 x1 + 4.5 x1') = (11, -9.5) and -2.5 + 4.5 = 2.
#[test]
fn the_gradient_of_a_linear_model_is_that_by_hand() {
    let linear = MlpConfig {
        hidden: Vec::new(),
        ..MlpConfig::default()
    };
    let weights = vec![
        tensor("layers.0.weight", &[1, 2], &[1.0, -2.0]),
        tensor("layers.0.bias", &[1], &[0.5]),
    ];
    let mut client = with_weights(linear, &values(2, 1), weights);
    let batch = Batch {
        ids: vec![SampleId(0), SampleId(1)],
        inputs: Inputs::Features {
            shape: vec![2],
            values: vec![1.0, 2.0, 3.0, -1.0],
        },
        targets: Targets::Values {
            width: 1,
            values: vec![0.0, 1.0],
        },
    };
    let seen = inspect(&mut client, &batch, &Loss::MeanSquaredError);
    let [weight, bias] = &seen.weights[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (weight.name.as_str(), weight.parameters),
        ("layers.0.weight", 2)
    );
    assert_eq!(weight.shape, [1, 2]);
    assert_spread(&weight.weights, -2.0, 1.0, -0.5, 1.5);
    assert_spread(&weight.gradients, -9.5, 11.0, 0.75, 10.25);
    assert_spread(&bias.weights, 0.5, 0.5, 0.5, 0.0);
    assert_spread(&bias.gradients, 2.0, 2.0, 2.0, 0.0);
    // The outputs are 1 - 4 + 0.5 and 3 + 2 + 0.5.
    let [output] = &seen.activations[..] else {
        panic!("{seen:?}");
    };
    assert_eq!((output.name.as_str(), output.units), ("layers.0", 1));
    assert_spread(&output.outputs, -2.5, 5.5, 1.5, 4.0);
    assert_eq!(output.dead.0, 0.0);
}

#[test]
fn a_unit_below_zero_for_every_example_is_dead() {
    let model = MlpConfig {
        hidden: vec![4],
        activation: Activation::Relu,
        ..MlpConfig::default()
    };
    // Units: x, -x, x - 10, and always 3.
    let weights = vec![
        tensor("layers.0.weight", &[4, 1], &[1.0, -1.0, 1.0, 0.0]),
        tensor("layers.0.bias", &[4], &[0.0, 0.0, -10.0, 3.0]),
        tensor("layers.1.weight", &[3, 4], &[0.5; 12]),
        tensor("layers.1.bias", &[3], &[0.0; 3]),
    ];
    let mut client = with_weights(model, &images(vec![1]), weights);
    let batch = Batch {
        ids: vec![SampleId(0), SampleId(1)],
        inputs: Inputs::Features {
            shape: vec![1],
            values: vec![2.0, -1.0],
        },
        targets: Targets::Classes(vec![0, 1]),
    };
    let seen = inspect(&mut client, &batch, &CROSS_ENTROPY);
    let hidden = &seen.activations[0];
    assert_eq!((hidden.name.as_str(), hidden.units), ("layers.0", 4));
    assert_eq!(hidden.dead.0, 0.5);
    // Outputs: 2 0 0 3, 0 1 0 3.
    assert_eq!(hidden.outputs.zeros.0, 0.5);
    assert_spread(
        &hidden.outputs,
        0.0,
        3.0,
        9.0 / 8.0,
        (23.0 / 8.0 - 81.0 / 64.0_f64).sqrt(),
    );
}

/// The last layer of the watched pass is what `predict` gives, and the loss of training, which on
/// the CPU goes by other operations, is the loss of these outputs.
#[test]
fn what_is_seen_is_what_is_trained() {
    for (name, model, spec) in families() {
        let mut client = open(&model, &spec, 1);
        let batch = batch(&spec, 6, 1);
        let seen = inspect(&mut client, &batch, &CROSS_ENTROPY);
        let outputs = block_on(client.predict(&batch.inputs)).unwrap();
        let last = seen.activations.last().unwrap();
        assert_eq!(last.units, outputs.width, "{name}");
        assert_eq!(last.outputs, Histogram::of(&outputs.values), "{name}");
        assert!(seen.activations.len() >= 2, "{name}: {seen:?}");

        let trained = block_on(async {
            let report = client.forward_backward(&batch, &CROSS_ENTROPY).await;
            report.unwrap().await.unwrap().loss.0
        });
        let evaluated = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).unwrap();
        let plain = evaluated.loss_sum.0 / evaluated.targets as f64;
        assert!(
            (trained - plain).abs() < 1e-4,
            "{name}: {trained} and {plain}"
        );

        let names = seen.weights.iter().map(|weight| weight.name.as_str());
        let layers = client.describe().layers;
        assert!(
            names.eq(layers.iter().map(|layer| layer.name.as_str())),
            "{name}"
        );
        let learns = |weight: &&kitchen_types::question::WeightView| weight.gradients.high.0 > 0.0;
        assert!(seen.weights.iter().filter(learns).count() > 1, "{name}");
    }
}

#[test]
fn attention_looks_back_only_and_sums_to_one() {
    let tokens = [3, 1, 4, 1, 5];
    for (name, model, spec) in families() {
        let mut client = open(&model, &spec, 1);
        let maps = block_on(client.attention(&tokens));
        let ModelConfig::Gpt(config) = &model else {
            let error = maps.unwrap_err();
            let is_features = matches!(spec.input, InputSpec::Features { .. });
            let expected = matches!(error, ClientError::Mismatch(_)) == is_features
                && matches!(error, ClientError::Unsupported { .. }) != is_features;
            assert!(expected, "{name}: {error}");
            continue;
        };
        let maps = maps.unwrap();
        assert_eq!(maps.len(), config.layers * config.heads, "{name}");
        let places = maps.iter().map(|map| (map.layer, map.head));
        let all =
            (0..config.layers).flat_map(|layer| (0..config.heads).map(move |head| (layer, head)));
        assert!(places.eq(all), "{name}");
        for map in &maps {
            assert_eq!(map.values.len(), 25, "{name}");
            for (row, weights) in map.values.chunks(5).enumerate() {
                let sum: f32 = weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-5, "{name}: {map:?}");
                assert!(
                    weights[row + 1..].iter().all(|&weight| weight == 0.0),
                    "{name}: {map:?}"
                );
            }
        }
    }
}

/// With dropout, and between the two batches of one step.
#[test]
fn looking_changes_nothing_that_is_learnt() {
    for (name, model, spec) in [
        (
            "mlp",
            ModelConfig::Mlp(MlpConfig {
                hidden: vec![16],
                dropout: 0.3,
                ..MlpConfig::default()
            }),
            images(vec![12]),
        ),
        (
            "gpt",
            ModelConfig::Gpt(GptConfig {
                layers: 2,
                heads: 2,
                width: 16,
                dropout: 0.2,
                ..GptConfig::default()
            }),
            text(),
        ),
    ] {
        let trained = |looks: bool| {
            let mut client = open(&model, &spec, 1);
            let other = batch(&spec, 3, 99);
            for number in 1..=3 {
                let batch = batch(&spec, 4, number);
                let pending = block_on(client.forward_backward(&batch, &CROSS_ENTROPY)).unwrap();
                if looks {
                    inspect(&mut client, &other, &CROSS_ENTROPY);
                    block_on(client.predict(&other.inputs)).unwrap();
                    drop(block_on(client.attention(&[1, 2, 3])));
                    block_on(client.save()).unwrap();
                }
                step(&mut client, &batch, &CROSS_ENTROPY, number, 0.01);
                drop(pending);
            }
            block_on(client.save()).unwrap()
        };
        assert!(trained(true) == trained(false), "{name}");
    }
}
