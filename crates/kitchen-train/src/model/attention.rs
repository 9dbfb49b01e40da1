//! Causal self-attention with grouped heads, rotary positions, and a memory of keys and values.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use kitchen_types::config::GptConfig;

use super::gpt::residual_deviation;
use super::layers::{Initializer, Linear, Start};
use super::pass::Pass;
use crate::host::{self, Heads};

/// Queries, keys and values from one matrix, `qkv`; each group of query heads shares one head of
/// keys and values (Ainslie et al. 2023).
#[derive(Module, Debug)]
pub(crate) struct Attention {
    qkv: Linear,
    projection: Linear,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
}

/// What a row may look at, and where it stands.
#[derive(Debug)]
pub(crate) struct View {
    /// Sequences.
    pub(crate) batch: usize,
    /// New tokens of each.
    pub(crate) context: usize,
    /// Added to the scores: `[batch or 1, 1, new, all]`.
    pub(crate) bias: Tensor<4>,
    /// The angles of the new positions, for rotary positions.
    pub(crate) rotary: Option<Angles>,
}

/// Keys and values of the tokens read so far, each `[batch, kv_heads, columns, head width]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyValues(Option<(Tensor<4>, Tensor<4>)>);

impl KeyValues {
    /// Appends, and returns all there are.
    fn extend(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let all = match self.0.take() {
            Some((old_keys, old_values)) => (
                Tensor::cat(vec![old_keys, keys], 2),
                Tensor::cat(vec![old_values, values], 2),
            ),
            None => (keys, values),
        };
        self.0 = Some(all.clone());
        all
    }
}

impl Attention {
    pub(crate) fn new(config: &GptConfig, init: &Initializer, name: &str) -> Self {
        let heads = config.heads;
        let kv_heads = kv_heads(config);
        let head_width = config.width / heads;
        let columns = (heads + 2 * kv_heads) * head_width;
        let linear = |part: &str, shape, deviation| {
            let start = Start::Normal { deviation };
            let bias = config.bias.then_some(Start::Constant(0.0));
            Linear::with(init, &format!("{name}.{part}"), shape, start, bias)
        };
        let width = config.width;
        Self {
            qkv: linear("qkv", [width, columns], 0.02),
            projection: linear("projection", [width, width], residual_deviation(config)),
            heads,
            kv_heads,
        }
    }

    /// `[batch * new, width]` to the same.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        view: &View,
        memory: Option<&mut KeyValues>,
        pass: &Pass,
    ) -> Tensor<2> {
        let [rows, width] = x.dims();
        let head_width = width / self.heads;
        let (batch, context) = (view.batch, view.context);
        let group = self.heads / self.kv_heads;

        let qkv = self.qkv.forward(x, pass);
        if memory.is_none() {
            let heads = Heads {
                batch,
                context,
                queries: self.heads,
                shared: self.kv_heads,
                width: head_width,
            };
            let rotary = view
                .rotary
                .as_ref()
                .map(|angles| [&angles.cos, &angles.sin]);
            if let Some(attended) = host::attention(&qkv, heads, rotary) {
                return self.projection.forward(attended, pass);
            }
        }
        let all_heads = self.heads + 2 * self.kv_heads;
        let qkv = qkv.reshape([batch, context, all_heads, head_width]);
        let rotated = qkv.clone().narrow(2, 0, self.heads + self.kv_heads);
        let rotated = match &view.rotary {
            Some(angles) => angles.rotate(rotated),
            None => rotated,
        };
        let values = qkv
            .narrow(2, self.heads + self.kv_heads, self.kv_heads)
            .swap_dims(1, 2);
        let keys = rotated
            .clone()
            .narrow(2, self.heads, self.kv_heads)
            .swap_dims(1, 2);
        // The queries of a group lie below each other, so that their shared keys and values
        // need no copies.
        let queries = (rotated.narrow(2, 0, self.heads))
            .reshape([batch, context, self.kv_heads, group, head_width])
            .permute([0, 2, 3, 1, 4])
            .reshape([batch, self.kv_heads, group * context, head_width]);
        let (keys, values) = match memory {
            Some(memory) => memory.extend(keys, values),
            None => (keys, values),
        };

        let scale = 1.0 / (head_width as f64).sqrt();
        let scores = (queries * scale).matmul(keys.transpose());
        let bias = view.bias.clone().repeat_dim(2, group);
        let attention = activation::softmax(scores + bias, 3);
        pass.attention(|| {
            let [_, _, _, all] = attention.dims();
            attention.clone().reshape([batch, self.heads, context, all])
        });
        let attended = (attention.matmul(values))
            .reshape([batch, self.kv_heads, group, context, head_width])
            .permute([0, 3, 1, 2, 4])
            .reshape([rows, width]);
        self.projection.forward(attended, pass)
    }
}

