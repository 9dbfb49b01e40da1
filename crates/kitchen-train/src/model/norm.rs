//! Layer and root-mean-square normalisation.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, module};
use kitchen_types::config::Norm as Kind;

use super::layers::{Initializer, Start};
use super::pass::Pass;
use super::probe::Layer;
use crate::host;

/// PyTorch's default for LayerNorm, and ours for RMSNorm.
const EPSILON: f64 = 1e-5;

/// Normalises each row, then scales it by `weight` and shifts it by `bias`.
#[derive(Module, Debug)]
pub(crate) struct Norm {
    weight: Param<Tensor<1>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    kind: Kind,
}

impl Norm {
    /// Begins as the bare normalisation. RMSNorm has no bias.
    pub(crate) fn new(
        kind: Kind,
        bias: bool,
        init: &Initializer,
        name: &str,
        width: usize,
    ) -> Self {
        let bias = bias && kind == Kind::Layer;
        Self {
            weight: init.parameter(&format!("{name}.weight"), [width], Start::Constant(1.0)),
            bias: bias
                .then(|| init.parameter(&format!("{name}.bias"), [width], Start::Constant(0.0))),
            kind,
        }
    }

    /// `[rows, width]` to `[rows, width]`.
    pub(crate) fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let layer = pass.keep(&x).map(|input| Layer::Norm {
            input,
            kind: self.kind,
            bias: self.bias.is_some(),
        });
        pass.probe(self.normalise(x), layer)
    }

    fn normalise(&self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.weight.val();
        let bias = self.bias.as_ref().map(Param::val);
        if let Some(y) = host::norm(self.kind, &x, &weight, bias.as_ref(), EPSILON) {
            return y;
        }
        match self.kind {
            Kind::Layer => module::layer_norm(x, weight, bias, EPSILON),
            Kind::Rms => normalised(self.kind, x) * weight.unsqueeze(),
        }
    }
}

/// Each row of `[rows, width]`, neither scaled nor shifted.
pub(crate) fn normalised(kind: Kind, x: Tensor<2>) -> Tensor<2> {
    let x = match kind {
        Kind::Layer => {
            let mean = x.clone().mean_dim(1);
            x - mean
        }
        Kind::Rms => x,
    };
    let mean_square = x.clone().square().mean_dim(1);
    x / (mean_square + EPSILON).sqrt()
}
