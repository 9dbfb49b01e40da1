//! Whether a device computes what it should: a driver or a browser that miscompiles a kernel gives
//! wrong numbers without a word.

use burn::tensor::{Tensor, TensorData, Transaction, activation};
use kitchen_types::SampleId;
use kitchen_types::config::{Algorithm, MlpConfig, ModelConfig, OptimizerConfig, SgdConfig};
use kitchen_types::ports::{
    Batch, ClientError, DataSpec, InputSpec, Inputs, Loss, ModelState, NamedTensor, OptimStep,
    TargetSpec, Targets, TrainingClient,
};

use crate::client::BurnClient;
use crate::device::OpenDevice;
use crate::readback::{floats, lost};

/// How far a number may be off, as a share of it, or of 1 where it is smaller. Hardware that takes
/// shortcuts through exponentials stays below this; a wrong kernel does not.
const TOLERANCE: f64 = 1e-3;

/// A matrix product, a softmax, sums, and one whole training step, against numbers known from
/// elsewhere.
///
/// # Errors
/// [`ClientError::NoDevice`] with the first number that is wrong and what is right;
/// [`ClientError::DeviceLost`] where the device no longer answers.
pub async fn self_test(device: &OpenDevice) -> Result<(), ClientError> {
    operations(device).await?;
    training_step(device).await
}

const ROWS: usize = 33;
const INNER: usize = 48;
const COLUMNS: usize = 17;

async fn operations(device: &OpenDevice) -> Result<(), ClientError> {
    // Eighths: sums of their products are exact in single precision.
    let (left, right) = (pattern(ROWS * INNER, 7, 3), pattern(INNER * COLUMNS, 5, 2));
    let [a, b] = [(&left, [ROWS, INNER]), (&right, [INNER, COLUMNS])].map(|(values, shape)| {
        Tensor::<2>::from_data(TensorData::new(values.clone(), shape), &device.burn)
    });
    let product = a.matmul(b);
    let softmax = activation::softmax(product.clone(), 1);
    let sums = product.clone().sum_dim(1);
    let reads = Transaction::default()
        .register(product)
        .register(softmax)
        .register(sums);
    let mut read = reads.execute_async().await.map_err(lost)?.into_iter();
    let mut next = || read.next().map_or(Ok(Vec::new()), floats);

    let exact = multiply(&left, &right);
    check(device, "a matrix product", &exact, &next()?)?;
    let rows = || exact.chunks(COLUMNS);
    let softmax: Vec<f64> = rows().flat_map(softmax_of).collect();
    check(device, "a softmax", &softmax, &next()?)?;
    let sums: Vec<f64> = rows().map(|row| row.iter().sum()).collect();
    check(device, "a sum", &sums, &next()?)
}

/// `[ROWS, INNER]` times `[INNER, COLUMNS]`, in double precision.
fn multiply(left: &[f32], right: &[f32]) -> Vec<f64> {
    let column = |column: usize| right.iter().skip(column).step_by(COLUMNS);
    left.chunks(INNER)
        .flat_map(|row| {
            (0..COLUMNS).map(move |at| {
                let products = row.iter().zip(column(at));
                products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            })
        })
        .collect()
}

fn softmax_of(row: &[f64]) -> Vec<f64> {
    let total: f64 = row.iter().map(|value| value.exp()).sum();
    row.iter().map(|value| value.exp() / total).collect()
}

const INPUTS: usize = 3;
const HIDDEN: usize = 5;
const CLASSES: usize = 4;
const EXAMPLES: usize = 6;

// Computed in double precision by `self_test/numbers.py`.
const LOSS: f64 = 1.376402412;
const GRADIENT_NORM: f64 = 0.404637849;
#[rustfmt::skip]
const OUTPUTS: [f64; EXAMPLES * CLASSES] = [
    -0.015571768, 0.469326886, -0.387851762, 0.137723043,
    -0.079740614, 0.377743783, -0.426346145, 0.020175643,
    -0.388631502, 0.337696494, -0.301294303, 0.444884148,
    -0.360011241, 0.337861871, -0.291910378, 0.432781797,
    0.030908989, 0.504241375, -0.422717925, 0.086874266,
    -0.000078183, 0.480965049, -0.399473816, 0.120773451,
];

