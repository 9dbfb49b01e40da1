//! A multi-layer perceptron.

use burn::module::Module;
use burn::tensor::Tensor;
use kitchen_types::config::{Activation, MlpConfig};

use super::layers::{Initializer, Linear, activate};
use super::pass::Pass;

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
    pub(crate) fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let Some((output, hidden)) = self.layers.split_last() else {
            return x;
        };
        let name = |index: usize| format!("layers.{index}");
        let x = hidden.iter().enumerate().fold(x, |x, (index, layer)| {
            let x = activate(self.activation, layer.forward(x, pass));
            pass.output(|| (name(index), x.clone()));
            pass.dropout(x, self.dropout)
        });
        let outputs = output.forward(x, pass);
        pass.output(|| (name(hidden.len()), outputs.clone()));
        outputs
    }
}
