//! Writing on from prompts, token by token.

use burn::tensor::{Device, Tensor, Transaction};
use kitchen_types::ports::{ClientError, Completion, DataSpec, InputSpec, Prompt, Sampling};
use kitchen_types::random::Key;

use crate::model::{Memory, Model};
use crate::readback::{Readbacks, floats};

/// Goes on from each prompt, all of them together.
///
/// Where a text outgrows the model's context, the oldest quarter of the context is forgotten and
/// the rest is read again. A recurrent network never forgets this way: it has no context to fill.
///
/// # Errors
/// [`ClientError::Mismatch`] on an empty prompt, an unknown token or impossible settings;
/// [`ClientError::Unsupported`] where the model does not read tokens.
pub(crate) async fn sample(
    model: &Model,
    data: &DataSpec,
    device: &Device,
    readbacks: &Readbacks,
    prompts: &[Prompt],
    sampling: &Sampling,
) -> Result<Vec<Completion>, ClientError> {
    let mut writer = Writer::new(model, data, device, prompts, sampling)?;
    while !writer.is_done() {
        let read = Transaction::default().register(writer.logits()?);
        let read = readbacks.now(read).await?;
        let logits = read
            .into_iter()
            .map(floats)
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        writer.write(&logits);
    }
    Ok(writer.texts.into_iter().map(Text::completion).collect())
}

/// Texts that grow in step.
struct Writer<'a> {
    model: &'a Model,
    device: &'a Device,
    sampling: &'a Sampling,
    vocabulary: usize,
    /// The most columns the model can remember; `None` where there is no limit.
    window: Option<usize>,
    texts: Vec<Text>,
    reading: Option<Reading>,
}

/// What the model has read of the texts.
struct Reading {
    memory: Memory,
    /// Columns read, padding included; the same for each text.
    columns: usize,
    /// Empty columns before each text, so that all end together.
    padding: Vec<usize>,
}

impl<'a> Writer<'a> {
    fn new(
        model: &'a Model,
        data: &DataSpec,
        device: &'a Device,
        prompts: &[Prompt],
        sampling: &'a Sampling,
    ) -> Result<Self, ClientError> {
        let (
            &InputSpec::Tokens {
                vocabulary,
                context,
            },
            Some(memory),
        ) = (&data.input, model.memory())
        else {
            return cannot_write();
        };
        check(sampling)?;
        let key = Key::new(sampling.seed).purpose("sample");
        let texts = (prompts.iter().zip(0..))
            .map(|(prompt, row)| Text::new(prompt, vocabulary, key.at(row)));
        Ok(Self {
            model,
            device,
            sampling,
            vocabulary,
            window: matches!(memory, Memory::Gpt(_)).then_some(context),
            texts: texts.collect::<Result<_, _>>()?,
            reading: None,
        })
    }

    fn is_done(&self) -> bool {
        (self.texts.iter())
            .all(|text| text.is_stopped || text.logprobs.len() >= self.sampling.max_tokens)
    }

    /// Reads what was written last: the logits that follow it, `[texts, vocabulary]`.
    fn logits(&mut self) -> Result<Tensor<2>, ClientError> {
        let is_full =
            |reading: &Reading| self.window.is_some_and(|window| reading.columns >= window);
        let (mut reading, new) = match self.reading.take() {
            Some(reading) if !is_full(&reading) => (reading, 1),
            before => self.start(before.is_some())?,
        };
        let tokens = self.texts.iter().flat_map(|text| text.last(new)).collect();
        let Reading {
            memory, padding, ..
        } = &mut reading;
        let logits = self.model.next(tokens, new, padding, memory, self.device);
        reading.columns += new;
        self.reading = Some(reading);
        logits.map_or_else(cannot_write, Ok)
    }

    /// A memory that has read nothing, and how many columns it has to read.
    fn start(&self, forget: bool) -> Result<(Reading, usize), ClientError> {
        let longest = self
            .texts
            .iter()
            .map(|text| text.tokens.len())
            .max()
            .unwrap_or_default();
        let columns = match self.window {
            Some(window) if forget => longest.min((window - window / 4).max(1)),
            Some(window) => longest.min(window),
            None => longest,
        };
        let padding = self
            .texts
            .iter()
            .map(|text| columns.saturating_sub(text.tokens.len()));
        let reading = Reading {
            memory: self.model.memory().map_or_else(cannot_write, Ok)?,
            columns: 0,
            padding: padding.collect(),
        };
        Ok((reading, columns))
    }

    /// Chooses the next token of each text.
    fn write(&mut self, logits: &[f32]) {
        for (text, logits) in self.texts.iter_mut().zip(logits.chunks(self.vocabulary)) {
            text.write(logits, self.sampling);
        }
    }
}

fn cannot_write<T>() -> Result<T, ClientError> {
    Err(ClientError::Unsupported {
        client: "a model of features".into(),
        what: "write text; `model=gpt` and `model=rnn` can".into(),
    })
}

