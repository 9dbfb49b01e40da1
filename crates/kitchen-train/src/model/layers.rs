//! The layers that every model is built from, and how their weights begin.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Int, Shape, Tensor, TensorData, activation, module};
use kitchen_types::config::Activation;
use kitchen_types::random::Key;

use super::pass::Pass;
use super::probe::{Layer, Order};
use crate::host;
use crate::names::transpose;

/// Makes weights that depend only on (seed, name): the same numbers on every device, whatever
/// else the model has.
///
/// Weights are made when they are first needed, so that counting them costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Initializer {
    key: Key,
    device: Device,
}

/// The distribution that a weight begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    /// One number throughout.
    Constant(f32),
    /// Normal with mean 0.
    Normal { deviation: f64 },
    /// Uniform within `bound` of 0.
    Uniform { bound: f64 },
}

impl Start {
    /// PyTorch's default for linear and convolutional layers and their biases: Kaiming-uniform
    /// with a = sqrt(5) (He et al. 2015), which comes to a bound of 1 / sqrt(inputs).
    pub(crate) fn kaiming(inputs: usize) -> Self {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        Self::Uniform { bound }
    }

    fn draw(self, key: Key, count: usize) -> Vec<f32> {
        let mut rng = key.rng();
        match self {
            Self::Constant(value) => vec![value; count],
            Self::Normal { deviation } => (0..count)
                .map(|_| (rng.normal() * deviation) as f32)
                .collect(),
            Self::Uniform { bound } => (0..count)
                .map(|_| ((rng.uniform() * 2.0 - 1.0) * bound) as f32)
                .collect(),
        }
    }
}

impl Initializer {
    /// Weights for `device` (with autodiff, where they shall be trained).
    pub(crate) fn new(seed: u64, device: Device) -> Self {
        let key = Key::new(seed).purpose("model/initial weights");
        Self { key, device }
    }

    /// A parameter of `shape`, drawn under its name.
    pub(crate) fn parameter<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        start: Start,
    ) -> Param<Tensor<D>> {
        self.lazily(shape, self.key.purpose(name), move |key| {
            start.draw(key, shape.iter().product())
        })
    }

    /// A matrix that lies `[inputs, outputs]` here and is `[outputs, inputs]` outside.
    pub(crate) fn matrix(
        &self,
        name: &str,
        [inputs, outputs]: [usize; 2],
        start: Start,
    ) -> Param<Tensor<2>> {
        self.lazily([inputs, outputs], self.key.purpose(name), move |key| {
            transpose(&start.draw(key, inputs * outputs), outputs, inputs)
        })
    }

    fn lazily<const D: usize>(
        &self,
        shape: [usize; D],
        key: Key,
        draw: impl FnOnce(Key) -> Vec<f32> + Send + Sync + 'static,
    ) -> Param<Tensor<D>> {
        let make = move |device: &Device, require_grad: bool| {
            let data = TensorData::new(draw(key), shape);
            Tensor::from_data(data, device).set_require_grad(require_grad)
        };
        let device = self.device.clone();
        Param::uninitialized(ParamId::new(), make, device, true, Shape::from(shape))
    }
}

/// `x W + b`.
#[derive(Module, Debug)]
pub(crate) struct Linear {
    /// `[inputs, outputs]`.
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// PyTorch's default weights.
    pub(crate) fn new(
        init: &Initializer,
        name: &str,
        [inputs, outputs]: [usize; 2],
        bias: bool,
    ) -> Self {
        let start = Start::kaiming(inputs);
        Self::with(init, name, [inputs, outputs], start, bias.then_some(start))
    }

    pub(crate) fn with(
        init: &Initializer,
        name: &str,
        [inputs, outputs]: [usize; 2],
        weight: Start,
        bias: Option<Start>,
    ) -> Self {
        Self {
            weight: init.matrix(&format!("{name}.weight"), [inputs, outputs], weight),
            bias: bias.map(|start| init.parameter(&format!("{name}.bias"), [outputs], start)),
        }
    }

    #[cfg(test)]
    pub(crate) fn weight_id(&self) -> ParamId {
        self.weight.id
    }

    /// `[rows, inputs]` to `[rows, outputs]`. Rows are always flat: a matrix product of two
    /// matrices needs no batching, forwards or backwards.
    pub(crate) fn forward(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let layer = pass.keep(&x).map(|input| Layer::Linear {
            input,
            bias: self.bias.is_some(),
        });
        let bias = self.bias.as_ref().map(Param::val);
        pass.probe(module::linear(x, self.weight.val(), bias), layer)
    }
}

/// A vector for each token or position.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    /// `[entries, width]`.
    weight: Param<Tensor<2>>,
}

impl Embedding {
    pub(crate) fn new(
        init: &Initializer,
        name: &str,
        [entries, width]: [usize; 2],
        deviation: f64,
    ) -> Self {
        let start = Start::Normal { deviation };
        Self {
            weight: init.parameter(&format!("{name}.weight"), [entries, width], start),
        }
    }

    /// The vectors of `[batch, context]` indices, row by row: `[batch * context, width]`.
    pub(crate) fn forward(&self, indices: Tensor<2, Int>, pass: &Pass) -> Tensor<2> {
        self.forward_in(Order::Examples, indices, pass)
    }

    /// The same for indices in another order, such as `[context, batch]`.
    pub(crate) fn forward_in(
        &self,
        order: Order,
        indices: Tensor<2, Int>,
        pass: &Pass,
    ) -> Tensor<2> {
        let rows = indices.shape().num_elements();
        let weight = self.weight.val();
        let [entries, width] = weight.dims();
        let layer = pass.is_probed().then(|| Layer::Embedding {
            indices: indices.clone().reshape([rows]),
            weight: self.weight.id,
            entries,
        });
        let vectors = module::embedding(weight, indices).reshape([rows, width]);
        pass.probe_in(order, vectors, layer)
    }

    /// `x E^T`: the output layer that shares the embedding's weights.
    pub(crate) fn as_output(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        let layer = pass.keep(&x).map(|input| Layer::Tied {
            input,
            embedding: self.weight.id,
        });
        pass.probe(x.matmul(self.weight.val().transpose()), layer)
    }

    pub(crate) fn weight(&self) -> Tensor<2> {
        self.weight.val()
    }
}

/// Applies a non-linearity.
pub(crate) fn activate<const D: usize>(kind: Activation, x: Tensor<D>) -> Tensor<D> {
    match kind {
        Activation::Relu => activation::relu(x),
        Activation::Tanh => x.tanh(),
        Activation::Gelu => gelu(x),
        Activation::Silu => activation::silu(x),
        Activation::Sigmoid => activation::sigmoid(x),
    }
}

/// x Phi(x).
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    host::gelu(&x).unwrap_or_else(|| activation::gelu(x))
}

/// silu(gate) up, of `[rows, 2 width]` with the gate's columns first.
pub(crate) fn swiglu(x: Tensor<2>) -> Tensor<2> {
    host::swiglu(&x).unwrap_or_else(|| {
        let [_, columns] = x.dims();
        let gate = x.clone().narrow(1, 0, columns / 2);
        activation::silu(gate) * x.narrow(1, columns / 2, columns / 2)
    })
}
