//! Probes: leaves of zeros that are added to what the layers put out.
//!
//! Burn keeps no gradients of what lies between inputs and loss. It keeps those of leaves; and the
//! gradient of a leaf that was added to an output is the gradient of that output, row by row. With
//! the input of the layer it tells the gradient of each example alone (see
//! [`per_sample`](crate::per_sample)).

use burn::module::ParamId;
use burn::tensor::{Device, Int, Tensor};
use kitchen_types::config::Norm;

/// A layer's output, whose gradient will be known.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) layer: Layer,
    pub(crate) order: Order,
    /// `[rows, columns]`, as the output.
    pub(crate) leaf: Tensor<2>,
}

/// A layer with weights, and what it was given; without autodiff.
#[derive(Debug)]
pub(crate) enum Layer {
    /// `x W + b` of `[rows, inputs]`.
    Linear { input: Tensor<2>, bias: bool },
    /// `x E^T` of `[rows, inputs]`, with the weights of an embedding.
    Tied {
        input: Tensor<2>,
        embedding: ParamId,
    },
    /// A vector for each of the indices, one a row.
    Embedding {
        indices: Tensor<1, Int>,
        weight: ParamId,
        entries: usize,
    },
    /// A vector for each place of a sequence, added to the row of that place.
    Positions { entries: usize },
    /// A normalisation of `[rows, columns]`, scaled and perhaps shifted.
    Norm {
        input: Tensor<2>,
        kind: Norm,
        bias: bool,
    },
    /// A 3x3 convolution of `[pixels, channels]`, image by image.
    Convolution { input: Tensor<2>, size: [usize; 2] },
}

/// Which rows lie next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Those of an example.
    Examples,
    /// Those of a step of time.
    Time,
}

impl Probe {
    /// How many numbers this layer has to learn; what is tied counts where it lies.
    pub(crate) fn parameters(&self) -> usize {
        let [_, columns] = self.leaf.dims();
        let bias = |bias: bool| if bias { columns } else { 0 };
        match &self.layer {
            Layer::Linear { input, bias: has } => input.dims()[1] * columns + bias(*has),
            Layer::Tied { .. } => 0,
            Layer::Embedding { entries, .. } | Layer::Positions { entries } => entries * columns,
            Layer::Norm { bias: has, .. } => columns + bias(*has),
            Layer::Convolution { input, .. } => 9 * input.dims()[1] * columns + columns,
        }
    }
}

/// A leaf of zeros.
pub(crate) fn leaf(shape: [usize; 2], device: &Device) -> Tensor<2> {
    let device = device.clone().without_autodiff().autodiff();
    Tensor::zeros(shape, &device).require_grad()
}