fn check(sampling: &Sampling) -> Result<(), ClientError> {
    let (temperature, top_p) = (sampling.temperature, sampling.top_p);
    if !(temperature >= 0.0 && temperature.is_finite()) {
        return mismatch(format!(
            "the temperature must be 0 or more, not {temperature}"
        ));
    }
    if !(top_p > 0.0 && top_p <= 1.0) {
        return mismatch(format!("top_p must be above 0 and at most 1, not {top_p}"));
    }
    Ok(())
}

fn mismatch<T>(what: String) -> Result<T, ClientError> {
    Err(ClientError::Mismatch(what))
}

/// One prompt and what is written after it.
struct Text {
    /// The prompt, what was written, and what keeps step with the others after a stop.
    tokens: Vec<u32>,
    prompt: usize,
    /// One for each token written.
    logprobs: Vec<f32>,
    is_stopped: bool,
    key: Key,
}

impl Text {
    fn new(prompt: &Prompt, vocabulary: usize, key: Key) -> Result<Self, ClientError> {
        if prompt.tokens.is_empty() {
            return mismatch("a prompt needs at least one token".into());
        }
        if let Some(token) = prompt
            .tokens
            .iter()
            .find(|&&token| token as usize >= vocabulary)
        {
            return mismatch(format!(
                "the prompt has token {token}, which is outside the vocabulary of {vocabulary}"
            ));
        }
        Ok(Self {
            tokens: prompt.tokens.clone(),
            prompt: prompt.tokens.len(),
            logprobs: Vec::new(),
            is_stopped: false,
            key,
        })
    }

    /// The last `columns` tokens, padded in front.
    fn last(&self, columns: usize) -> impl Iterator<Item = i32> {
        let count = columns.min(self.tokens.len());
        let tokens = self.tokens.iter().skip(self.tokens.len() - count);
        std::iter::repeat_n(0, columns - count).chain(tokens.map(|&token| token as i32))
    }

    fn write(&mut self, logits: &[f32], sampling: &Sampling) {
        let position = self.tokens.len() as u64;
        let uniform = self.key.at(position).rng().uniform();
        let token = choose(logits, sampling, uniform);
        self.tokens.push(token as u32);
        if !self.is_stopped && self.logprobs.len() < sampling.max_tokens {
            self.logprobs.push(log_probability(logits, token));
            self.is_stopped = sampling.stop == Some(token as u32);
        }
    }

    fn completion(self) -> Completion {
        let written = self
            .tokens
            .iter()
            .skip(self.prompt)
            .take(self.logprobs.len());
        Completion {
            tokens: written.copied().collect(),
            logprobs: self.logprobs,
        }
    }
}

/// The token that `uniform`, in `[0, 1)`, falls on among those that `sampling` leaves.
///
/// Likelier tokens come first, of equals the lower one. First the `top_k` likeliest are kept,
/// then of these the fewest that hold `top_p` of their probability (Holtzman et al. 2020).
fn choose(logits: &[f32], sampling: &Sampling, uniform: f64) -> usize {
    let mut ranked: Vec<(usize, f64)> = logits
        .iter()
        .map(|&logit| f64::from(logit))
        .enumerate()
        .collect();
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let Some(&(likeliest, highest)) = ranked.first() else {
        return 0;
    };
    if sampling.temperature == 0.0 {
        return likeliest;
    }
    if sampling.top_k > 0 {
        ranked.truncate(sampling.top_k);
    }
    for (_, value) in &mut ranked {
        *value = ((*value - highest) / sampling.temperature).exp();
    }
    let all: f64 = ranked.iter().map(|(_, weight)| weight).sum();
    let kept = fewest_that_hold(&ranked, all * sampling.top_p);
    let held: f64 = kept.iter().map(|(_, weight)| weight).sum();
    let mut left = uniform * held;
    for &(token, weight) in kept {
        if left < weight {
            return token;
        }
        left -= weight;
    }
    kept.last().map_or(likeliest, |&(token, _)| token)
}

/// The shortest prefix whose weights come to at least `share`; never empty.
fn fewest_that_hold(ranked: &[(usize, f64)], share: f64) -> &[(usize, f64)] {
    let mut held = 0.0;
    let enough = ranked.iter().position(|(_, weight)| {
        held += weight;
        held >= share
    });
    ranked
        .get(..enough.map_or(ranked.len(), |last| last + 1))
        .unwrap_or(ranked)
}

/// The log-probability of `token` before temperature, in nats.
fn log_probability(logits: &[f32], token: usize) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let above = |logit: f32| f64::from(logit) - f64::from(highest);
    let sum: f64 = logits.iter().map(|&logit| above(logit).exp()).sum();
    let chosen = logits.get(token).copied().unwrap_or(f32::NEG_INFINITY);
    (above(chosen) - sum.ln()) as f32
}
