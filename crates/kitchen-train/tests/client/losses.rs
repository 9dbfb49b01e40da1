//! Losses against numbers worked out by hand.

use kitchen_types::ports::{ModelState, NamedTensor};

use super::*;

/// A linear model that gives its inputs back: what it predicts is what the test says.
fn identity(width: usize, target: TargetSpec) -> (BurnClient, DataSpec) {
    let linear = ModelConfig::Mlp(MlpConfig {
        hidden: vec![],
        ..MlpConfig::default()
    });
    let spec = DataSpec {
        input: InputSpec::Features { shape: vec![width] },
        target,
    };
    let mut client = BurnClient::open(&linear, &spec, &sgd(), OpenDevice::cpu(), 1).unwrap();
    let eye = (0..width * width).map(|place| f32::from(place % (width + 1) == 0));
    let state = ModelState {
        weights: vec![
            NamedTensor {
                name: "layers.0.weight".into(),
                shape: vec![width, width],
                values: eye.collect(),
            },
            NamedTensor {
                name: "layers.0.bias".into(),
                shape: vec![width],
                values: vec![0.0; width],
            },
        ],
        optimizer: Vec::new(),
    };
    block_on(client.restore(&state)).unwrap();
    (client, spec)
}

fn features(width: usize, values: &[f32], targets: Targets) -> Batch {
    Batch {
        ids: (0..(values.len() / width) as u64).map(SampleId).collect(),
        inputs: Inputs::Features {
            shape: vec![width],
            values: values.to_vec(),
        },
        targets,
    }
}

/// The mean loss by training and by evaluation, which must agree, and the gradient of the bias:
/// the mean over rows of the gradient of the outputs.
fn measure(client: &mut BurnClient, batch: &Batch, loss: &Loss) -> (f64, Option<f64>, Vec<f32>) {
    block_on(async {
        let evaluated = client.evaluate(batch, loss).await.unwrap();
        let trained = client
            .forward_backward(batch, loss)
            .await
            .unwrap()
            .await
            .unwrap();
        let mean = evaluated.loss_sum.0 / evaluated.targets as f64;
        assert!(
            (mean - trained.loss.0).abs() < 1e-6,
            "{mean} and {}",
            trained.loss
        );
        let update = OptimStep {
            step: 1,
            lr: 1.0,
            clip_norm: 0.0,
            measure: false,
            ..OptimStep::default()
        };
        drop(client.optim_step(&update).await.unwrap());
        let bias = client.save().await.unwrap().weights.remove(1);
        let gradient = bias.values.iter().map(|bias| -bias).collect();
        (
            trained.loss.0,
            trained.accuracy.map(|accuracy| accuracy.0),
            gradient,
        )
    })
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found_one, expected_one) in found.iter().zip(expected) {
        assert!(
            (found_one - expected_one).abs() < 1e-6,
            "{found:?} is not {expected:?}"
        );
    }
}

#[test]
fn cross_entropy_with_and_without_label_smoothing() {
    // softmax([ln 1, ln 2, ln 5]) = [1, 2, 5] / 8.
    let logits = [0.0, 2f32.ln(), 5f32.ln()];
    let probabilities = [0.125f64, 0.25, 0.625];
    let nll = probabilities.map(|p| -p.ln());
    let mean_nll = nll.iter().sum::<f64>() / 3.0;
    for (smoothing, class) in [(0.0, 1), (0.3, 1), (0.3, 2)] {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let (mut client, _) = identity(3, TargetSpec::Classes { names });
        let batch = features(3, &logits, Targets::Classes(vec![class]));
        let loss = Loss::CrossEntropy {
            label_smoothing: smoothing,
        };
        let (found, accuracy, gradient) = measure(&mut client, &batch, &loss);
        let expected = (1.0 - smoothing) * nll[class as usize] + smoothing * mean_nll;
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        assert_eq!(accuracy, Some(if class == 2 { 1.0 } else { 0.0 }));
        let target = |place: usize| {
            let one_hot = if place == class as usize {
                1.0 - smoothing
            } else {
                0.0
            };
            one_hot + smoothing / 3.0
        };
        let expected: Vec<f32> = (0..3)
            .map(|place| (probabilities[place] - target(place)) as f32)
            .collect();
        close(&gradient, &expected);
    }
}

