//! Every kind of model learns the same on a GPU as on the CPU. A software adapter counts.

use kitchen_train::self_test;

use super::*;

/// Losses of single precision, added up in another order: after three steps they may differ by
/// this share.
const TOLERANCE: f64 = 1e-3;

#[test]
#[allow(clippy::print_stderr)]
fn a_gpu_learns_what_the_cpu_learns() {
    let gpu = match block_on(OpenDevice::gpu()) {
        Ok(gpu) => gpu,
        Err(error) => {
            eprintln!("skipped: no GPU adapter ({error})");
            return;
        }
    };
    eprintln!("on {}", gpu.adapter());
    // A second opening shares the device of the first.
    let again = block_on(OpenDevice::gpu()).unwrap();
    assert_eq!(again.adapter(), gpu.adapter());

    block_on(self_test(&gpu)).unwrap();

    // One of each kind: compiling their kernels is what takes the time.
    let kinds = ["mlp", "cnn", "gpt", "gru"];
    for (name, model, spec) in families()
        .into_iter()
        .filter(|(name, ..)| kinds.contains(name))
    {
        let losses = |device: &OpenDevice| {
            let mut client = BurnClient::open(&model, &spec, &adam(), device.clone(), 1).unwrap();
            let batch = batch(&spec, 4, 1);
            let losses: Vec<f64> = (1..=3)
                .map(|number| step(&mut client, &batch, &CROSS_ENTROPY, number, 0.01))
                .collect();
            let evaluated = block_on(client.evaluate(&batch, &CROSS_ENTROPY)).unwrap();
            let inside = block_on(client.inspect(&batch, &CROSS_ENTROPY)).unwrap();
            (
                losses,
                evaluated.loss_sum.0 / evaluated.targets as f64,
                inside,
            )
        };
        let (cpu_losses, cpu_last, cpu_inside) = losses(&OpenDevice::cpu());
        let (gpu_losses, gpu_last, gpu_inside) = losses(&gpu);
        for (cpu, gpu) in cpu_inside.activations.iter().zip(&gpu_inside.activations) {
            let (cpu_std, gpu_std) = (cpu.outputs.std.0, gpu.outputs.std.0);
            let difference = (cpu_std - gpu_std).abs() / cpu_std;
            assert!(difference < TOLERANCE, "{name}: {cpu:?} and {gpu:?}");
        }
        let pairs = (cpu_losses.iter().zip(&gpu_losses)).chain([(&cpu_last, &gpu_last)]);
        for (cpu, gpu) in pairs {
            let difference = (cpu - gpu).abs() / cpu;
            assert!(
                difference < TOLERANCE,
                "{name}: {cpu_losses:?} and {gpu_losses:?}"
            );
        }
    }
}
