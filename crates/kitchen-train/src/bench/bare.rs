//! The work as a newcomer to Burn writes it: Burn's layers, Burn's loss, Burn's Adam.

use burn::module::Module;
use burn::nn::attention::generate_autoregressive_mask;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    Embedding, EmbeddingConfig, Gelu, LayerNorm, LayerNormConfig, Linear, LinearConfig,
    PaddingConfig2d, Relu,
};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use kitchen_platform::Stopwatch;
use kitchen_types::config::ModelConfig;
use kitchen_types::ports::{ClientError, InputSpec, Inputs, Targets};

use super::Timer;
use super::work::{LEARNING_RATE, Work};
use crate::device::OpenDevice;
use crate::readback::lost;

/// Trains for `steps` steps.
pub(super) async fn train(
    work: &Work,
    device: &OpenDevice,
    steps: u64,
    timer: &mut Timer,
) -> Result<(), ClientError> {
    let device = device.burn.clone().autodiff();
    match (&work.model, &work.data.input) {
        (ModelConfig::Mlp(_), _) => repeat(work, Mlp::new(&device), &device, steps, timer).await,
        (ModelConfig::Cnn(_), _) => repeat(work, Cnn::new(&device), &device, steps, timer).await,
        (
            ModelConfig::Gpt(config),
            &InputSpec::Tokens {
                vocabulary,
                context,
            },
        ) => {
            let sizes = [
                config.layers,
                config.heads,
                config.width,
                vocabulary,
                context,
            ];
            repeat(work, Gpt::new(sizes, &device), &device, steps, timer).await
        }
        _ => Err(ClientError::Unsupported {
            client: "the bare loop".into(),
            what: "train this model".into(),
        }),
    }
}

async fn repeat<M: Forward>(
    work: &Work,
    mut model: M,
    device: &Device,
    steps: u64,
    timer: &mut Timer,
) -> Result<(), ClientError> {
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    let cross_entropy = CrossEntropyLossConfig::new().init(device);
    for step in 1..=steps {
        let time = Stopwatch::start();
        let logits = model.forward(&work.batch.inputs, device);
        let loss = cross_entropy.forward(logits, classes(&work.batch.targets, device));
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(LEARNING_RATE, model, gradients);
        loss.into_data_async().await.map_err(lost)?;
        timer.add(step, &time);
    }
    Ok(())
}

trait Forward: Module {
    fn forward(&self, inputs: &Inputs, device: &Device) -> Tensor<2>;
}

fn features(inputs: &Inputs, device: &Device) -> Tensor<2> {
    let Inputs::Features { shape, values } = inputs else {
        return Tensor::zeros([1, 1], device);
    };
    let width: usize = shape.iter().product();
    Tensor::from_data(
        TensorData::new(values.clone(), [values.len() / width, width]),
        device,
    )
}

fn tokens(inputs: &Inputs, device: &Device) -> Tensor<2, Int> {
    let Inputs::Tokens { context, values } = inputs else {
        return Tensor::zeros([1, 1], device);
    };
    let rows = values.len() / context;
    let values = values.iter().map(|&token| token as i32).collect();
    Tensor::from_data(TensorData::new::<i32, _>(values, [rows, *context]), device)
}

fn classes(targets: &Targets, device: &Device) -> Tensor<1, Int> {
    let (Targets::Classes(values) | Targets::Tokens { values, .. }) = targets else {
        return Tensor::zeros([1], device);
    };
    let values: Vec<i32> = values.iter().map(|&class| class as i32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
    third: Linear,
    activation: Relu,
}

impl Mlp {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(784, 256).init(device),
            second: LinearConfig::new(256, 128).init(device),
            third: LinearConfig::new(128, 10).init(device),
            activation: Relu::new(),
        }
    }
}

impl Forward for Mlp {
    fn forward(&self, inputs: &Inputs, device: &Device) -> Tensor<2> {
        let x = self.first.forward(features(inputs, device));
        let x = self.second.forward(self.activation.forward(x));
        self.third.forward(self.activation.forward(x))
    }
}

#[derive(Module, Debug)]
struct Cnn {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    output: Linear,
    activation: Relu,
}

impl Cnn {
    fn new(device: &Device) -> Self {
        let convolution =
            |channels| Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Same);
        Self {
            first: convolution([1, 16]).init(device),
            second: convolution([16, 32]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            output: LinearConfig::new(32 * 7 * 7, 10).init(device),
            activation: Relu::new(),
        }
    }
}

impl Forward for Cnn {
    fn forward(&self, inputs: &Inputs, device: &Device) -> Tensor<2> {
        let x = features(inputs, device);
        let [batch, _] = x.dims();
        let x = self.first.forward(x.reshape([batch, 1, 28, 28]));
        let x = self.pool.forward(self.activation.forward(x));
        let x = self.second.forward(x);
        let x = self.pool.forward(self.activation.forward(x));
        self.output.forward(x.flatten(1, 3))
    }
}

#[derive(Module, Debug)]
struct Gpt {
    tokens: Embedding,
    positions: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    output: Linear,
}

#[derive(Module, Debug)]
struct Block {
    attention_norm: LayerNorm,
    attention: MultiHeadAttention,
    feed_forward_norm: LayerNorm,
    up: Linear,
    down: Linear,
    activation: Gelu,
}

impl Gpt {
    fn new([layers, heads, width, vocabulary, context]: [usize; 5], device: &Device) -> Self {
        Self {
            tokens: EmbeddingConfig::new(vocabulary, width).init(device),
            positions: EmbeddingConfig::new(context, width).init(device),
            blocks: (0..layers)
                .map(|_| Block::new(heads, width, device))
                .collect(),
            norm: LayerNormConfig::new(width).init(device),
            output: LinearConfig::new(width, vocabulary)
                .with_bias(false)
                .init(device),
        }
    }
}

impl Block {
    fn new(heads: usize, width: usize, device: &Device) -> Self {
        let attention = MultiHeadAttentionConfig::new(width, heads).with_dropout(0.0);
        Self {
            attention_norm: LayerNormConfig::new(width).init(device),
            attention: attention.init(device),
            feed_forward_norm: LayerNormConfig::new(width).init(device),
            up: LinearConfig::new(width, 4 * width).init(device),
            down: LinearConfig::new(4 * width, width).init(device),
            activation: Gelu::new(),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, context, _] = x.dims();
        let mask = generate_autoregressive_mask(batch, context, &x.device());
        let input = MhaInput::self_attn(self.attention_norm.forward(x.clone())).mask_attn(mask);
        let x = x + self.attention.forward(input).context;
        let hidden = self.up.forward(self.feed_forward_norm.forward(x.clone()));
        x + self.down.forward(self.activation.forward(hidden))
    }
}

impl Forward for Gpt {
    fn forward(&self, inputs: &Inputs, device: &Device) -> Tensor<2> {
        let tokens = tokens(inputs, device);
        let [_, context] = tokens.dims();
        let positions = Tensor::arange(0..context as i64, device).unsqueeze();
        let mut x = self.tokens.forward(tokens) + self.positions.forward(positions);
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.output.forward(self.norm.forward(x)).flatten(0, 1)
    }
}
