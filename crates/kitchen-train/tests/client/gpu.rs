//! Every kind of model learns the same on a GPU as on the CPU. A software adapter counts.

use kitchen_train::self_test;

use super::*;

/// Losses of single precision, added up in another order: after three steps they may differ by
/// this share.
const TOLERANCE: f64 = 1e-3;

/// The GPU; says so if there is none.
#[allow(clippy::print_stderr)]
fn gpu() -> Option<OpenDevice> {
    match block_on(OpenDevice::gpu()) {
        Ok(gpu) => {
            eprintln!("on {}", gpu.adapter());
            Some(gpu)
        }
        Err(error) => {
            eprintln!("skipped: no GPU adapter ({error})");
            None
        }
    }
}

/// Three steps, an evaluation, a look inside and a look at each example, on either device. Compiling the kernels is what
/// takes the time.
fn check(family: &str) {
    let Some(gpu) = gpu() else {
        return;
    };
    let (_, model, spec) = families()
        .into_iter()
        .find(|(name, ..)| *name == family)
        .unwrap();
    let learn = |device: &OpenDevice| {
        let mut client = BurnClient::open(&model, &spec, &adam(), device.clone(), 1).unwrap();
        let batch = batch(&spec, 4, 1);
        let mut losses: Vec<f64> = (1..=3)
            .map(|number| step(&mut client, &batch, &CROSS_ENTROPY, number, 0.01))
            .collect();
        let evaluated = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).unwrap();
        losses.push(evaluated.loss_sum.0 / evaluated.targets as f64);
        let inside = block_on(client.inspect(&batch, &CROSS_ENTROPY)).unwrap();
        let layers = inside.activations.iter();
        (losses, layers.map(|layer| layer.outputs.std.0).collect())
    };
    let (cpu_losses, cpu_layers): (Vec<f64>, Vec<f64>) = learn(&OpenDevice::cpu());
    let (gpu_losses, gpu_layers) = learn(&gpu);
    agree(&cpu_losses, &gpu_losses);
    agree(&cpu_layers, &gpu_layers);

    let mut client = BurnClient::open(&model, &spec, &adam(), gpu, 1).unwrap();
    let batch = batch(&spec, 4, 1);
    let measured = [
        block_on(client.per_sample(&batch, &CROSS_ENTROPY)).unwrap(),
        block_on(client.per_sample_alone(&batch, &CROSS_ENTROPY)).unwrap(),
    ];
    per_sample::agree(family, &measured, TOLERANCE);
}

fn agree(on_cpu: &[f64], on_gpu: &[f64]) {
    assert_eq!(on_cpu.len(), on_gpu.len());
    for (cpu, gpu) in on_cpu.iter().zip(on_gpu) {
        let share = (cpu - gpu).abs() / cpu;
        assert!(share < TOLERANCE, "{on_cpu:?} and {on_gpu:?}");
    }
}

#[test]
fn mlp() {
    check("mlp");
}

#[test]
fn cnn() {
    check("cnn");
}

#[test]
fn gpt() {
    check("gpt");
}

/// Rotary positions, RMSNorm, SwiGLU, and two heads to each key.
#[test]
fn llama() {
    check("llama");
}

#[test]
fn lstm() {
    check("lstm");
}

#[test]
fn gru() {
    check("gru");
}

#[test]
fn a_second_opening_shares_the_device_of_the_first() {
    let Some(first) = gpu() else {
        return;
    };
    let again = block_on(OpenDevice::gpu()).unwrap();
    assert_eq!(again.adapter(), first.adapter());
}

#[test]
fn a_gpu_passes_the_self_test() {
    let Some(gpu) = gpu() else {
        return;
    };
    block_on(self_test(&gpu)).unwrap();
}
