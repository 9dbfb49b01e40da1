//! Optimizers with PyTorch's rules and defaults, clipping by the global norm, and what is
//! measured along the way.
//!
//! A step walks over the model's weights. Each weight's rule for this step is a small set of
//! constants ([`rule`]), which is carried out in one of two ways that give the same numbers:
//! on the host's own slices in one pass ([`host`]), or by tensor operations that a GPU fuses into
//! one kernel for each weight ([`device`]). Nothing is read back.

mod device;
mod host;
mod muon;
mod norm;
mod rule;
mod state;
#[cfg(test)]
mod tests;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::container::TensorContainer;
use burn::tensor::{DType, Device, Tensor};
use kitchen_types::config::{Algorithm, OptimizerConfig};

use crate::names::ParameterPath;
use muon::HiddenMatrices;
pub(crate) use muon::hidden as hidden_matrices;
pub(crate) use norm::squares;
use norm::{Change, Scale, global_norm};
use rule::Rule;

/// Moves the weights of one model, and remembers what its rule needs from step to step.
///
/// The memory is kept by the weights' names, so that it outlives the process (see [`Self::state`]).
#[derive(Debug)]
pub(crate) struct Optimizer {
    algorithm: Algorithm,
    slots: TensorContainer<String>,
    hidden: Option<HiddenMatrices>,
}

/// What a rule remembers of one weight: tensors of its shape, in the order of [`Rule::buffers`];
/// empty before the first step.
type Slot<const D: usize> = Vec<Tensor<D>>;

/// The constants of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepSize {
    /// The number of this step, from 1.
    pub(crate) step: u64,
    /// Its learning rate.
    pub(crate) lr: f64,
    /// The largest global norm of the gradient; 0 does not clip.
    pub(crate) clip_norm: f64,
    /// See [`OptimStep::spikes`](kitchen_types::ports::OptimStep::spikes).
    pub(crate) spikes: f64,
}

/// What a step measured: numbers that are still on the device, each of shape `[1]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// The global norm of the gradient, before clipping; there for free where a step clips.
    pub(crate) grad_norm: Option<Tensor<1>>,
    /// The norm of the change of all weights, as a share of their norm before the step.
    pub(crate) update_ratio: Option<Tensor<1>>,
}

impl Optimizer {
    /// The optimizer before its first step.
    pub(crate) fn new(config: &OptimizerConfig) -> Self {
        Self {
            algorithm: config.algorithm.clone(),
            slots: TensorContainer::new(),
            hidden: None,
        }
    }

    /// Moves the weights that have a gradient. Where `measure` is set, norms are measured too,
    /// which costs another pass over the weights.
    pub(crate) fn step<M: Module>(
        &mut self,
        model: M,
        mut grads: GradientsParams,
        size: StepSize,
        measure: bool,
    ) -> (M, Measured) {
        let clips = size.clip_norm > 0.0;
        let norm = (clips || measure)
            .then(|| global_norm(&model, &mut grads))
            .flatten();
        let scale =
            (norm.clone().filter(|_| clips)).map(|norm| Scale::new(norm, size.clip_norm, &model));

        let is_muon = matches!(self.algorithm, Algorithm::Muon(_));
        if is_muon && self.hidden.is_none() {
            self.hidden = Some(HiddenMatrices::of(&model));
        }
        let mut walk = Step {
            optimizer: self,
            grads,
            size,
            scale,
            path: ParameterPath::default(),
            change: measure.then(Change::default),
        };
        let model = model.map(&mut walk);
        let measured = Measured {
            grad_norm: norm,
            update_ratio: walk.change.and_then(Change::ratio),
        };
        (model, measured)
    }

    /// Forgets all steps so far.
    pub(crate) fn forget(&mut self) {
        self.slots = TensorContainer::new();
    }

    fn rule(&self, size: StepSize, path: &ParameterPath, dims: &[usize]) -> Rule {
        let is_hidden =
            || (self.hidden.as_ref()).is_some_and(|hidden| hidden.contains(&path.name()));
        // PyTorch calls the rows of a matrix its outputs, and Burn its inputs.
        let outputs_inputs = match *dims {
            [rows, columns] if path.is_transposed() => [columns, rows],
            [rows, columns] => [rows, columns],
            _ => [1, 1],
        };
        Rule::new(&self.algorithm, size, is_hidden, outputs_inputs)
    }
}

/// The walk over the weights that moves them.
struct Step<'a> {
    optimizer: &'a mut Optimizer,
    grads: GradientsParams,
    size: StepSize,
    scale: Option<Scale>,
    path: ParameterPath,
    change: Option<Change>,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = self.grads.remove::<D>(param.id) else {
            return param;
        };
        // Taken apart rather than borrowed: a weight that nobody else holds is changed in place.
        let (id, value, mapper) = param.consume();
        let autodiff = Autodiff::of(&value);
        let weight = value.without_autodiff();

        let name = self.path.name();
        let slot: Slot<D> = self.optimizer.slots.remove(&name).unwrap_or_default();
        let rule = (self.optimizer).rule(self.size, &self.path, &weight.dims());
        let place = Place::of(&weight);
        let before = self.change.is_some().then(|| weight.clone());
        let scale = self.scale.as_ref().and_then(Scale::of_rank);
        let (weight, slot) = place.apply(&rule, weight, grad, slot, scale);
        if let (Some(change), Some(before)) = (&mut self.change, before) {
            change.add(place, before, &weight);
        }
        self.optimizer.slots.register(name, slot);
        Param::from_mapped_value(id, autodiff.restore(weight), mapper)
    }
}

/// How a weight takes part in automatic differentiation, which its new value does as well.
struct Autodiff {
    is_tracked: bool,
    require_grad: bool,
    checkpointing: Option<burn::tensor::GradientCheckpointingStrategy>,
}

impl Autodiff {
    fn of<const D: usize>(weight: &Tensor<D>) -> Self {
        Self {
            is_tracked: weight.is_autodiff(),
            require_grad: weight.is_require_grad(),
            checkpointing: weight.gradient_checkpointing_strategy(),
        }
    }

    fn restore<const D: usize>(self, weight: Tensor<D>) -> Tensor<D> {
        if !self.is_tracked {
            return weight;
        }
        let weight = Tensor::from_inner(weight);
        let weight = match self.checkpointing {
            Some(strategy) => weight.with_gradient_checkpointing_strategy(strategy),
            None => weight,
        };
        weight.set_require_grad(self.require_grad)
    }
}

/// How the rules are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On slices of the host's memory, one pass for each weight.
    Host,
    /// By tensor operations, queued to the device.
    Device,
}

impl Place {
    /// Burn's CPU tensors give their memory away and take it back without a copy.
    fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        if tensor.device() == Device::flex() && tensor.dtype() == DType::F32 {
            Self::Host
        } else {
            Self::Device
        }
    }

    fn apply<const D: usize>(
        self,
        rule: &Rule,
        weight: Tensor<D>,
        grad: Tensor<D>,
        slot: Slot<D>,
        scale: Option<Tensor<D>>,
    ) -> (Tensor<D>, Slot<D>) {
        match self {
            Self::Host => host::apply(rule, weight, grad, slot, scale),
            Self::Device => device::apply(rule, weight, grad, slot, scale),
        }
    }

    /// The sum of squares, of shape `[1]`, and the tensor unharmed.
    fn sum_of_squares<const D: usize>(self, tensor: Tensor<D>) -> (Tensor<D>, Tensor<1>) {
        match self {
            Self::Host => host::sum_of_squares(tensor),
            Self::Device => device::sum_of_squares(tensor),
        }
    }
}
