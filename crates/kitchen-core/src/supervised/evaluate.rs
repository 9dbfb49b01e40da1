//! Measuring held-out examples.

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_types::config::{DataConfig, EvaluateConfig};
use kitchen_types::event::Evaluation;
use kitchen_types::ports::{
    Batch, DataSpec, EvalReport, Loss, Splits, TargetSpec, Targets, TokenizerClient, TrainingClient,
};
use kitchen_types::{Event, Number};
use kitchen_watch::judge_evaluation;

use super::keys::*;
use super::step::report_all;
use super::supervise::is_troubled;
use super::surface;

/// Measures the held-out examples, and judges whether training still helps.
pub(super) struct Evaluate;

#[async_trait(?Send)]
impl Stage for Evaluate {
    fn spec(&self) -> StageSpec {
        StageSpec::new("evaluate", "measure the held-out examples")
            .reads(&CONFIG)
            .reads(&HOST)
            .reads(&DATA)
            .reads(&PLAN)
            .changes(&CLIENT)
            .changes(&LOOP)
            .changes(&IN_FLIGHT)
            .changes(&WATCH)
            .changes(&FINISHED)
            .changes(&CHECKPOINT_DUE)
            .emits(&["evaluated", "stopped_early", "stepped", "warning"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        let state = ctx.get(&LOOP)?;
        if state.step > 0 && state.evaluated == state.step {
            return Ok(());
        }
        report_all(ctx).await?;
        if is_troubled(ctx)? {
            return Ok(());
        }
        let config = ctx.get(&CONFIG)?.clone();
        let loss = ctx.get(&PLAN)?.loss.clone();
        let mut client = ctx.take(&CLIENT)?;
        let data = ctx.get(&DATA)?;
        let measured = measure(&mut *client, data, &config.data, &loss, &config.evaluate).await;
        ctx.put(&CLIENT, client)?;
        let mut evaluation = measured?;

        let state = ctx.get_mut(&LOOP)?;
        evaluation.step = state.step;
        state.evaluated = state.step;
        let verdict = judge_evaluation(
            &mut state.patience,
            state.step,
            evaluation.loss.0,
            &config.early_stopping,
        );
        evaluation.best = verdict.best;
        state.stopped_early |= verdict.stop;
        let best = state.patience.best;
        let step = state.step;
        ctx.emit(|| Event::Evaluated(evaluation));
        surface::show(ctx).await?;
        if verdict.best {
            ctx.put(&CHECKPOINT_DUE, true)?;
        }
        if verdict.stop {
            ctx.put(&FINISHED, true)?;
            if let Some((best_step, best_loss)) = best {
                ctx.emit(|| Event::StoppedEarly {
                    step,
                    best_step,
                    best_loss,
                });
            }
        }
        Ok(())
    }
}

/// Measures the held-out half of `data`: all of it, or as many examples as the config says,
/// spread evenly. The evaluation's step is left 0.
pub(crate) async fn measure(
    client: &mut dyn TrainingClient,
    data: &Splits,
    source: &DataConfig,
    loss: &Loss,
    config: &EvaluateConfig,
) -> Result<Evaluation, StageError> {
    let clock = Stopwatch::start();
    let set = &*data.validation;
    let mut sums = Sums::new(set.spec());
    let positions = spread(set.len(), config.samples as u64);
    for chunk in positions.chunks(config.batch.max(1)) {
        let batch = set.batch(chunk)?;
        let report = client.evaluate(&batch, loss).await?;
        sums.add(&batch, &report, data.tokenizer.as_deref())?;
    }
    let samples = positions.len() as u64;
    let mut evaluation = sums.finish(samples, clock.elapsed_us() / 1000);
    if !has_answers(source) {
        evaluation.exact = None;
    }
    Ok(evaluation)
}

/// Whether examples are questions, whose answers are right as a whole or not at all. A word that is
/// padded to a common length has positions that do not count too, and no answer to get right.
fn has_answers(source: &DataConfig) -> bool {
    match source {
        DataConfig::Sequence(_) => true,
        DataConfig::Mixture(mixture) => mixture.domains.iter().all(|it| has_answers(&it.data)),
        _ => false,
    }
}

/// `wanted` positions below `len`, spread evenly; all of them where `wanted` is 0 or too large.
pub(crate) fn spread(len: u64, wanted: u64) -> Vec<u64> {
    let count = if wanted == 0 { len } else { wanted.min(len) };
    (0..count)
        .map(|i| (u128::from(i) * u128::from(len) / u128::from(count)) as u64)
        .collect()
}

/// What the batches of an evaluation add up to.
struct Sums {
    loss: f64,
    targets: u64,
    correct: Option<u64>,
    exact: Option<u64>,
    confusion: Vec<Vec<u64>>,
    tokens: bool,
    text_bytes: u64,
}

impl Sums {
    fn new(spec: &DataSpec) -> Self {
        let classes = match &spec.target {
            TargetSpec::Classes { names } => names.len(),
            _ => 0,
        };
        Self {
            loss: 0.0,
            targets: 0,
            correct: None,
            exact: None,
            confusion: vec![vec![0; classes]; classes],
            tokens: matches!(spec.target, TargetSpec::NextToken),
            text_bytes: 0,
        }
    }

    fn add(
        &mut self,
        batch: &Batch,
        report: &EvalReport,
        tokenizer: Option<&dyn TokenizerClient>,
    ) -> Result<(), StageError> {
        self.loss += report.loss_sum.0;
        self.targets += report.targets;
        add_to(&mut self.correct, report.correct);
        add_to(&mut self.exact, report.exact);
        match &batch.targets {
            Targets::Classes(classes) => {
                for (&class, &predicted) in classes.iter().zip(&report.classes) {
                    let cell = self
                        .confusion
                        .get_mut(class as usize)
                        .and_then(|row| row.get_mut(predicted as usize));
                    if let Some(count) = cell {
                        *count += 1;
                    }
                }
            }
            // Bits a byte mean something where every token of a text counts.
            Targets::Tokens { values, mask } if mask.is_empty() => {
                if let Some(tokenizer) = tokenizer {
                    self.text_bytes += tokenizer.decode(values)?.len() as u64;
                }
            }
            Targets::Tokens { .. } | Targets::Values { .. } | Targets::None => {}
        }
        Ok(())
    }

    fn finish(self, samples: u64, duration_ms: u64) -> Evaluation {
        let mean = self.loss / self.targets as f64;
        let share = |count: u64, of: u64| Number(count as f64 / of as f64);
        Evaluation {
            step: 0,
            loss: Number(mean),
            accuracy: self.correct.map(|correct| share(correct, self.targets)),
            exact: self.exact.map(|exact| share(exact, samples)),
            perplexity: self.tokens.then(|| Number(mean.exp())),
            bits_per_byte: (self.text_bytes > 0)
                .then(|| Number(self.loss / std::f64::consts::LN_2 / self.text_bytes as f64)),
            confusion: self.confusion,
            best: false,
            samples,
            duration_ms,
        }
    }
}

fn add_to(sum: &mut Option<u64>, part: Option<u64>) {
    if let Some(part) = part {
        *sum.get_or_insert(0) += part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_positions_evenly_and_never_past_the_end() {
        assert_eq!(spread(5, 0), [0, 1, 2, 3, 4]);
        assert_eq!(spread(5, 9), [0, 1, 2, 3, 4]);
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread(0, 4), [0u64; 0]);
    }
}
