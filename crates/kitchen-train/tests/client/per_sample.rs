//! Losses and gradient norms from one backward pass, against a backward pass for each example.

use kitchen_types::ports::PerSample;

use super::*;

const SMOOTHED: Loss = Loss::CrossEntropy {
    label_smoothing: 0.1,
};

/// How far two numbers may be apart, as a share.
const ON_CPU: f64 = 1e-4;

fn both_ways(client: &mut BurnClient, batch: &Batch, loss: &Loss) -> [PerSample; 2] {
    let found = block_on(client.per_sample(batch, loss)).unwrap();
    let expected = block_on(client.per_sample_alone(batch, loss)).unwrap();
    assert!(
        found.method.starts_with("one forward and one backward"),
        "some weights have no probe: {}",
        found.method
    );
    assert!(expected.method.contains("each example alone"));
    [found, expected]
}

#[track_caller]
pub(crate) fn agree(what: &str, [found, expected]: &[PerSample; 2], tolerance: f64) {
    assert_eq!(found.ids, expected.ids, "{what}");
    for (kind, found, expected) in [
        ("losses", &found.losses, &expected.losses),
        ("norms", &found.grad_norms, &expected.grad_norms),
    ] {
        assert_eq!(found.len(), expected.len(), "{what}: {kind}");
        for (one, other) in found.iter().zip(expected) {
            let apart = (one.0 - other.0).abs();
            assert!(
                apart <= tolerance * other.0.abs(),
                "{what}: {kind} {found:?} instead of {expected:?}"
            );
        }
    }
}

/// A model that has learnt a little: no bias is zero any more, and no scale one.
fn learnt(model: &ModelConfig, spec: &DataSpec, loss: &Loss) -> BurnClient {
    let mut client = open(model, spec, 1);
    for number in 1..=5 {
        step(
            &mut client,
            &batch(spec, 4, 90 + number),
            loss,
            number,
            0.02,
        );
    }
    client
}

fn masked(mut batch: Batch, counts: impl Fn(usize) -> bool) -> Batch {
    if let Targets::Tokens { values, mask } = &mut batch.targets {
        *mask = (0..values.len())
            .map(|place| f32::from(counts(place)))
            .collect();
    }
    batch
}

#[test]
fn every_family_agrees_with_the_loop_of_one() {
    for (name, model, spec) in families() {
        for loss in [CROSS_ENTROPY, SMOOTHED] {
            let mut client = learnt(&model, &spec, &loss);
            for size in [1, 2, 7] {
                let batch = batch(&spec, size, 1);
                let measured = both_ways(&mut client, &batch, &loss);
                agree(&format!("{name}, {size} examples"), &measured, ON_CPU);
            }
        }
    }
}

/// Every way a transformer can be put together, on sequences of several lengths: norms are made or
/// taken apart into products, and positions that are not reached have no gradient.
#[test]
fn every_transformer_agrees() {
    let (norms, positions) = (
        [Norm::Layer, Norm::Rms],
        [Positions::Learned, Positions::Rotary],
    );
    let halves = [FeedForward::Gelu, FeedForward::SwiGlu];
    for place in 0..32 {
        let config = GptConfig {
            layers: 1,
            heads: 4,
            kv_heads: [0, 2][place & 1],
            width: 16,
            norm: norms[place >> 1 & 1],
            positions: positions[place >> 2 & 1],
            feed_forward: halves[place >> 3 & 1],
            tied: place >> 4 == 0,
            bias: place & 1 == 0,
            ..GptConfig::default()
        };
        let mut client = learnt(&ModelConfig::Gpt(config.clone()), &text(), &CROSS_ENTROPY);
        for context in [1, 3, CONTEXT] {
            let short = DataSpec {
                input: InputSpec::Tokens {
                    vocabulary: VOCABULARY,
                    context,
                },
                target: TargetSpec::NextToken,
            };
            let measured = both_ways(&mut client, &batch(&short, 3, 2), &SMOOTHED);
            agree(&format!("{context} tokens, {config:?}"), &measured, ON_CPU);
        }
    }
}

#[test]
fn recurrent_layers_agree_on_short_sequences() {
    for (name, model, spec) in families() {
        if !matches!(model, ModelConfig::Rnn(_)) {
            continue;
        }
        let mut client = learnt(&model, &spec, &CROSS_ENTROPY);
        for context in [1, 2] {
            let short = DataSpec {
                input: InputSpec::Tokens {
                    vocabulary: VOCABULARY,
                    context,
                },
                target: TargetSpec::NextToken,
            };
            let measured = both_ways(&mut client, &batch(&short, 3, 2), &CROSS_ENTROPY);
            agree(&format!("{name}, {context} tokens"), &measured, ON_CPU);
        }
    }
}

/// Pixels, channels and layers, so that patches overlap and an odd edge is cut off; and without a
/// convolution or a hidden layer.
#[test]
fn every_convolution_agrees() {
    let table: [(&[usize], usize, [usize; 3], Activation); 4] = [
        (&[3, 5, 2], 0, [2, 9, 7], Activation::Gelu),
        (&[4], 6, [1, 1, 5], Activation::Tanh),
        (&[40, 40], 8, [3, 4, 4], Activation::Relu),
        (&[], 0, [1, 4, 4], Activation::Relu),
    ];
    for (channels, hidden, image, activation) in table {
        let model = ModelConfig::Cnn(CnnConfig {
            channels: channels.to_vec(),
            hidden,
            activation,
            dropout: 0.0,
        });
        let spec = images(image.to_vec());
        let mut client = learnt(&model, &spec, &CROSS_ENTROPY);
        let measured = both_ways(&mut client, &batch(&spec, 5, 3), &CROSS_ENTROPY);
        agree(&format!("{channels:?} on {image:?}"), &measured, ON_CPU);
    }
}

