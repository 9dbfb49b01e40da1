//! Accelerators and what connects them.

use serde::{Deserialize, Serialize};

/// One accelerator, as its maker and those who measured it describe it.
///
/// Rates are in TFLOP/s without sparsity, memory in GB (10^9 bytes), bandwidths in GB/s one way.
/// What nobody published is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accelerator {
    /// The name by which it is asked for.
    pub name: String,
    /// The year in which its architecture was first sold.
    pub architecture_year: u32,
    /// Peak of 16-bit matrix arithmetic.
    pub peak_bf16_tflops: f64,
    /// Peak of 8-bit floating-point matrix arithmetic.
    pub peak_fp8_tflops: Option<f64>,
    /// Peak of 4-bit floating-point matrix arithmetic.
    pub peak_fp4_tflops: Option<f64>,
    /// The best 16-bit rate that a matrix multiplication was measured to reach.
    pub best_bf16_tflops: Option<f64>,
    /// The best 8-bit rate that a matrix multiplication was measured to reach.
    pub best_fp8_tflops: Option<f64>,
    /// Streaming multiprocessors or compute units; absent where tiles are not scheduled on such.
    pub compute_units: Option<u32>,
    /// Memory of one device.
    pub mem_gb: f64,
    /// Bandwidth of that memory.
    pub mem_bw_gbs: f64,
    /// Bandwidth of one device into its scale-up domain.
    pub link_gbs: f64,
    /// Devices in one scale-up domain.
    pub scaleup_domain: u32,
    /// Bandwidth of the usual network for each device, where one is usual.
    pub network_gbs: Option<f64>,
    /// Thermal design power in watts.
    pub tdp_w: Option<f64>,
    /// The hottest that it may run for long, in degrees Celsius.
    pub max_operating_c: Option<f64>,
    /// From here it slows down, in degrees Celsius.
    pub slowdown_c: Option<f64>,
    /// Here it switches off, in degrees Celsius.
    pub shutdown_c: Option<f64>,
    /// Where the figures come from.
    pub source: String,
}

/// Accelerators, how many share a node, and the network between nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// What all devices are.
    pub accelerator: Accelerator,
    /// Devices in the job.
    pub devices: u32,
    /// Devices that share the network adapters of one server or tray.
    pub devices_per_node: u32,
    /// Sum over the network adapters of one node, in Gbit/s, one way.
    pub node_gbps: f64,
}

impl Cluster {
    /// Bandwidth of the network for each device, in bytes a second.
    #[must_use]
    pub fn network_per_device(&self) -> f64 {
        self.node_gbps * 1e9 / 8.0 / f64::from(self.devices_per_node.max(1))
    }

    /// Devices that reach each other without the network.
    #[must_use]
    pub fn domain(&self) -> u32 {
        self.accelerator.scaleup_domain.max(1)
    }
}

/// The accelerators that the crate knows.
///
/// # Errors
///
/// If the bundled table is malformed, which a test rules out.
pub fn accelerators() -> Result<Vec<Accelerator>, csv::Error> {
    let text = include_str!("../../data/hardware.csv");
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect()
}

impl Accelerator {
    /// The accelerator called `name`, if the crate knows it.
    ///
    /// # Errors
    ///
    /// As [`accelerators`].
    pub fn named(name: &str) -> Result<Option<Self>, csv::Error> {
        Ok(accelerators()?.into_iter().find(|one| one.name == name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_bundled_table_is_sound() {
        let all = accelerators().unwrap();
        assert_eq!(all.len(), 24);
        for accelerator in all {
            let best = accelerator.best_bf16_tflops.unwrap_or_default();
            // A desktop card's published peak is at the clock its maker names, not the one it
            // reaches.
            assert!(
                best <= 1.01 * accelerator.peak_bf16_tflops,
                "{} is faster than it can be",
                accelerator.name
            );
        }
    }
}
