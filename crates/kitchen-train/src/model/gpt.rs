//! A decoder-only transformer with normalisation before each block.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kitchen_types::config::{FeedForward as FeedForwardConfig, GptConfig, Positions};

use super::attention::{Attention, KeyValues, Rotary, View};
use super::layers::{Embedding, Initializer, Linear, Start, gelu, swiglu};
use super::norm::Norm;
use super::pass::Pass;
use super::probe::Layer;

/// Weights `token_embedding.weight`, `position_embedding.weight` (learned positions),
/// `blocks.N.{attention_norm,attention.qkv,attention.projection,feed_forward_norm,...}`,
/// `norm.weight` and `head.weight` (unless tied).
///
/// Weights begin as GPT-2's: normal with deviation 0.02, and the two projections back into the
/// residual stream of each block scaled by 1 / sqrt(2 layers) (Radford et al. 2019).
#[derive(Module, Debug)]
pub(crate) struct Gpt {
    token_embedding: Embedding,
    position_embedding: Option<Embedding>,
    blocks: Vec<Block>,
    norm: Norm,
    head: Option<Linear>,
    #[module(skip)]
    rotary: Option<Rotary>,
    #[module(skip)]
    causal: Tensor<2>,
    #[module(skip)]
    dropout: f64,
}

/// What a model remembers of the tokens it has read: keys and values of each block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    blocks: Vec<KeyValues>,
    /// Columns read so far; the same for each sequence, padding included.
    length: usize,
}

impl Gpt {
    /// For sequences of at most `context` of `vocabulary` tokens. The sizes have been checked.
    pub(crate) fn new(
        config: &GptConfig,
        init: &Initializer,
        vocabulary: usize,
        context: usize,
        device: &Device,
    ) -> Self {
        let learned = config.positions == Positions::Learned;
        let head_width = config.width / config.heads;
        Self {
            token_embedding: Embedding::new(
                init,
                "token_embedding",
                [vocabulary, config.width],
                DEVIATION,
            ),
            position_embedding: learned.then(|| {
                Embedding::new(
                    init,
                    "position_embedding",
                    [context, config.width],
                    DEVIATION,
                )
            }),
            blocks: (0..config.layers)
                .map(|index| Block::new(config, init, &format!("blocks.{index}")))
                .collect(),
            norm: Norm::new(config.norm, config.bias, init, "norm", config.width),
            head: (!config.tied).then(|| {
                let start = Start::Normal {
                    deviation: DEVIATION,
                };
                Linear::with(init, "head", [config.width, vocabulary], start, None)
            }),
            rotary: (!learned).then(|| Rotary::new(head_width, context, device)),
            causal: causal_bias(context, device),
            dropout: config.dropout,
        }
    }

    /// `[batch, context]` tokens to `[batch * context, vocabulary]` logits.
    pub(crate) fn forward(&self, tokens: Tensor<2, Int>, pass: &Pass) -> Tensor<2> {
        let [batch, context] = tokens.dims();
        let view = View {
            batch,
            context,
            bias: self.causal_bias(context),
            rotary: self.rotary.as_ref().map(|rotary| rotary.prefix(context)),
        };
        let mut x = self.token_embedding.forward(tokens, pass);
        if let Some(embedding) = &self.position_embedding {
            let [_, width] = x.dims();
            let positions = embedding.weight();
            let [entries, _] = positions.dims();
            let positions = positions.narrow(0, 0, context).unsqueeze::<3>();
            x = (x.reshape([batch, context, width]) + positions).reshape([-1, width as i32]);
            x = pass.probe(x, pass.is_probed().then_some(Layer::Positions { entries }));
        }
        let mut x = pass.dropout(x, self.dropout);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, index, &view, None, self.dropout, pass);
            pass.output(|| (format!("blocks.{index}"), x.clone()));
        }
        let logits = self.logits(self.norm.forward(x, pass), pass);
        pass.output(|| ("head".into(), logits.clone()));
        logits
    }

    /// The logits after the newest tokens, `[batch, vocabulary]`, given what `cache` remembers.
    ///
    /// `tokens` is `[batch, new]`. Sequences end together and may begin apart: the first
    /// `padding[row]` columns of each are not there.
    pub(crate) fn next(
        &self,
        tokens: Tensor<2, Int>,
        padding: &[usize],
        cache: &mut Cache,
    ) -> Tensor<2> {
        let [batch, new] = tokens.dims();
        let device = tokens.device();
        let columns = cache.length..cache.length + new;
        let positions = positions(padding, columns.clone(), &device);
        cache.length += new;
        cache
            .blocks
            .resize_with(self.blocks.len(), KeyValues::default);

        let view = View {
            batch,
            context: new,
            bias: padded_bias(padding, columns, &device),
            rotary: (self.rotary.as_ref()).map(|rotary| rotary.at(positions.clone())),
        };
        let pass = Pass::inference();
        let mut x = self.token_embedding.forward(tokens, &pass);
        if let Some(embedding) = &self.position_embedding {
            x = x + embedding.forward(positions, &pass);
        }
        for (index, (block, memory)) in self.blocks.iter().zip(&mut cache.blocks).enumerate() {
            x = block.forward(x, index, &view, Some(memory), 0.0, &pass);
        }
        let [_, width] = x.dims();
        let last = (x.reshape([batch, new, width]))
            .narrow(1, new - 1, 1)
            .reshape([batch, width]);
        self.logits(self.norm.forward(last, &pass), &pass)
    }

    fn logits(&self, x: Tensor<2>, pass: &Pass) -> Tensor<2> {
        match &self.head {
            Some(head) => head.forward(x, pass),
            None => self.token_embedding.as_output(x, pass),
        }
    }

    fn causal_bias(&self, context: usize) -> Tensor<4> {
        let [longest, _] = self.causal.dims();
        let bias = if context == longest {
            self.causal.clone()
        } else {
            self.causal.clone().slice([0..context, 0..context])
        };
        bias.unsqueeze()
    }
}

