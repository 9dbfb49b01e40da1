//! How much memory a run will need, and whether that is too much.

use kitchen_flow::StageError;
use kitchen_train::estimate_memory;
use kitchen_types::RunConfig;
use kitchen_types::ports::{ClientError, DataSpec};
use kitchen_types::question::Estimate;

use crate::words::bytes;

/// What training as `config` says on such data will need. Nothing is allocated.
///
/// # Errors
/// [`ClientError::Mismatch`] where the model does not fit the data or itself.
pub fn estimate(config: &RunConfig, data: &DataSpec) -> Result<Estimate, ClientError> {
    estimate_memory(&config.model, data, &config.optimizer, config.batch)
}

/// Refuses what is estimated to take more than `limit` bytes.
pub(crate) fn check(estimate: &Estimate, limit: u64) -> Result<(), StageError> {
    let needed = estimate.total();
    if needed <= limit {
        return Ok(());
    }
    let parts = [
        ("weights", estimate.weights),
        ("gradients", estimate.gradients),
        ("the optimizer", estimate.optimizer),
        ("activations", estimate.activations),
    ];
    let parts = parts.map(|(name, size)| format!("{} for {name}", bytes(size)));
    let remedy = if estimate.activations > needed / 2 {
        "lower `batch`, or use a smaller model or shorter examples"
    } else {
        "use a smaller model, or an optimizer that remembers less, such as `sgd`"
    };
    Err(StageError::new(format!(
        "training would take about {} of memory ({}), and {} may be used here; {remedy}",
        bytes(needed),
        parts.join(", "),
        bytes(limit),
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_too_much_is_refused_by_its_parts() {
        let estimate = Estimate {
            parameters: 1_000_000,
            weights: 4_000_000,
            gradients: 4_000_000,
            optimizer: 8_000_000,
            activations: 20_000_000,
        };
        assert!(check(&estimate, 36_000_000).is_ok());
        let refusal = |estimate: &Estimate| check(estimate, 1_500_000).unwrap_err().to_string();
        assert_eq!(
            refusal(&estimate),
            "training would take about 36.0 MB of memory (4.0 MB for weights, 4.0 MB for \
             gradients, 8.0 MB for the optimizer, 20.0 MB for activations), and 1.5 MB may be \
             used here; lower `batch`, or use a smaller model or shorter examples"
        );
        let heavy = Estimate {
            activations: 1_000_000,
            ..estimate
        };
        assert!(refusal(&heavy).ends_with("such as `sgd`"));
    }
}
