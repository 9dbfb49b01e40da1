//! A trained model put to use: evaluated, asked to write, exported.

use kitchen_flow::StageError;
use kitchen_types::RunConfig;
use kitchen_types::config::{EvaluateConfig, SampleConfig};
use kitchen_types::event::Evaluation;
use kitchen_types::ports::{
    BlobStore, ClientError, DataError, Loss, Splits, StoreError, TrainingClient,
};
use kitchen_types::question::QuestionError;
use kitchen_types::{Answer, Question};

use crate::checkpoint::{self, Checkpoint, CheckpointError};
use crate::export::{Export, export};
use crate::faults::open_data;
use crate::host::Host;
use crate::questions::Subject;
use crate::supervised;

/// A model from a checkpoint, on a device, beside the data it was trained on.
pub struct Session {
    /// The run's request.
    pub config: RunConfig,
    /// The name of the checkpoint.
    pub name: String,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    data: Splits,
    client: Box<dyn TrainingClient>,
    loss: Loss,
}

/// Why a trained model could not be put to use: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SessionError(pub(crate) String);

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Newest,
    /// The one with the lowest validation loss; the newest where none was measured.
    Best,
    /// The newest at or before a step.
    Step(u64),
}

impl Session {
    /// Loads a checkpoint of the run in `host`'s store, and puts it on a device.
    pub async fn open(config: RunConfig, which: Which, host: &Host) -> Result<Self, SessionError> {
        let (name, checkpoint) = find_checkpoint(&*host.store, which).await?;
        let data = open_data(&*host.data, &config)?;
        if data.fingerprint != checkpoint.data_fingerprint {
            return Err(SessionError(format!(
                "the data are not those that {name} was trained on (fingerprint {}, then {}); \
                 put the old data back",
                data.fingerprint, checkpoint.data_fingerprint
            )));
        }
        let loss = supervised::choose_loss(&config.loss, data.train.spec())?;
        let mut client = host
            .devices
            .open(&config, &*data.train, &loss)
            .await?
            .client;
        client.restore(&checkpoint.model).await?;
        Ok(Self {
            config,
            name,
            checkpoint,
            data,
            client,
            loss,
        })
    }

    /// Measures the held-out examples.
    pub async fn evaluate(&mut self, config: &EvaluateConfig) -> Result<Evaluation, SessionError> {
        let mut evaluation = supervised::measure(
            &mut *self.client,
            &self.data,
            &self.config.data,
            &self.loss,
            config,
        )
        .await?;
        evaluation.step = self.checkpoint.state.step;
        Ok(evaluation)
    }

    /// What the model writes, as (prompt, text) pairs. Errors where it does not write.
    pub async fn sample(
        &mut self,
        config: &SampleConfig,
        seed: u64,
    ) -> Result<Vec<(String, String)>, SessionError> {
        if self.data.tokenizer.is_none() {
            return Err(SessionError(
                "this model does not write; `evaluate` measures it instead".into(),
            ));
        }
        Ok(supervised::write_samples(&mut *self.client, &self.data, config, seed).await?)
    }

    /// What there is to see of the model, as [`QuestionSender::ask`](crate::QuestionSender::ask)
    /// gives it while a run goes on.
    ///
    /// # Errors
    /// What is wrong with the question, or that the device is lost.
    pub async fn answer(&mut self, question: &Question) -> Result<Answer, QuestionError> {
        let mut subject = Subject {
            client: &mut *self.client,
            data: &self.data,
            config: &self.config,
            step: self.checkpoint.state.step,
        };
        Ok(subject.answer(question).await?)
    }

    /// The weights for others to load.
    pub fn export(&self) -> Result<Export, SessionError> {
        let spec = self.data.train.spec();
        Ok(export(
            &self.checkpoint,
            &self.config,
            spec,
            &self.client.describe(),
        )?)
    }

    /// The names of the classes, where the targets are classes.
    pub fn classes(&self) -> &[String] {
        match &self.data.train.spec().target {
            kitchen_types::ports::TargetSpec::Classes { names } => names,
            _ => &[],
        }
    }
}

macro_rules! said_by {
    ($($error:ty),*) => {$(
        impl From<$error> for SessionError {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

said_by!(
    StageError,
    DataError,
    ClientError,
    StoreError,
    CheckpointError
);

/// A checkpoint of the run in `store`, and its name. Errors where there is none that can be used.
pub async fn find_checkpoint(
    store: &dyn BlobStore,
    which: Which,
) -> Result<(String, Checkpoint), SessionError> {
    let newest_until = async |step| checkpoint::load_newest(store, step).await;
    let step = match which {
        Which::Newest => u64::MAX,
        Which::Step(step) => step,
        Which::Best => {
            let newest = newest_until(u64::MAX).await?.found;
            newest
                .and_then(|(_, newest)| newest.state.patience.best)
                .map_or(u64::MAX, |(step, _)| step)
        }
    };
    let newest = newest_until(step).await?;
    newest.found.ok_or_else(|| {
        let rejected: Vec<String> = newest
            .rejected
            .iter()
            .map(|(name, error)| format!("{name}: {error}"))
            .collect();
        SessionError(match rejected.is_empty() {
            true => "the run has no checkpoint yet; let it train until its first save".into(),
            false => format!("no checkpoint can be used: {}", rejected.join("; ")),
        })
    })
}
