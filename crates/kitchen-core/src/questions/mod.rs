//! Looking into a model: one answer to each question, whoever asks and whenever.

mod examples;
mod text;

use kitchen_types::RunConfig;
use kitchen_types::ports::{
    ClientError, DataError, InputSpec, Inputs, Loss, Predictions, Splits, TargetSpec,
    TokenizerError, TrainingClient,
};
use kitchen_types::question::{Inspection, Matrix, Prediction, QuestionError};
use kitchen_types::{Answer, Question};

use crate::commands::Asked;
use crate::supervised::{choose_loss, is_plane, spread, surface};

/// The most examples (or tokens) predicted at once.
const ROWS: usize = 4096;

/// A model beside its data: all that it takes to answer.
pub(crate) struct Subject<'a> {
    pub(crate) client: &'a mut dyn TrainingClient,
    pub(crate) data: &'a Splits,
    pub(crate) config: &'a RunConfig,
    /// After which step.
    pub(crate) step: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The question has none, in words.
    Asked(String),
    /// The device is gone, and the model with it.
    Lost(ClientError),
}

impl NoAnswer {
    fn new<T>(what: impl Into<String>) -> Result<T, Self> {
        Err(Self::Asked(what.into()))
    }
}

impl From<ClientError> for NoAnswer {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::DeviceLost(_) => Self::Lost(error),
            other => Self::Asked(other.to_string()),
        }
    }
}

impl From<DataError> for NoAnswer {
    fn from(error: DataError) -> Self {
        Self::Asked(error.to_string())
    }
}

impl From<TokenizerError> for NoAnswer {
    fn from(error: TokenizerError) -> Self {
        Self::Asked(error.to_string())
    }
}

impl From<NoAnswer> for QuestionError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Asked(what) => Self(what),
            NoAnswer::Lost(error) => Self(error.to_string()),
        }
    }
}

/// Tells whoever asked what was found.
///
/// # Errors
/// [`ClientError::DeviceLost`], which is more than the question's own affair.
pub(crate) fn settle(asked: Asked, found: Result<Answer, NoAnswer>) -> Result<(), ClientError> {
    let lost = match &found {
        Err(NoAnswer::Lost(error)) => Err(error.clone()),
        Ok(_) | Err(NoAnswer::Asked(_)) => Ok(()),
    };
    asked.reply(found.map_err(QuestionError::from));
    lost
}

impl Subject<'_> {
    /// The answer.
    ///
    /// # Errors
    /// Where the question does not fit the model or the data, or the device is lost.
    pub(crate) async fn answer(&mut self, question: &Question) -> Result<Answer, NoAnswer> {
        Ok(match question {
            Question::Predict { inputs } => Answer::Predicted(self.predict(inputs).await?),
            Question::Write {
                prompt,
                written,
                sample,
                seed,
            } => Answer::Written(self.write(prompt, written, sample, *seed).await?),
            Question::Surface => {
                let train = &*self.data.train;
                if !is_plane(train.spec()) {
                    return NoAnswer::new(
                        "there is no decision surface: that takes inputs of two numbers, and \
                         classes; ask about single examples",
                    );
                }
                Answer::Surface(surface(self.client, train, self.step).await?)
            }
            Question::Inspect => Answer::Inspected(self.inspect().await?),
            Question::Weight { name } => Answer::Matrix(self.weight(name).await?),
            Question::Attention { text } => Answer::Attention(self.attention(text).await?),
            Question::Examples { split, from, count } => {
                Answer::Examples(self.examples(*split, *from, *count).await?)
            }
        })
    }

    async fn predict(&mut self, inputs: &Inputs) -> Result<Vec<Prediction>, NoAnswer> {
        let spec = self.data.train.spec();
        check(inputs, &spec.input)?;
        let loss = self.loss()?;
        let outputs = self.client.predict(inputs).await?;
        let last = last_rows(&outputs, inputs);
        Ok(last
            .map(|row| match spec.target {
                TargetSpec::Classes { .. } => Prediction::Classes(softmax(row)),
                TargetSpec::NextToken => Prediction::NextToken(softmax(row)),
                TargetSpec::Values { .. } => Prediction::Values(values(row, &loss)),
            })
            .collect())
    }

    async fn inspect(&mut self) -> Result<Inspection, NoAnswer> {
        let train = &*self.data.train;
        // Spread over all examples, for they may be sorted.
        let batch = train.batch(&spread(train.len(), self.config.batch.max(1) as u64))?;
        let loss = self.loss()?;
        let inspection = self.client.inspect(&batch, &loss).await?;
        Ok(Inspection {
            step: self.step,
            ..inspection
        })
    }

    async fn weight(&mut self, name: &str) -> Result<Matrix, NoAnswer> {
        let weights = self.client.save().await?.weights;
        match weights.iter().find(|weight| weight.name == name) {
            Some(weight) => Ok(Matrix::of(weight)),
            None => {
                let names: Vec<&str> = weights.iter().map(|weight| weight.name.as_str()).collect();
                let names = names.join(", ");
                NoAnswer::new(format!("no weight is called {name:?}; there are {names}"))
            }
        }
    }

    fn loss(&self) -> Result<Loss, NoAnswer> {
        choose_loss(&self.config.loss, self.data.train.spec())
            .map_err(|error| NoAnswer::Asked(error.to_string()))
    }
}

