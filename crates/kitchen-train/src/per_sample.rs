//! Losses and gradient norms of all examples of a batch, from one forward and one backward pass.
//!
//! The gradient of a layer's output, `g`, and its input, `a`, tell the norm of the gradient of its
//! weights for each example: |sum over rows t of a_t g_t^T|. Where an example has one row, that is
//! |a| |g|; else the sum is made, or, where that is smaller, its square is taken apart into
//! sum over t, s of (a_t . a_s)(g_t . g_s), which never makes a gradient ("ghost norms":
//! Goodfellow 2015, Li et al. 2022; chosen as in Bu et al. 2022). No weight gets a gradient.

use std::ops::Range;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::kind::Basic;
use burn::tensor::{Gradients, Int, Tensor};
use kitchen_types::Number;
use kitchen_types::SampleId;
use kitchen_types::ports::PerSample;

use crate::batch::Goal;
use crate::loss;
use crate::model::{Input, Layer, Model, Order, Pass, Probe, normalised};

/// Numbers that a part of a batch may take while gradients or products are made for it: 64 MB.
const AT_ONCE: usize = 16 << 20;

/// What is read back from the device.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The loss of each row, summed over its numbers; 0 where the row does not count.
    pub(crate) losses: Tensor<1>,
    /// The squared norm of each example's share of the gradient of the batch's mean loss.
    pub(crate) squares: Tensor<1>,
}

/// Measures `examples` without dropout; `None` where some weights of the model have no probes, so
/// that the norms would not be whole.
pub(crate) fn measure(
    model: &Model,
    input: Input,
    goal: &Goal<'_>,
    examples: usize,
) -> Option<Measured> {
    // A weight that nobody has used is made on its first use, by all copies of it alike: made by the
    // copy below, it would have no gradient in the training either.
    model.visit(&mut Made);
    let pass = Pass::probed();
    let outputs = model.clone().no_grad().forward(input, &pass);
    let probes = pass.probes();
    let covered: usize = probes.iter().map(Probe::parameters).sum();
    if covered != model.num_params() {
        return None;
    }
    let losses = loss::of_rows(outputs.clone().without_autodiff(), goal);
    let gradients = loss::objective(outputs, goal).backward.backward();
    Some(Measured {
        losses,
        squares: squares(probes, gradients, examples)?,
    })
}

/// Makes every weight.
struct Made;

impl ModuleVisitor for Made {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        drop(param.val());
    }
}

/// Turns sums over a batch into the loss and the norm of each example alone, whose loss is the mean
/// over its own targets. An example without a target that counts teaches nothing: both are 0.
pub(crate) fn report(
    ids: &[SampleId],
    goal: &Goal<'_>,
    losses: &[f32],
    squares: &[f32],
) -> PerSample {
    let examples = ids.len().max(1);
    let counted = counted(goal, examples);
    let all: usize = counted.iter().sum();
    let rows = (losses.len() / examples).max(1);
    let mean = |(losses, &counted): (&[f32], &usize)| {
        let sum: f64 = losses.iter().copied().map(f64::from).sum();
        Number(sum / counted.max(1) as f64)
    };
    let norm = |(&square, &counted): (&f32, &usize)| {
        // What is 0 may come out as a little less. NaN stays NaN.
        let square = if square < 0.0 { 0.0 } else { f64::from(square) };
        let share = match counted {
            0 => 0.0,
            counted => all as f64 / counted as f64,
        };
        Number(square.sqrt() * share)
    };
    PerSample {
        ids: ids.to_vec(),
        losses: losses.chunks(rows).zip(&counted).map(mean).collect(),
        grad_norms: squares.iter().zip(&counted).map(norm).collect(),
        method: "one forward and one backward pass with a probe at every layer, without dropout"
            .into(),
    }
}

