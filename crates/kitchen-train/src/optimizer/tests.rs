#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![allow(
    clippy::excessive_precision,
    reason = "figures stand as they were recorded"
)]

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use futures::FutureExt;
use kitchen_types::config::{
    AdamConfig, AdamwConfig, Algorithm, LionConfig, MuonAdjustLr, MuonConfig, OptimizerConfig,
    SgdConfig,
};
use kitchen_types::ports::NamedTensor;
use proptest::prelude::*;
use serde::Deserialize;

use super::rule::Rule;
use super::{Measured, Optimizer, Slot, StepSize, device, host, muon};
use golden::{assert_close, formula};

#[path = "../../tests/golden/mod.rs"]
mod golden;
mod orthogonal;
mod spikes;

/// The weights of `make.py`.
#[derive(Module, Debug)]
struct Weights {
    wide: Param<Tensor<2>>,
    tall: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Weights {
    fn new() -> Self {
        Self {
            wide: Param::from_tensor(by_formula("wide", [4, 6], 0.5)),
            tall: Param::from_tensor(by_formula("tall", [6, 3], 0.5)),
            bias: Param::from_tensor(by_formula("bias", [5], 0.5)),
        }
    }

    /// Gradients that grow from step to step.
    fn gradients(&self, step: u64) -> GradientsParams {
        let name = |weight| format!("{weight}.grad.{step}");
        let amplitude = 0.1 * step as f64;
        let mut grads = GradientsParams::new();
        grads.register::<2>(self.wide.id, by_formula(&name("wide"), [4, 6], amplitude));
        grads.register::<2>(self.tall.id, by_formula(&name("tall"), [6, 3], amplitude));
        grads.register::<1>(self.bias.id, by_formula(&name("bias"), [5], amplitude));
        grads
    }

    fn values(&self) -> BTreeMap<&'static str, Vec<f32>> {
        BTreeMap::from([
            ("wide", values(self.wide.val())),
            ("tall", values(self.tall.val())),
            ("bias", values(self.bias.val())),
        ])
    }
}

