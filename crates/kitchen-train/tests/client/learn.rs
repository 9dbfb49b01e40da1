//! Every family learns, does so the same way twice, and averages over batches.

use kitchen_types::Number;
use kitchen_types::ports::ClientError;

use super::*;

#[test]
fn every_family_overfits_a_small_batch() {
    for (name, model, spec) in families() {
        let mut client = open(&model, &spec, 1);
        let batch = batch(&spec, 4, 1);
        let first = step(&mut client, &batch, &CROSS_ENTROPY, 1, 0.02);
        for number in 2..=120 {
            step(&mut client, &batch, &CROSS_ENTROPY, number, 0.02);
        }
        let report = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).unwrap();
        let last = report.loss_sum.0 / report.targets as f64;
        assert!(
            last < 0.1 * first && last < 0.05,
            "{name}: {first} to {last}"
        );
        assert_eq!(report.correct, Some(report.targets), "{name}");
    }
}

#[test]
fn values_are_fitted_by_both_losses_for_them() {
    for loss in [Loss::MeanSquaredError, Loss::BinaryCrossEntropy] {
        let spec = values(5, 2);
        let mut batch = batch(&spec, 6, 3);
        if let Targets::Values { values, .. } = &mut batch.targets {
            values
                .iter_mut()
                .for_each(|value| *value = f32::from(*value > 0.0));
        }
        let mut client = open(&ModelConfig::default(), &spec, 1);
        let first = step(&mut client, &batch, &loss, 1, 0.01);
        let last = (2..=200)
            .map(|number| step(&mut client, &batch, &loss, number, 0.01))
            .last();
        assert!(
            last.unwrap() < 0.05 * first,
            "{loss:?}: {first} to {last:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
    for (name, model, spec) in families() {
        let losses = |seed: u64| {
            let mut client = open(&with_dropout(&model), &spec, seed);
            let batch = batch(&spec, 4, 1);
            let losses =
                (1..=3).map(|number| step(&mut client, &batch, &CROSS_ENTROPY, number, 0.01));
            losses.collect::<Vec<_>>()
        };
        assert_eq!(losses(1), losses(1), "{name}");
        assert_ne!(losses(1), losses(2), "{name}");
    }
}

/// Batches large enough that every operation is divided among the threads.
#[test]
fn the_number_of_threads_changes_nothing() {
    for (name, model, spec) in families() {
        let train = || {
            let mut client = open(&model, &spec, 1);
            for number in 1..=2 {
                step(
                    &mut client,
                    &batch(&spec, 300, number),
                    &CROSS_ENTROPY,
                    number,
                    0.01,
                );
            }
            block_on(client.save()).unwrap()
        };
        let [one, three] = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(train)
        });
        assert_eq!(one, three, "{name}");
    }
}

#[test]
fn dropout_acts_in_training_and_nowhere_else() {
    for (name, model, spec) in families() {
        let mut plain = open(&model, &spec, 1);
        let mut dropping = open(&with_dropout(&model), &spec, 1);
        let batch = batch(&spec, 4, 1);
        let evaluate = |client: &mut BurnClient| block_on(client.predict(&batch.inputs)).unwrap();
        assert_eq!(evaluate(&mut plain), evaluate(&mut dropping), "{name}");
        let train = |client: &mut BurnClient| step(client, &batch, &CROSS_ENTROPY, 1, 0.01);
        assert_ne!(train(&mut plain), train(&mut dropping), "{name}");
    }
}

#[test]
fn two_halves_of_a_batch_step_like_the_whole() {
    for (name, model, spec) in families() {
        let whole = batch(&spec, 6, 5);
        let mut at_once = BurnClient::open(&model, &spec, &sgd(), OpenDevice::cpu(), 1).unwrap();
        let mut in_parts = BurnClient::open(&model, &spec, &sgd(), OpenDevice::cpu(), 1).unwrap();
        let update = OptimStep {
            step: 1,
            lr: 0.5,
            clip_norm: 0.0,
            measure: false,
            ..OptimStep::default()
        };
        let saved = block_on(async {
            drop(
                at_once
                    .forward_backward(&whole, &CROSS_ENTROPY)
                    .await
                    .unwrap(),
            );
            drop(at_once.optim_step(&update).await.unwrap());
            for half in halves(&whole) {
                drop(
                    in_parts
                        .forward_backward(&half, &CROSS_ENTROPY)
                        .await
                        .unwrap(),
                );
            }
            drop(in_parts.optim_step(&update).await.unwrap());
            [
                at_once.save().await.unwrap(),
                in_parts.save().await.unwrap(),
            ]
        });
        for (left, right) in saved[0].weights.iter().zip(&saved[1].weights) {
            for (left, right) in left.values.iter().zip(&right.values) {
                assert!((left - right).abs() < 1e-5, "{name}: {left} and {right}");
            }
        }
    }
}

#[test]
fn the_norm_told_before_a_step_is_the_one_that_it_reports() {
    for (name, model, spec) in families() {
        let mut client = open(&model, &spec, 1);
        let update = OptimStep {
            step: 1,
            lr: 0.1,
            clip_norm: 0.0,
            measure: true,
            ..OptimStep::default()
        };
        block_on(async {
            assert!(
                client.grad_norms().await.is_err(),
                "{name}: of no gradients"
            );
            let mut losses = Vec::new();
            for half in halves(&batch(&spec, 6, 5)) {
                losses.push(
                    client
                        .forward_backward(&half, &CROSS_ENTROPY)
                        .await
                        .unwrap(),
                );
            }
            let norms = client.grad_norms().await.unwrap();
            assert_eq!(norms.len(), client.describe().layers.len(), "{name}");
            let told = norms.iter().map(|norm| norm.0 * norm.0).sum::<f64>().sqrt();
            for loss in losses {
                loss.await.unwrap();
            }
            let waits = client.counters().readbacks;
            assert_eq!(waits, Some(1), "{name}: all come back together");
            let report = client.optim_step(&update).await.unwrap().await.unwrap();
            let reported = report.grad_norm.unwrap().0;
            assert!(
                (told - reported).abs() <= 1e-5 * reported,
                "{name}: {told} and {reported}"
            );
        });
    }
}

