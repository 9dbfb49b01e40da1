//! How much power an accelerator draws.

use crate::input::Accelerator;

/// Where no thermal design power is published: watts for each TFLOP/s of the 16-bit peak, as on an
/// H100.
const WATTS_PER_TFLOP: f64 = 0.7;
/// Share of the thermal design power that an idle device draws.
const IDLE: f64 = 0.12;
/// Shares of the rest that matrix arithmetic, memory and links draw at full use. Nobody publishes
/// them; these bring a node of eight H100 at work to the 7 kW that were measured.
const TENSOR: f64 = 0.9;
const MEMORY: f64 = 0.3;
const LINK: f64 = 0.1;

/// Watts of a node for each device beside the device itself: processors, memory, fans, network.
const HOST: f64 = 200.0;
/// Share of what a node draws that its power supplies pass on.
const SUPPLY: f64 = 0.94;

/// Watts that a node draws with `devices`, each at `device_watts`.
#[must_use]
pub fn node_watts(devices: u32, device_watts: f64) -> f64 {
    f64::from(devices) * (device_watts + HOST) / SUPPLY
}

/// Shares of time for which the parts of a device are in use, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    /// Matrix arithmetic.
    pub tensor: f64,
    /// Memory.
    pub memory: f64,
    /// Links and network.
    pub link: f64,
}

/// Watts of a device in such use: idle, and what each part adds, up to the design power.
#[must_use]
pub fn watts(accelerator: &Accelerator, at: Use) -> f64 {
    let guess = accelerator.peak_bf16_tflops * WATTS_PER_TFLOP;
    let most = accelerator.tdp_w.unwrap_or(guess);
    let used = TENSOR * at.tensor + MEMORY * at.memory + LINK * at.link;
    most * (IDLE + (1.0 - IDLE) * used).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::job;

    #[test]
    fn a_node_at_work_draws_what_was_measured() {
        // 32 to 65 nodes of eight H100 over one run of MLPerf training: 6.85 kW on average, 7.03 in
        // the median, 7.17 at most.
        let h100 = job("llama3-8b", "H100 SXM 80GB", 8).cluster.accelerator;
        let busy = Use {
            tensor: 0.85,
            memory: 0.35,
            link: 0.05,
        };
        let found = node_watts(8, watts(&h100, busy));
        assert!((found / 7030.0 - 1.0).abs() < 0.05, "{found}");
    }

    #[test]
    fn an_idle_device_is_not_off_and_a_busy_one_stays_within_its_design() {
        let h100 = job("llama3-8b", "H100 SXM 80GB", 8).cluster.accelerator;
        assert_eq!(watts(&h100, Use::default()), 84.0);
        let most = Use {
            tensor: 1.0,
            memory: 1.0,
            link: 1.0,
        };
        assert_eq!(watts(&h100, most), 700.0);
    }
}