fn by_formula<const D: usize>(name: &str, shape: [usize; D], amplitude: f64) -> Tensor<D> {
    tensor(formula(name, shape.iter().product(), amplitude), shape)
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn optimizer(algorithm: Algorithm) -> Optimizer {
    Optimizer::new(&OptimizerConfig {
        algorithm,
        ..OptimizerConfig::default()
    })
}

fn size(step: u64) -> StepSize {
    StepSize {
        step,
        lr: 0.01,
        clip_norm: 0.0,
        spikes: 0.0,
    }
}

/// Every rule, with no constant at a value that would hide it.
fn algorithms() -> Vec<Algorithm> {
    vec![
        Algorithm::Sgd(SgdConfig {
            weight_decay: 0.1,
            ..SgdConfig::default()
        }),
        Algorithm::Sgd(SgdConfig {
            momentum: 0.9,
            weight_decay: 0.1,
            nesterov: false,
        }),
        Algorithm::Sgd(SgdConfig {
            momentum: 0.9,
            weight_decay: 0.1,
            nesterov: true,
        }),
        Algorithm::Adam(AdamConfig {
            weight_decay: 0.1,
            ..AdamConfig::default()
        }),
        Algorithm::Adamw(AdamwConfig::default()),
        Algorithm::Lion(LionConfig {
            weight_decay: 0.1,
            ..LionConfig::default()
        }),
        Algorithm::Muon(MuonConfig::default()),
    ]
}

#[derive(Deserialize)]
struct Golden {
    optimizers: Vec<Trajectory>,
}

#[derive(Deserialize)]
struct Trajectory {
    algorithm: Algorithm,
    lr: f64,
    clip_norm: f64,
    norms: Vec<f32>,
    weights: BTreeMap<u64, BTreeMap<String, Vec<f32>>>,
}

#[test]
fn ten_steps_are_those_of_pytorch() {
    let golden: Golden = serde_json::from_str(golden::PYTORCH).unwrap();
    assert_eq!(golden.optimizers.len(), 17);
    for case in golden.optimizers {
        let mut optimizer = optimizer(case.algorithm.clone());
        let mut model = Weights::new();
        for (step, &norm) in (1..).zip(&case.norms) {
            let size = StepSize {
                step,
                lr: case.lr,
                clip_norm: case.clip_norm,
                spikes: 0.0,
            };
            let grads = model.gradients(step);
            let (next, measured) = optimizer.step(model, grads, size, true);
            model = next;
            let what = format!("{:?}, clip {}, step {step}", case.algorithm, case.clip_norm);
            let measured = values(measured.grad_norm.unwrap());
            assert_close(&format!("{what}: norm"), &measured, &[norm], 1e-6);
            for (name, expected) in case.weights.get(&step).into_iter().flatten() {
                let actual = &model.values()[name.as_str()];
                assert_close(&format!("{what}: {name}"), actual, expected, 2e-6);
            }
        }
    }
}

/// An independent computation in double precision, by hand from the paper.
#[test]
fn adamw_moves_a_number_as_on_paper() {
    let paper = |config: AdamwConfig, grads: &[f32], expected: &[f32]| {
        let mut optimizer = optimizer(Algorithm::Adamw(config));
        let mut weight = Param::from_tensor(tensor(vec![1.0], [1]));
        for ((step, &grad), &expected) in (1..).zip(grads).zip(expected) {
            let mut grads = GradientsParams::new();
            grads.register::<1>(weight.id, tensor(vec![grad], [1]));
            weight = optimizer.step(weight, grads, size(step), false).0;
            assert_close("weight", &values(weight.val()), &[expected], 2e-7);
        }
    };
    let grads = [0.1, -0.2, 0.3];
    paper(
        AdamwConfig::default(),
        &grads,
        &[0.989_900_001, 0.993_462_046_039, 0.989_930_289_19],
    );
    let without_decay = AdamwConfig {
        beta2: 0.95,
        weight_decay: 0.0,
        ..AdamwConfig::default()
    };
    paper(
        without_decay.clone(),
        &grads,
        &[0.990_000_001, 0.993_633_740_277, 0.990_249_667_705],
    );
    // A tiny gradient tells epsilons apart.
    paper(without_decay.clone(), &[1e-6], &[0.990_099_009_901]);
    let coarse = AdamwConfig {
        epsilon: 1e-5,
        ..without_decay
    };
    paper(coarse, &[1e-6], &[0.999_090_909_091]);
}

/// One step of a rule in both ways.
fn both_ways(
    rule: &Rule,
    weight: &[f32],
    grad: &[f32],
    slot: &[Vec<f32>],
    scale: Option<f32>,
) -> [Vec<Vec<f32>>; 2] {
    let shape = [weight.len() / 3, 3];
    let all = |(weight, slot): (Tensor<2>, Slot<2>)| {
        [weight].into_iter().chain(slot).map(values).collect()
    };
    let make = |values: &[f32]| tensor(values.to_vec(), shape);
    let slot = || -> Slot<2> { slot.iter().map(|buffer| make(buffer)).collect() };
    let scale = scale.map(|scale| tensor(vec![scale], [1, 1]));
    [
        all(host::apply(
            rule,
            make(weight),
            make(grad),
            slot(),
            scale.clone(),
        )),
        all(device::apply(rule, make(weight), make(grad), slot(), scale)),
    ]
}

fn numbers() -> impl Strategy<Value = Vec<f32>> {
    proptest::collection::vec(-1.0_f32..1.0, 12)
}

proptest! {
    #[test]
    fn slices_and_tensor_operations_give_the_same_numbers(
        weight in numbers(), grad in numbers(), first in numbers(), second in numbers(),
        has_slot: bool, scale in proptest::option::of(0.01_f32..1.0), step in 1..1000_u64,
        spikes in prop_oneof![Just(0.0), 0.1..10.0],
    ) {
        for algorithm in algorithms() {
            let size = StepSize { spikes, ..size(step) };
            let rule = Rule::new(&algorithm, size, || true, [4, 3]);
            // Squares are not negative.
            let second = second.iter().map(|x| x * x).collect();
            let mut slot = vec![first.clone(), second];
            slot.truncate(if has_slot { rule.buffers().len() } else { 0 });
            let [host, device] = both_ways(&rule, &weight, &grad, &slot, scale);
            prop_assert_eq!(host.len(), 1 + rule.buffers().len());
            for (host, device) in host.iter().zip(&device) {
                assert_close(&format!("{algorithm:?}"), host, device, 1e-6);
            }
        }
    }

    #[test]
    fn both_ways_sum_the_same_squares(values in proptest::collection::vec(-9.0_f32..9.0, 1..99)) {
        let expected: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
        let shape = [values.len()];
        let (unharmed, host) = host::sum_of_squares(tensor(values.clone(), shape));
        prop_assert_eq!(self::values(unharmed), values.clone());
        let (_, device) = device::sum_of_squares(tensor(values, shape));
        assert_close("host", &self::values(host), &[expected as f32], 1e-7);
        assert_close("device", &self::values(device), &[expected as f32], 1e-6);
    }
}

#[test]
fn first_moments_without_a_gradient_become_nothing() {
    for algorithm in algorithms() {
        let rule = Rule::new(&algorithm, size(1), || false, [4, 3]);
        let zeros = || tensor(vec![0.0; 12], [4, 3]);
        let buffers = rule.buffers().iter();
        let mut slot: Slot<2> = buffers.map(|_| tensor(vec![1.1e-34; 12], [4, 3])).collect();
        for _ in 0..100 {
            (_, slot) = host::apply(&rule, zeros(), zeros(), slot, None);
        }
        if let Some(first) = slot.into_iter().next() {
            assert_eq!(values(first), [0.0; 12], "{algorithm:?}");
        }
    }
}

#[test]
fn adam_steps_by_the_learning_rate_however_small_the_gradient() {
    let algorithm = Algorithm::Adam(AdamConfig {
        epsilon: 1e-30,
        ..AdamConfig::default()
    });
    let grad = || tensor(vec![1e-17; 12], [4, 3]);
    let mut weight = tensor(vec![0.0; 12], [4, 3]);
    let mut slot = Slot::new();
    for step in 1..=10 {
        let rule = Rule::new(&algorithm, size(step), || true, [4, 3]);
        (weight, slot) = host::apply(&rule, weight, grad(), slot, None);
    }
    // A constant gradient over its own root mean square is 1.
    let expected = [-10.0 * size(1).lr as f32; 12];
    assert_close("weight", &values(weight), &expected, 1e-4);
}

#[test]
fn large_weights_are_moved_throughout_whatever_the_threads() {
    let count = (1 << 18) + 77;
    let grad = || by_formula("grad", [count], 1.0);
    let expected: Vec<f32> = values(grad()).iter().map(|g| 1.0 - g * 0.01).collect();
    let rule = Rule::new(
        &Algorithm::Sgd(SgdConfig::default()),
        size(1),
        || false,
        [1, 1],
    );
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let weight = tensor(vec![1.0; count], [count]);
        let (weight, _) = pool.install(|| host::apply(&rule, weight, grad(), Slot::new(), None));
        assert_eq!(values(weight), expected, "{threads} threads");
    }
}

