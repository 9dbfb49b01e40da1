//! How long one kernel takes on one accelerator.

use crate::constants::Constants;
use crate::input::{Accelerator, Attention, Precision, Software};
use crate::math::pow;

/// Where nobody measured a best rate: the share of the peak that others reach.
const USUAL_BEST_SHARE: f64 = 0.78;
/// The chip that the first two FlashAttention kernels were made for: A100, FLOP/s.
const AMPERE: f64 = 312e12;
/// The chip that the third was made for: H100, FLOP/s.
const HOPPER: f64 = 989.4e12;
/// Rows and columns of the tile that a compute unit multiplies at a time.
const TILE: f64 = 128.0;
/// The width of a head in terms of which shares of attention are stated.
const USUAL_HEAD: f64 = 128.0;

/// An accelerator with the software on it: rates in FLOP/s and bytes a second.
#[derive(Clone, Copy)]
pub(crate) struct Device<'a> {
    constants: &'a Constants,
    /// Rate of 16-bit multiplications.
    rate: f64,
    /// Rate of the multiplications of linear layers, in their precision.
    linear_rate: f64,
    /// Rate of the forward pass of fused attention with wide heads; nothing if it is not fused.
    pub(crate) attention_rate: Option<f64>,
    memory: f64,
    units: Option<f64>,
    gap: f64,
}

impl<'a> Device<'a> {
    pub(crate) fn new(
        accelerator: &Accelerator,
        software: &Software,
        constants: &'a Constants,
    ) -> Self {
        let clock =
            sustained_clock(accelerator, constants) * maturity(accelerator, software, constants);
        let rate = best_16_bit(accelerator) * constants.gemm_share * clock;
        let linear_rate = linear_rate(accelerator, software.precision, constants);
        let attention_rate = attention_rate(accelerator, software.attention, constants);
        Self {
            constants,
            rate,
            linear_rate: linear_rate.map_or(rate, |rate| rate * clock),
            attention_rate: attention_rate.map(|rate| rate * clock),
            memory: accelerator.mem_bw_gbs * 1e9 * constants.hbm_share,
            units: accelerator.compute_units.map(f64::from),
            gap: constants.gemm_gap_us * 1e-6,
        }
    }

    /// Seconds that a linear layer takes: `m` by `k` times `k` by `n`, `count` times at once.
    pub(crate) fn linear(&self, m: f64, n: f64, k: f64, count: f64) -> f64 {
        self.multiply(self.linear_rate, m, n, k, count)
    }

    /// The same in 16 bits, whatever the precision of linear layers.
    pub(crate) fn linear_16_bit(&self, m: f64, n: f64, k: f64) -> f64 {
        self.multiply(self.rate, m, n, k, 1.0)
    }

    /// Many small 16-bit multiplications whose traffic is counted elsewhere.
    pub(crate) fn linear_batched(&self, m: f64, n: f64, k: f64, count: f64) -> f64 {
        let filled = k / (k + self.constants.gemm_half_k);
        2.0 * m * n * k * count / (self.rate * filled) + self.gap
    }

    /// The larger of arithmetic and memory traffic. Arithmetic loses what the last wave of tiles
    /// leaves idle (to the root: other kernels and larger tiles fill some of it), and what a short
    /// sum leaves unfilled.
    fn multiply(&self, rate: f64, m: f64, n: f64, k: f64, count: f64) -> f64 {
        let filled = k / (k + self.constants.gemm_half_k);
        let busy = self.wave(m, n, count).sqrt();
        let arithmetic = 2.0 * m * n * k * count / (rate * filled * busy);
        let traffic = self.sweep(2.0 * (m * k + k * n + m * n) * count);
        arithmetic.max(traffic) + self.gap
    }

    /// Share of compute units that have a tile, averaged over the waves of a multiplication.
    fn wave(&self, m: f64, n: f64, count: f64) -> f64 {
        let Some(units) = self.units else { return 1.0 };
        let tiles = (m / TILE).ceil() * (n / TILE).ceil() * count;
        tiles / ((tiles / units).ceil() * units)
    }

    /// Seconds that reading or writing `bytes` of memory takes.
    pub(crate) fn sweep(&self, bytes: f64) -> f64 {
        bytes / self.memory
    }

    /// Seconds of fused attention forward: `flops` with heads of `head_dim`.
    pub(crate) fn attend(&self, rate: f64, flops: f64, head_dim: f64) -> f64 {
        let half = self.constants.flash_half_head;
        let width = head_dim / (head_dim + half) * (USUAL_HEAD + half) / USUAL_HEAD;
        flops / (rate * width) + self.gap
    }
}

/// The clock that a device keeps up, as a share of the one at which a short multiplication was
/// measured: where the design power is small for the arithmetic, it falls.
fn sustained_clock(accelerator: &Accelerator, constants: &Constants) -> f64 {
    let Some(most) = accelerator.tdp_w else {
        return 1.0;
    };
    let given = most / (best_16_bit(accelerator) / 1e12);
    let square = given * given;
    square / (square + constants.throttle_w * constants.throttle_w)
}

/// The share of what a chip can do that the libraries of a year make of it.
fn maturity(accelerator: &Accelerator, software: &Software, constants: &Constants) -> f64 {
    let age = f64::from(software.year.saturating_sub(accelerator.architecture_year));
    1.0 - constants.young_loss * pow(0.5, age)
}

/// The best measured rate of 16-bit multiplications.
fn best_16_bit(accelerator: &Accelerator) -> f64 {
    let usual = accelerator.peak_bf16_tflops * USUAL_BEST_SHARE;
    accelerator.best_bf16_tflops.unwrap_or(usual) * 1e12
}

/// The rate of linear layers in fewer than 16 bits; nothing if they have 16.
fn linear_rate(
    accelerator: &Accelerator,
    precision: Precision,
    constants: &Constants,
) -> Option<f64> {
    match precision {
        Precision::Fp16 | Precision::Bf16 => None,
        Precision::Fp8 | Precision::Mxfp8 => {
            let usual = accelerator
                .peak_fp8_tflops
                .map(|peak| peak * USUAL_BEST_SHARE);
            let best = accelerator.best_fp8_tflops.or(usual)?;
            Some(best * 1e12 * constants.fp8_share)
        }
        Precision::Nvfp4 => {
            let peak = accelerator.peak_fp4_tflops?;
            Some(peak * 1e12 * USUAL_BEST_SHARE * constants.fp4_share)
        }
    }
}

/// The rate of attention forward. A kernel made for one chip uses less of a faster one, whose
/// exponentials and memory have not grown with its multiplications.
fn attention_rate(
    accelerator: &Accelerator,
    attention: Attention,
    constants: &Constants,
) -> Option<f64> {
    let (share, home) = match attention {
        Attention::Unfused => return None,
        Attention::Flash1 => (constants.flash1_share, AMPERE),
        Attention::Flash2 => (constants.flash2_share, AMPERE),
        Attention::Flash3 => (constants.flash3_share, HOPPER),
    };
    let peak = accelerator.peak_bf16_tflops * 1e12;
    let aged = pow((home / peak).min(1.0), constants.flash_ageing);
    Some(peak * share * aged)
}