/// How many targets of each example count.
fn counted(goal: &Goal<'_>, examples: usize) -> Vec<usize> {
    match goal {
        Goal::Classes {
            mask: mask @ [_, ..],
            ..
        } => (mask.chunks((mask.len() / examples).max(1)))
            .map(|mask| mask.iter().filter(|&&value| value != 0.0).count())
            .collect(),
        _ => vec![loss::counted(goal) / examples; examples],
    }
}

/// The squared norm of the gradient of each example, over all weights.
fn squares(probes: Vec<Probe>, mut gradients: Gradients, examples: usize) -> Option<Tensor<1>> {
    let mut embeddings: Vec<Embedded> = Vec::new();
    let mut sum: Option<Tensor<1>> = None;
    for probe in probes {
        let of_output = probe.leaf.grad_remove(&mut gradients)?;
        let rows = |x: Tensor<2>| by_example(x, probe.order, examples);
        let g = rows(of_output);
        let square = match probe.layer {
            Layer::Linear { input, bias } => {
                let of_bias = bias.then(|| of_sum(g.clone()));
                plus(of_product(rows(input), g), of_bias)
            }
            Layer::Convolution { input, size } => {
                let of_bias = Some(of_sum(g.clone()));
                plus(of_convolution(rows(input), g, size), of_bias)
            }
            Layer::Norm { input, kind, bias } => {
                let of_bias = bias.then(|| of_sum(g.clone()));
                let x = rows(normalised(kind, input));
                plus(of_sum(x * g), of_bias)
            }
            // Each place of a sequence comes once.
            Layer::Positions { .. } => total(g.square()),
            Layer::Embedding {
                indices, weight, ..
            } => {
                let indices = by_example(indices.unsqueeze_dim(1), probe.order, examples);
                let embedded = Embedded { weight, indices, g };
                let square = embedded.square();
                embeddings.push(embedded);
                square
            }
            Layer::Tied { input, embedding } => {
                let x = rows(input);
                // The embedding lies before the output that shares its weights.
                let below = embeddings.iter().find(|it| it.weight == embedding)?;
                let twice = below.with_output(x.clone(), g.clone()) * 2.0;
                of_product(x, g) + twice
            }
        };
        sum = Some(plus(square, sum));
    }
    sum
}

/// An embedding that was looked into.
struct Embedded {
    weight: ParamId,
    /// `[examples, rows, 1]`.
    indices: Tensor<3, Int>,
    /// The gradient of the vectors, `[examples, rows, width]`.
    g: Tensor<3>,
}

impl Embedded {
    /// The gradient of an entry is the sum over the rows where it stands: of all pairs of rows,
    /// those with the same entry count.
    fn square(&self) -> Tensor<1> {
        let [examples, rows, _] = self.g.dims();
        in_parts(examples, rows * rows, |part| {
            let g = of(&self.g, &part);
            let indices = self.indices.clone().narrow(0, part.start, part.len());
            let differences = indices.clone() - indices.swap_dims(1, 2);
            total(gram(g) * differences.equal_elem(0).float())
        })
    }

    /// The product of this gradient with that of an output `x E^T` of the same weights, whose own
    /// gradient is `of_output`, `[examples, rows, entries]`: the entry of row t, as an output of
    /// row s, has the gradient of_output(s, entry) x_s.
    fn with_output(&self, x: Tensor<3>, of_output: Tensor<3>) -> Tensor<1> {
        let [examples, rows, _] = self.g.dims();
        in_parts(examples, rows * rows, |part| {
            let dots = of(&x, &part).matmul(of(&self.g, &part).transpose());
            let indices = self.indices.clone().narrow(0, part.start, part.len());
            let entries = indices.swap_dims(1, 2).repeat_dim(1, rows);
            total(dots * of(&of_output, &part).gather(2, entries))
        })
    }
}

