//! A convolutional network.

use burn::module::{Module, Param};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};
use kitchen_types::config::{Activation, CnnConfig};

use super::dropout::Dropout;
use super::layers::{Initializer, Linear, Start, activate};

/// Weights `convolutions.0.weight` `[out, in, 3, 3]`, `convolutions.0.bias`, ...,
/// `hidden.weight` (where there is a hidden layer) and `head.weight`.
#[derive(Module, Debug)]
pub(crate) struct Cnn {
    convolutions: Vec<Convolution>,
    hidden: Option<Linear>,
    head: Linear,
    #[module(skip)]
    image: [usize; 3],
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    dropout: f64,
}

impl Cnn {
    /// For images of `[channels, height, width]`.
    pub(crate) fn new(
        config: &CnnConfig,
        init: &Initializer,
        image: [usize; 3],
        outputs: usize,
    ) -> Self {
        let [mut channels, mut height, mut width] = image;
        let mut convolutions = Vec::new();
        for (index, &out) in config.channels.iter().enumerate() {
            let name = format!("convolutions.{index}");
            let pool = height >= 2 && width >= 2;
            convolutions.push(Convolution::new(init, &name, channels, out, pool));
            channels = out;
            if pool {
                (height, width) = (height / 2, width / 2);
            }
        }
        let features = channels * height * width;
        let hidden = (config.hidden > 0)
            .then(|| Linear::new(init, "hidden", [features, config.hidden], true));
        let last = if hidden.is_some() {
            config.hidden
        } else {
            features
        };
        Self {
            convolutions,
            hidden,
            head: Linear::new(init, "head", [last, outputs], true),
            image,
            activation: config.activation,
            dropout: config.dropout,
        }
    }

    /// `[batch, channels * height * width]` to `[batch, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<2>, dropout: &Dropout) -> Tensor<2> {
        let [batch, _] = x.dims();
        let [channels, height, width] = self.image;
        let x = x.reshape([batch, channels, height, width]);
        let x = (self.convolutions.iter()).fold(x, |x, layer| layer.forward(x, self.activation));
        let x = x.flatten(1, 3);
        let x = match &self.hidden {
            Some(hidden) => activate(self.activation, hidden.forward(x)),
            None => x,
        };
        self.head.forward(dropout.apply(x, self.dropout))
    }
}

/// A 3x3 convolution that keeps the size, the activation, and a 2x2 max-pooling if asked.
#[derive(Module, Debug)]
struct Convolution {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    pool: bool,
}

impl Convolution {
    fn new(init: &Initializer, name: &str, channels: usize, out: usize, pool: bool) -> Self {
        let start = Start::kaiming(channels * 9);
        Self {
            weight: init.parameter(&format!("{name}.weight"), [out, channels, 3, 3], start),
            bias: init.parameter(&format!("{name}.bias"), [out], start),
            pool,
        }
    }

    fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let x = module::conv2d(x, self.weight.val(), Some(self.bias.val()), options);
        let x = activate(activation, x);
        if self.pool {
            let options = MaxPoolOptions::new([2, 2]).with_stride([2, 2]);
            module::max_pool2d(x, options)
        } else {
            x
        }
    }
}
