//! Weights on their way out of the process and back in, with PyTorch's names and layouts.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, Transaction};
use kitchen_types::ports::{ClientError, ModelState, NamedTensor};

use crate::model::Model;
use crate::names::{ParameterPath, transpose};
use crate::readback::{Readbacks, floats};

/// Copies all weights to the host, in the model's order.
///
/// # Errors
/// [`ClientError::DeviceLost`] where the device no longer answers.
pub(crate) async fn save(
    model: &Model,
    readbacks: &Readbacks,
) -> Result<Vec<NamedTensor>, ClientError> {
    let mut save = Save::default();
    model.visit(&mut save);
    let read = readbacks.now(save.reads).await?;
    (save.entries.into_iter().zip(read))
        .map(|(entry, data)| entry.named(data))
        .collect()
}

#[derive(Default)]
struct Save {
    path: ParameterPath,
    entries: Vec<Entry>,
    reads: Transaction,
}

struct Entry {
    name: String,
    is_transposed: bool,
}

impl ModuleVisitor for Save {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.entries.push(Entry {
            name: self.path.name(),
            is_transposed: self.path.is_transposed(),
        });
        self.reads = std::mem::take(&mut self.reads).register(param.val().without_autodiff());
    }
}

impl Entry {
    fn named(self, data: TensorData) -> Result<NamedTensor, ClientError> {
        let shape = data.shape().to_vec();
        let values = floats(data)?;
        let (shape, values) = match *shape {
            [rows, columns] if self.is_transposed => {
                (vec![columns, rows], transpose(&values, rows, columns))
            }
            _ => (shape, values),
        };
        Ok(NamedTensor {
            name: self.name,
            shape,
            values,
        })
    }
}

/// Checks that `weights` are those of `model`: each name once, each of its shape, none missing.
///
/// # Errors
/// [`ClientError::Mismatch`] with the first weight that does not fit.
pub(crate) fn check(model: &Model, weights: &[NamedTensor]) -> Result<(), ClientError> {
    let mut given: HashMap<&str, &NamedTensor> = HashMap::new();
    for weight in weights {
        if given.insert(&weight.name, weight).is_some() {
            return mismatch(format!("the weights hold `{}` twice", weight.name));
        }
    }
    for expected in model.weights() {
        let (name, shape) = (&expected.name, &expected.shape);
        let Some(weight) = given.remove(name.as_str()) else {
            return mismatch(format!(
                "the weights lack `{name}`, which the model has; {REMEDY}"
            ));
        };
        if weight.shape != *shape {
            return mismatch(format!(
                "`{name}` has shape {:?}, the model needs {shape:?}; {REMEDY}",
                weight.shape
            ));
        }
        let numbers: usize = shape.iter().product();
        if weight.values.len() != numbers {
            return mismatch(format!(
                "`{name}` holds {} numbers, its shape {shape:?} needs {numbers}; \
                 the file is damaged",
                weight.values.len()
            ));
        }
    }
    match given.keys().min() {
        None => Ok(()),
        Some(name) => mismatch(format!(
            "the weights hold `{name}`, which the model has not; {REMEDY}"
        )),
    }
}

const REMEDY: &str = "use the config that these weights were trained with";

/// Replaces all weights by `weights`, which have passed [`check`].
pub(crate) fn load(model: Model, weights: &[NamedTensor]) -> Model {
    let mut load = Load {
        path: ParameterPath::default(),
        weights: weights
            .iter()
            .map(|weight| (weight.name.as_str(), weight))
            .collect(),
    };
    model.map(&mut load)
}

struct Load<'a> {
    path: ParameterPath,
    weights: HashMap<&'a str, &'a NamedTensor>,
}

impl ModuleMapper for Load<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weight) = self.weights.get(self.path.name().as_str()) else {
            return param;
        };
        let shape = param.lazy_shape();
        let values = match *weight.shape {
            [rows, columns] if self.path.is_transposed() => {
                transpose(&weight.values, rows, columns)
            }
            _ => weight.values.clone(),
        };
        param.map(|old| {
            let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
            new.set_require_grad(old.is_require_grad())
        })
    }
}

/// A counter as a tensor: two halves of 24 bits, which `f32` holds exactly.
pub(crate) fn counter(name: &str, value: u64) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: vec![2],
        values: vec![(value & HALF) as f32, ((value >> 24) & HALF) as f32],
    }
}

const HALF: u64 = (1 << 24) - 1;

/// The name under which a client with a clock of its own keeps it, beside the optimizer's state.
pub(crate) const CLOCK: &str = "clock";

/// Notes in `state` what the clock of whoever trains said, in microseconds.
pub fn put_clock(state: &mut ModelState, microseconds: u64) {
    state.optimizer.push(counter(CLOCK, microseconds));
}

/// What the clock said, 0 without one; the state is left as it was without it.
///
/// # Errors
/// [`ClientError::Mismatch`] where what is there is no clock.
pub fn take_clock(state: &mut ModelState) -> Result<u64, ClientError> {
    let (microseconds, rest) = split_counter(CLOCK, &state.optimizer)?;
    state.optimizer = rest;
    Ok(microseconds)
}

/// The counter `name` of `state` (0 without it), and the rest.
///
/// # Errors
/// [`ClientError::Mismatch`] where it is not a counter.
pub(crate) fn split_counter(
    name: &str,
    state: &[NamedTensor],
) -> Result<(u64, Vec<NamedTensor>), ClientError> {
    let (counters, rest): (Vec<_>, Vec<_>) = state
        .iter()
        .cloned()
        .partition(|tensor| tensor.name == name);
    match counters.as_slice() {
        [] => Ok((0, rest)),
        [counter] => match counter.values.as_slice() {
            [low, high] => Ok((*low as u64 | (*high as u64) << 24, rest)),
            _ => mismatch(format!("the optimizer's `{name}` is not a counter")),
        },
        _ => mismatch(format!("the optimizer's state holds `{name}` twice")),
    }
}

fn mismatch<T>(what: String) -> Result<T, ClientError> {
    Err(ClientError::Mismatch(what))
}
