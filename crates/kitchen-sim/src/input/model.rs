//! A decoder-only transformer, by its dimensions.

use serde::{Deserialize, Serialize};

/// The dimensions of a transformer.
///
/// Biases, norms and position tables are left out: they cost neither time nor memory that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Transformer layers.
    pub layers: u32,
    /// Width of the residual stream.
    pub hidden: u32,
    /// Attention heads.
    pub heads: u32,
    /// Heads of keys and values; as many as `heads` unless they are grouped.
    pub kv_heads: u32,
    /// Width of one head.
    pub head_dim: u32,
    /// Width of the dense feed-forward network; 0 where every layer is a mixture of experts.
    pub ffn: u32,
    /// The function between the matrices of the feed-forward network.
    pub activation: Activation,
    /// Tokens in the vocabulary.
    pub vocab: u32,
    /// Whether the output layer shares the weights of the embedding.
    pub tied_embeddings: bool,
    /// The mixture of experts, if there is one in each layer.
    pub experts: Option<Experts>,
}

/// The function of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Gaussian error linear unit: two matrices.
    Gelu,
    /// Rectified linear unit, or its square: two matrices.
    Relu,
    /// Gated by a sigmoid: three matrices.
    Swiglu,
}

/// A mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experts {
    /// Experts in a layer.
    pub count: u32,
    /// Experts that each token visits.
    pub active: u32,
    /// Width of one expert.
    pub ffn: u32,
}

impl Activation {
    /// Matrices that lead into the feed-forward network.
    #[must_use]
    pub fn matrices_in(self) -> u32 {
        match self {
            Activation::Gelu | Activation::Relu => 1,
            Activation::Swiglu => 2,
        }
    }
}

impl Model {
    /// The public model called `name`, if it is one of [`models`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut models = models().into_iter();
        models
            .find(|(other, _)| *other == name)
            .map(|(_, model)| model)
    }

    /// Columns of the fused matrix that makes queries, keys and values.
    #[must_use]
    pub fn qkv_width(&self) -> f64 {
        self.attention_width() + self.kv_width()
    }

    /// Width of the keys and values of all heads together.
    #[must_use]
    pub fn kv_width(&self) -> f64 {
        2.0 * f64::from(self.kv_heads) * f64::from(self.head_dim)
    }

    /// Width of all heads together.
    #[must_use]
    pub fn attention_width(&self) -> f64 {
        f64::from(self.heads) * f64::from(self.head_dim)
    }

    /// Parameters of the attention of one layer.
    #[must_use]
    pub fn attention_parameters(&self) -> f64 {
        f64::from(self.hidden) * (self.qkv_width() + self.attention_width())
    }

    /// Parameters of a feed-forward network of width `ffn`.
    fn ffn_parameters(&self, ffn: u32) -> f64 {
        let matrices = f64::from(self.activation.matrices_in() + 1);
        matrices * f64::from(self.hidden) * f64::from(ffn)
    }

    /// Parameters of the dense feed-forward network of one layer.
    #[must_use]
    pub fn dense_ffn_parameters(&self) -> f64 {
        self.ffn_parameters(self.ffn)
    }

    /// Parameters of the experts of one layer, all of them.
    #[must_use]
    pub fn expert_parameters(&self) -> f64 {
        let all = |experts: Experts| f64::from(experts.count) * self.ffn_parameters(experts.ffn);
        self.experts.map_or(0.0, all)
    }

    /// Parameters that a token meets in the experts of one layer.
    fn active_expert_parameters(&self) -> f64 {
        let met = |experts: Experts| f64::from(experts.active) * self.ffn_parameters(experts.ffn);
        self.experts.map_or(0.0, met)
    }

    /// Parameters of the embedding, and those of the output layer if it has its own.
    #[must_use]
    pub fn embedding_parameters(&self) -> f64 {
        f64::from(self.vocab) * f64::from(self.hidden)
    }

    /// All parameters.
    #[must_use]
    pub fn parameters(&self) -> f64 {
        let layer =
            self.attention_parameters() + self.dense_ffn_parameters() + self.expert_parameters();
        let tables = if self.tied_embeddings { 1.0 } else { 2.0 };
        f64::from(self.layers) * layer + tables * self.embedding_parameters()
    }

    /// Floating-point operations that the model itself asks for, per token of a sequence of
    /// `seq_len`: forward and backward, causal attention counted in half, nothing recomputed.
    ///
    /// 6N + 12Lsh/2 with N the parameters that a token meets, the output layer included and the
    /// embedding not (Narayanan et al. 2021, appendix; the half as in PaLM, appendix B, made
    /// causal).
    #[must_use]
    pub fn flops_per_token(&self, seq_len: u32) -> f64 {
        let layer = self.attention_parameters()
            + self.dense_ffn_parameters()
            + self.active_expert_parameters();
        let met = f64::from(self.layers) * layer + self.embedding_parameters();
        let scores = f64::from(self.layers) * f64::from(seq_len) * self.attention_width();
        6.0 * met + 12.0 * 0.5 * scores
    }
}

