//! What each optimizer does to one weight in one step, as constants.

use kitchen_types::config::{
    AdamConfig, AdamwConfig, Algorithm, LionConfig, MuonConfig, SgdConfig,
};

use super::StepSize;
use super::muon::adjusted_lr;

/// The rule of one weight, with the constants of one step.
///
/// Constants are worked out in `f64`, as PyTorch does, and rounded once.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam and AdamW.
    Adam(Adam),
    /// Lion.
    Lion(Lion),
    /// Muon.
    Muon(Muon),
}

/// `b = momentum b + g; w -= lr b`, where `g` includes `l2 w`; with Nesterov's momentum
/// `w -= lr (g + momentum b)` (PyTorch's SGD with dampening 0, so that the first `b` is `g`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sgd {
    pub(super) lr: f32,
    /// 0 keeps no momentum at all.
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) l2: f32,
}

/// `m += (g - m)(1 - beta1); v = beta2 v + (1 - beta2) g^2;
/// w = keep w - step m / (root sqrt(v) + epsilon)`, where `g` includes `l2 w`.
///
/// Kingma and Ba 2015, algorithm 1, with the bias corrections drawn into `step` and `root`;
/// decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2) stands in `keep`. With `spikes`,
/// `|g|` is at most `sqrt(spikes v)` (Huang et al. 2025), but where `v` is 0: nothing is known of
/// those.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Adam {
    pub(super) one_minus_beta1: f32,
    pub(super) beta2: f32,
    pub(super) one_minus_beta2: f32,
    /// `1 / sqrt(1 - beta2^t)`.
    pub(super) root: f32,
    pub(super) epsilon: f32,
    /// `lr / (1 - beta1^t)`.
    pub(super) step: f32,
    pub(super) keep: f32,
    pub(super) l2: f32,
    pub(super) spikes: f32,
}

/// `w = keep w - lr sign(m + (g - m)(1 - beta1)); m += (g - m)(1 - beta2)`
/// (Chen et al. 2023, program 1).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lion {
    pub(super) lr: f32,
    pub(super) one_minus_beta1: f32,
    pub(super) one_minus_beta2: f32,
    pub(super) keep: f32,
}

/// `b += (g - b)(1 - momentum); w = keep w - lr orthogonal(b)`; with Nesterov's momentum
/// `orthogonal(g + momentum (b - g))` (PyTorch's `torch.optim.Muon`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Muon {
    pub(super) momentum: f32,
    pub(super) one_minus_momentum: f32,
    pub(super) nesterov: bool,
    pub(super) iterations: usize,
    /// Adjusted to the shape.
    pub(super) lr: f32,
    /// From the learning rate before the adjustment.
    pub(super) keep: f32,
}

impl Rule {
    /// The rule of a weight. `is_hidden` and `outputs_inputs` tell Muon whether it is a hidden
    /// matrix, and of which shape.
    pub(super) fn new(
        algorithm: &Algorithm,
        size: StepSize,
        is_hidden: impl FnOnce() -> bool,
        outputs_inputs: [usize; 2],
    ) -> Self {
        match algorithm {
            Algorithm::Sgd(config) => Self::Sgd(Sgd::new(config, size)),
            Algorithm::Adam(config) => Self::Adam(Adam::coupled(config, size)),
            Algorithm::Adamw(config) => Self::Adam(Adam::decoupled(config, size)),
            Algorithm::Lion(config) => Self::Lion(Lion::new(config, size)),
            Algorithm::Muon(config) if is_hidden() => {
                Self::Muon(Muon::new(config, size, outputs_inputs))
            }
            Algorithm::Muon(config) => {
                let lr = size.lr * config.adamw_lr_ratio;
                Self::Adam(Adam::decoupled(&config.adamw, StepSize { lr, ..size }))
            }
        }
    }

    /// What the rule remembers of each weight, by PyTorch's names.
    pub(super) fn buffers(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => &[],
            Self::Sgd(_) | Self::Muon(_) => &["momentum_buffer"],
            Self::Adam(_) => &["exp_avg", "exp_avg_sq"],
            Self::Lion(_) => &["exp_avg"],
        }
    }
}

impl Sgd {
    fn new(config: &SgdConfig, size: StepSize) -> Self {
        Self {
            lr: size.lr as f32,
            momentum: config.momentum as f32,
            nesterov: config.nesterov,
            l2: config.weight_decay as f32,
        }
    }
}

impl Adam {
    fn coupled(config: &AdamConfig, size: StepSize) -> Self {
        let l2 = config.weight_decay as f32;
        Self {
            l2,
            ..Self::new(config.beta1, config.beta2, config.epsilon, size)
        }
    }

    fn decoupled(config: &AdamwConfig, size: StepSize) -> Self {
        let keep = keep(size.lr, config.weight_decay);
        Self {
            keep,
            ..Self::new(config.beta1, config.beta2, config.epsilon, size)
        }
    }

    fn new(beta1: f64, beta2: f64, epsilon: f64, size: StepSize) -> Self {
        let t = size.step.max(1) as f64;
        Self {
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            root: (1.0 - beta2.powf(t)).sqrt().recip() as f32,
            epsilon: epsilon as f32,
            step: (size.lr / (1.0 - beta1.powf(t))) as f32,
            keep: 1.0,
            l2: 0.0,
            spikes: size.spikes as f32,
        }
    }
}

impl Lion {
    fn new(config: &LionConfig, size: StepSize) -> Self {
        Self {
            lr: size.lr as f32,
            one_minus_beta1: (1.0 - config.beta1) as f32,
            one_minus_beta2: (1.0 - config.beta2) as f32,
            keep: keep(size.lr, config.weight_decay),
        }
    }
}

impl Muon {
    fn new(config: &MuonConfig, size: StepSize, outputs_inputs: [usize; 2]) -> Self {
        Self {
            momentum: config.momentum as f32,
            one_minus_momentum: (1.0 - config.momentum) as f32,
            nesterov: config.nesterov,
            iterations: config.iterations,
            lr: adjusted_lr(config.adjust_lr, size.lr, outputs_inputs) as f32,
            keep: keep(size.lr, config.weight_decay),
        }
    }
}

/// What decoupled weight decay leaves of a weight.
fn keep(lr: f64, weight_decay: f64) -> f32 {
    (1.0 - lr * weight_decay) as f32
}
