//! Questions to a model that reads and writes text.

use kitchen_types::Number;
use kitchen_types::config::SampleConfig;
use kitchen_types::ports::{InputSpec, Prompt, TokenizerClient};
use kitchen_types::question::{AttentionView, Written, WrittenToken};

use super::{NoAnswer, ROWS, Subject};
use crate::supervised::{beginning, sampling};

/// The most tokens written at once. Training waits meanwhile.
const TOKENS: usize = 1000;

impl<'a> Subject<'a> {
    pub(super) async fn write(
        &mut self,
        prompt: &str,
        written: &[u32],
        config: &SampleConfig,
        seed: u64,
    ) -> Result<Written, NoAnswer> {
        let tokenizer = self.tokenizer()?;
        let end = tokenizer.boundary();
        if end.is_some() && written.last().copied() == end {
            return Ok(Written {
                text: tokenizer.decode(written)?,
                tokens: Vec::new(),
                ended: true,
            });
        }
        if config.tokens > TOKENS {
            return NoAnswer::new(format!(
                "{} tokens are too many; ask for at most {TOKENS} at once, and go on from them",
                config.tokens
            ));
        }
        let mut tokens = beginning(tokenizer, prompt)?;
        tokens.extend(written);
        if tokens.len() > ROWS {
            return NoAnswer::new(format!(
                "the text has {} tokens; ask with at most {ROWS}",
                tokens.len()
            ));
        }
        let sampling = sampling(config, tokenizer, seed);
        let completions = self.client.sample(&[Prompt { tokens }], &sampling).await?;
        let Some(completion) = completions.into_iter().next() else {
            return NoAnswer::new("the model wrote nothing");
        };
        let all = [written, &completion.tokens].concat();
        let new = completion.tokens.iter().zip(&completion.logprobs);
        Ok(Written {
            text: tokenizer.decode(&all)?,
            tokens: new
                .map(|(&id, &logprob)| {
                    Ok(WrittenToken {
                        id,
                        text: tokenizer.decode(&[id])?,
                        logprob: Number::from(logprob),
                    })
                })
                .collect::<Result<_, NoAnswer>>()?,
            ended: end.is_some() && all.last().copied() == end,
        })
    }

    pub(super) async fn attention(&mut self, text: &str) -> Result<AttentionView, NoAnswer> {
        let tokenizer = self.tokenizer()?;
        let tokens = beginning(tokenizer, text)?;
        let most = match self.data.train.spec().input {
            InputSpec::Tokens { context, .. } => context.min(AttentionView::TOKENS),
            InputSpec::Features { .. } => AttentionView::TOKENS,
        };
        if tokens.len() > most {
            return NoAnswer::new(format!(
                "the text has {} tokens; ask about at most {most}",
                tokens.len()
            ));
        }
        Ok(AttentionView {
            maps: self.client.attention(&tokens).await?,
            tokens: (tokens.iter())
                .map(|&token| tokenizer.decode(&[token]))
                .collect::<Result<_, _>>()?,
        })
    }

    fn tokenizer(&self) -> Result<&'a dyn TokenizerClient, NoAnswer> {
        let tokenizer = self.data.tokenizer.as_deref();
        tokenizer.ok_or_else(|| {
            NoAnswer::Asked("this model reads no text; ask what it makes of examples".into())
        })
    }
}