#[test]
fn weights_that_nobody_else_holds_are_changed_in_place() {
    let address = |data: &TensorData| data.as_bytes().as_ptr();
    let data = TensorData::new(vec![1.0_f32; 64], [64]);
    let before = address(&data);
    let weight: Tensor<1> = Tensor::from_data(data, &Device::flex().autodiff());
    let weight = Param::from_tensor(weight);
    let grads = GradientsParams::from_grads(weight.val().square().sum().backward(), &weight);
    let (weight, _) = optimizer(Algorithm::default()).step(weight, grads, size(1), false);
    let weight = weight.into_value();
    assert!(weight.is_require_grad());
    let after = weight.without_autodiff().into_data();
    assert_eq!(address(&after), before);
}

#[test]
fn weights_without_a_gradient_stay() {
    let model = Weights::new();
    let before = model.values();
    let mut grads = GradientsParams::new();
    grads.register::<1>(model.bias.id, by_formula("bias.grad", [5], 1.0));
    let (model, _) = optimizer(Algorithm::default()).step(model, grads, size(1), true);
    let after = model.values();
    assert_eq!(after["wide"], before["wide"]);
    assert_eq!(after["tall"], before["tall"]);
    assert_ne!(after["bias"], before["bias"]);
}

#[test]
fn measures_the_norm_before_clipping_and_the_change_after() {
    let step = |clip_norm, measure| {
        let weight = Param::from_tensor(tensor(vec![3.0, 4.0], [2]));
        let mut grads = GradientsParams::new();
        grads.register::<1>(weight.id, tensor(vec![6.0, 8.0], [2]));
        let size = StepSize {
            step: 1,
            lr: 0.1,
            clip_norm,
            spikes: 0.0,
        };
        let sgd = Algorithm::Sgd(SgdConfig::default());
        let (weight, measured) = optimizer(sgd).step(weight, grads, size, measure);
        let Measured {
            grad_norm,
            update_ratio,
        } = measured;
        (
            values(weight.val()),
            grad_norm.map(values),
            update_ratio.map(values),
        )
    };
    let close = |actual: Option<Vec<f32>>, expected: f32| {
        assert_close("measured", &actual.unwrap(), &[expected], 1e-6);
    };

    let (weight, norm, ratio) = step(0.0, true);
    assert_close("weight", &weight, &[2.4, 3.2], 1e-6);
    close(norm, 10.0);
    close(ratio, 0.2);

    let (weight, norm, ratio) = step(1.0, true);
    assert_close("weight", &weight, &[2.94, 3.92], 1e-6);
    close(norm, 10.0);
    close(ratio, 0.02);

    let (weight, norm, ratio) = step(1.0, false);
    assert_close("weight", &weight, &[2.94, 3.92], 1e-6);
    close(norm, 10.0);
    assert_eq!(ratio, None);

    // A norm below the limit is left alone.
    let (weight, ..) = step(10.1, false);
    assert_close("weight", &weight, &[2.4, 3.2], 1e-6);

    let (_, norm, ratio) = step(0.0, false);
    assert_eq!((norm, ratio), (None, None));
}

