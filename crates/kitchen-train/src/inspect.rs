//! A model from the inside: how weights, gradients and activations are spread, and which token
//! looks at which.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, Transaction};
use kitchen_types::Number;
use kitchen_types::ports::{ClientError, Inputs};
use kitchen_types::question::{ActivationView, AttentionMap, Histogram, WeightView};

use crate::model::{Model, Seen};
use crate::readback::{Readbacks, floats};

/// The most rows (examples, or tokens) whose activations are looked at: enough to see how they
/// are spread, and few enough to be read back between two steps.
const ROWS: usize = 1024;

/// Every weight of `model` beside its gradient.
///
/// # Errors
/// [`ClientError::DeviceLost`] where the device no longer answers.
pub(crate) async fn weights(
    model: &Model,
    gradients: GradientsParams,
    readbacks: &Readbacks,
) -> Result<Vec<WeightView>, ClientError> {
    let mut pairs = Pairs {
        gradients,
        reads: Transaction::default(),
    };
    model.visit(&mut pairs);
    let read = read(pairs.reads, readbacks).await?;
    let pairs = read.chunks(2).zip(model.weights());
    Ok(pairs
        .filter_map(|(pair, layer)| match pair {
            [weight, gradient] => Some(WeightView {
                name: layer.name,
                shape: layer.shape,
                parameters: weight.len() as u64,
                weights: Histogram::of(weight),
                gradients: Histogram::of(gradient),
            }),
            _ => None,
        })
        .collect())
}

/// Weights and gradients in turn. Their layout does not matter here.
struct Pairs {
    gradients: GradientsParams,
    reads: Transaction,
}

impl ModuleVisitor for Pairs {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = param.val().without_autodiff();
        let gradient = self.gradients.remove::<D>(param.id);
        // A weight that the loss does not depend on has none.
        let gradient = gradient.unwrap_or_else(|| weight.zeros_like());
        let reads = std::mem::take(&mut self.reads);
        self.reads = reads.register(weight).register(gradient);
    }
}

/// What each layer put out.
///
/// # Errors
/// [`ClientError::DeviceLost`] where the device no longer answers.
pub(crate) async fn activations(
    seen: Seen,
    readbacks: &Readbacks,
) -> Result<Vec<ActivationView>, ClientError> {
    let (layers, outputs): (Vec<_>, Vec<_>) = (seen.outputs.into_iter())
        .map(|(name, output)| {
            let [_, units] = output.dims();
            ((name, units), output)
        })
        .unzip();
    let reads = (outputs.into_iter()).fold(Transaction::default(), |reads, output| {
        reads.register(output)
    });
    let read = read(reads, readbacks).await?;
    let layers = layers.into_iter().zip(read);
    Ok(layers
        .map(|((name, units), values)| ActivationView {
            name,
            units,
            outputs: Histogram::of(&values),
            dead: dead(&values, units),
        })
        .collect())
}

/// The share of units that put out the same number in every row of `values`, `[rows, units]`.
fn dead(values: &[f32], units: usize) -> Number {
    let mut rows = values.chunks(units.max(1));
    let first = rows.next().unwrap_or_default();
    if rows.len() == 0 {
        // One row says nothing of other examples.
        return Number(f64::NAN);
    }
    let mut varies = vec![false; units];
    for row in rows {
        for (varies, (value, first)) in varies.iter_mut().zip(row.iter().zip(first)) {
            *varies |= value != first;
        }
    }
    let dead = varies.iter().filter(|varies| !**varies).count();
    Number(dead as f64 / units as f64)
}

/// The attention of one sequence, head by head; empty where the model has none.
///
/// # Errors
/// [`ClientError::DeviceLost`] where the device no longer answers.
pub(crate) async fn attention(
    seen: Seen,
    readbacks: &Readbacks,
) -> Result<Vec<AttentionMap>, ClientError> {
    let Some([_, heads, _, _]) = seen.attention.first().map(Tensor::dims) else {
        return Ok(Vec::new());
    };
    let reads = (seen.attention.into_iter())
        .fold(Transaction::default(), |reads, layer| reads.register(layer));
    let layers = read(reads, readbacks).await?;
    let maps = layers.iter().enumerate().flat_map(|(layer, values)| {
        let numbers = (values.len() / heads).max(1);
        let maps = values.chunks(numbers).enumerate();
        maps.map(move |(head, values)| AttentionMap {
            layer,
            head,
            values: values.to_vec(),
        })
    });
    Ok(maps.collect())
}

/// The first examples of `inputs`, of at most [`ROWS`] rows in all, and at least one.
pub(crate) fn first(inputs: &Inputs) -> Inputs {
    match inputs {
        Inputs::Features { shape, values } => Inputs::Features {
            shape: shape.clone(),
            values: prefix(values, ROWS * shape.iter().product::<usize>()),
        },
        Inputs::Tokens { context, values } => Inputs::Tokens {
            context: *context,
            values: prefix(values, (ROWS / (*context).max(1)).max(1) * context),
        },
    }
}

fn prefix<T: Clone>(values: &[T], count: usize) -> Vec<T> {
    values.iter().take(count).cloned().collect()
}

async fn read(reads: Transaction, readbacks: &Readbacks) -> Result<Vec<Vec<f32>>, ClientError> {
    let read = readbacks.now(reads).await?;
    read.into_iter().map(floats).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_never_change_are_dead() {
        // Three units over three rows: one stays 0, one stays 2, one moves in the last row.
        let values = [0.0, 2.0, 5.0, 0.0, 2.0, 5.0, 0.0, 2.0, 5.5];
        assert_eq!(dead(&values, 3), Number(2.0 / 3.0));
        assert_eq!(dead(&[1.0, f32::NAN, 1.0, f32::NAN], 2), Number(0.5));
        assert_eq!(dead(&[1.0, 2.0], 2), Number(f64::NAN));
        assert_eq!(dead(&[], 0), Number(f64::NAN));
    }

    #[test]
    fn few_rows_are_looked_at_and_only_whole_examples() {
        let tokens = Inputs::Tokens {
            context: 300,
            values: vec![1; 3000],
        };
        let few = Inputs::Tokens {
            context: 300,
            values: vec![1; 900],
        };
        assert_eq!(first(&tokens), few);
        let long = Inputs::Tokens {
            context: 5000,
            values: vec![1; 10_000],
        };
        let one = Inputs::Tokens {
            context: 5000,
            values: vec![1; 5000],
        };
        assert_eq!(first(&long), one);
        let small = Inputs::Features {
            shape: vec![2, 3],
            values: vec![0.5; 12],
        };
        assert_eq!(first(&small), small);
    }
}