#[test]
fn squares_are_averaged_over_all_numbers() {
    let (mut client, _) = identity(2, TargetSpec::Values { width: 2 });
    let targets = Targets::Values {
        width: 2,
        values: vec![0.0, 1.0, 1.0, 1.0],
    };
    let batch = features(2, &[1.0, 1.0, 3.0, 0.0], targets);
    // Differences 1, 0, 2, -1.
    let (found, accuracy, gradient) = measure(&mut client, &batch, &Loss::MeanSquaredError);
    assert!((found - 1.5).abs() < 1e-6, "{found}");
    assert_eq!(accuracy, None);
    close(&gradient, &[1.5, -0.5]);
}

#[test]
fn binary_cross_entropy_does_not_overflow() {
    let (mut client, _) = identity(2, TargetSpec::Values { width: 2 });
    let targets = Targets::Values {
        width: 2,
        values: vec![1.0, 0.0, 0.0, 0.0],
    };
    // ln 3 is a probability of 3/4; 100 is wrong by 100 nats; -100 is right.
    let batch = features(2, &[3f32.ln(), 0.0, 100.0, -100.0], targets);
    let (found, _, gradient) = measure(&mut client, &batch, &Loss::BinaryCrossEntropy);
    let expected = ((4.0f64 / 3.0).ln() + 2f64.ln() + 100.0) / 4.0;
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    close(&gradient, &[(-0.25 + 1.0) / 4.0, 0.5 / 4.0]);
}

#[test]
fn what_is_masked_does_not_count() {
    for (name, model, spec) in families() {
        let InputSpec::Tokens { context, .. } = spec.input else {
            continue;
        };
        let mut client = open(&model, &spec, 1);
        let full = batch(&spec, 2, 1);
        let logprobs = block_on(client.logprobs(&full)).unwrap();

        let mut masked = full.clone();
        let mut counted = vec![0.0; 2 * context];
        let mut changed = 0;
        if let Targets::Tokens { values, mask } = &mut masked.targets {
            for place in [2, 5, context + 1] {
                counted[place] = 1.0;
            }
            *mask = counted.clone();
            // What is masked may be anything.
            values[3] = (values[3] + 1) % VOCABULARY as u32;
            changed += 1;
        }
        assert_eq!(changed, 1);
        let evaluated = block_on(client.evaluate(&masked, &CROSS_ENTROPY)).unwrap();
        let nll = |row: usize, place: usize| -f64::from(logprobs[row].values[place]);
        let expected = nll(0, 2) + nll(0, 5) + nll(1, 1);
        assert!(
            (evaluated.loss_sum.0 - expected).abs() < 1e-5,
            "{name}: {evaluated:?}"
        );
        assert_eq!(evaluated.targets, 3);

        let hidden = block_on(client.logprobs(&masked)).unwrap();
        for (row, of_row) in hidden.iter().enumerate() {
            for (place, value) in of_row.values.iter().enumerate() {
                let counts = counted[row * context + place] == 1.0;
                assert_eq!(*value == 0.0, !counts, "{name}: row {row}, place {place}");
            }
        }
        let trained = step(&mut client, &masked, &CROSS_ENTROPY, 1, 0.0);
        assert!((trained - expected / 3.0).abs() < 1e-5, "{name}: {trained}");
    }
}

/// Of two examples one has all counted positions right, once the model has learnt only that one.
#[test]
fn exact_counts_examples_with_every_counted_position_right() {
    let (_, model, spec) = families().remove(2);
    let mut client = open(&model, &spec, 1);
    let mut learnt = batch(&spec, 1, 1);
    let Targets::Tokens { mask, .. } = &mut learnt.targets else {
        panic!("tokens")
    };
    *mask = vec![0., 0., 0., 0., 0., 1., 1., 1.];
    for number in 1..=80 {
        step(&mut client, &learnt, &CROSS_ENTROPY, number, 0.02);
    }
    let right = block_on(client.evaluate(&learnt, &CROSS_ENTROPY)).unwrap();
    assert_eq!((right.exact, right.correct), (Some(1), Some(3)));

    let Targets::Tokens { values, .. } = &mut learnt.targets else {
        panic!("tokens")
    };
    values[6] = (values[6] + 1) % VOCABULARY as u32;
    let wrong = block_on(client.evaluate(&learnt, &CROSS_ENTROPY)).unwrap();
    assert_eq!((wrong.exact, wrong.correct), (Some(0), Some(2)));
}

#[test]
fn predicted_classes_are_those_of_the_largest_outputs() {
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let (mut client, _) = identity(3, TargetSpec::Classes { names });
    let batch = features(3, &[0., 2., 1., 5., 4., 3.], Targets::Classes(vec![1, 2]));
    let report = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).unwrap();
    assert_eq!(
        (report.classes, report.correct, report.exact),
        (vec![1, 0], Some(1), None)
    );
}