/// The loss and the gradient of a tiny perceptron, and its outputs after a step of SGD.
async fn training_step(device: &OpenDevice) -> Result<(), ClientError> {
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: vec![HIDDEN],
        ..MlpConfig::default()
    });
    let data = DataSpec {
        input: InputSpec::Features {
            shape: vec![INPUTS],
        },
        target: TargetSpec::Classes {
            names: (0..CLASSES).map(|class| class.to_string()).collect(),
        },
    };
    let optimizer = OptimizerConfig {
        algorithm: Algorithm::Sgd(SgdConfig::default()),
        ..OptimizerConfig::default()
    };
    let inputs = Inputs::Features {
        shape: vec![INPUTS],
        values: pattern(EXAMPLES * INPUTS, 3, 0),
    };
    let batch = Batch {
        ids: (0..EXAMPLES as u64).map(SampleId).collect(),
        inputs: inputs.clone(),
        targets: Targets::Classes((0..EXAMPLES).map(|at| (at % CLASSES) as u32).collect()),
    };
    let loss = Loss::CrossEntropy {
        label_smoothing: 0.0,
    };
    let step = OptimStep {
        step: 1,
        lr: 0.5,
        clip_norm: 0.0,
        measure: true,
        ..OptimStep::default()
    };

    let mut client = BurnClient::open(&model, &data, &optimizer, device.clone(), 0)?;
    client.restore(&weights()).await?;
    let loss = client.forward_backward(&batch, &loss).await?;
    let norm = client.optim_step(&step).await?.await?.grad_norm;
    let measured = [loss.await?.loss.0, norm.map_or(f64::NAN, f64::from)];
    let outputs = client.predict(&inputs).await?.values;
    check(
        device,
        "the loss and the gradient norm of a training step",
        &[LOSS, GRADIENT_NORM],
        &measured.map(|number| number as f32),
    )?;
    check(device, "a training step", &OUTPUTS, &outputs)
}

fn weights() -> ModelState {
    let weight = |name: &str, shape: &[usize], factor, offset| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: pattern(shape.iter().product(), factor, offset),
    };
    ModelState {
        weights: vec![
            weight("layers.0.weight", &[HIDDEN, INPUTS], 7, 3),
            weight("layers.0.bias", &[HIDDEN], 4, 1),
            weight("layers.1.weight", &[CLASSES, HIDDEN], 5, 2),
            weight("layers.1.bias", &[CLASSES], 3, 6),
        ],
        optimizer: Vec::new(),
    }
}

/// Eighths from -5/8 to 5/8, which single precision holds exactly.
fn pattern(count: usize, factor: usize, offset: usize) -> Vec<f32> {
    let eighths = |place: usize| ((place * factor + offset) % 11) as f32 - 5.0;
    (0..count).map(|place| eighths(place) / 8.0).collect()
}

/// Refuses a device that gave `found` for `what`, where `expected` is right.
fn check(
    device: &OpenDevice,
    what: &str,
    expected: &[f64],
    found: &[f32],
) -> Result<(), ClientError> {
    let refuse = |how: String| {
        Err(ClientError::NoDevice {
            device: format!("{} that computes as it should", device.name()),
            reason: format!("{} was tried with {what}, and {how}", device.adapter()),
            remedy: "use `device=cpu`, or update the GPU's driver or the browser".into(),
        })
    };
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return refuse(format!("gave {found} numbers where {expected} are right"));
    }
    let is_wrong = |&(_, (&expected, &found)): &(usize, (&f64, &f32))| {
        let distance = (f64::from(found) - expected).abs();
        // A NaN is not close to anything.
        let is_close = distance <= TOLERANCE * expected.abs().max(1.0);
        !is_close
    };
    match expected.iter().zip(found).enumerate().find(is_wrong) {
        None => Ok(()),
        Some((place, (expected, found))) => refuse(format!(
            "number {place} came out as {found} where {expected} is right"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn the_cpu_passes() {
        block_on(self_test(&OpenDevice::cpu())).unwrap();
    }

    #[test]
    fn a_wrong_number_is_refused_with_the_right_one() {
        let cpu = OpenDevice::cpu();
        for (found, said) in [
            (vec![1.0, 2.1], "number 1 came out as 2.1 where 2 is right"),
            (
                vec![f32::NAN, 2.0],
                "number 0 came out as NaN where 1 is right",
            ),
            (vec![1.0], "gave 1 numbers where 2 are right"),
        ] {
            let error = check(&cpu, "a sum", &[1.0, 2.0], &found).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(said), "{error}");
            assert!(error.contains("use `device=cpu`"), "{error}");
        }
        check(&cpu, "a sum", &[1.0, 2.0], &[1.0005, 2.001]).unwrap();
    }
}
