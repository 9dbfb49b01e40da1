//! Differentiable operations of our own for the CPU, each one pass forwards and one backwards.
//!
//! Under autodiff Burn takes a normalisation, a softmax or an attention apart into a dozen
//! primitive operations, each of which allocates, reads and writes a whole tensor, and again for
//! the backward pass. Here the derivative is written down. A GPU fuses such chains by itself, and
//! keeps Burn's operations; so does inference, which Burn does in one pass already. Every function
//! here returns `None` for tensors that it is not for.
//!
//! Work is cut into blocks of rows whatever the number of threads, so that sums are added up in
//! the same order everywhere.

mod activation;
mod attention;
mod convolution;
mod cross_entropy;
mod math;
mod norm;
mod recurrent;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::{Autodiff, BackendTypes, Flex};
use burn::tensor::{Device, Tensor, TensorData};

pub(crate) use activation::{gelu, swiglu};
pub(crate) use attention::{Heads, attention};
pub(crate) use convolution::{convolve, max_pool};
pub(crate) use cross_entropy::cross_entropy;
pub(crate) use norm::norm;
pub(crate) use recurrent::{Weights as RecurrentWeights, recurrent};

/// Numbers in the host's memory, shared until they are written to.
type Array = <Flex as BackendTypes>::FloatTensorPrimitive;
/// The same, with its place in the graph.
type Tracked = <Autodiff<Flex> as BackendTypes>::FloatTensorPrimitive;

/// The tensor as these operations take it; `None` unless it is on the CPU and being trained with.
fn tracked<const D: usize>(tensor: &Tensor<D>) -> Option<Tracked> {
    if !tensor.is_autodiff() || tensor.device() != Device::flex() {
        return None;
    }
    tensor.clone().try_into_primitive::<Autodiff<Flex>>().ok()
}

/// Contiguous numbers of a tensor.
fn contiguous(tracked: &Tracked) -> Array {
    tracked.primitive().to_contiguous()
}

/// The numbers of a contiguous array.
fn floats(array: &Array) -> &[f32] {
    array.as_slice::<f32>().unwrap_or_default()
}

fn array<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Array {
    Array::from_data(TensorData::new(values, shape))
}

/// Puts `output` into the graph as a function of `inputs`.
///
/// `backward` turns the contiguous gradient of the output into those of the inputs, in order.
fn record<const N: usize, const D: usize>(
    inputs: [&Tracked; N],
    output: Array,
    backward: impl Fn(&Array) -> [Array; N] + Send + Sync + 'static,
) -> Tensor<D> {
    let nodes: [NodeGuard; N] = inputs.map(Tracked::node);
    let prepared = Written.prepare::<NoCheckpointing>(nodes).compute_bound();
    let output = match prepared.stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(Rule(Arc::new(backward)), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

/// An operation whose backward pass is written down.
#[derive(Debug)]
struct Written;

/// From the gradient of the output to those of the inputs.
type Derivative<const N: usize> = dyn Fn(&Array) -> [Array; N] + Send + Sync;

#[derive(Clone)]
struct Rule<const N: usize>(Arc<Derivative<N>>);

impl<const N: usize> fmt::Debug for Rule<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule for {N} inputs")
    }
}

impl<const N: usize> Backward<Flex, N> for Written {
    type State = Rule<N>;

    fn backward(self, ops: Ops<Rule<N>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let Rule(backward) = ops.state;
        for (parent, gradient) in ops.parents.into_iter().zip(backward(&gradient)) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}
