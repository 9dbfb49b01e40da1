//! A multi-layer perceptron.

use burn::module::Module;
use burn::tensor::Tensor;
use kitchen_types::config::{Activation, MlpConfig};

use super::dropout::Dropout;
use super::layers::{Initializer, Linear, activate};

/// Weights `layers.0.weight`, `layers.0.bias`, ...; the last layer is the output.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    layers: Vec<Linear>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    dropout: f64,
}

impl Mlp {
    pub(crate) fn new(
        config: &MlpConfig,
        init: &Initializer,
        inputs: usize,
        outputs: usize,
    ) -> Self {
        let widths: Vec<usize> = [inputs]
            .into_iter()
            .chain(config.hidden.iter().copied())
            .chain([outputs])
            .collect();
        let layers = (widths.windows(2).enumerate())
            .filter_map(|(index, pair)| Some((index, pair.try_into().ok()?)))
            .map(|(index, shape)| Linear::new(init, &format!("layers.{index}"), shape, true))
            .collect();
        Self {
            layers,
            activation: config.activation,
            dropout: config.dropout,
        }
    }

    /// No layers at all.
    pub(crate) fn nothing() -> Self {
        Self {
            layers: Vec::new(),
            activation: Activation::Relu,
            dropout: 0.0,
        }
    }

    /// `[batch, inputs]` to `[batch, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<2>, dropout: &Dropout) -> Tensor<2> {
        let Some((output, hidden)) = self.layers.split_last() else {
            return x;
        };
        let x = hidden.iter().fold(x, |x, layer| {
            let x = activate(self.activation, layer.forward(x));
            dropout.apply(x, self.dropout)
        });
        output.forward(x)
    }
}
