//! The optimizer's memory on its way out of the process and back in.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Tensor, TensorData, Transaction};
use kitchen_types::ports::{ClientError, NamedTensor};

use super::{HiddenMatrices, Optimizer, Slot, StepSize};
use crate::names::{ParameterPath, transpose};
use crate::readback::{floats, lost};

/// What a rule remembers does not depend on the step.
const ANY_STEP: StepSize = StepSize {
    step: 1,
    lr: 0.0,
    clip_norm: 0.0,
    spikes: 0.0,
};

impl Optimizer {
    /// What is remembered of each weight, in the model's order and in PyTorch's layout, under
    /// names such as `layers.0.weight.exp_avg`; nothing before the first step.
    ///
    /// # Errors
    /// [`ClientError::DeviceLost`] where the device no longer answers.
    pub(crate) async fn state<M: Module>(
        &self,
        model: &M,
    ) -> Result<Vec<NamedTensor>, ClientError> {
        let mut save = Save {
            optimizer: self,
            path: ParameterPath::default(),
            entries: Vec::new(),
            reads: Some(Transaction::default()),
        };
        model.visit(&mut save);
        let reads = save.reads.unwrap_or_default();
        let tensors = reads.execute_async().await.map_err(lost)?;
        (save.entries.into_iter().zip(tensors))
            .map(|(entry, data)| entry.named(data))
            .collect()
    }

    /// Goes on from what [`Self::state`] gave: bit for bit on the CPU. On an error nothing has
    /// changed.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where a name or a shape is not of this model and this optimizer.
    pub(crate) fn load<M: Module>(
        &mut self,
        model: &M,
        state: &[NamedTensor],
    ) -> Result<(), ClientError> {
        self.hidden = Some(HiddenMatrices::of(model));
        let by_name = state.iter().map(|tensor| (tensor.name.as_str(), tensor));
        let mut load = Load {
            optimizer: self,
            path: ParameterPath::default(),
            state: by_name.collect(),
            slots: TensorContainer::new(),
            error: None,
        };
        model.visit(&mut load);
        let Load {
            state,
            slots,
            error,
            ..
        } = load;
        if let Some(error) = error {
            return Err(error);
        }
        if let Some(name) = state.keys().min() {
            return Err(ClientError::Mismatch(format!(
                "the optimizer's state has `{name}`, which this model with this optimizer has \
                 not; resume with the run's own config"
            )));
        }
        self.slots = slots;
        Ok(())
    }
}

/// The walk that queues all reads.
struct Save<'a> {
    optimizer: &'a Optimizer,
    path: ParameterPath,
    entries: Vec<Entry>,
    /// Always there; an option because registering takes a transaction by value.
    reads: Option<Transaction>,
}

/// A buffer that is being read.
struct Entry {
    name: String,
    is_transposed: bool,
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
        let name = self.name;
        Ok(NamedTensor {
            name,
            shape,
            values,
        })
    }
}

impl ModuleVisitor for Save<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        let name = self.path.name();
        let Some(slot) = self.optimizer.slots.get::<Slot<D>>(&name) else {
            return;
        };
        let dims = slot.first().map(Tensor::dims).unwrap_or([0; D]);
        let rule = self.optimizer.rule(ANY_STEP, &self.path, &dims);
        for (buffer, tensor) in rule.buffers().iter().zip(slot) {
            self.entries.push(Entry {
                name: format!("{name}.{buffer}"),
                is_transposed: self.path.is_transposed(),
            });
            self.reads = self.reads.take().map(|reads| reads.register(tensor));
        }
    }
}

/// The walk that takes the buffers out of `state`.
struct Load<'a> {
    optimizer: &'a Optimizer,
    path: ParameterPath,
    state: HashMap<&'a str, &'a NamedTensor>,
    slots: TensorContainer<String>,
    error: Option<ClientError>,
}

impl Load<'_> {
    /// The buffers of a weight: all of them, or none where it was never moved.
    fn slot<const D: usize>(
        &mut self,
        param: &Param<Tensor<D>>,
        name: &str,
    ) -> Result<Slot<D>, ClientError> {
        let weight = param.val().without_autodiff();
        let dims = weight.dims();
        let rule = self.optimizer.rule(ANY_STEP, &self.path, &dims);
        let found: Vec<(String, Option<&NamedTensor>)> = (rule.buffers().iter())
            .map(|buffer| format!("{name}.{buffer}"))
            .map(|name| (self.state.remove(name.as_str()), name))
            .map(|(tensor, name)| (name, tensor))
            .collect();
        if found.iter().all(|(_, tensor)| tensor.is_none()) {
            return Ok(Slot::new());
        }
        (found.into_iter())
            .map(|(name, tensor)| {
                let tensor = tensor.ok_or_else(|| {
                    ClientError::Mismatch(format!(
                        "the optimizer's state lacks `{name}`; take another checkpoint"
                    ))
                })?;
                let data = to_data(tensor, &dims, self.path.is_transposed())?;
                Ok(Tensor::from_data(data, &weight.device()))
            })
            .collect()
    }
}

impl ModuleVisitor for Load<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.name();
        match self.slot(param, &name) {
            Ok(slot) if slot.is_empty() => {}
            Ok(slot) => self.slots.register(name, slot),
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
    }
}

/// The numbers in the layout of the weight that lies here as `dims`.
fn to_data(
    tensor: &NamedTensor,
    dims: &[usize],
    is_transposed: bool,
) -> Result<TensorData, ClientError> {
    let outside: Vec<usize> = match *dims {
        [rows, columns] if is_transposed => vec![columns, rows],
        _ => dims.to_vec(),
    };
    if tensor.shape != outside || tensor.values.len() != dims.iter().product::<usize>() {
        return Err(ClientError::Mismatch(format!(
            "`{}` of the optimizer's state has shape {:?} and {} values, and the weight has shape \
             {outside:?}; resume with the run's own config",
            tensor.name,
            tensor.shape,
            tensor.values.len(),
        )));
    }
    let values = match *outside {
        [rows, columns] if is_transposed => transpose(&tensor.values, rows, columns),
        _ => tensor.values.clone(),
    };
    Ok(TensorData::new(values, dims.to_vec()))
}
