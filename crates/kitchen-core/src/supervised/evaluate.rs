//! Measuring held-out examples.

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_platform::Stopwatch;
use kitchen_types::config::{DataConfig, EvaluateConfig};
use kitchen_types::event::{DomainScore, Evaluation};
use kitchen_types::ports::{
    Batch, DataSpec, Dataset, DomainRange, EvalReport, Loss, Splits, TargetSpec, Targets,
    TokenizerClient, TrainingClient,
};
use kitchen_types::{Event, Number};
use kitchen_watch::judge_evaluation;

use super::keys::*;
use super::step::report_all;
use super::supervise::{is_troubled, look_for_dead_units};
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
            .changes(&MEASURED)
            .changes(&MIX_DUE)
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
        look_for_dead_units(ctx).await?;

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
        if config.curriculum.is_on() {
            ctx.put(&MEASURED, evaluation.domains.clone())?;
            ctx.put(&MIX_DUE, true)?;
        }
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
/// spread evenly; of a mixture each domain for itself too. The evaluation's step is left 0.
pub(crate) async fn measure(
    client: &mut dyn TrainingClient,
    data: &Splits,
    source: &DataConfig,
    loss: &Loss,
    config: &EvaluateConfig,
) -> Result<Evaluation, StageError> {
    let clock = Stopwatch::start();
    let set = &*data.validation;
    let mut all = Sums::new(set.spec());
    let mut domains = Vec::new();
    for (name, positions) in by_domain(set, config.samples as u64) {
        let mut sums = Sums::new(set.spec());
        for chunk in positions.chunks(config.batch.max(1)) {
            let batch = set.batch(chunk)?;
            let report = client.evaluate(&batch, loss).await?;
            sums.add(&batch, &report, data.tokenizer.as_deref())?;
        }
        domains.extend(name.map(|name| sums.score(name)));
        all.absorb(sums);
    }
    let mut evaluation = all.finish(domains, clock.elapsed_us() / 1000);
    if !has_answers(source) {
        evaluation.exact = None;
        evaluation.domains.iter_mut().for_each(|it| it.exact = None);
    }
    Ok(evaluation)
}

/// What is measured of each domain of a mixture: its part of `wanted` positions, and at least one.
/// All together, without a name, where there are not several domains.
fn by_domain(set: &dyn Dataset, wanted: u64) -> Vec<(Option<String>, Vec<u64>)> {
    let ranges = set.domains().iter().filter(|it| !it.positions.is_empty());
    let ranges: Vec<&DomainRange> = ranges.collect();
    if ranges.len() < 2 {
        return vec![(None, spread(set.len(), wanted))];
    }
    let part = |range: &DomainRange| -> Vec<u64> {
        let len = range.positions.end - range.positions.start;
        let share = u128::from(wanted) * u128::from(len) / u128::from(set.len().max(1));
        // Of 0, which stands for all, every part is all.
        let count = (share as u64).max(wanted.min(1));
        let positions = spread(len, count).into_iter();
        positions.map(|at| range.positions.start + at).collect()
    };
    let parts = ranges.into_iter();
    parts.map(|it| (Some(it.name.clone()), part(it))).collect()
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
    samples: u64,
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
            samples: 0,
        }
    }

    fn add(
        &mut self,
        batch: &Batch,
        report: &EvalReport,
        tokenizer: Option<&dyn TokenizerClient>,
    ) -> Result<(), StageError> {
        self.samples += batch.len() as u64;
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

    fn absorb(&mut self, other: Self) {
        self.samples += other.samples;
        self.loss += other.loss;
        self.targets += other.targets;
        add_to(&mut self.correct, other.correct);
        add_to(&mut self.exact, other.exact);
        let cells = self.confusion.iter_mut().flatten();
        for (cell, more) in cells.zip(other.confusion.into_iter().flatten()) {
            *cell += more;
        }
        self.text_bytes += other.text_bytes;
    }

    fn score(&self, name: String) -> DomainScore {
        let share = |count: u64, of: u64| Number(count as f64 / of as f64);
        DomainScore {
            name,
            loss: Number(self.loss / self.targets as f64),
            accuracy: self.correct.map(|correct| share(correct, self.targets)),
            exact: self.exact.map(|exact| share(exact, self.samples)),
            samples: self.samples,
        }
    }

    fn finish(self, domains: Vec<DomainScore>, duration_ms: u64) -> Evaluation {
        let all = self.score(String::new());
        Evaluation {
            step: 0,
            loss: all.loss,
            accuracy: all.accuracy,
            exact: all.exact,
            perplexity: self.tokens.then(|| Number(all.loss.0.exp())),
            bits_per_byte: (self.text_bytes > 0)
                .then(|| Number(self.loss / std::f64::consts::LN_2 / self.text_bytes as f64)),
            confusion: self.confusion,
            best: false,
            samples: all.samples,
            duration_ms,
            domains,
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