#[test]
fn each_weight_moves_by_its_own_scale() {
    for (name, model, spec) in families() {
        let mut client = BurnClient::open(&model, &spec, &sgd(), OpenDevice::cpu(), 1).unwrap();
        let layers = client.describe().layers.len();
        // One weight stays, one goes half the way, and the others all of it.
        let factor = |layer: usize| [0.0, 0.5].get(layer).copied().unwrap_or(1.0);
        let mut moved = |scales: Vec<Number>| {
            let update = OptimStep {
                step: 1,
                lr: 0.5,
                scales,
                ..OptimStep::default()
            };
            block_on(async {
                let before = client.save().await.unwrap();
                let batch = batch(&spec, 4, 1);
                drop(client.forward_backward(&batch, &CROSS_ENTROPY).await);
                drop(client.optim_step(&update).await?);
                let after = client.save().await.unwrap();
                client.restore(&before).await.unwrap();
                let weights = before.weights.iter().zip(&after.weights);
                let moved = weights.map(|(before, after)| {
                    let values = before.values.iter().zip(&after.values);
                    values.map(|(before, after)| after - before).collect()
                });
                Ok::<Vec<Vec<f32>>, ClientError>(moved.collect())
            })
        };
        let whole = moved(Vec::new()).unwrap();
        let scaled = moved((0..layers).map(|layer| Number(factor(layer))).collect()).unwrap();
        for (layer, (scaled, whole)) in scaled.iter().zip(&whole).enumerate() {
            for (scaled, whole) in scaled.iter().zip(whole) {
                let expected = factor(layer) as f32 * whole;
                assert!(
                    (scaled - expected).abs() < 1e-6,
                    "{name}, {layer}: {scaled} {expected}"
                );
            }
        }
        let error = moved(vec![Number(1.0)]).unwrap_err();
        assert!(error.to_string().contains("1 scales"), "{name}: {error}");
    }
}

#[test]
fn dropped_gradients_are_gone_and_a_step_needs_some() {
    let (_, model, spec) = families().remove(0);
    let mut client = open(&model, &spec, 1);
    let update = OptimStep {
        step: 1,
        lr: 0.1,
        clip_norm: 0.0,
        measure: false,
        ..OptimStep::default()
    };
    block_on(async {
        drop(
            client
                .forward_backward(&batch(&spec, 4, 1), &CROSS_ENTROPY)
                .await
                .unwrap(),
        );
        client.drop_gradients();
        let error = client.optim_step(&update).await.unwrap_err();
        assert!(error.to_string().contains("forward_backward"), "{error}");
    });
}

#[test]
fn a_step_waits_for_the_device_once_however_much_it_measures() {
    let (_, model, spec) = families().remove(0);
    let mut client = open(&model, &spec, 1);
    let batch = batch(&spec, 4, 1);
    for number in 1..=3 {
        step(&mut client, &batch, &CROSS_ENTROPY, number, 0.01);
    }
    assert_eq!(client.counters().readbacks, Some(3));
}

#[test]
fn the_report_on_a_batch_is_the_mean_of_the_reports_on_its_examples() {
    for (name, model, spec) in families() {
        let mut client = open(&model, &spec, 1);
        let batch = batch(&spec, 4, 1);
        let alone = block_on(client.per_sample(&batch, &CROSS_ENTROPY)).unwrap();
        let together = step(&mut client, &batch, &CROSS_ENTROPY, 1, 0.0);
        let mean = alone.losses.iter().map(|loss| loss.0).sum::<f64>() / 4.0;
        assert!(
            (mean - together).abs() < 1e-5,
            "{name}: {mean} and {together}"
        );
        assert_eq!(alone.ids, batch.ids);
        assert!(
            alone.grad_norms.iter().all(|norm| norm.0 > 0.0),
            "{name}: {alone:?}"
        );
    }
}

fn with_dropout(model: &ModelConfig) -> ModelConfig {
    let mut model = model.clone();
    match &mut model {
        ModelConfig::Mlp(config) => config.dropout = 0.3,
        ModelConfig::Cnn(config) => config.dropout = 0.3,
        ModelConfig::Gpt(config) => config.dropout = 0.3,
        ModelConfig::Rnn(config) => config.dropout = 0.3,
    }
    model
}

fn halves(batch: &Batch) -> [Batch; 2] {
    fn split<T: Clone>(values: &[T], half: usize) -> Vec<T> {
        values.chunks(values.len() / 2).nth(half).unwrap().to_vec()
    }
    [0, 1].map(|half| Batch {
        ids: split(&batch.ids, half),
        inputs: match &batch.inputs {
            Inputs::Features { shape, values } => Inputs::Features {
                shape: shape.clone(),
                values: split(values, half),
            },
            Inputs::Tokens { context, values } => Inputs::Tokens {
                context: *context,
                values: split(values, half),
            },
        },
        targets: match &batch.targets {
            Targets::Classes(classes) => Targets::Classes(split(classes, half)),
            Targets::Tokens { values, .. } => Targets::Tokens {
                values: split(values, half),
                mask: Vec::new(),
            },
            other => other.clone(),
        },
    })
}
