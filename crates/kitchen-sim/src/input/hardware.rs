//! Accelerators and what connects them.

use serde::{Deserialize, Serialize};

use crate::math::parts;

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
    /// Devices of one server or tray, which share its network adapters, where that is published.
    pub devices_per_node: Option<u32>,
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
    /// Nodes, of which the last may not be full.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        parts(self.devices, self.devices_per_node)
    }

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

/// Devices of a node where nobody published how many there are.
const USUAL_NODE: u32 = 8;

impl Accelerator {
    /// Devices of the node that is usual for it.
    #[must_use]
    pub fn node_size(&self) -> u32 {
        self.devices_per_node.unwrap_or(USUAL_NODE)
    }

    /// Sum over the usual network adapters of a node of so many devices, in Gbit/s, one way, where
    /// a network is usual.
    #[must_use]
    pub fn usual_gbps(&self, devices_per_node: u32) -> Option<f64> {
        Some(8.0 * self.network_gbs? * f64::from(devices_per_node))
    }

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

    /// Nodes and Gbit/s as NVIDIA sells them: 8 adapters of 200, 400 or 800 Gbit/s in a server, 4 of
    /// 400 or 800 in a tray.
    #[test]
    fn usual_nodes_are_those_that_are_sold() {
        for (name, devices, gbps) in [
            ("A100 SXM 40GB", 8, 1600.0),
            ("A100 SXM 80GB", 8, 1600.0),
            ("H100 SXM 80GB", 8, 3200.0),
            ("H200 SXM 141GB", 8, 3200.0),
            ("B200 SXM 180GB", 8, 3200.0),
            ("B300 SXM", 8, 6400.0),
            ("GB200 NVL72 (per GPU)", 4, 1600.0),
            ("GB300 NVL72 (per GPU)", 4, 3200.0),
        ] {
            let one = Accelerator::named(name).unwrap().unwrap();
            let found = (one.node_size(), one.usual_gbps(one.node_size()));
            assert_eq!(found, (devices, Some(gbps)), "{name}");
        }
    }

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
