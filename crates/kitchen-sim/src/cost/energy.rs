//! How much power an accelerator draws.

use crate::input::Accelerator;

/// Where no thermal design power is published: watts for each TFLOP/s of the 16-bit peak, as on an
/// H100.
const WATTS_PER_TFLOP: f64 = 0.7;
/// Share of the thermal design power that an idle device draws.
const IDLE: f64 = 0.12;
/// Shares of the rest that matrix arithmetic, memory and links draw at full use.
const TENSOR: f64 = 0.75;
const MEMORY: f64 = 0.3;
const LINK: f64 = 0.1;

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
