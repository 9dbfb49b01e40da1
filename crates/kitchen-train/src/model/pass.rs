//! One forward pass through a model: what it drops, whether somebody watches, and whether the
//! gradients of what lies between are to be known.

use std::cell::RefCell;

use burn::tensor::Tensor;
use kitchen_types::random::Key;

use super::dropout::Dropout;
use super::probe::{Layer, Order, Probe, leaf};

/// One forward pass.
#[derive(Debug)]
pub(crate) struct Pass {
    dropout: Dropout,
    watch: Option<RefCell<Seen>>,
    probes: Option<RefCell<Vec<Probe>>>,
}

/// What a watched pass came by.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What each layer put out, `[rows, units]`, in order.
    pub(crate) outputs: Vec<(String, Tensor<2>)>,
    /// How much each token looked at each other, `[batch, heads, new, all]`, layer by layer.
    pub(crate) attention: Vec<Tensor<4>>,
}

impl Pass {
    /// For everything but training.
    pub(crate) fn inference() -> Self {
        Self {
            dropout: Dropout::off(),
            watch: None,
            probes: None,
        }
    }

    /// With the dropout masks that `key` stands for.
    pub(crate) fn training(key: Key, on_host: bool) -> Self {
        Self {
            dropout: Dropout::training(key, on_host),
            watch: None,
            probes: None,
        }
    }

    /// An inference that keeps what it comes by. It goes by Burn's own operations: ours for the
    /// CPU, which keep nothing of what happens inside them, are only for models that are trained.
    pub(crate) fn watched() -> Self {
        Self {
            dropout: Dropout::off(),
            watch: Some(RefCell::default()),
            probes: None,
        }
    }

    /// An inference with a probe at every layer that has weights.
    pub(crate) fn probed() -> Self {
        Self {
            dropout: Dropout::off(),
            watch: None,
            probes: Some(RefCell::default()),
        }
    }

    /// Sets a share `rate` of the values to 0 while training, and scales the rest.
    pub(crate) fn dropout<const D: usize>(&self, x: Tensor<D>, rate: f64) -> Tensor<D> {
        self.dropout.apply(x, rate)
    }

    /// Shows what a layer put out, `[rows, units]`, under its name.
    pub(crate) fn output(&self, show: impl FnOnce() -> (String, Tensor<2>)) {
        if let Some(seen) = &self.watch {
            let output = show();
            seen.borrow_mut().outputs.push(output);
        }
    }

    /// Shows how much each token looks at each other, `[batch, heads, new, all]`.
    pub(crate) fn attention(&self, show: impl FnOnce() -> Tensor<4>) {
        if let Some(seen) = &self.watch {
            let attention = show();
            seen.borrow_mut().attention.push(attention);
        }
    }

    /// What a layer is given, to be kept with its probe; `None` unless the pass is probed.
    pub(crate) fn keep(&self, input: &Tensor<2>) -> Option<Tensor<2>> {
        let probes = self.probes.as_ref();
        probes.map(|_| input.clone().without_autodiff())
    }

    /// Adds a probe to what a layer put out, example by example; without a layer, nothing.
    pub(crate) fn probe(&self, output: Tensor<2>, layer: Option<Layer>) -> Tensor<2> {
        self.probe_in(Order::Examples, output, layer)
    }

    /// The same for rows in another order.
    pub(crate) fn probe_in(
        &self,
        order: Order,
        output: Tensor<2>,
        layer: Option<Layer>,
    ) -> Tensor<2> {
        let Some(layer) = layer else {
            return output;
        };
        let leaf = leaf(output.dims(), &output.device());
        self.record(layer, order, leaf.clone());
        output + leaf
    }

    /// Keeps a probe that its layer has added itself.
    pub(crate) fn record(&self, layer: Layer, order: Order, leaf: Tensor<2>) {
        if let Some(probes) = &self.probes {
            probes.borrow_mut().push(Probe { layer, order, leaf });
        }
    }

    /// Whether layers are to add probes.
    pub(crate) fn is_probed(&self) -> bool {
        self.probes.is_some()
    }

    /// Every probe, in the order of the layers.
    pub(crate) fn probes(self) -> Vec<Probe> {
        self.probes.map(RefCell::into_inner).unwrap_or_default()
    }

    /// Everything that was shown.
    pub(crate) fn seen(self) -> Seen {
        self.watch.map(RefCell::into_inner).unwrap_or_default()
    }
}
