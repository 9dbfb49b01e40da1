//! The rules as one pass over slices of the host's memory: each number of a weight, its gradient
//! and its buffers is read once and written once, in place.
//!
//! Loops are plain zips of slices, which the compiler turns into vector instructions. What a step
//! gives never depends on how many threads there are.

use std::array;

use burn::tensor::{Device, Tensor, TensorData};

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
    let scale = scale.map_or(1.0, |scale| item(scale.into_data()));
    match rule {
        Rule::Sgd(rule) if rule.momentum == 0.0 => {
            update(weight, grad, slot, |w, g, []| sgd(rule, scale, w, g))
        }
        Rule::Sgd(rule) => update(weight, grad, slot, |w, g, [b]| {
            sgd_with_momentum(rule, scale, w, g, b)
        }),
        Rule::Adam(rule) if rule.spikes > 0.0 => update(weight, grad, slot, |w, g, [m, v]| {
            adam(rule, |g, v| limited(g * scale, rule.spikes * v), w, g, m, v)
        }),
        Rule::Adam(rule) => update(weight, grad, slot, |w, g, [m, v]| {
            adam(rule, |g, _| g * scale, w, g, m, v)
        }),
        Rule::Lion(rule) => update(weight, grad, slot, |w, g, [m]| lion(rule, scale, w, g, m)),
        // Matrix products, for which the CPU's tensors are as good as slices.
        Rule::Muon(rule) => muon::apply(rule, weight, grad * scale, slot),
    }
}

/// See [`super::Place::sum_of_squares`].
///
/// Summed in `f64`, block by block: no gradient is too long for its sum or too large for its
/// squares.
pub(super) fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> (Tensor<D>, Tensor<1>) {
    let data = tensor.into_data();
    let squares = sum_of_squares_of(floats(&data)) as f32;
    let squares = Tensor::from_data(TensorData::new(vec![squares], [1]), &Device::flex());
    (from_data(data), squares)
}

fn sgd(rule: &Sgd, scale: f32, weight: &mut [f32], grad: &[f32]) {
    for (w, g) in weight.iter_mut().zip(grad) {
        let g = g * scale + *w * rule.l2;
        *w -= g * rule.lr;
    }
}

fn sgd_with_momentum(rule: &Sgd, scale: f32, weight: &mut [f32], grad: &[f32], buffer: &mut [f32]) {
    // Both kinds of momentum step along `from_grad g + from_buffer b`.
    let (from_grad, from_buffer) = if rule.nesterov {
        (1.0, rule.momentum)
    } else {
        (0.0, 1.0)
    };
    for ((w, g), b) in weight.iter_mut().zip(grad).zip(buffer) {
        let g = g * scale + *w * rule.l2;
        *b = or_zero(*b * rule.momentum + g);
        *w -= (g * from_grad + *b * from_buffer) * rule.lr;
    }
}

/// Brings `grad` down to a square of `most`, if that is above 0.
fn limited(grad: f32, most: f32) -> f32 {
    if most > 0.0 {
        let most = most.sqrt();
        grad.clamp(-most, most)
    } else {
        grad
    }
}

/// `clipped` is told a number of the gradient and its second moment so far.
fn adam(
    rule: &Adam,
    clipped: impl Fn(f32, f32) -> f32,
    weight: &mut [f32],
    grad: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
) {
    for (((w, g), m), v) in weight.iter_mut().zip(grad).zip(mean).zip(square) {
        let g = clipped(*g, *v) + *w * rule.l2;
        *m = or_zero(*m + (g - *m) * rule.one_minus_beta1);
        *v = *v * rule.beta2 + g * g * rule.one_minus_beta2;
        let root = v.sqrt() * rule.root + rule.epsilon;
        *w = *w * rule.keep - *m / root * rule.step;
    }
}

fn lion(rule: &Lion, scale: f32, weight: &mut [f32], grad: &[f32], mean: &mut [f32]) {
    for ((w, g), m) in weight.iter_mut().zip(grad).zip(mean) {
        let g = g * scale;
        let direction = *m + (g - *m) * rule.one_minus_beta1;
        *m = or_zero(*m + (g - *m) * rule.one_minus_beta2);
        *w = *w * rule.keep - sign(direction) * rule.lr;
    }
}