/// How many heads of keys and values there are.
pub(crate) fn kv_heads(config: &GptConfig) -> usize {
    match config.kv_heads {
        0 => config.heads,
        some => some,
    }
}

/// Rotary positions (Su et al. 2021, eq. 34), base 10,000, the halves of a head rotated against
/// each other as in GPT-NeoX and Llama.
#[derive(Clone, Debug)]
pub(crate) struct Rotary {
    /// `[context, head width / 2]`.
    cos: Tensor<2>,
    sin: Tensor<2>,
}

/// Cosines and sines of some positions: `[batch or 1, positions, head width / 2]`.
#[derive(Clone, Debug)]
pub(crate) struct Angles {
    cos: Tensor<3>,
    sin: Tensor<3>,
}

impl Rotary {
    /// For an even `head_width`.
    pub(crate) fn new(head_width: usize, context: usize, device: &Device) -> Self {
        let half = head_width / 2;
        let angle = |place: usize| {
            let (position, pair) = (place / half.max(1), place % half.max(1));
            position as f64 * 10_000f64.powf(-((2 * pair) as f64) / head_width as f64)
        };
        let table = |function: fn(f64) -> f64| {
            let values = (0..context * half).map(|place| function(angle(place)) as f32);
            let data = TensorData::new::<f32, _>(values.collect(), [context, half]);
            Tensor::from_data(data, device)
        };
        Self {
            cos: table(f64::cos),
            sin: table(f64::sin),
        }
    }

    /// The first `context` positions.
    pub(crate) fn prefix(&self, context: usize) -> Angles {
        self.map(|table| table.narrow(0, 0, context).unsqueeze())
    }

    /// `[batch, new]` positions.
    pub(crate) fn at(&self, positions: Tensor<2, Int>) -> Angles {
        let [batch, new] = positions.dims();
        let positions = positions.reshape([batch * new]);
        self.map(|table| {
            let [_, half] = table.dims();
            table
                .select(0, positions.clone())
                .reshape([batch, new, half])
        })
    }

    fn map(&self, rows: impl Fn(Tensor<2>) -> Tensor<3>) -> Angles {
        Angles {
            cos: rows(self.cos.clone()),
            sin: rows(self.sin.clone()),
        }
    }
}

impl Angles {
    /// Rotates `[batch, positions, heads, head width]`.
    fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, _, head_width] = x.dims();
        let half = head_width / 2;
        let (first, second) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let [cos, sin] = [&self.cos, &self.sin].map(|table| table.clone().unsqueeze_dim::<4>(2));
        let turned = first.clone() * cos.clone() - second.clone() * sin.clone();
        Tensor::cat(vec![turned, second * cos + first * sin], 3)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use burn::optim::GradientsParams;
    use burn::tensor::{Bool, Distribution, Tolerance};

    use super::*;

    /// With a memory the layer is made of Burn's operations, without one it is our own.
    #[test]
    fn both_ways_give_the_same_numbers_and_gradients() {
        let device = Device::flex();
        let (batch, context, width) = (2, 5, 24);
        for (heads, kv_heads, rotated) in [(3, 0, false), (3, 0, true), (6, 2, true), (4, 1, false)]
        {
            let config = GptConfig {
                heads,
                kv_heads,
                width,
                bias: true,
                ..GptConfig::default()
            };
            let init = Initializer::new(1, device.clone().autodiff());
            let layer = Attention::new(&config, &init, "attention");
            let rotary = Rotary::new(width / heads, 8, &device);
            let unseen: Tensor<2, Bool> = Tensor::tril_mask([context, context], 0, &device);
            let bias = Tensor::<2>::zeros([context, context], &device);
            let view = View {
                batch,
                context,
                bias: bias.mask_fill(unseen, f32::NEG_INFINITY).unsqueeze(),
                rotary: rotated.then(|| rotary.prefix(context)),
            };
            let x = Tensor::<2>::random([batch * context, width], Distribution::Default, &device);
            let weights = Tensor::random([batch * context, width], Distribution::Default, &device);
            let x = (x * 20.0).autodiff().require_grad();
            let [found, expected] = [None, Some(&mut KeyValues::default())].map(|memory| {
                let output = layer.forward(x.clone(), &view, memory, &Pass::inference());
                let gradients = (output.clone() * weights.clone()).sum().backward();
                let of_x = x.grad(&gradients).unwrap();
                let of_weights = GradientsParams::from_grads(gradients, &layer);
                let of_qkv = of_weights.get::<2>(layer.qkv.weight_id()).unwrap();
                [output.inner(), of_x, of_qkv].map(Tensor::into_data)
            });
            for (found, expected) in found.iter().zip(&expected) {
                found.assert_approx_eq::<f32>(expected, Tolerance::rel_abs(1e-4, 1e-4));
            }
        }
    }
}
