//! Letting a sequence model write.

use std::ops::Range;

use async_trait::async_trait;
use kitchen_flow::{Context, Stage, StageError, StageSpec};
use kitchen_types::Event;
use kitchen_types::config::SampleConfig;
use kitchen_types::ports::{
    Dataset, Inputs, Prompt, Sampling, Splits, Targets, TokenizerClient, TokenizerError,
    TrainingClient,
};
use kitchen_types::random::Key as RandomKey;

use super::keys::*;
use super::step::report_all;
use super::supervise::is_troubled;

/// Texts written each time, where each is short.
const SHORT_SAMPLES: usize = 6;

/// Lets the model write, where it can.
pub(super) struct Sample;

#[async_trait(?Send)]
impl Stage for Sample {
    fn spec(&self) -> StageSpec {
        StageSpec::new("sample", "let a sequence model write")
            .reads(&CONFIG)
            .reads(&DATA)
            .changes(&CLIENT)
            .changes(&LOOP)
            .changes(&IN_FLIGHT)
            .changes(&WATCH)
            .emits(&["sampled", "stepped"])
    }

    async fn run(&self, ctx: &mut Context<'_>) -> Result<(), StageError> {
        if ctx.get(&DATA)?.tokenizer.is_none() {
            return Ok(());
        }
        report_all(ctx).await?;
        if is_troubled(ctx)? {
            return Ok(());
        }
        let config = ctx.get(&CONFIG)?.clone();
        let step = ctx.get(&LOOP)?.step;
        let seed = RandomKey::new(config.seed)
            .purpose("sample")
            .at(step)
            .draw();
        let mut client = ctx.take(&CLIENT)?;
        let written = write_samples(&mut *client, ctx.get(&DATA)?, &config.sample, seed).await;
        ctx.put(&CLIENT, client)?;
        for (prompt, text) in written? {
            ctx.emit(|| Event::Sampled { step, prompt, text });
        }
        Ok(())
    }
}

/// What the model writes, as (prompt, text) pairs; none where the data are not sequences.
///
/// Exact-answer tasks are asked held-out questions, and each answer is marked right or wrong;
/// otherwise the model goes on from the configured prompt, or from the beginning of a text.
pub(crate) async fn write_samples(
    client: &mut dyn TrainingClient,
    data: &Splits,
    config: &SampleConfig,
    seed: u64,
) -> Result<Vec<(String, String)>, StageError> {
    let Some(tokenizer) = data.tokenizer.as_deref() else {
        return Ok(Vec::new());
    };
    let sampling = sampling(config, tokenizer, seed);
    let questions = questions(data)?;
    if !questions.is_empty() && config.prompt.is_empty() {
        return answer(client, tokenizer, &questions, &sampling).await;
    }
    let start = beginning(tokenizer, &config.prompt)?;
    let count = if config.tokens <= 40 {
        SHORT_SAMPLES
    } else {
        1
    };
    let prompts = vec![Prompt { tokens: start }; count];
    let completions = client.sample(&prompts, &sampling).await?;
    completions
        .iter()
        .map(|written| Ok((config.prompt.clone(), tokenizer.decode(&written.tokens)?)))
        .collect()
}

/// How each token is chosen, as `config` says.
pub(crate) fn sampling(
    config: &SampleConfig,
    tokenizer: &dyn TokenizerClient,
    seed: u64,
) -> Sampling {
    Sampling {
        max_tokens: config.tokens,
        temperature: config.temperature,
        top_k: config.top_k,
        top_p: config.top_p,
        stop: tokenizer.boundary(),
        seed,
    }
}

/// The tokens that a text begins with: the prompt's, or those of the beginning of a text.
pub(crate) fn beginning(
    tokenizer: &dyn TokenizerClient,
    prompt: &str,
) -> Result<Vec<u32>, TokenizerError> {
    let mut tokens: Vec<u32> = tokenizer.boundary().into_iter().collect();
    tokens.extend(tokenizer.encode(prompt)?);
    if tokens.is_empty() {
        tokens = tokenizer.encode("\n").unwrap_or_else(|_| vec![0]);
    }
    Ok(tokens)
}

/// A held-out example of an exact-answer task.
struct Question {
    prompt: Vec<u32>,
    answer: Vec<u32>,
}

/// A few held-out questions, if only part of each example counts.
fn questions(data: &Splits) -> Result<Vec<Question>, StageError> {
    let set = &*data.validation;
    let batch = set.batch(&first_positions(set))?;
    let (
        Inputs::Tokens { context, values },
        Targets::Tokens {
            values: targets,
            mask,
        },
    ) = (&batch.inputs, &batch.targets)
    else {
        return Ok(Vec::new());
    };
    if mask.is_empty() {
        return Ok(Vec::new());
    }
    let rows = values
        .chunks(*context)
        .zip(targets.chunks(*context).zip(mask.chunks(*context)));
    // Where the first position counts already, nothing is asked: it is a list of words, say.
    let questions: Option<Vec<Question>> = rows
        .map(|(inputs, (targets, mask))| {
            let counts = |position: &usize| mask.get(*position).is_some_and(|m| *m > 0.0);
            let first = (0..*context).find(counts).filter(|first| *first > 0)?;
            Some(Question {
                prompt: inputs.iter().take(first + 1).copied().collect(),
                answer: (0..*context)
                    .filter(counts)
                    .filter_map(|position| targets.get(position).copied())
                    .collect(),
            })
        })
        .collect();
    Ok(questions.unwrap_or_default())
}

/// The first few examples, of a mixture those of each domain.
fn first_positions(set: &dyn Dataset) -> Vec<u64> {
    let domains = set.domains().iter().map(|domain| domain.positions.clone());
    let mut parts: Vec<Range<u64>> = domains.collect();
    if parts.is_empty() {
        parts.push(0..set.len());
    }
    let each = SHORT_SAMPLES.div_ceil(parts.len());
    let firsts = parts.into_iter().flat_map(|part| part.take(each));
    firsts.take(SHORT_SAMPLES).collect()
}

async fn answer(
    client: &mut dyn TrainingClient,
    tokenizer: &dyn TokenizerClient,
    questions: &[Question],
    sampling: &Sampling,
) -> Result<Vec<(String, String)>, StageError> {
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        let prompt = Prompt {
            tokens: question.prompt.clone(),
        };
        let exact = Sampling {
            max_tokens: question.answer.len(),
            stop: None,
            ..sampling.clone()
        };
        let written = client.sample(&[prompt], &exact).await?.pop();
        let tokens = written.map(|written| written.tokens).unwrap_or_default();
        let mut text = tokenizer.decode(&tokens)?;
        if tokens == question.answer {
            text.push_str(" ✓");
        } else {
            let expected = tokenizer.decode(&question.answer)?;
            text.push_str(&format!(" ✗ (it is {expected})"));
        }
        answers.push((tokenizer.decode(&question.prompt)?, text));
    }
    Ok(answers)
}
