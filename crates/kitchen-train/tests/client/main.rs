//! What the local training client promises, through its port alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod errors;
mod gpu;
mod inspect;
mod learn;
mod losses;
mod per_sample;
mod save;
mod write;

use futures::executor::block_on;
use kitchen_train::{BurnClient, OpenDevice};
use kitchen_types::SampleId;
use kitchen_types::config::{
    Activation, AdamConfig, Algorithm, Cell, CnnConfig, FeedForward, GptConfig, MlpConfig,
    ModelConfig, Norm, OptimizerConfig, Positions, RnnConfig,
};
use kitchen_types::ports::{
    Batch, DataSpec, InputSpec, Inputs, Loss, OptimStep, TargetSpec, Targets, TrainingClient,
};
use kitchen_types::random::Key;

/// One model of each family, small, with every option of it used at least once.
fn families() -> Vec<(&'static str, ModelConfig, DataSpec)> {
    let gpt = GptConfig {
        layers: 2,
        heads: 2,
        width: 16,
        ..GptConfig::default()
    };
    let llama = GptConfig {
        heads: 4,
        kv_heads: 2,
        norm: Norm::Rms,
        positions: Positions::Rotary,
        feed_forward: FeedForward::SwiGlu,
        tied: false,
        ..gpt.clone()
    };
    let rnn = |cell| {
        let (layers, width) = (2, 16);
        ModelConfig::Rnn(RnnConfig {
            cell,
            layers,
            width,
            ..RnnConfig::default()
        })
    };
    let mlp = MlpConfig {
        hidden: vec![16],
        ..MlpConfig::default()
    };
    let cnn = CnnConfig {
        channels: vec![4, 8],
        hidden: 16,
        ..CnnConfig::default()
    };
    vec![
        ("mlp", ModelConfig::Mlp(mlp), images(vec![12])),
        ("cnn", ModelConfig::Cnn(cnn), images(vec![1, 6, 6])),
        (
            "gpt",
            ModelConfig::Gpt(GptConfig { bias: true, ..gpt }),
            text(),
        ),
        ("llama", ModelConfig::Gpt(llama), text()),
        ("lstm", rnn(Cell::Lstm), text()),
        ("gru", rnn(Cell::Gru), text()),
    ]
}

fn images(shape: Vec<usize>) -> DataSpec {
    DataSpec {
        input: InputSpec::Features { shape },
        target: TargetSpec::Classes {
            names: ["a", "b", "c"].map(String::from).to_vec(),
        },
    }
}

fn values(features: usize, width: usize) -> DataSpec {
    DataSpec {
        input: InputSpec::Features {
            shape: vec![features],
        },
        target: TargetSpec::Values { width },
    }
}

const VOCABULARY: usize = 7;
const CONTEXT: usize = 8;

fn text() -> DataSpec {
    DataSpec {
        input: InputSpec::Tokens {
            vocabulary: VOCABULARY,
            context: CONTEXT,
        },
        target: TargetSpec::NextToken,
    }
}

/// Random examples that fit `spec`, the same for the same seed.
fn batch(spec: &DataSpec, size: usize, seed: u64) -> Batch {
    let mut rng = Key::new(seed).purpose("test batch").rng();
    let inputs = match &spec.input {
        InputSpec::Features { shape } => {
            let count = size * shape.iter().product::<usize>();
            Inputs::Features {
                shape: shape.clone(),
                values: (0..count).map(|_| rng.normal() as f32).collect(),
            }
        }
        &InputSpec::Tokens {
            vocabulary,
            context,
        } => Inputs::Tokens {
            context,
            values: (0..size * context)
                .map(|_| rng.below(vocabulary as u64) as u32)
                .collect(),
        },
    };
    let targets = match (&spec.target, &inputs) {
        (TargetSpec::Classes { names }, _) => Targets::Classes(
            (0..size)
                .map(|_| rng.below(names.len() as u64) as u32)
                .collect(),
        ),
        (&TargetSpec::Values { width }, _) => Targets::Values {
            width,
            values: (0..size * width).map(|_| rng.normal() as f32).collect(),
        },
        (TargetSpec::NextToken, Inputs::Tokens { values, .. }) => Targets::Tokens {
            values: values
                .iter()
                .map(|token| (token + 1) % VOCABULARY as u32)
                .collect(),
            mask: Vec::new(),
        },
        (TargetSpec::NextToken, Inputs::Features { .. }) => Targets::None,
    };
    Batch {
        ids: (0..size as u64).map(SampleId).collect(),
        inputs,
        targets,
    }
}

const CROSS_ENTROPY: Loss = Loss::CrossEntropy {
    label_smoothing: 0.0,
};

fn adam() -> OptimizerConfig {
    OptimizerConfig {
        algorithm: Algorithm::Adam(AdamConfig::default()),
        ..OptimizerConfig::default()
    }
}

fn sgd() -> OptimizerConfig {
    OptimizerConfig {
        algorithm: Algorithm::Sgd(kitchen_types::config::SgdConfig::default()),
        ..OptimizerConfig::default()
    }
}

fn open(model: &ModelConfig, spec: &DataSpec, seed: u64) -> BurnClient {
    BurnClient::open(model, spec, &adam(), OpenDevice::cpu(), seed).unwrap()
}

/// One step; the loss before it.
fn step(client: &mut BurnClient, batch: &Batch, loss: &Loss, number: u64, lr: f64) -> f64 {
    block_on(async {
        let report = client.forward_backward(batch, loss).await.unwrap();
        let update = OptimStep {
            step: number,
            lr,
            clip_norm: 1.0,
            measure: true,
            ..OptimStep::default()
        };
        let measured = client.optim_step(&update).await.unwrap().await.unwrap();
        assert!(measured.grad_norm.unwrap().0 > 0.0, "{measured:?}");
        let moved = measured.update_ratio.unwrap().0 > 0.0;
        assert_eq!(moved, lr > 0.0, "{measured:?}");
        report.await.unwrap().loss.0
    })
}
