//! One forward pass through a model: what it drops, and whether somebody watches.

use std::cell::RefCell;

use burn::tensor::Tensor;
use kitchen_types::random::Key;

use super::dropout::Dropout;

/// One forward pass.
#[derive(Debug)]
pub(crate) struct Pass {
    dropout: Dropout,
    watch: Option<RefCell<Seen>>,
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
        }
    }

    /// With the dropout masks that `key` stands for.
    pub(crate) fn training(key: Key, on_host: bool) -> Self {
        Self {
            dropout: Dropout::training(key, on_host),
            watch: None,
        }
    }

    /// An inference that keeps what it comes by. It goes by Burn's own operations: ours for the
    /// CPU, which keep nothing of what happens inside them, are only for models that are trained.
    pub(crate) fn watched() -> Self {
        Self {
            dropout: Dropout::off(),
            watch: Some(RefCell::default()),
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

    /// Everything that was shown.
    pub(crate) fn seen(self) -> Seen {
        self.watch.map(RefCell::into_inner).unwrap_or_default()
    }
}
