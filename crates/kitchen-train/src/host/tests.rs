//! Each operation against the same thing made of Burn's own, values and gradients.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use burn::tensor::{Distribution, Gradients, activation, module};
use kitchen_types::config::Norm as Kind;

use super::*;

fn random<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    let mut rng = kitchen_types::random::Key::new(seed).rng();
    let values = (0..shape.iter().product())
        .map(|_| rng.normal() as f32)
        .collect();
    let data = TensorData::new::<f32, _>(values, shape);
    Tensor::from_data(data, &Device::flex().autodiff()).require_grad()
}

#[track_caller]
fn close<const D: usize>(found: Tensor<D>, expected: Tensor<D>) {
    let [found, expected] =
        [found, expected].map(|tensor| tensor.into_data().try_into_vec_as::<f32>().unwrap());
    let largest = expected
        .iter()
        .fold(1e-3f32, |largest, value| largest.max(value.abs()));
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / largest;
        assert!(error < 2e-5, "at {place}: {found} is not {expected}");
    }
}

/// Backward from a sum in which every output has a weight of its own.
fn backward<const D: usize>(output: Tensor<D>) -> Gradients {
    let weights = random(output.dims(), 99).detach();
    (output * weights).sum().backward()
}

#[test]
fn norms() {
    for kind in [Kind::Layer, Kind::Rms] {
        for (rows, width) in [(1, 1), (3, 5), (300, 40)] {
            let (x, weight, bias) = (
                random([rows, width], 1) * 3.0 + 1.0,
                random([width], 2),
                random([width], 3),
            );
            let x = x.detach().require_grad();
            let found = norm(kind, &x, &weight, Some(&bias), 1e-5).unwrap();
            let expected = match kind {
                Kind::Layer => {
                    module::layer_norm(x.clone(), weight.clone(), Some(bias.clone()), 1e-5)
                }
                Kind::Rms => {
                    let squares = x.clone().square().mean_dim(1);
                    x.clone() / (squares + 1e-5).sqrt() * weight.clone().unsqueeze()
                        + bias.clone().unsqueeze()
                }
            };
            close(found.clone().inner(), expected.clone().inner());
            let [found, expected] = [found, expected].map(backward);
            // A width of 1 leaves x no gradient but rounding errors.
            if width > 1 {
                close(x.grad(&found).unwrap(), x.grad(&expected).unwrap());
            }
            close(
                weight.grad(&found).unwrap(),
                weight.grad(&expected).unwrap(),
            );
            close(bias.grad(&found).unwrap(), bias.grad(&expected).unwrap());
        }
    }
}

#[test]
fn activations() {
    let x = (random([30, 2_000], 1) * 3.0).detach().require_grad();
    let (found, expected) = (gelu(&x).unwrap(), activation::gelu(x.clone()));
    close(found.clone().inner(), expected.clone().inner());
    close(
        x.grad(&backward(found)).unwrap(),
        x.grad(&backward(expected)).unwrap(),
    );

    let x = random([7, 12], 1);
    let found = swiglu(&x).unwrap();
    let gate = activation::silu(x.clone().narrow(1, 0, 6));
    let expected = gate * x.clone().narrow(1, 6, 6);
    close(found.clone().inner(), expected.clone().inner());
    close(
        x.grad(&backward(found)).unwrap(),
        x.grad(&backward(expected)).unwrap(),
    );
}

#[test]
fn cross_entropies() {
    let (rows, width) = (150, 7);
    let logits = (random([rows, width], 1) * 4.0).detach().require_grad();
    let classes: Vec<u32> = (0..rows as u32).map(|row| row * 5 % 7).collect();
    let some: Vec<f32> = (0..rows).map(|row| f32::from(row % 3 != 0)).collect();
    for (mask, smoothing) in [(vec![], 0.0), (vec![], 0.2), (some, 0.1)] {
        let weights = if mask.is_empty() {
            vec![1.0; rows]
        } else {
            mask.clone()
        };
        let counted = weights.iter().sum::<f32>() as usize;
        let [found, correct] = cross_entropy(&logits, &classes, &mask, smoothing, counted).unwrap();

        let logs = activation::log_softmax(logits.clone(), 1);
        let device = Device::flex();
        let places: Vec<i32> = classes.iter().map(|&class| class as i32).collect();
        let places =
            Tensor::<2, burn::tensor::Int>::from_data(TensorData::new(places, [rows, 1]), &device);
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [rows, 1]), &device);
        let of_class = logs.clone().gather(1, places.clone()) * (smoothing - 1.0);
        let losses = of_class - logs.clone().mean_dim(1) * smoothing;
        let expected = (losses * weights.clone()).sum() / counted as f64;
        let hits = logs.inner().argmax(1).equal(places).float() * weights;

        close(found.clone().inner(), expected.clone().inner());
        close(correct, hits.sum());
        let doubled = [found * 2.0, expected * 2.0].map(|loss| loss.backward());
        close(
            logits.grad(&doubled[0]).unwrap(),
            logits.grad(&doubled[1]).unwrap(),
        );
    }
}

#[test]
fn nothing_is_taken_that_is_not_trained_on_the_cpu() {
    let x = Tensor::<2>::random([4, 4], Distribution::Default, &Device::flex());
    assert!(gelu(&x).is_none());
    assert!(swiglu(&x).is_none());
    assert!(cross_entropy(&x, &[0; 4], &[], 0.0, 4).is_none());
}

#[test]
fn a_nan_is_never_hidden() {
    let logits = Tensor::<2>::from_floats([[0.0, f32::NAN, 1.0]], &Device::flex().autodiff());
    let [loss, _] = cross_entropy(&logits.require_grad(), &[0], &[], 0.0, 1).unwrap();
    assert!(loss.into_scalar::<f32>().is_nan());
}
