//! A GPU that is lost is an error, not a crash, and another takes its place. A software adapter
//! counts. It has a process of its own, since all tests of one process share their GPU.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use futures::executor::block_on;
use kitchen_train::{BurnClient, Gpu, OpenDevice};
use kitchen_types::config::{MlpConfig, ModelConfig, OptimizerConfig};
use kitchen_types::ports::{ClientError, DataSpec, InputSpec, Inputs, TargetSpec, TrainingClient};

/// A linear model: few kernels, which a software adapter takes seconds to compile.
fn open(device: OpenDevice) -> BurnClient {
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: Vec::new(),
        ..MlpConfig::default()
    });
    let data = DataSpec {
        input: InputSpec::Features { shape: vec![3] },
        target: TargetSpec::Values { width: 2 },
    };
    BurnClient::open(&model, &data, &OptimizerConfig::default(), device, 1).unwrap()
}

fn predict(client: &mut BurnClient) -> Result<Vec<f32>, ClientError> {
    let inputs = Inputs::Features {
        shape: vec![3],
        values: vec![0.5, -1.0, 2.0, 1.0, 0.0, -0.5],
    };
    block_on(client.predict(&inputs)).map(|outputs| outputs.values)
}

#[test]
fn a_lost_gpu_is_an_error_and_another_takes_its_place() {
    assert!(!OpenDevice::cpu().destroy(), "there is nothing to destroy");
    let gpu = Gpu::default();
    assert!(!gpu.destroy(), "nothing is open");
    let device = match block_on(gpu.open()) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("skipped: no GPU adapter ({error})");
            return;
        }
    };
    let mut client = open(device);
    let before = predict(&mut client).unwrap();

    assert!(gpu.destroy());
    let error = predict(&mut client).unwrap_err();
    assert!(matches!(error, ClientError::DeviceLost(_)), "{error}");
    let error = block_on(client.save()).unwrap_err();
    assert!(matches!(error, ClientError::DeviceLost(_)), "{error}");

    let another = block_on(gpu.open()).unwrap();
    assert_eq!(predict(&mut open(another)).unwrap(), before);
}
