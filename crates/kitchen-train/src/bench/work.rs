//! The work that is timed.

use kitchen_types::SampleId;
use kitchen_types::config::{
    AdamConfig, Algorithm, CnnConfig, GptConfig, MlpConfig, ModelConfig, OptimizerConfig,
};
use kitchen_types::ports::{
    Batch, ClientError, DataSpec, InputSpec, Inputs, Loss, TargetSpec, Targets,
};
use kitchen_types::random::{Generator, Key};

/// The learning rate of every step.
pub(super) const LEARNING_RATE: f64 = 1e-3;

/// One model and one batch.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) model: ModelConfig,
    pub(super) data: DataSpec,
    pub(super) optimizer: OptimizerConfig,
    pub(super) loss: Loss,
    pub(super) batch: Batch,
}

impl Work {
    /// With the batch that it is known for.
    pub(super) fn named(name: &str) -> Result<Self, ClientError> {
        Self::sized(name, None)
    }

    /// With a batch of so many examples.
    pub(super) fn sized(name: &str, batch: Option<usize>) -> Result<Self, ClientError> {
        let or = |usual| batch.unwrap_or(usual);
        match name {
            // 784-256-128-10, batch 128: 235,146 weights.
            "mlp-784" => Ok(Self::images(
                ModelConfig::Mlp(MlpConfig {
                    hidden: vec![256, 128],
                    ..MlpConfig::default()
                }),
                vec![784],
                or(128),
            )),
            // Two 3x3 convolutions on 28x28 pixels, batch 32.
            "cnn-28" => Ok(Self::images(
                ModelConfig::Cnn(CnnConfig {
                    channels: vec![16, 32],
                    hidden: 0,
                    ..CnnConfig::default()
                }),
                vec![1, 28, 28],
                or(32),
            )),
            "gpt-210k" => Ok(Self::text(64, or(16), true)),
            // The settings nanoGPT's README gives for a CPU.
            "nanogpt-cpu" => Ok(Self::text(128, or(12), false)),
            other => Err(ClientError::Unsupported {
                client: "the bench".into(),
                what: format!("run `{other}`; it knows {}", super::NAMES.join(", ")),
            }),
        }
    }

    fn images(model: ModelConfig, shape: Vec<usize>, batch: usize) -> Self {
        let mut rng = generator();
        let pixels: usize = shape.iter().product();
        let values = (0..batch * pixels).map(|_| rng.uniform() as f32).collect();
        let classes = (0..batch).map(|_| rng.below(10) as u32).collect();
        Self {
            model,
            data: DataSpec {
                input: InputSpec::Features {
                    shape: shape.clone(),
                },
                target: TargetSpec::Classes {
                    names: (0..10).map(|digit| digit.to_string()).collect(),
                },
            },
            optimizer: adam(),
            loss: CROSS_ENTROPY,
            batch: Batch {
                ids: ids(batch),
                inputs: Inputs::Features { shape, values },
                targets: Targets::Classes(classes),
            },
        }
    }

    /// Four layers of four heads on 64 of 65 characters.
    fn text(width: usize, batch: usize, bias: bool) -> Self {
        let (vocabulary, context) = (65, 64);
        let mut rng = generator();
        let mut tokens = || {
            (0..batch * context)
                .map(|_| rng.below(vocabulary as u64) as u32)
                .collect()
        };
        Self {
            model: ModelConfig::Gpt(GptConfig {
                layers: 4,
                heads: 4,
                width,
                bias,
                ..GptConfig::default()
            }),
            data: DataSpec {
                input: InputSpec::Tokens {
                    vocabulary,
                    context,
                },
                target: TargetSpec::NextToken,
            },
            optimizer: adam(),
            loss: CROSS_ENTROPY,
            batch: Batch {
                ids: ids(batch),
                inputs: Inputs::Tokens {
                    context,
                    values: tokens(),
                },
                targets: Targets::Tokens {
                    values: tokens(),
                    mask: Vec::new(),
                },
            },
        }
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

fn generator() -> Generator {
    Key::new(1).purpose("bench").rng()
}

fn ids(batch: usize) -> Vec<SampleId> {
    (0..batch as u64).map(SampleId).collect()
}