fn take_steps(
    optimizer: &mut Optimizer,
    mut model: Weights,
    steps: impl Iterator<Item = u64>,
) -> Weights {
    for step in steps {
        let grads = model.gradients(step);
        model = optimizer.step(model, grads, size(step), false).0;
    }
    model
}

fn state(optimizer: &Optimizer, model: &Weights) -> Vec<NamedTensor> {
    optimizer.state(model).now_or_never().unwrap().unwrap()
}

#[test]
fn goes_on_bit_for_bit_from_its_state() {
    for algorithm in algorithms() {
        let mut uninterrupted = optimizer(algorithm.clone());
        let half = take_steps(&mut uninterrupted, Weights::new(), 1..=3);
        let saved = state(&uninterrupted, &half);

        let mut resumed = optimizer(algorithm.clone());
        resumed.load(&half, &saved).unwrap();
        assert_eq!(state(&resumed, &half), saved, "{algorithm:?}");

        let expected = take_steps(&mut uninterrupted, half.clone(), 4..=6);
        let actual = take_steps(&mut resumed, half, 4..=6);
        assert_eq!(actual.values(), expected.values(), "{algorithm:?}");
    }
}

#[test]
fn state_has_pytorchs_names() {
    let names = |algorithm| {
        let mut optimizer = optimizer(algorithm);
        let fresh = Weights::new();
        assert!(state(&optimizer, &fresh).is_empty());
        let model = take_steps(&mut optimizer, fresh, 1..=1);
        let state = state(&optimizer, &model);
        state
            .into_iter()
            .map(|tensor| tensor.name)
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (algorithm, expected) in [
        (Algorithm::Sgd(SgdConfig::default()), ""),
        (
            Algorithm::Sgd(SgdConfig {
                momentum: 0.9,
                ..SgdConfig::default()
            }),
            "wide.momentum_buffer tall.momentum_buffer bias.momentum_buffer",
        ),
        (
            Algorithm::default(),
            "wide.exp_avg wide.exp_avg_sq tall.exp_avg tall.exp_avg_sq \
             bias.exp_avg bias.exp_avg_sq",
        ),
        (
            Algorithm::Muon(MuonConfig::default()),
            "wide.momentum_buffer tall.momentum_buffer bias.exp_avg bias.exp_avg_sq",
        ),
    ] {
        assert_eq!(names(algorithm), expected);
    }
}

/// A layer whose matrix lies transposed, compared with PyTorch; its name says so.
#[derive(Module, Debug)]
struct Linear {
    /// `[2 inputs, 8 outputs]`.
    weight: Param<Tensor<2>>,
}

#[test]
fn transposed_matrices_are_treated_and_saved_as_pytorchs() {
    let adjust_original = MuonConfig {
        adjust_lr: MuonAdjustLr::Original,
        weight_decay: 0.0,
        ..MuonConfig::default()
    };
    let mut optimizer = optimizer(Algorithm::Muon(adjust_original));
    let model = Linear {
        weight: Param::from_tensor(tensor(vec![0.0; 16], [2, 8])),
    };
    let gradient = || by_formula("gradient", [2, 8], 1.0);
    let mut grads = GradientsParams::new();
    grads.register::<2>(model.weight.id, gradient());
    let (model, _) = optimizer.step(model, grads, size(1), false);

    // Eight outputs of two inputs are stepped sqrt(8 / 2) times as far.
    let expected = muon::orthogonalise(gradient(), 5) * (-0.01 * 2.0);
    let actual = values(model.weight.val());
    assert_close("weight", &actual, &values(expected), 1e-5);

    let saved = optimizer.state(&model).now_or_never().unwrap().unwrap();
    let [buffer] = saved.as_slice() else {
        panic!("{} buffers instead of one", saved.len());
    };
    assert_eq!(buffer.shape, [8, 2]);
    let expected = values((gradient() * 0.05).transpose());
    assert_close("momentum", &buffer.values, &expected, 1e-5);

    optimizer.load(&model, &saved).unwrap();
    let again = optimizer.state(&model).now_or_never().unwrap().unwrap();
    assert_eq!(again, saved);
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let named = |name: &str, shape: &[usize]| NamedTensor {
        name: name.into(),
        shape: shape.into(),
        values: vec![0.0; shape.iter().product()],
    };
    let mut optimizer = optimizer(Algorithm::default());
    let model = take_steps(&mut optimizer, Weights::new(), 1..=1);
    let before = state(&optimizer, &model);
    for (state, expected) in [
        (
            vec![named("wide.exp_avg", &[4, 6])],
            "the optimizer's state lacks `wide.exp_avg_sq`; take another checkpoint",
        ),
        (
            vec![named("bias.exp_avg", &[5]), named("bias.exp_avg_sq", &[6])],
            "`bias.exp_avg_sq` of the optimizer's state has shape [6] and 6 values, and the \
             weight has shape [5]; resume with the run's own config",
        ),
        (
            vec![named("wide.momentum_buffer", &[4, 6])],
            "the optimizer's state has `wide.momentum_buffer`, which this model with this \
             optimizer has not; resume with the run's own config",
        ),
    ] {
        let error = optimizer.load(&model, &state).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(state(&optimizer, &model), before);
}
