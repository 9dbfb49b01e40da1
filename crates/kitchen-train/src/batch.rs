//! Batches on their way to the device: checked against the data they should be like, then sent.

use burn::tensor::{Device, Int, Tensor, TensorData};
use kitchen_types::ports::{
    Batch, ClientError, DataSpec, InputSpec, Inputs, Loss, TargetSpec, Targets,
};

use crate::model::Input;

/// What a batch's outputs are measured against, on the host; a row for each output row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal<'a> {
    /// Cross-entropy against one class or token a row.
    Classes {
        classes: &'a [u32],
        /// 1 where the row counts, 0 where it does not; empty where all count.
        mask: &'a [f32],
        label_smoothing: f64,
    },
    /// Squared errors of all numbers.
    Squares(&'a [f32]),
    /// Binary cross-entropy on logits of all numbers.
    Bits(&'a [f32]),
}

/// Sends `inputs` to the device.
///
/// # Errors
/// [`ClientError::Mismatch`] where they are not like `spec`.
pub(crate) fn upload(
    inputs: &Inputs,
    spec: &DataSpec,
    device: &Device,
) -> Result<Input, ClientError> {
    match (inputs, &spec.input) {
        (Inputs::Features { shape, values }, InputSpec::Features { shape: expected }) => {
            if shape != expected {
                return mismatch(format!(
                    "the batch has examples of shape {shape:?}, the model was built for {expected:?}"
                ));
            }
            let width: usize = shape.iter().product();
            let rows = rows(values.len(), width, "features")?;
            let data = TensorData::new(values.clone(), [rows, width]);
            Ok(Input::Features(Tensor::from_data(data, device)))
        }
        (
            Inputs::Tokens { context, values },
            &InputSpec::Tokens {
                vocabulary,
                context: longest,
            },
        ) => {
            if *context > longest {
                return mismatch(format!(
                    "the batch has sequences of {context} tokens, the model was built for {longest}"
                ));
            }
            let rows = rows(values.len(), *context, "tokens")?;
            check_below(values, vocabulary, "token", "a vocabulary")?;
            let tokens = values.iter().map(|&token| token as i32).collect();
            let data = TensorData::new::<i32, _>(tokens, [rows, *context]);
            Ok(Input::Tokens(Tensor::<2, Int>::from_data(data, device)))
        }
        (Inputs::Features { .. }, InputSpec::Tokens { .. }) => {
            mismatch("the batch has features, the model reads tokens")
        }
        (Inputs::Tokens { .. }, InputSpec::Features { .. }) => {
            mismatch("the batch has tokens, the model reads features")
        }
    }
}

/// What `batch` is measured against under `loss`.
///
/// # Errors
/// [`ClientError::Mismatch`] where batch, loss and `spec` do not fit each other.
pub(crate) fn goal<'a>(
    batch: &'a Batch,
    loss: &Loss,
    spec: &DataSpec,
) -> Result<Goal<'a>, ClientError> {
    let examples = examples(batch)?;
    match (&batch.targets, &spec.target, loss) {
        (Targets::Classes(classes), TargetSpec::Classes { names }, Loss::CrossEntropy { .. }) => {
            check_count(classes.len(), examples, "classes")?;
            check_below(classes, names.len(), "class", "a list of classes")?;
            classified(classes, &[], loss)
        }
        (Targets::Tokens { values, mask }, TargetSpec::NextToken, Loss::CrossEntropy { .. }) => {
            check_count(values.len(), batch.tokens(), "target tokens")?;
            check_below(values, spec.outputs(), "target token", "a vocabulary")?;
            check_mask(mask, values.len())?;
            classified(values, mask, loss)
        }
        (
            Targets::Values { width, values },
            TargetSpec::Values { width: expected },
            Loss::MeanSquaredError | Loss::BinaryCrossEntropy,
        ) => {
            if width != expected {
                return mismatch(format!(
                    "the batch has {width} target values an example, the model gives {expected}"
                ));
            }
            check_count(values.len(), examples * width, "target values")?;
            Ok(match loss {
                Loss::BinaryCrossEntropy => Goal::Bits(values),
                _ => Goal::Squares(values),
            })
        }
        (Targets::None, ..) => mismatch("the batch has no targets; it can only be predicted"),
        (targets, ..) => mismatch(format!(
            "{} cannot be measured by {}; set `loss=auto`",
            targets_name(targets),
            loss_name(loss)
        )),
    }
}