/// Models with public dimensions, and their names.
#[must_use]
pub fn models() -> Vec<(&'static str, Model)> {
    let dense = |layers, hidden, heads, kv_heads, ffn, activation, vocab| Model {
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim: hidden / heads,
        ffn,
        activation,
        vocab,
        tied_embeddings: activation != Activation::Swiglu,
        experts: None,
    };
    let gpt = |layers, hidden, heads| {
        dense(
            layers,
            hidden,
            heads,
            heads,
            4 * hidden,
            Activation::Gelu,
            50_304,
        )
    };
    let llama = |layers, hidden, heads, kv_heads, ffn, vocab| {
        dense(
            layers,
            hidden,
            heads,
            kv_heads,
            ffn,
            Activation::Swiglu,
            vocab,
        )
    };
    let qwen = |layers, hidden, heads, ffn| Model {
        head_dim: 128,
        ffn: 0,
        experts: Some(Experts {
            count: 128,
            active: 8,
            ffn,
        }),
        ..llama(layers, hidden, heads, 4, 0, 151_936)
    };
    vec![
        ("gpt2-124m", gpt(12, 768, 12)),
        ("gpt3-1.3b", gpt(24, 2048, 16)),
        ("gpt3-6.7b", gpt(32, 4096, 32)),
        ("gpt3-175b", gpt(96, 12_288, 96)),
        ("llama2-7b", llama(32, 4096, 32, 32, 11_008, 32_000)),
        ("llama2-13b", llama(40, 5120, 40, 40, 13_824, 32_000)),
        ("llama2-70b", llama(80, 8192, 64, 8, 28_672, 32_000)),
        ("llama3-8b", llama(32, 4096, 32, 8, 14_336, 128_256)),
        ("llama3-70b", llama(80, 8192, 64, 8, 28_672, 128_256)),
        ("llama3-405b", llama(126, 16_384, 128, 8, 53_248, 128_256)),
        ("qwen3-30b-a3b", qwen(48, 2048, 32, 768)),
        ("qwen3-235b-a22b", qwen(94, 4096, 64, 1536)),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn public_models_have_their_published_sizes() {
        let table = [
            ("gpt2-124m", 124e6),
            ("gpt3-175b", 175e9),
            ("llama2-7b", 6.74e9),
            ("llama2-13b", 13.0e9),
            ("llama2-70b", 69.0e9),
            ("llama3-8b", 8.03e9),
            ("llama3-70b", 70.6e9),
            ("llama3-405b", 405.9e9),
            ("qwen3-30b-a3b", 30.5e9),
            ("qwen3-235b-a22b", 235e9),
        ];
        for (name, published) in table {
            let found = Model::named(name).unwrap().parameters();
            assert!((found / published - 1.0).abs() < 0.01, "{name}: {found:e}");
        }
    }

    #[test]
    fn operations_of_gpt3() {
        // 72BsLh²(1 + s/6h + V/12Lh) with the scores halved, as half of them are masked.
        let (l, h, s, v) = (96.0, 12_288.0, 2048.0, 50_304.0);
        let expected = 72.0 * l * h * h * (1.0 + s / (12.0 * h) + v / (12.0 * l * h));
        let found = Model::named("gpt3-175b").unwrap().flops_per_token(2048);
        assert!((found / expected - 1.0).abs() < 1e-12, "{found:e}");
    }
}
