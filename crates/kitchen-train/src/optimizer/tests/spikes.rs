//! Numbers of the gradient that stand far above Adam's second moments.

use super::*;

/// The weight after each of `grads`, from 1.
fn path(grads: &[f32], spikes: f64) -> Vec<f32> {
    let mut optimizer = optimizer(Algorithm::Adam(AdamConfig::default()));
    let mut weight = Param::from_tensor(tensor(vec![1.0], [1]));
    (1..)
        .zip(grads)
        .map(|(step, &grad)| {
            let size = StepSize {
                spikes,
                ..size(step)
            };
            let mut grads = GradientsParams::new();
            grads.register::<1>(weight.id, tensor(vec![grad], [1]));
            weight = optimizer.step(weight.clone(), grads, size, false).0;
            values(weight.val())[0]
        })
        .collect()
}

/// After a gradient of 1 the second moment is 0.001: at most four times that is a gradient of
/// sqrt(0.004) = 0.063246.
#[test]
fn a_spike_is_brought_down_to_what_the_second_moment_allows() {
    for sign in [1.0, -1.0] {
        let spiked = path(&[1.0, sign * 50.0], 4.0);
        let usual = path(&[1.0, sign * 0.063_245_55], 0.0);
        assert_close("weight", &spiked, &usual, 1e-6);
    }
    assert_eq!(path(&[1.0, 0.05], 4.0), path(&[1.0, 0.05], 0.0));
    assert!(path(&[1.0, f32::NAN], 4.0)[1].is_nan(), "a NaN is no spike");
}

/// Where nothing is known, nothing stands out.
#[test]
fn a_first_gradient_is_no_spike() {
    assert_eq!(path(&[0.0, 5.0], 4.0), path(&[0.0, 5.0], 0.0));
}

#[test]
fn what_is_forgotten_is_as_if_it_had_not_been() {
    let mut optimizer = optimizer(Algorithm::Adam(AdamConfig::default()));
    let mut step = |weight: f32, grad: f32| {
        let weight = Param::from_tensor(tensor(vec![weight], [1]));
        let mut grads = GradientsParams::new();
        grads.register::<1>(weight.id, tensor(vec![grad], [1]));
        let weight = optimizer.step(weight, grads, size(1), false).0;
        optimizer.forget();
        values(weight.val())[0]
    };
    assert_eq!(step(1.0, 0.3), step(1.0, 0.3));
}
