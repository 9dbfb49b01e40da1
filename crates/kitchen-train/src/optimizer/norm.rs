//! Global norms: of the gradient, for clipping and for people, and of the weights' change.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

use super::Place;

/// The norm of all gradients together; none if there are no gradients.
pub(super) fn global_norm<M: Module>(model: &M, grads: &mut GradientsParams) -> Option<Tensor<1>> {
    let squares = squares(model, grads).into_iter().flatten();
    squares
        .reduce(|sum, squares| sum + squares)
        .map(Tensor::sqrt)
}

/// The sum of squares of each weight's gradient, in the model's order; none where it has none.
pub(crate) fn squares<M: Module>(model: &M, grads: &mut GradientsParams) -> Vec<Option<Tensor<1>>> {
    struct Squares<'a> {
        grads: &'a mut GradientsParams,
        squares: Vec<Option<Tensor<1>>>,
    }

    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Taken out and put back: a gradient that nobody else holds is read without a copy.
            let squares = self.grads.remove::<D>(param.id).map(|grad| {
                let (grad, squares) = Place::of(&grad).sum_of_squares(grad);
                self.grads.register(param.id, grad);
                squares
            });
            self.squares.push(squares);
        }
    }

    let squares = Vec::new();
    let mut visitor = Squares { grads, squares };
    model.visit(&mut visitor);
    visitor.squares
}

/// The factor that clips gradients, which never leaves the device; one for each rank that the
/// model's weights have, since a reshape among a weight's operations cuts its kernel in two.
pub(super) struct Scale(TensorContainer<usize>);

impl Scale {
    /// PyTorch's `clip_grad_norm_`: `limit / (norm + 1e-6)` where that is below 1, and 1 elsewhere.
    pub(super) fn new<M: Module>(norm: Tensor<1>, limit: f64, model: &M) -> Self {
        struct Ranks {
            scale: Tensor<1>,
            by_rank: TensorContainer<usize>,
        }

        impl ModuleVisitor for Ranks {
            fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
                if self.by_rank.get::<Tensor<D>>(&D).is_none() {
                    let scale: Tensor<D> = self.scale.clone().unsqueeze();
                    self.by_rank.register(D, scale);
                }
            }
        }

        let device = norm.device();
        let mut ranks = Ranks {
            scale: ((norm + 1e-6).recip() * limit).clamp_max(1.0),
            by_rank: TensorContainer::new(),
        };
        model.visit(&mut ranks);
        // Left in the queue, these few numbers would join the kernels of the first weights, and
        // break them up into one launch for each operation. An error here is an error of the
        // device, which the next read-back tells.
        device.flush().ok();
        Self(ranks.by_rank)
    }

    /// The factor, of shape `[1, 1, ...]`.
    pub(super) fn of_rank<const D: usize>(&self) -> Option<Tensor<D>> {
        self.0.get(&D)
    }
}

/// How far the weights moved.
#[derive(Debug, Default)]
pub(super) struct Change {
    update: Option<Tensor<1>>,
    weights: Option<Tensor<1>>,
}

impl Change {
    /// Adds one weight.
    pub(super) fn add<const D: usize>(
        &mut self,
        place: Place,
        before: Tensor<D>,
        after: &Tensor<D>,
    ) {
        let (_, update) = place.sum_of_squares(after.clone() - before.clone());
        let (_, weights) = place.sum_of_squares(before);
        add_to(&mut self.update, update);
        add_to(&mut self.weights, weights);
    }

    /// The norm of the change as a share of the norm before it; none if no weight was added.
    pub(super) fn ratio(self) -> Option<Tensor<1>> {
        Some((self.update? / self.weights?).sqrt())
    }
}

fn add_to(sum: &mut Option<Tensor<1>>, term: Tensor<1>) {
    *sum = Some(match sum.take() {
        Some(sum) => sum + term,
        None => term,
    });
}
