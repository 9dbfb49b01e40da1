//! Models, losses and gradients against PyTorch's numbers (see `golden/make.py`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod golden;

use std::collections::BTreeMap;

use futures::FutureExt;
use kitchen_train::{BurnClient, OpenDevice};
use kitchen_types::config::{Algorithm, ModelConfig, OptimizerConfig, SgdConfig};
use kitchen_types::ports::{
    Batch, DataSpec, Loss, ModelState, NamedTensor, OptimStep, TrainingClient,
};
use serde::Deserialize;

use golden::{assert_close, formula};

#[derive(Deserialize)]
struct Golden {
    models: Vec<Case>,
}

/// A model and a batch, and what PyTorch makes of them.
#[derive(Deserialize)]
struct Case {
    name: String,
    model: ModelConfig,
    data: DataSpec,
    batch: Batch,
    loss: Loss,
    outputs: Vec<f32>,
    value: f32,
    gradients: BTreeMap<String, Vec<f32>>,
}

fn cases() -> Vec<Case> {
    let golden: Golden = serde_json::from_str(golden::PYTORCH).unwrap();
    assert_eq!(golden.models.len(), 10);
    golden.models
}

impl Case {
    /// The model with the weights that `make.py` gave it.
    async fn open(&self) -> BurnClient {
        let sgd = OptimizerConfig {
            algorithm: Algorithm::Sgd(SgdConfig::default()),
            ..OptimizerConfig::default()
        };
        let device = OpenDevice::cpu();
        let mut client = BurnClient::open(&self.model, &self.data, &sgd, device, 0).unwrap();
        let by_formula = |layer: &NamedTensor| NamedTensor {
            values: formula(&layer.name, layer.values.len(), 0.5),
            ..layer.clone()
        };
        let fresh = client.save().await.unwrap();
        let state = ModelState {
            weights: fresh.weights.iter().map(by_formula).collect(),
            ..fresh
        };
        client.restore(&state).await.unwrap();
        client
    }

    async fn check_outputs(&self) {
        let mut client = self.open().await;
        let outputs = client.predict(&self.batch.inputs).await.unwrap();
        let what = format!("{}: outputs", self.name);
        assert_close(&what, &outputs.values, &self.outputs, 1e-5);
    }

    async fn check_loss(&self) {
        let mut client = self.open().await;
        let trained = client
            .forward_backward(&self.batch, &self.loss)
            .await
            .unwrap();
        let trained = trained.await.unwrap().loss.get() as f32;
        let evaluated = client.evaluate(&self.batch, &self.loss).await.unwrap();
        let evaluated = (evaluated.loss_sum.get() / evaluated.targets as f64) as f32;
        for (how, value) in [("training", trained), ("evaluation", evaluated)] {
            let what = format!("{}: loss in {how}", self.name);
            assert_close(&what, &[value], &[self.value], 1e-5);
        }
    }

    /// A step of plain gradient descent at rate 1 takes the gradient off the weights.
    async fn check_gradients(&self) {
        let mut client = self.open().await;
        let before = client.save().await.unwrap().weights;
        let loss = client
            .forward_backward(&self.batch, &self.loss)
            .await
            .unwrap();
        loss.await.unwrap();
        let step = OptimStep {
            step: 1,
            lr: 1.0,
            clip_norm: 0.0,
            measure: true,
            ..OptimStep::default()
        };
        let report = client.optim_step(&step).await.unwrap().await.unwrap();
        let after = client.save().await.unwrap().weights;

        assert_eq!(before.len(), self.gradients.len(), "{}", self.name);
        for (before, after) in before.iter().zip(&after) {
            let gradient: Vec<f32> = (before.values.iter().zip(&after.values))
                .map(|(b, a)| b - a)
                .collect();
            let what = format!("{}: gradient of {}", self.name, before.name);
            let expected = &self.gradients[&before.name];
            assert_close(&what, &gradient, expected, self.tolerance(expected));
        }
        let squares = self
            .gradients
            .values()
            .flatten()
            .map(|g| f64::from(*g).powi(2));
        let norm = squares.sum::<f64>().sqrt() as f32;
        let measured = report.grad_norm.unwrap().get() as f32;
        assert_close(&format!("{}: norm", self.name), &[measured], &[norm], 1e-5);
    }

    /// Subtracting from weights below 0.5 rounds by up to 3e-8, beside what the gradient is off.
    fn tolerance(&self, gradient: &[f32]) -> f32 {
        let largest = gradient
            .iter()
            .fold(0.0, |largest: f32, g| largest.max(g.abs()));
        2e-5 + 1e-7 / largest
    }
}

#[test]
fn outputs_are_those_of_pytorch() {
    for case in cases() {
        case.check_outputs().now_or_never().unwrap();
    }
}

#[test]
fn losses_are_those_of_pytorch() {
    for case in cases() {
        case.check_loss().now_or_never().unwrap();
    }
}

#[test]
fn gradients_are_those_of_pytorch() {
    for case in cases() {
        case.check_gradients().now_or_never().unwrap();
    }
}
