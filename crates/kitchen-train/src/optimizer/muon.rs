//! Muon: momentum whose every matrix is replaced by the nearest (nearly) orthogonal one.

use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use kitchen_types::config::MuonAdjustLr;

use super::Slot;
use super::device::{buffers, lerp};
use super::rule::Muon;
use crate::names::ParameterPath;

/// Coefficients of the quintic iteration, chosen for the steepest slope at 0
/// (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>).
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// The smallest norm that is divided by (PyTorch's).
const EPSILON: f32 = 1e-7;

/// See [`super::Place::apply`]. A weight of another rank than 2 is never given to Muon.
pub(super) fn apply<const D: usize>(
    rule: &Muon,
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
) -> (Tensor<D>, Slot<D>) {
    let [buffer] = buffers(slot, &weight);
    let buffer = lerp(buffer, grad.clone(), rule.one_minus_momentum);
    let direction = if rule.nesterov {
        lerp(grad, buffer.clone(), rule.momentum)
    } else {
        buffer.clone()
    };
    let orthogonal = orthogonalise(direction, rule.iterations);
    (weight * rule.keep - orthogonal * rule.lr, vec![buffer])
}

/// The matrix with the singular values all drawn near to 1, by Newton-Schulz iterations
/// `X <- a X + (b X X^T + c (X X^T)^2) X`.
///
/// PyTorch iterates in bfloat16, and we in the weights' own precision.
pub(super) fn orthogonalise<const D: usize>(matrix: Tensor<D>, iterations: usize) -> Tensor<D> {
    let dims = matrix.dims();
    // The smaller of the two Gram matrices has the same spectrum and costs less.
    let is_tall = D == 2 && dims.first() > dims.last();
    let matrix = if is_tall { matrix.transpose() } else { matrix };
    let norm = matrix.clone().square().sum().sqrt().clamp_min(EPSILON);
    let [a, b, c] = QUINTIC;
    let mut x = matrix / norm.unsqueeze();
    for _ in 0..iterations {
        let gram = x.clone().matmul(x.clone().transpose());
        let polynomial = gram.clone() * b + gram.clone().matmul(gram) * c;
        x = x.clone() * a + polynomial.matmul(x);
    }
    if is_tall { x.transpose() } else { x }
}

/// The learning rate of a matrix of so many outputs and inputs.
pub(super) fn adjusted_lr(adjust: MuonAdjustLr, lr: f64, [outputs, inputs]: [usize; 2]) -> f64 {
    let (outputs, inputs) = (outputs.max(1) as f64, inputs.max(1) as f64);
    match adjust {
        MuonAdjustLr::Original => lr * (outputs / inputs).max(1.0).sqrt(),
        MuonAdjustLr::MatchRmsAdamw => lr * 0.2 * outputs.max(inputs).sqrt(),
    }
}

/// The weights that Muon moves: all matrices but embeddings and the output layer, whose rows
/// stand for single tokens or classes and are better moved each at its own pace
/// (Jordan et al. 2024).
#[derive(Debug)]
pub(super) struct HiddenMatrices(HashSet<String>);

impl HiddenMatrices {
    pub(super) fn of<M: Module>(model: &M) -> Self {
        let mut matrices = Matrices::default();
        model.visit(&mut matrices);
        Self(hidden(matrices.names).into_iter().collect())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The hidden ones among the names of all matrices, which are in the model's order.
pub(crate) fn hidden(matrices: Vec<String>) -> Vec<String> {
    let last = matrices.last().cloned();
    (matrices.into_iter())
        .filter(|name| !is_embedding(name) && !is_output(name, last.as_deref()))
        .collect()
}

fn is_embedding(name: &str) -> bool {
    name.split('.').any(|part| part.ends_with("embedding"))
}

/// The output layer is called `head`, or is the last of a plain stack of `layers`.
fn is_output(name: &str, last: Option<&str>) -> bool {
    name.starts_with("head.") || (name.starts_with("layers.") && last == Some(name))
}

/// The names of all matrices, in the model's order.
#[derive(Default)]
struct Matrices {
    path: ParameterPath,
    names: Vec<String>,
}

impl ModuleVisitor for Matrices {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        if D == 2 {
            self.names.push(self.path.name());
        }
    }
}
