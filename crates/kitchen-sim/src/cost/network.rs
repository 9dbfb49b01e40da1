//! One optimizer step of a network that is no transformer: copies of it on all devices, each with
//! its share of the batch.

use super::device::Device;
use super::link::{Group, Links};
use super::step::Times;
use crate::constants::Constants;
use crate::input::{Cluster, Software};
use crate::math::{log2, parts};

/// Bytes of a gradient as it goes around.
const GRADIENT: f64 = 4.0;

/// A network, as far as its cost goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its matrices, in order.
    pub matrices: Vec<Matrix>,
    /// All its parameters.
    pub parameters: f64,
    /// Examples of one step, over all devices.
    pub batch: u32,
}

/// A matrix that inputs are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix {
    /// Numbers that go in.
    pub inputs: f64,
    /// Numbers that come out.
    pub outputs: f64,
    /// How often one example meets it: each place of an image, each token of a sequence.
    pub uses: f64,
}

impl Network {
    /// Floating-point operations of one step, forward and backward: 6 for each parameter that an
    /// example meets (Kaplan et al. 2020, section 2.1).
    #[must_use]
    pub fn flops(&self) -> f64 {
        let met = self
            .matrices
            .iter()
            .map(|it| it.inputs * it.outputs * it.uses);
        6.0 * met.sum::<f64>() * f64::from(self.batch)
    }
}

/// The seconds of one step of `network`, on the device with the largest share of the batch.
///
/// Each matrix is multiplied once forward and twice backward; gradients are all-reduced in 32 bits
/// after that, and every device updates all weights. What the host adds to a step, and to its one
/// micro-step, is that of frameworks for large models: a small network is faster without them.
#[must_use]
pub fn network_times(network: &Network, cluster: &Cluster, constants: &Constants) -> Times {
    let device = Device::new(&cluster.accelerator, &Software::default(), constants);
    let links = Links::new(cluster, constants);
    let examples = f64::from(parts(network.batch, cluster.devices));
    let linear = network.matrices.iter().map(|matrix| {
        let rows = examples * matrix.uses;
        let (inputs, outputs) = (matrix.inputs, matrix.outputs);
        device.linear(rows, outputs, inputs, 1.0)
            + device.linear(rows, inputs, outputs, 1.0)
            + device.linear(inputs, outputs, rows, 1.0)
    });
    let group = Group::new(cluster.devices, 1, cluster.domain());
    let whole = Times {
        linear: linear.sum(),
        host: (constants.micro_step_ms + constants.step_ms) * 1e-3,
        data: links.all_reduce(group, GRADIENT * network.parameters),
        optimizer: device.sweep(constants.optimizer_bytes * network.parameters),
        ..Times::default()
    };
    let nodes = parts(cluster.devices, cluster.devices_per_node);
    let jitter = constants.jitter * log2(f64::from(nodes)) * whole.seconds();
    Times { jitter, ..whole }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::example::job;

    fn network(width: f64, batch: u32) -> Network {
        let matrix = |inputs, outputs| Matrix {
            inputs,
            outputs,
            uses: 1.0,
        };
        Network {
            matrices: vec![matrix(784.0, width), matrix(width, 10.0)],
            parameters: 795.0 * width + 10.0,
            batch,
        }
    }

    #[test]
    fn six_operations_a_parameter_and_example() {
        assert_eq!(network(100.0, 32).flops(), 6.0 * 79_400.0 * 32.0);
    }

    #[test]
    fn a_small_network_waits_for_its_host_and_a_large_one_computes() {
        let constants = Constants::bundled().unwrap();
        let cluster = job("llama3-8b", "H100 SXM 80GB", 8).cluster;
        let small = network_times(&network(64.0, 32), &cluster, &constants);
        assert!(small.host > 0.9 * small.seconds(), "{small:?}");
        let large = network_times(&network(1e6, 65_536), &cluster, &constants);
        assert!(large.linear > 0.5 * large.seconds(), "{large:?}");
        // Never faster than the arithmetic allows.
        let peak = 8.0 * cluster.accelerator.peak_bf16_tflops * 1e12;
        assert!(large.linear > network(1e6, 65_536).flops() / peak);
    }

    #[test]
    fn one_device_sends_nothing_and_more_share_the_examples() {
        let constants = Constants::bundled().unwrap();
        let on = |devices| {
            let cluster = job("llama3-8b", "H100 SXM 80GB", devices).cluster;
            network_times(&network(4096.0, 65_536), &cluster, &constants)
        };
        assert_eq!(on(1).data, 0.0);
        assert!(on(8).linear < on(1).linear / 4.0);
        assert!(on(8).data > 0.0);
    }
}