/// |sum over t of a_t g_t^T|^2 for each example, of `[examples, rows, inputs]` and
/// `[examples, rows, outputs]`.
fn of_product(a: Tensor<3>, g: Tensor<3>) -> Tensor<1> {
    let ([examples, rows, inputs], [_, _, outputs]) = (a.dims(), g.dims());
    if rows == 1 {
        return total(a.square()) * total(g.square());
    }
    let is_ghost = 2 * rows * rows < inputs * outputs;
    let numbers = (2 * rows * rows).min(inputs * outputs);
    in_parts(examples, numbers, |part| {
        let (a, g) = (of(&a, &part), of(&g, &part));
        if is_ghost {
            total(gram(a) * gram(g))
        } else {
            total(a.transpose().matmul(g).square())
        }
    })
}

/// The same for a convolution of 3x3 pixels: each row is a pixel, and its input the patch around it.
fn of_convolution(pixels: Tensor<3>, g: Tensor<3>, size: [usize; 2]) -> Tensor<1> {
    let [examples, rows, channels] = pixels.dims();
    in_parts(examples, 9 * rows * channels, |part| {
        of_product(patches(of(&pixels, &part), size), of(&g, &part))
    })
}

/// The 3x3 pixels around each, zeros beyond the edge: `[examples, pixels, 9 channels]`.
fn patches(pixels: Tensor<3>, [height, width]: [usize; 2]) -> Tensor<3> {
    let [examples, rows, channels] = pixels.dims();
    let framed = [examples, height + 2, width + 2, channels];
    let inside = [0..examples, 1..height + 1, 1..width + 1, 0..channels];
    let images = pixels.reshape([examples, height, width, channels]);
    let framed = Tensor::<4>::zeros(framed, &images.device()).slice_assign(inside, images);
    let shifted = (0..9).map(|place| {
        let (down, right) = (place / 3, place % 3);
        framed
            .clone()
            .narrow(1, down, height)
            .narrow(2, right, width)
    });
    Tensor::cat(shifted.collect(), 3).reshape([examples, rows, 9 * channels])
}

/// `[rows, columns]` as `[examples, rows of each, columns]`.
fn by_example<K: Basic>(x: Tensor<2, K>, order: Order, examples: usize) -> Tensor<3, K> {
    let [rows, columns] = x.dims();
    let each = rows / examples.max(1);
    match order {
        Order::Examples => x.reshape([examples, each, columns]),
        Order::Time => x.reshape([each, examples, columns]).swap_dims(0, 1),
    }
}

/// |sum over t of x_t|^2 for each example.
fn of_sum(x: Tensor<3>) -> Tensor<1> {
    total(x.sum_dim(1).square())
}

/// The products of all pairs of rows: `[examples, rows, rows]`.
fn gram(x: Tensor<3>) -> Tensor<3> {
    x.clone().matmul(x.transpose())
}

/// The sum over all numbers of each example.
fn total(x: Tensor<3>) -> Tensor<1> {
    let [examples, rows, columns] = x.dims();
    let flat = x.reshape([examples, rows * columns]);
    flat.sum_dim(1).reshape([examples])
}

fn plus(one: Tensor<1>, other: Option<Tensor<1>>) -> Tensor<1> {
    match other {
        Some(other) => one + other,
        None => one,
    }
}

fn of(x: &Tensor<3>, part: &Range<usize>) -> Tensor<3> {
    let [examples, ..] = x.dims();
    if part.len() == examples {
        return x.clone();
    }
    x.clone().narrow(0, part.start, part.len())
}

/// Does as many examples at once as may be, if each takes so many `numbers`.
fn in_parts(
    examples: usize,
    numbers: usize,
    measure: impl Fn(Range<usize>) -> Tensor<1>,
) -> Tensor<1> {
    let step = (AT_ONCE / numbers.max(1)).clamp(1, examples.max(1));
    let parts = (0..examples)
        .step_by(step)
        .map(|start| measure(start..(start + step).min(examples)));
    Tensor::cat(parts.collect(), 0)
}
