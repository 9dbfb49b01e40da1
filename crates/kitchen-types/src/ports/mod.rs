//! The seams: what a run asks of the world. Each port has adapters elsewhere, and a no-op here
//! that never invents a number.

mod complete;
mod data;
mod noop;
mod storage;
mod training;

pub use complete::{Completer, CompletionChunk, CompletionError, CompletionRequest};
pub use data::{
    Batch, CatalogEntry, DataError, DataOverview, DataSpec, Dataset, DatasetStore, DomainRange,
    InputSpec, Inputs, Origin, Split, Splits, TargetSpec, Targets, TokenizerClient,
    TokenizerDefinition, TokenizerError,
};
pub use noop::{NoData, NoHub, NoMetrics, NoModel, NoStore, NoTokenizer, NoTraining};
pub use storage::{BlobStore, HubClient, HubError, HubFile, MetricsStore, StoreError, StoredFile};
pub use training::{
    ClientError, ClientInfo, Completion, Counters, EvalReport, Interruption, LayerInfo, Loss,
    LossReport, ModelState, NamedTensor, OptimStep, Pending, PerSample, Predictions, Prompt,
    Sampling, StepReport, TokenLogprobs, TrainingClient,
};