/// A first moment, or 0 where it is next to nothing.
///
/// The moment of a weight that no example moves any more shrinks from step to step to a subnormal
/// number, and stays one: a tenth of the least of them rounds to 0. On handwritten digits that
/// befalls a fifth of a hidden matrix within 1,000 steps, and some processors are slow with such
/// numbers. Not for second moments, by whose roots Adam divides: beside a small epsilon a 0 would
/// make a huge step of a tiny one.
fn or_zero(moment: f32) -> f32 {
    /// A thousandth of it, which a step may add, is still a normal number.
    const NEXT_TO_NOTHING: f32 = 1e-34;
    if moment.abs() < NEXT_TO_NOTHING {
        0.0
    } else {
        moment
    }
}

/// -1, 0 or 1, where `f32::signum` has no 0.
fn sign(x: f32) -> f32 {
    f32::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

fn sum_of_squares_of(values: &[f32]) -> f64 {
    /// Independent sums, so that additions need not wait for each other.
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (rows, rest) = values.as_chunks::<LANES>();
    for row in rows {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(x) * f64::from(x);
    }
    sums.iter().sum()
}

/// Opens the tensors' memory, changes it, and makes tensors of it again. Nothing is copied where
/// a tensor is contiguous and nobody else holds it.
fn update<const D: usize, const N: usize>(
    weight: Tensor<D>,
    grad: Tensor<D>,
    slot: Slot<D>,
    change: impl Fn(&mut [f32], &[f32], [&mut [f32]; N]) + Sync,
) -> (Tensor<D>, Slot<D>) {
    let mut weight = weight.into_data();
    let grad = grad.into_data();
    let mut slot = buffers::<N, D>(slot, &weight);
    in_halves(
        floats_mut(&mut weight),
        floats(&grad),
        slot.each_mut().map(floats_mut),
        &change,
    );
    (from_data(weight), slot.map(from_data).into())
}

/// The slot's buffers, or zeros before the first step.
fn buffers<const N: usize, const D: usize>(slot: Slot<D>, weight: &TensorData) -> [TensorData; N] {
    match <[Tensor<D>; N]>::try_from(slot) {
        Ok(slot) => slot.map(Tensor::into_data),
        Err(_) => array::from_fn(|_| TensorData::zeros::<f32, _>(weight.shape().clone())),
    }
}

/// Numbers up to which one pass takes some 0.2 ms, and waking another thread may cost more than it
/// saves: on a busy machine far more.
const SMALL: usize = 1 << 18;

/// Splits large weights among the threads.
fn in_halves<const N: usize>(
    weight: &mut [f32],
    grad: &[f32],
    buffers: [&mut [f32]; N],
    change: &(impl Fn(&mut [f32], &[f32], [&mut [f32]; N]) + Sync),
) {
    if weight.len() <= SMALL || rayon::current_num_threads() == 1 {
        return change(weight, grad, buffers);
    }
    let middle = weight.len() / 2;
    let (weight, weight_rest) = weight.split_at_mut(middle);
    let (grad, grad_rest) = grad.split_at(middle);
    let mut halves = buffers.map(|buffer| buffer.split_at_mut(middle));
    let buffers = halves.each_mut().map(|(half, _)| std::mem::take(half));
    let buffers_rest = halves.map(|(_, rest)| rest);
    rayon::join(
        || in_halves(weight, grad, buffers, change),
        || in_halves(weight_rest, grad_rest, buffers_rest, change),
    );
}

fn from_data<const D: usize>(data: TensorData) -> Tensor<D> {
    Tensor::from_data(data, &Device::flex())
}

fn item(data: TensorData) -> f32 {
    floats(&data).first().copied().unwrap_or(1.0)
}

#[expect(
    clippy::expect_used,
    reason = "`Place::of` lets only f32 tensors of the CPU in here"
)]
fn floats(data: &TensorData) -> &[f32] {
    data.as_slice()
        .expect("a tensor of f32 numbers is a slice of them")
}

#[expect(
    clippy::expect_used,
    reason = "`Place::of` lets only f32 tensors of the CPU in here"
)]
fn floats_mut(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice()
        .expect("a tensor of f32 numbers is a slice of them")
}
