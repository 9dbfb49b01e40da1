//! What an evaluation adds up from the numbers of each row.

use kitchen_types::Number;
use kitchen_types::ports::{Batch, EvalReport, Inputs, Targets};

use crate::batch::Goal;
use crate::loss::counted;

/// The report on `batch`, from the loss and the predicted class of each row.
pub(crate) fn report(
    batch: &Batch,
    goal: &Goal<'_>,
    losses: &[f32],
    predicted: Vec<u32>,
) -> EvalReport {
    let hits = match goal {
        Goal::Classes { classes, mask, .. } => Some(Hits::new(classes, mask, &predicted)),
        Goal::Squares(_) | Goal::Bits(_) => None,
    };
    let is_tokens = matches!(batch.targets, Targets::Tokens { .. });
    let is_masked = matches!(goal, Goal::Classes { mask: [_, ..], .. });
    EvalReport {
        loss_sum: Number(losses.iter().map(|&loss| f64::from(loss)).sum()),
        targets: counted(goal) as u64,
        correct: hits.as_ref().map(Hits::correct),
        exact: (hits.as_ref())
            .filter(|_| is_masked)
            .map(|hits| hits.exact(batch.len())),
        classes: if is_tokens { Vec::new() } else { predicted },
    }
}

/// Which rows were predicted exactly; `None` where a row does not count.
struct Hits(Vec<Option<bool>>);

impl Hits {
    fn new(classes: &[u32], mask: &[f32], predicted: &[u32]) -> Self {
        let counts = mask.iter().map(|&value| value != 0.0);
        let counts = counts.chain(std::iter::repeat(mask.is_empty()));
        let rows = classes.iter().zip(predicted).zip(counts);
        Self(
            rows.map(|((class, predicted), counts)| counts.then_some(class == predicted))
                .collect(),
        )
    }

    fn correct(&self) -> u64 {
        self.0.iter().filter(|&&hit| hit == Some(true)).count() as u64
    }

    /// How many examples have no counted row wrong.
    fn exact(&self, examples: usize) -> u64 {
        let rows = (self.0.len() / examples.max(1)).max(1);
        let is_exact = |rows: &&[Option<bool>]| !rows.contains(&Some(false));
        self.0.chunks(rows).filter(is_exact).count() as u64
    }
}

/// The example at `place` of `batch`, alone.
pub(crate) fn example(batch: &Batch, place: usize) -> Batch {
    let examples = batch.len().max(1);
    Batch {
        ids: part(&batch.ids, place, examples),
        inputs: match &batch.inputs {
            Inputs::Features { shape, values } => Inputs::Features {
                shape: shape.clone(),
                values: part(values, place, examples),
            },
            Inputs::Tokens { context, values } => Inputs::Tokens {
                context: *context,
                values: part(values, place, examples),
            },
        },
        targets: match &batch.targets {
            Targets::Classes(classes) => Targets::Classes(part(classes, place, examples)),
            Targets::Values { width, values } => Targets::Values {
                width: *width,
                values: part(values, place, examples),
            },
            Targets::Tokens { values, mask } => Targets::Tokens {
                values: part(values, place, examples),
                mask: part(mask, place, examples),
            },
            Targets::None => Targets::None,
        },
    }
}

/// Whether any target of `batch` counts.
pub(crate) fn counts(batch: &Batch) -> bool {
    match &batch.targets {
        Targets::Tokens { mask, .. } => mask.is_empty() || mask.iter().any(|&value| value != 0.0),
        Targets::Classes(_) | Targets::Values { .. } | Targets::None => true,
    }
}

/// The `place`-th of `count` equal parts.
fn part<T: Clone>(values: &[T], place: usize, count: usize) -> Vec<T> {
    let each = values.len() / count;
    values
        .iter()
        .skip(place * each)
        .take(each)
        .cloned()
        .collect()
}
