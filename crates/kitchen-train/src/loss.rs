//! Losses, with PyTorch's semantics.
//!
//! Gradients with respect to the outputs are written down rather than recorded: autodiff would
//! keep a log-softmax as half a dozen operations. The CPU has a way of its own, in one pass.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData, activation};

use crate::batch::Goal;
use crate::host;

/// What training needs of a loss.
#[derive(Debug)]
pub(crate) struct Objective {
    /// Its backward pass gives the weights the gradient of the mean loss. Its value means nothing.
    pub(crate) backward: Tensor<1>,
    /// The mean over the targets that count.
    pub(crate) mean: Tensor<1>,
    /// How many targets were predicted exactly, where targets are classes.
    pub(crate) correct: Option<Tensor<1>>,
    /// How many targets count.
    pub(crate) counted: usize,
}

/// How many targets count.
pub(crate) fn counted(goal: &Goal<'_>) -> usize {
    match goal {
        Goal::Classes {
            classes, mask: [], ..
        } => classes.len(),
        Goal::Classes { mask, .. } => mask.iter().filter(|&&value| value != 0.0).count(),
        Goal::Squares(values) | Goal::Bits(values) => values.len(),
    }
}

/// The mean loss of `outputs`, `[rows, width]`, with its gradient.
pub(crate) fn objective(outputs: Tensor<2>, goal: &Goal<'_>) -> Objective {
    let counted = counted(goal);
    if let Goal::Classes {
        classes,
        mask,
        label_smoothing,
    } = goal
        && let Some([loss, correct]) =
            host::cross_entropy(&outputs, classes, mask, *label_smoothing, counted)
    {
        return Objective {
            mean: loss.clone().without_autodiff(),
            backward: loss,
            correct: Some(correct),
            counted,
        };
    }
    let values = outputs.clone().without_autodiff();
    let share = 1.0 / counted as f64;
    let (mean, gradient, correct) = match goal {
        Goal::Classes {
            classes,
            mask,
            label_smoothing,
        } => {
            let classes = Classes::upload(classes, mask, *label_smoothing, &values.device());
            let correct = classes.correct(values.clone());
            let (mean, gradient) = classes.mean_and_gradient(values, share);
            (mean, gradient, Some(correct))
        }
        Goal::Squares(targets) => {
            let difference = values.clone() - upload(targets, &values);
            let mean = difference.clone().square().sum() * share;
            (mean, difference * (2.0 * share), None)
        }
        Goal::Bits(targets) => {
            let targets = upload(targets, &values);
            let mean = binary_cross_entropy(values.clone(), targets.clone()).sum() * share;
            let gradient = (activation::sigmoid(values) - targets) * share;
            (mean, gradient, None)
        }
    };
    Objective {
        // d/d(outputs) of sum(outputs * constant) is the constant.
        backward: (outputs * gradient).sum(),
        mean,
        correct,
        counted,
    }
}

/// The loss of each row of `outputs`, `[rows]`: summed over its numbers, and 0 where the row does
/// not count.
pub(crate) fn of_rows(outputs: Tensor<2>, goal: &Goal<'_>) -> Tensor<1> {
    let [rows, _] = outputs.dims();
    match goal {
        Goal::Classes {
            classes,
            mask,
            label_smoothing,
        } => {
            let classes = Classes::upload(classes, mask, *label_smoothing, &outputs.device());
            classes.of_rows(activation::log_softmax(outputs, 1))
        }
        Goal::Squares(targets) => {
            let targets = upload(targets, &outputs);
            (outputs - targets).square().sum_dim(1).reshape([rows])
        }
        Goal::Bits(targets) => {
            let targets = upload(targets, &outputs);
            binary_cross_entropy(outputs, targets)
                .sum_dim(1)
                .reshape([rows])
        }
    }
}

/// Numbers laid out as `like`.
fn upload(values: &[f32], like: &Tensor<2>) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), like.dims()),
        &like.device(),
    )
}

/// -z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x)), written so that nothing overflows.
fn binary_cross_entropy(x: Tensor<2>, z: Tensor<2>) -> Tensor<2> {
    let rest = x.clone().abs().neg().exp().log1p();
    x.clone().clamp_min(0.0) - x * z + rest
}

/// Classes on the device.
#[derive(Debug)]
struct Classes {
    /// `[rows, 1]`.
    classes: Tensor<2, Int>,
    /// `[rows, 1]`, where not all count.
    mask: Option<Tensor<2>>,
    label_smoothing: f64,
}

impl Classes {
    fn upload(classes: &[u32], mask: &[f32], label_smoothing: f64, device: &Device) -> Self {
        let rows = classes.len();
        let classes = classes.iter().map(|&class| class as i32).collect();
        let classes = TensorData::new::<i32, _>(classes, [rows, 1]);
        Self {
            classes: Tensor::from_data(classes, device),
            mask: (!mask.is_empty())
                .then(|| Tensor::from_data(TensorData::new(mask.to_vec(), [rows, 1]), device)),
            label_smoothing,
        }
    }

    fn masked(&self, rows: Tensor<2>) -> Tensor<2> {
        match &self.mask {
            Some(mask) => rows * mask.clone(),
            None => rows,
        }
    }

    /// How many rows have their largest value at their class, `[1]`.
    fn correct(&self, logits: Tensor<2>) -> Tensor<1> {
        let hits = logits.argmax(1).equal(self.classes.clone()).float();
        self.masked(hits).sum()
    }

    /// (1 - s) times the negative log-probability of the class, plus s times the mean of that of
    /// all classes (Szegedy et al. 2016), `[rows]`.
    fn of_rows(&self, log_probabilities: Tensor<2>) -> Tensor<1> {
        let [rows, _] = log_probabilities.dims();
        let s = self.label_smoothing;
        let of_class = log_probabilities.clone().gather(1, self.classes.clone());
        let losses = if s == 0.0 {
            of_class.neg()
        } else {
            of_class * (s - 1.0) - log_probabilities.mean_dim(1) * s
        };
        self.masked(losses).reshape([rows])
    }

    /// The gradient is softmax - (1 - s) one-hot - s / classes, for each row that counts.
    fn mean_and_gradient(&self, logits: Tensor<2>, share: f64) -> (Tensor<1>, Tensor<2>) {
        let [rows, width] = logits.dims();
        let device = logits.device();
        let s = self.label_smoothing;
        let log_probabilities = activation::log_softmax(logits, 1);
        let mean = self.of_rows(log_probabilities.clone()).sum() * share;
        let probabilities = log_probabilities.exp();
        let smoothed = if s == 0.0 {
            probabilities
        } else {
            probabilities - s / width as f64
        };
        let at_class = Tensor::full([rows, 1], s - 1.0, &device);
        let gradient = smoothed.scatter(1, self.classes.clone(), at_class, IndexingUpdateOp::Add);
        (mean, self.masked(gradient) * share)
    }
}
