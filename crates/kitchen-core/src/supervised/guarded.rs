//! A guard at work: it sees the loss and the gradient norm of a step before the weights do.

use kitchen_types::Number;
use kitchen_types::checkpoint::LoopState;
use kitchen_types::config::GuardConfig;
use kitchen_types::ports::{
    ClientError, LossReport, OptimStep, Pending, StepReport, TrainingClient,
};
use kitchen_watch::Measured;
use kitchen_watch::guard::{Decision, decide, notice, settles};

/// What became of an update.
pub(crate) struct Updated {
    pub(crate) report: Pending<StepReport>,
    /// Whether it was skipped, so that its numbers harmed nobody.
    pub(crate) is_settled: bool,
    /// What people should know of it.
    pub(crate) notice: Option<String>,
}

/// Updates the weights, as far as the guard lets it. `state` counts the step already; `losses` are
/// those of its passes, and stay.
pub(crate) async fn update(
    client: &mut dyn TrainingClient,
    losses: &mut [Pending<LossReport>],
    state: &mut LoopState,
    config: &GuardConfig,
    mut request: OptimStep,
) -> Result<Updated, ClientError> {
    if !config.is_on() {
        return Ok(Updated {
            report: client.optim_step(&request).await?,
            is_settled: false,
            notice: None,
        });
    }
    let (seen, norms) = measure(client, losses, state.step).await?;
    let memory = state.guard.get_or_insert_default();
    let decision = decide(memory, seen, &norms, config);
    let (is_settled, notice) = (settles(memory, &decision), notice(memory, seen, &decision));
    let grad_norm = seen.grad_norm.map(Number);
    let mut limit = 0.0;
    match decision {
        Decision::Apply => {}
        Decision::ClipTo(norm) => limit = norm,
        Decision::Scale(factors) => {
            request.scales = factors.into_iter().map(Number).collect();
        }
        Decision::Soften { forget, spikes, lr } => {
            request.spikes = spikes;
            request.lr *= lr;
            if forget {
                request.forget = true;
                request.step = 1;
                state.optimizer_from = state.step.saturating_sub(1);
            }
        }
        Decision::Skip { .. } => {
            client.drop_gradients();
            state.optimizer_from += 1;
            let report = Pending::ready(StepReport {
                grad_norm,
                update_ratio: Some(Number(0.0)),
            });
            return Ok(Updated {
                report,
                is_settled,
                notice,
            });
        }
    }
    request.clip_norm = tightest([request.clip_norm, config.max_norm(), limit]);
    let pending = client.optim_step(&request).await?;
    let report = Pending::new(async move {
        // The norm is known; without the rest there is nothing to wait for.
        let update_ratio = match request.measure {
            true => pending.await?.update_ratio,
            false => None,
        };
        Ok(StepReport {
            grad_norm,
            update_ratio,
        })
    });
    Ok(Updated {
        report,
        is_settled,
        notice,
    })
}

/// Waits for the device once: the norms, of each weight too, and the losses come back together.
async fn measure(
    client: &mut dyn TrainingClient,
    losses: &mut [Pending<LossReport>],
    step: u64,
) -> Result<(Measured, Vec<f64>), ClientError> {
    let norms: Vec<f64> = client
        .grad_norms()
        .await?
        .into_iter()
        .map(f64::from)
        .collect();
    let grad_norm = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
    let passes = losses.len() as f64;
    let mut loss = 0.0;
    for pending in losses {
        let report = (&mut *pending).await?;
        loss += report.loss.0 / passes;
        *pending = Pending::ready(report);
    }
    let seen = Measured {
        step,
        loss,
        grad_norm: Some(grad_norm),
    };
    Ok((seen, norms))
}

/// The smallest of some limits, of which 0 is none.
fn tightest(limits: [f64; 3]) -> f64 {
    let set = limits.into_iter().filter(|limit| *limit > 0.0);
    set.reduce(f64::min).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_0_is_none() {
        assert_eq!(tightest([0.0, 2.0, 1.0]), 1.0);
        assert_eq!(tightest([0.0, 2.0, 0.0]), 2.0);
        assert_eq!(tightest([0.0; 3]), 0.0);
    }
}
