//! The software between a model and a machine.

use serde::{Deserialize, Serialize};

/// What is known of a framework without knowing its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Software {
    /// Arithmetic of the linear layers.
    pub precision: Precision,
    /// Generation of the attention kernel.
    pub attention: Attention,
    /// Whether a compiler fuses the elementwise work of the whole graph.
    pub compile: bool,
    /// The year of the framework.
    pub year: u32,
    /// Whether data parallel communication runs beside computation.
    pub overlap: bool,
    /// Whether tensor parallel communication runs beside matrix multiplications.
    pub tp_overlap: bool,
}

impl Default for Software {
    /// What software of 2024 does unasked.
    fn default() -> Self {
        Self {
            precision: Precision::Bf16,
            attention: Attention::Flash2,
            compile: false,
            year: 2024,
            overlap: true,
            tp_overlap: false,
        }
    }
}

/// Arithmetic of the linear layers; everything else stays in 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE half.
    Fp16,
    /// Brain float.
    Bf16,
    /// 8-bit float, scaled by tensor.
    Fp8,
    /// 8-bit float, scaled by block.
    Mxfp8,
    /// 4-bit float, scaled by block.
    Nvfp4,
}

/// Generation of the attention kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attention {
    /// A multiplication, a fused mask and softmax, dropout, and another multiplication.
    Unfused,
    /// The first FlashAttention, and Triton kernels of its time.
    Flash1,
    /// The second.
    Flash2,
    /// Kernels made for Hopper or Blackwell.
    Flash3,
}

impl Precision {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fp16 => "fp16",
            Precision::Bf16 => "bf16",
            Precision::Fp8 => "fp8",
            Precision::Mxfp8 => "mxfp8",
            Precision::Nvfp4 => "nvfp4",
        }
    }
}