const DEVIATION: f64 = 0.02;

/// 0 where a row may look at a column, minus infinity where the column is in its future.
fn causal_bias(context: usize, device: &Device) -> Tensor<2> {
    let values = (0..context)
        .flat_map(|row| (0..context).map(move |column| look(column <= row)))
        .collect();
    Tensor::from_data(
        TensorData::new::<f32, _>(values, [context, context]),
        device,
    )
}

/// The same for `columns` of sequences that begin after `padding`: `[batch, 1, new, all]`.
///
/// A padding row looks at itself, so that its softmax is a number; nobody looks at it.
fn padded_bias(padding: &[usize], columns: Range<usize>, device: &Device) -> Tensor<4> {
    let shape = [padding.len(), 1, columns.len(), columns.end];
    let values = (padding.iter())
        .flat_map(|&start| columns.clone().map(move |row| (start, row)))
        .flat_map(|(start, row)| {
            (0..columns.end)
                .map(move |column| look(column == row || (column >= start && column < row)))
        })
        .collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, shape), device)
}

fn look(allowed: bool) -> f32 {
    if allowed { 0.0 } else { f32::NEG_INFINITY }
}

/// The position of each column within its sequence, `[batch, new]`; 0 in the padding.
fn positions(padding: &[usize], columns: Range<usize>, device: &Device) -> Tensor<2, Int> {
    let shape = [padding.len(), columns.len()];
    let values = (padding.iter())
        .flat_map(|&start| {
            columns
                .clone()
                .map(move |column| column.saturating_sub(start) as i32)
        })
        .collect();
    Tensor::from_data(TensorData::new::<i32, _>(values, shape), device)
}

/// Attention, then the feed-forward network, each added to the residual stream.
#[derive(Module, Debug)]
struct Block {
    attention_norm: Norm,
    attention: Attention,
    feed_forward_norm: Norm,
    feed_forward: FeedForward,
}

impl Block {
    fn new(config: &GptConfig, init: &Initializer, name: &str) -> Self {
        let norm = |part: &str| {
            let name = format!("{name}.{part}");
            Norm::new(config.norm, config.bias, init, &name, config.width)
        };
        Self {
            attention_norm: norm("attention_norm"),
            attention: Attention::new(config, init, &format!("{name}.attention")),
            feed_forward_norm: norm("feed_forward_norm"),
            feed_forward: FeedForward::new(config, init, &format!("{name}.feed_forward")),
        }
    }

    fn forward(
        &self,
        x: Tensor<2>,
        index: usize,
        view: &View,
        memory: Option<&mut KeyValues>,
        rate: f64,
        pass: &Pass,
    ) -> Tensor<2> {
        let normed = self.attention_norm.forward(x.clone(), pass);
        let attended = self.attention.forward(normed, view, memory, pass);
        let x = x + pass.dropout(attended, rate);
        let normed = self.feed_forward_norm.forward(x.clone(), pass);
        let transformed = self.feed_forward.forward(normed, index, pass);
        x + pass.dropout(transformed, rate)
    }
}

/// `down(gelu(up x))`, or `down(silu(gate x) * up x)` with both in one matrix `gate_up`.
#[derive(Module, Debug)]
struct FeedForward {
    up: Option<Linear>,
    gate_up: Option<Linear>,
    down: Linear,
}

impl FeedForward {
    fn new(config: &GptConfig, init: &Initializer, name: &str) -> Self {
        let width = config.width;
        let linear = |part: &str, shape, deviation| {
            let start = Start::Normal { deviation };
            let bias = config.bias.then_some(Start::Constant(0.0));
            Linear::with(init, &format!("{name}.{part}"), shape, start, bias)
        };
        let residual = residual_deviation(config);
        let hidden = hidden_width(config);
        let gated = config.feed_forward == FeedForwardConfig::SwiGlu;
        Self {
            up: (!gated).then(|| linear("up", [width, hidden], DEVIATION)),
            gate_up: gated.then(|| linear("gate_up", [width, 2 * hidden], DEVIATION)),
            down: linear("down", [hidden, width], residual),
        }
    }

    fn forward(&self, x: Tensor<2>, block: usize, pass: &Pass) -> Tensor<2> {
        let hidden = match (&self.up, &self.gate_up) {
            (Some(up), _) => gelu(up.forward(x, pass)),
            (None, Some(gate_up)) => swiglu(gate_up.forward(x, pass)),
            (None, None) => x,
        };
        pass.output(|| (format!("blocks.{block}.feed_forward"), hidden.clone()));
        self.down.forward(hidden, pass)
    }
}

/// The width of the feed-forward network: four times the model's, or for SwiGLU 8/3 times,
/// rounded up to a multiple of 8 (Shazeer 2020 keeps the number of weights this way).
pub fn hidden_width(config: &GptConfig) -> usize {
    match config.feed_forward {
        FeedForwardConfig::Gelu => 4 * config.width,
        FeedForwardConfig::SwiGlu => (8 * config.width).div_ceil(3).next_multiple_of(8),
    }
}

/// The deviation of the projections that are added to the residual stream.
pub(crate) fn residual_deviation(config: &GptConfig) -> f64 {
    DEVIATION / (2.0 * config.layers.max(1) as f64).sqrt()
}
