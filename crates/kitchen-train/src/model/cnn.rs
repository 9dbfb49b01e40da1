//! A convolutional network.

use burn::module::{Module, Param};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Tensor, module};
use kitchen_types::config::{Activation, CnnConfig};

use super::layers::{Initializer, Linear, Start, activate};
use super::pass::Pass;
use super::probe::Layer;
use crate::host;

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
    pub(crate) fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let x = self
            .features_on_host(&x, pass)
            .unwrap_or_else(|| self.features(x, pass));
        let x = match &self.hidden {
            Some(hidden) => {
                let x = activate(self.activation, hidden.forward(x, pass));
                pass.output(|| ("hidden".into(), x.clone()));
                x
            }
            None => x,
        };
        let outputs = self.head.forward(pass.dropout(x, self.dropout), pass);
        pass.output(|| ("head".into(), outputs.clone()));
        outputs
    }
}

impl Cnn {
    /// What the convolutions find, `[batch, features]`, channels first.
    fn features(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let [batch, _] = x.dims();
        let [channels, height, width] = self.image;
        let x = x.reshape([batch, channels, height, width]);
        let layers = self.convolutions.iter().enumerate();
        layers
            .fold(x, |x, (index, layer)| {
                let x = layer.forward(x, self.activation, pass);
                // A channel is one unit, wherever in the image.
                pass.output(|| {
                    let [_, channels, _, _] = x.dims();
                    let pixels = x.clone().permute([0, 2, 3, 1]);
                    let rows = pixels.reshape([-1, channels as i32]);
                    (format!("convolutions.{index}"), rows)
                });
                x
            })
            .flatten(1, 3)
    }

    /// The same on images whose pixels are rows, where that is faster.
    fn features_on_host(&self, x: &Tensor<2>, pass: &Pass) -> Option<Tensor<2>> {
        let [batch, _] = x.dims();
        let [mut channels, mut height, mut width] = self.image;
        let images = x.clone().reshape([batch, channels, height * width]);
        let mut x = images
            .swap_dims(1, 2)
            .reshape([batch * height * width, channels]);
        for layer in &self.convolutions {
            x = layer.forward_on_host(&x, self.activation, [height, width], pass)?;
            [_, channels] = x.dims();
            if layer.pool {
                (height, width) = (height / 2, width / 2);
            }
        }
        let images = x.reshape([batch, height * width, channels]);
        Some(
            images
                .swap_dims(1, 2)
                .reshape([batch, channels * height * width]),
        )
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

    fn forward(&self, x: Tensor<4>, activation: Activation, pass: &Pass) -> Tensor<4> {
        let x = self.convolve(x, pass);
        let pool = |x| module::max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
        match (self.pool, rises(activation)) {
            (false, _) => activate(activation, x),
            // The largest of four stays the largest, and a quarter of the work is left.
            (true, true) => activate(activation, pool(x)),
            (true, false) => pool(activate(activation, x)),
        }
    }

    /// `[batch, channels, height, width]` to the same.
    fn convolve(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let convolve = |x| {
            let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
            module::conv2d(x, self.weight.val(), Some(self.bias.val()), options)
        };
        if !pass.is_probed() {
            return convolve(x);
        }
        let [batch, channels, height, width] = x.dims();
        let size = [height, width];
        let pixels = x.clone().permute([0, 2, 3, 1]);
        let input = pass.keep(&pixels.reshape([batch * height * width, channels]));
        let output = convolve(x).permute([0, 2, 3, 1]);
        let shape @ [.., outputs] = output.dims();
        let rows = output.reshape([batch * height * width, outputs]);
        let layer = input.map(|input| Layer::Convolution { input, size });
        let rows = pass.probe(rows, layer);
        rows.reshape(shape).permute([0, 3, 1, 2])
    }

    fn forward_on_host(
        &self,
        x: &Tensor<2>,
        activation: Activation,
        size: [usize; 2],
        pass: &Pass,
    ) -> Option<Tensor<2>> {
        let layer = (pass.keep(x)).map(|input| Layer::Convolution { input, size });
        let x = host::convolve(x, &self.weight.val(), &self.bias.val(), size)?;
        let x = pass.probe(x, layer);
        Some(match (self.pool, rises(activation)) {
            (false, _) => activate(activation, x),
            (true, true) => activate(activation, host::max_pool(&x, size)?),
            (true, false) => host::max_pool(&activate(activation, x), size)?,
        })
    }
}

/// Whether a larger input never gives a smaller output.
fn rises(activation: Activation) -> bool {
    match activation {
        Activation::Relu | Activation::Tanh | Activation::Sigmoid => true,
        Activation::Gelu | Activation::Silu => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::optim::GradientsParams;
    use burn::tensor::{Device, Distribution, Tolerance};

    use super::*;

    #[test]
    fn both_ways_give_the_same_numbers_and_gradients() {
        let device = Device::flex();
        for (image, activation) in [
            ([1, 8, 8], Activation::Relu),
            ([3, 7, 5], Activation::Tanh),
            ([2, 4, 9], Activation::Gelu),
            ([2, 1, 1], Activation::Silu),
        ] {
            let config = CnnConfig {
                channels: vec![4, 3, 2],
                activation,
                ..CnnConfig::default()
            };
            let init = Initializer::new(1, device.clone().autodiff());
            let model = Cnn::new(&config, &init, image, 2);
            let features: usize = image.iter().product();
            let x = Tensor::<2>::random([5, features], Distribution::Default, &device);
            let results = [
                model.features_on_host(&x, &Pass::inference()).unwrap(),
                model.features(x, &Pass::inference()),
            ]
            .map(|output| {
                let weights = Tensor::ones_like(&output.clone().inner())
                    .cumsum(1)
                    .cumsum(0);
                let gradients = (output.clone() * weights).sum().backward();
                let of = GradientsParams::from_grads(gradients, &model);
                let mut all = vec![output.inner().into_data()];
                for layer in &model.convolutions {
                    all.push(of.get::<4>(layer.weight.id).unwrap().into_data());
                    all.push(of.get::<1>(layer.bias.id).unwrap().into_data());
                }
                all
            });
            let [found, expected] = results;
            for (found, expected) in found.iter().zip(&expected) {
                found.assert_approx_eq::<f32>(expected, Tolerance::rel_abs(1e-4, 1e-4));
            }
        }
    }
}