/// Refuses what the model would choke on, or give nonsense for. The client sees to the rest.
fn check(inputs: &Inputs, spec: &InputSpec) -> Result<(), NoAnswer> {
    let rows = match (inputs, spec) {
        (Inputs::Features { shape, values }, InputSpec::Features { shape: expected }) => {
            if shape != expected {
                return NoAnswer::new(format!(
                    "the examples have shape {shape:?}, the model was built for {expected:?}"
                ));
            }
            if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                return NoAnswer::new(format!(
                    "number {place} of the inputs is NaN or infinite; every one must be finite"
                ));
            }
            values.len() / expected.iter().product::<usize>().max(1)
        }
        (Inputs::Tokens { values, .. }, _) => values.len(),
        (Inputs::Features { .. }, InputSpec::Tokens { .. }) => 0,
    };
    if rows > ROWS {
        return NoAnswer::new(format!(
            "these are {rows} examples or tokens; ask about at most {ROWS} at once"
        ));
    }
    Ok(())
}

/// The outputs for each example: those at its last position, where it has several.
fn last_rows<'a>(
    outputs: &'a Predictions,
    inputs: &Inputs,
) -> impl Iterator<Item = &'a [f32]> + use<'a> {
    let width = outputs.width.max(1);
    let examples = outputs.values.chunks(width * positions(inputs));
    examples.filter_map(move |example| example.rchunks(width).next())
}

/// Rows of outputs for each example.
fn positions(inputs: &Inputs) -> usize {
    match inputs {
        Inputs::Features { .. } => 1,
        Inputs::Tokens { context, .. } => (*context).max(1),
    }
}

/// Probabilities of logits, summed in double precision.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |&logit: &f32| (f64::from(logit) - f64::from(highest)).exp();
    let total: f64 = logits.iter().map(weight).sum();
    (logits.iter())
        .map(|logit| (weight(logit) / total) as f32)
        .collect()
}

/// What outputs that are numbers mean under `loss`.
fn values(outputs: &[f32], loss: &Loss) -> Vec<f32> {
    match loss {
        Loss::BinaryCrossEntropy => (outputs.iter())
            .map(|&logit| 1.0 / (1.0 + (-logit).exp()))
            .collect(),
        Loss::MeanSquaredError | Loss::CrossEntropy { .. } => outputs.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_logits() {
        assert_eq!(softmax(&[0.0, 0.0]), [0.5, 0.5]);
        assert_eq!(softmax(&[1e30, 3f32.ln()]), [1.0, 0.0]);
        assert!(softmax(&[f32::NAN, 1.0]).iter().all(|p| p.is_nan()));
        assert_eq!(values(&[0.0, 200.0], &Loss::BinaryCrossEntropy), [0.5, 1.0]);
        assert_eq!(values(&[0.0, 2.0], &Loss::MeanSquaredError), [0.0, 2.0]);
    }

    #[test]
    fn the_last_position_says_what_comes_next() {
        let outputs = Predictions {
            width: 2,
            values: (0..12).map(|value| value as f32).collect(),
        };
        let tokens = Inputs::Tokens {
            context: 3,
            values: vec![0; 6],
        };
        let last: Vec<&[f32]> = last_rows(&outputs, &tokens).collect();
        assert_eq!(last, [[4.0, 5.0], [10.0, 11.0]]);
        let features = Inputs::Features {
            shape: vec![1],
            values: vec![0.0; 6],
        };
        assert_eq!(last_rows(&outputs, &features).count(), 6);
    }
}
