//! Gradients between the backward pass and the step of the optimizer.

use std::{fmt, slice};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use crate::model::Model;
use crate::optimizer::squares;

/// The gradients of the batches since the last step, added up.
#[derive(Default)]
pub(crate) struct Gradients {
    sum: GradientsAccumulator<Model>,
    batches: u64,
}

impl fmt::Debug for Gradients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gradients of {} batches", self.batches)
    }
}

impl Gradients {
    /// How many batches were added.
    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    /// Adds the gradients of one batch.
    pub(crate) fn add(&mut self, model: &Model, gradients: GradientsParams) {
        self.sum.accumulate(model, gradients);
        self.batches += 1;
    }

    /// The sum of squares of each weight's sum over the batches, `[1]`, in the model's order; none
    /// where a weight has no gradient.
    pub(crate) fn squares(&mut self, model: &Model) -> Vec<Option<Tensor<1>>> {
        let mut sum = self.sum.grads();
        let squares = squares(model, &mut sum);
        self.sum.accumulate(model, sum);
        squares
    }

    /// The mean over the batches, that of each weight times its scale, in the model's order; no
    /// scales for 1.
    pub(crate) fn mean(mut self, model: &Model, scales: &[f64]) -> GradientsParams {
        let sum = self.sum.grads();
        if self.batches <= 1 && scales.is_empty() {
            return sum;
        }
        let mut scale = Scale {
            gradients: sum,
            factor: 1.0 / self.batches as f64,
            scales: scales.iter(),
        };
        model.visit(&mut scale);
        scale.gradients
    }
}

struct Scale<'a> {
    gradients: GradientsParams,
    factor: f64,
    scales: slice::Iter<'a, f64>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let factor = self.factor * self.scales.next().unwrap_or(&1.0);
        if factor == 1.0 {
            return;
        }
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * factor);
        }
    }
}

/// The sum of squares over all gradients, `[1]`.
pub(crate) fn sum_of_squares(model: &Model, gradients: GradientsParams) -> Tensor<1> {
    struct Squares {
        gradients: GradientsParams,
        terms: Vec<Tensor<1>>,
    }

    impl ModuleVisitor for Squares {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.gradients.remove::<D>(param.id);
            self.terms
                .extend(gradient.map(|gradient| gradient.square().sum()));
        }
    }

    let mut squares = Squares {
        gradients,
        terms: Vec::new(),
    };
    model.visit(&mut squares);
    Tensor::cat(squares.terms, 0).sum()
}
