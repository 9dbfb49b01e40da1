//! Adapters that do nothing, and say so. None of them ever invents a number.

use async_trait::async_trait;
use futures::stream::LocalBoxStream;

use crate::config::DataConfig;
use crate::event::Envelope;
use crate::ports::*;

/// A training client without a model: it accepts steps, and measures nothing.
///
/// It shows that a workflow holds together (`run --dry-run`), without a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTraining;

fn not_measured<T: 'static>(what: &str) -> Pending<T> {
    let error = ClientError::NotMeasured(format!("{what} (the training client is a no-op)"));
    Pending::new(std::future::ready(Err(error)))
}

fn cannot<T>(what: &str) -> Result<T, ClientError> {
    Err(ClientError::Unsupported {
        client: "the no-op training client".into(),
        what: what.into(),
    })
}

#[async_trait(?Send)]
impl TrainingClient for NoTraining {
    fn describe(&self) -> ClientInfo {
        ClientInfo {
            device: "none".into(),
            adapter: "no-op".into(),
            parameters: 0,
            layers: Vec::new(),
            limits: vec!["it trains nothing and measures nothing".into()],
        }
    }

    async fn forward_backward(
        &mut self,
        _: &Batch,
        _: &Loss,
    ) -> Result<Pending<LossReport>, ClientError> {
        Ok(not_measured("the loss"))
    }

    async fn optim_step(&mut self, _: &OptimStep) -> Result<Pending<StepReport>, ClientError> {
        Ok(Pending::ready(StepReport {
            grad_norm: None,
            update_ratio: None,
        }))
    }

    fn drop_gradients(&mut self) {}

    async fn evaluate(&mut self, _: &Batch, _: &Loss) -> Result<EvalReport, ClientError> {
        cannot("evaluate a batch")
    }

    async fn predict(&mut self, _: &Inputs) -> Result<Predictions, ClientError> {
        cannot("predict")
    }

    async fn logprobs(&mut self, _: &Batch) -> Result<Vec<TokenLogprobs>, ClientError> {
        cannot("give log-probabilities")
    }

    async fn sample(&mut self, _: &[Prompt], _: &Sampling) -> Result<Vec<Completion>, ClientError> {
        cannot("sample")
    }

    async fn per_sample(&mut self, _: &Batch, _: &Loss) -> Result<PerSample, ClientError> {
        cannot("diagnose single samples")
    }

    async fn save(&mut self) -> Result<ModelState, ClientError> {
        cannot("save weights")
    }

    async fn restore(&mut self, _: &ModelState) -> Result<(), ClientError> {
        cannot("restore weights")
    }
}

/// A dataset store without data.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoData;

impl DatasetStore for NoData {
    fn open(&self, _: &DataConfig, _: u64) -> Result<Splits, DataError> {
        Err(DataError::new(
            "",
            "no dataset store is connected",
            "start the run with one",
        ))
    }
}

/// A blob store that keeps nothing; it fails where something must be kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

fn keeps_nothing<T>() -> Result<T, StoreError> {
    Err(StoreError::Unsupported(
        "the no-op blob store keeps nothing; start the run with a folder".into(),
    ))
}

#[async_trait(?Send)]
impl BlobStore for NoStore {
    async fn put(&self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        keeps_nothing()
    }

    async fn put_set(&self, _: &str, _: &[(&str, &[u8])]) -> Result<(), StoreError> {
        keeps_nothing()
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        Err(StoreError::NotFound(name.into()))
    }

    async fn list(&self, _: &str) -> Result<Vec<StoredFile>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A hub client without a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHub;

#[async_trait(?Send)]
impl HubClient for NoHub {
    async fn download(&self, file: &HubFile) -> Result<Vec<u8>, HubError> {
        Err(HubError::Unreachable {
            name: file.name.clone(),
            reason: "no hub client is connected".into(),
            remedy: "point `data.path` at a folder that holds the files".into(),
        })
    }
}

/// A metrics store that keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

#[async_trait(?Send)]
impl MetricsStore for NoMetrics {
    async fn record(&mut self, _: &Envelope) -> Result<(), StoreError> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&mut self) -> Result<Vec<Envelope>, StoreError> {
        keeps_nothing()
    }
}

/// A tokenizer without a vocabulary.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTokenizer;

impl TokenizerClient for NoTokenizer {
    fn name(&self) -> &str {
        "no-op"
    }

    fn vocabulary(&self) -> usize {
        0
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        match text.chars().next() {
            None => Ok(Vec::new()),
            Some(first) => Err(TokenizerError::NotInVocabulary(first.to_string())),
        }
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        match tokens.first() {
            None => Ok(String::new()),
            Some(&token) => Err(TokenizerError::UnknownToken {
                token,
                vocabulary: 0,
            }),
        }
    }

    fn to_json(&self) -> Result<String, TokenizerError> {
        Err(TokenizerError::Other(
            "the no-op tokenizer has nothing to keep".into(),
        ))
    }
}

/// A completer without a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModel;

#[async_trait(?Send)]
impl Completer for NoModel {
    async fn complete(&mut self, _: &CompletionRequest) -> Result<String, CompletionError> {
        Err(CompletionError::NotConnected)
    }

    async fn stream(
        &mut self,
        _: &CompletionRequest,
    ) -> Result<LocalBoxStream<'static, Result<CompletionChunk, CompletionError>>, CompletionError>
    {
        Err(CompletionError::NotConnected)
    }
}