/// How many examples `batch` has, by its ids and by its inputs.
pub(crate) fn examples(batch: &Batch) -> Result<usize, ClientError> {
    let inputs = match &batch.inputs {
        Inputs::Features { shape, values } => {
            rows(values.len(), shape.iter().product(), "features")?
        }
        Inputs::Tokens { context, values } => rows(values.len(), *context, "tokens")?,
    };
    check_count(batch.ids.len(), inputs, "sample ids")?;
    Ok(inputs)
}

fn classified<'a>(
    classes: &'a [u32],
    mask: &'a [f32],
    loss: &Loss,
) -> Result<Goal<'a>, ClientError> {
    let label_smoothing = match loss {
        Loss::CrossEntropy { label_smoothing } => *label_smoothing,
        _ => 0.0,
    };
    if !(0.0..1.0).contains(&label_smoothing) {
        return mismatch(format!(
            "label smoothing must be at least 0 and below 1, not {label_smoothing}"
        ));
    }
    Ok(Goal::Classes {
        classes,
        mask,
        label_smoothing,
    })
}

fn mismatch<T>(what: impl Into<String>) -> Result<T, ClientError> {
    Err(ClientError::Mismatch(what.into()))
}

fn rows(values: usize, width: usize, what: &str) -> Result<usize, ClientError> {
    if values == 0 || width == 0 {
        return mismatch(format!("the batch is empty: it has no {what}"));
    }
    if !values.is_multiple_of(width) {
        return mismatch(format!(
            "the batch has {values} {what}, which is no multiple of {width}"
        ));
    }
    Ok(values / width)
}

fn check_count(found: usize, expected: usize, what: &str) -> Result<(), ClientError> {
    if found == expected {
        Ok(())
    } else {
        mismatch(format!(
            "the batch has {found} {what} where {expected} are needed"
        ))
    }
}

fn check_below(values: &[u32], bound: usize, what: &str, of: &str) -> Result<(), ClientError> {
    match values.iter().position(|&value| value as usize >= bound) {
        None => Ok(()),
        Some(place) => mismatch(format!(
            "{what} {} at position {place} of the batch is outside {of} of {bound}",
            values.get(place).copied().unwrap_or_default()
        )),
    }
}

fn check_mask(mask: &[f32], targets: usize) -> Result<(), ClientError> {
    if mask.is_empty() {
        return Ok(());
    }
    check_count(mask.len(), targets, "mask values")?;
    if let Some(value) = mask.iter().find(|&&value| value != 0.0 && value != 1.0) {
        return mismatch(format!(
            "the batch's mask holds {value}; it may hold only 0 and 1"
        ));
    }
    if mask.iter().all(|&value| value == 0.0) {
        return mismatch("the batch's mask leaves no target to learn from");
    }
    Ok(())
}

fn targets_name(targets: &Targets) -> &'static str {
    match targets {
        Targets::Classes(_) => "classes",
        Targets::Values { .. } => "values",
        Targets::Tokens { .. } => "tokens",
        Targets::None => "nothing",
    }
}

fn loss_name(loss: &Loss) -> &'static str {
    match loss {
        Loss::CrossEntropy { .. } => "cross-entropy",
        Loss::MeanSquaredError => "the mean squared error",
        Loss::BinaryCrossEntropy => "binary cross-entropy",
    }
}
