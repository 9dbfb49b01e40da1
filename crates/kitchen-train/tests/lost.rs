//! A GPU that is lost is an error, not a crash, and another takes its place. A software adapter
//! counts. It has a process of its own, since all tests of one process share their GPU.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use futures::executor::block_on;
use kitchen_train::{BurnClient, Gpu, OpenDevice};
use kitchen_types::SampleId;
use kitchen_types::config::{MlpConfig, ModelConfig, OptimizerConfig};
use kitchen_types::ports::{
    Batch, ClientError, DataSpec, InputSpec, Inputs, Loss, OptimStep, TargetSpec, Targets,
    TrainingClient,
};

fn open(device: OpenDevice) -> BurnClient {
    let model = ModelConfig::Mlp(MlpConfig {
        hidden: vec![5],
        ..MlpConfig::default()
    });
    let data = DataSpec {
        input: InputSpec::Features { shape: vec![3] },
        target: TargetSpec::Classes {
            names: ["a", "b"].map(String::from).to_vec(),
        },
    };
    BurnClient::open(&model, &data, &OptimizerConfig::default(), device, 1).unwrap()
}

/// The loss of one step, waited for.
async fn step(client: &mut BurnClient) -> Result<f64, ClientError> {
    let batch = Batch {
        ids: vec![SampleId(0), SampleId(1)],
        inputs: Inputs::Features {
            shape: vec![3],
            values: vec![0.5, -1.0, 2.0, 1.0, 0.0, -0.5],
        },
        targets: Targets::Classes(vec![0, 1]),
    };
    let loss = Loss::CrossEntropy {
        label_smoothing: 0.0,
    };
    let update = OptimStep {
        step: 1,
        lr: 0.01,
        clip_norm: 0.0,
        measure: false,
    };
    let report = client.forward_backward(&batch, &loss).await?;
    client.optim_step(&update).await?.await?;
    Ok(report.await?.loss.0)
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
    let before = block_on(step(&mut client)).unwrap();

    assert!(gpu.destroy());
    let error = block_on(step(&mut client)).unwrap_err();
    assert!(matches!(error, ClientError::DeviceLost(_)), "{error}");
    let error = block_on(client.save()).unwrap_err();
    assert!(matches!(error, ClientError::DeviceLost(_)), "{error}");

    let another = block_on(gpu.open()).unwrap();
    let mut client = open(another);
    assert_eq!(block_on(step(&mut client)).unwrap(), before);
}
