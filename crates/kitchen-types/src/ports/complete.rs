//! Text that goes on from text.

use async_trait::async_trait;
use futures::stream::LocalBoxStream;
use serde::{Deserialize, Serialize};

/// Goes on from a text: the run's own model, or a service.
#[async_trait(?Send)]
pub trait Completer {
    /// The whole answer.
    async fn complete(&mut self, request: &CompletionRequest) -> Result<String, CompletionError>;

    /// The answer piece by piece.
    async fn stream(
        &mut self,
        request: &CompletionRequest,
    ) -> Result<LocalBoxStream<'static, Result<CompletionChunk, CompletionError>>, CompletionError>;

    /// Several answers, in the order of the requests.
    async fn batch(
        &mut self,
        requests: &[CompletionRequest],
    ) -> Result<Vec<String>, CompletionError> {
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.complete(request).await?);
        }
        Ok(answers)
    }
}

/// What to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompletionRequest {
    /// The text.
    pub prompt: String,
    /// Tokens to write, at most.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token.
    pub temperature: f64,
    /// The same seed gives the same text, where the completer can.
    pub seed: u64,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompletionChunk {
    /// The piece.
    pub text: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompletionError {
    /// There is no completer.
    #[error("no model is connected that could complete text; choose a run with `sample RUN`")]
    NotConnected,
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}