#[test]
fn losses_of_numbers_agree() {
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: vec![9, 5],
        ..MlpConfig::default()
    });
    for width in [1, 3] {
        let spec = values(6, width);
        let mut measured = batch(&spec, 8, 1);
        let mut client = learnt(&model, &spec, &Loss::MeanSquaredError);
        let both = both_ways(&mut client, &measured, &Loss::MeanSquaredError);
        agree(&format!("squares of {width}"), &both, ON_CPU);
        if let Targets::Values { values, .. } = &mut measured.targets {
            values
                .iter_mut()
                .for_each(|value| *value = f32::from(*value > 0.0));
        }
        let both = both_ways(&mut client, &measured, &Loss::BinaryCrossEntropy);
        agree(&format!("bits of {width}"), &both, ON_CPU);
    }
}

/// The loss of an example is the mean over those of its targets that count, however many they are.
#[test]
fn masks_agree() {
    for (name, model, spec) in families() {
        if spec.target != TargetSpec::NextToken {
            continue;
        }
        let mut client = learnt(&model, &spec, &SMOOTHED);
        // One target of the first example counts, two of the second, and none of the last.
        let batch = masked(batch(&spec, 4, 1), |place| {
            matches!(place / CONTEXT, 0..3) && place % CONTEXT <= place / CONTEXT
        });
        let both = both_ways(&mut client, &batch, &SMOOTHED);
        agree(name, &both, ON_CPU);
        let [found, _] = both;
        let nothing = (found.losses[3].0, found.grad_norms[3].0);
        assert_eq!(nothing, (0.0, 0.0), "{name}");
        assert!(found.grad_norms[..3].iter().all(|norm| norm.0 > 0.0));
    }
}

/// The gradient of a batch of one is what a step measures.
#[test]
fn the_norm_of_one_example_is_the_norm_of_its_step() {
    for (name, model, spec) in families() {
        let mut client = learnt(&model, &spec, &CROSS_ENTROPY);
        let one = batch(&spec, 1, 5);
        let found = block_on(client.per_sample(&one, &CROSS_ENTROPY)).unwrap();
        let measured = block_on(async {
            drop(client.forward_backward(&one, &CROSS_ENTROPY).await.unwrap());
            let update = OptimStep {
                step: 6,
                lr: 0.0,
                clip_norm: 0.0,
                measure: true,
                ..OptimStep::default()
            };
            client.optim_step(&update).await.unwrap().await.unwrap()
        });
        let (found, expected) = (found.grad_norms[0].0, measured.grad_norm.unwrap().0);
        let apart = (found - expected).abs() / expected;
        assert!(apart < ON_CPU, "{name}: {found} instead of {expected}");
    }
}

/// What one example does wrong stays with it.
#[test]
fn one_bad_example_does_not_spoil_the_others() {
    for (name, model, spec) in families() {
        if spec.target == TargetSpec::NextToken {
            continue;
        }
        let mut client = learnt(&model, &spec, &CROSS_ENTROPY);
        let good = batch(&spec, 5, 1);
        let mut bad = good.clone();
        if let Inputs::Features { shape, values } = &mut bad.inputs {
            let width: usize = shape.iter().product();
            values[2 * width + 1] = f32::NAN;
        }
        let [good, bad] =
            [good, bad].map(|batch| block_on(client.per_sample(&batch, &CROSS_ENTROPY)).unwrap());
        for place in 0..5 {
            let found = (bad.losses[place], bad.grad_norms[place]);
            let finite = found.0.is_finite() && found.1.is_finite();
            assert_eq!(finite, place != 2, "{name}: example {place}: {found:?}");
            if finite {
                assert_eq!(
                    found,
                    (good.losses[place], good.grad_norms[place]),
                    "{name}"
                );
            }
        }
    }
}

/// Measuring changes nothing of the training: not the weights, not what dropout draws, not the
/// gradients that wait for a step.
#[test]
fn measuring_leaves_the_training_alone() {
    for (name, model, spec) in families() {
        let [alone, watched] = [false, true].map(|watched| {
            let mut client = open(&model, &spec, 1);
            let batch = batch(&spec, 4, 1);
            block_on(async {
                if watched {
                    // Of a model whose weights nobody has used yet.
                    client.per_sample(&batch, &CROSS_ENTROPY).await.unwrap();
                }
                drop(
                    client
                        .forward_backward(&batch, &CROSS_ENTROPY)
                        .await
                        .unwrap(),
                );
                if watched {
                    client.per_sample(&batch, &CROSS_ENTROPY).await.unwrap();
                }
            });
            step(&mut client, &batch, &CROSS_ENTROPY, 1, 0.01);
            block_on(client.save()).unwrap()
        });
        assert_eq!(alone, watched, "{name}");
    }
}

#[test]
fn a_diagnosis_is_timed_beside_a_step() {
    let cpu = OpenDevice::cpu();
    let timed = |name| block_on(kitchen_train::bench::forensics(name, 4, &cpu, 1, 2));
    let report = timed("mlp-784").unwrap();
    assert_eq!((report.batch, report.rounds), (4, 2));
    for time in [
        report.step_ms,
        report.diagnosis_ms,
        report.alone_ms,
        report.ratio,
    ] {
        assert!(time.is_finite() && time.0 > 0.0, "{report:?}");
    }
    let error = timed("mlp-1").unwrap_err().to_string();
    assert!(error.contains("mlp-784"), "{error}");
}
