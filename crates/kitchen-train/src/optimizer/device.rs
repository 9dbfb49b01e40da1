//! The rules as tensor operations. All that happens to one weight is element by element and of
//! one shape, so that a fusing backend makes it one kernel; buffers are given away as early as
//! can be, so that it writes in place.

use burn::tensor::Tensor;

use super::rule::{Adam, Lion, Rule, Sgd};
use super::{Slot, muon};

/// See [`super::Place::apply`].
pub(super) fn apply<const D: usize>(
    rule: &Rule,
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
    scale: Option<Tensor<D>>,
) -> (Tensor<D>, Slot<D>) {
    let grad = match scale {
        Some(scale) => grad * scale,
        None => grad,
    };
    match rule {
        Rule::Sgd(rule) => sgd(rule, weight, grad, slot),
        Rule::Adam(rule) => adam(rule, weight, grad, slot),
        Rule::Lion(rule) => lion(rule, weight, grad, slot),
        Rule::Muon(rule) => muon::apply(rule, weight, grad, slot),
    }
}

/// See [`super::Place::sum_of_squares`].
///
/// Dimension by dimension, which many threads can share and takes fewer launches than a sum over
/// everything at once.
pub(super) fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> (Tensor<D>, Tensor<1>) {
    let squares = tensor.clone().square();
    let sum = (0..D).rev().fold(squares, Tensor::sum_dim);
    (tensor, sum.reshape([1]))
}

/// The slot's buffers, or zeros before the first step.
pub(super) fn buffers<const N: usize, const D: usize>(
    slot: Slot<D>,
    weight: &Tensor<D>,
) -> [Tensor<D>; N] {
    (slot.try_into()).unwrap_or_else(|_| std::array::from_fn(|_| weight.zeros_like()))
}

fn sgd<const D: usize>(
    rule: &Sgd,
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
) -> (Tensor<D>, Slot<D>) {
    let grad = add_weight_decay(grad, &weight, rule.l2);
    if rule.momentum == 0.0 {
        return (weight - grad * rule.lr, slot);
    }
    let [buffer] = buffers(slot, &weight);
    let buffer = buffer * rule.momentum + grad.clone();
    let direction = if rule.nesterov {
        grad + buffer.clone() * rule.momentum
    } else {
        buffer.clone()
    };
    (weight - direction * rule.lr, vec![buffer])
}

fn adam<const D: usize>(
    rule: &Adam,
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
) -> (Tensor<D>, Slot<D>) {
    let [mean, square] = buffers(slot, &weight);
    let grad = match rule.spikes > 0.0 {
        true => limited(grad, square.clone() * rule.spikes),
        false => grad,
    };
    let grad = add_weight_decay(grad, &weight, rule.l2);
    let mean = lerp(mean, grad.clone(), rule.one_minus_beta1);
    let square = square * rule.beta2 + grad.square() * rule.one_minus_beta2;
    let root = square.clone().sqrt() * rule.root + rule.epsilon;
    let weight = weight * rule.keep - mean.clone() / root * rule.step;
    (weight, vec![mean, square])
}

/// Brings each number of `grad` down to a square of that of `most`, if that is above 0.
fn limited<const D: usize>(grad: Tensor<D>, most: Tensor<D>) -> Tensor<D> {
    let is_unknown = most.clone().lower_equal_elem(0.0);
    let most = most.sqrt();
    let limited = grad.clone().max_pair(-most.clone()).min_pair(most);
    limited.mask_where(is_unknown, grad)
}

fn lion<const D: usize>(
    rule: &Lion,
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
) -> (Tensor<D>, Slot<D>) {
    let [mean] = buffers(slot, &weight);
    let sign = lerp(mean.clone(), grad.clone(), rule.one_minus_beta1).sign();
    let mean = lerp(mean, grad, rule.one_minus_beta2);
    (weight * rule.keep - sign * rule.lr, vec![mean])
}

/// Weight decay as the gradient of `l2 / 2 |w|^2`.
fn add_weight_decay<const D: usize>(grad: Tensor<D>, weight: &Tensor<D>, l2: f32) -> Tensor<D> {
    if l2 == 0.0 {
        return grad;
    }
    grad + weight.clone() * l2
}

/// `from` at share 0, `to` at share 1.
pub(super) fn lerp<const D: usize>(from: Tensor<D>, to: Tensor<D>, share: f32) -> Tensor<D> {
    from.clone() + (to - from) * share
}
