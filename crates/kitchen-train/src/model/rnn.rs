//! Recurrent networks: LSTM and GRU, with PyTorch's equations, names and layouts.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation, module};
use kitchen_types::config::{Cell, RnnConfig};

use super::layers::{Embedding, Initializer, Linear, Start};
use super::pass::Pass;
use super::probe::{Layer, Order, leaf};
use crate::host::{self, RecurrentWeights};

/// Weights `token_embedding.weight`, `rnn.weight_ih_l0` `[gates * width, width]`,
/// `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, ..., `head.weight`, `head.bias`.
#[derive(Module, Debug)]
pub(crate) struct Rnn {
    token_embedding: Embedding,
    rnn: Vec<RecurrentLayer>,
    head: Linear,
    #[module(skip)]
    dropout: f64,
}

/// What a network remembers of the tokens it has read, layer by layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    layers: Vec<Memory>,
    /// Columns read so far; the same for each sequence, padding included.
    length: usize,
}

/// The hidden state and, for an LSTM, the cell state, each `[batch, width]`; zero if absent.
#[derive(Clone, Debug, Default)]
struct Memory {
    hidden: Option<Tensor<2>>,
    cell: Option<Tensor<2>>,
}

impl Rnn {
    pub(crate) fn new(config: &RnnConfig, init: &Initializer, vocabulary: usize) -> Self {
        let width = config.width;
        Self {
            // PyTorch's embedding begins as standard normal.
            token_embedding: Embedding::new(init, "token_embedding", [vocabulary, width], 1.0),
            rnn: (0..config.layers)
                .map(|index| RecurrentLayer::new(config.cell, init, index, width))
                .collect(),
            head: Linear::new(init, "head", [width, vocabulary], true),
            dropout: config.dropout,
        }
    }

    /// `[batch, context]` tokens to `[batch * context, vocabulary]` logits.
    pub(crate) fn forward(&self, tokens: Tensor<2, Int>, pass: &Pass) -> Tensor<2> {
        let [batch, context] = tokens.dims();
        let hidden = self.hidden(tokens, pass, &mut State::default(), None);
        let [_, width] = hidden.dims();
        // Time came first; examples come first outside.
        let rows = (hidden.reshape([context, batch, width]))
            .swap_dims(0, 1)
            .reshape([batch * context, width]);
        let logits = self.head.forward(rows, pass);
        pass.output(|| ("head".into(), logits.clone()));
        logits
    }

    /// The logits after the newest tokens, `[batch, vocabulary]`, given what `state` remembers.
    ///
    /// `tokens` is `[batch, new]`. Sequences end together and may begin apart: in the first
    /// `padding[row]` columns of each the state stays zero.
    pub(crate) fn next(
        &self,
        tokens: Tensor<2, Int>,
        padding: &[usize],
        state: &mut State,
    ) -> Tensor<2> {
        let [batch, new] = tokens.dims();
        let columns = state.length..state.length + new;
        state.length += new;
        let present = present(padding, columns, &tokens.device());
        let pass = Pass::inference();
        let hidden = self.hidden(tokens, &pass, state, Some(present));
        let newest = hidden.narrow(0, (new - 1) * batch, batch);
        self.head.forward(newest, &pass)
    }

    /// The last layer's hidden states, `[context * batch, width]`.
    fn hidden(
        &self,
        tokens: Tensor<2, Int>,
        pass: &Pass,
        state: &mut State,
        present: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let [batch, context] = tokens.dims();
        state.layers.resize_with(self.rnn.len(), Memory::default);
        let mut x = (self.token_embedding).forward_in(Order::Time, tokens.transpose(), pass);
        for (index, (layer, memory)) in self.rnn.iter().zip(&mut state.layers).enumerate() {
            if index > 0 {
                x = pass.dropout(x, self.dropout);
            }
            x = layer.forward(x, [context, batch], memory, present.as_ref(), pass);
            pass.output(|| (format!("rnn.l{index}"), x.clone()));
        }
        x
    }
}

/// 1 where a column is not padding, `[batch, new]`.
fn present(padding: &[usize], columns: Range<usize>, device: &Device) -> Tensor<2> {
    let shape = [padding.len(), columns.len()];
    let values = (padding.iter())
        .flat_map(|&start| {
            columns
                .clone()
                .map(move |column| f32::from(column >= start))
        })
        .collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, shape), device)
}

/// One layer over all steps of time.
#[derive(Module, Debug)]
struct RecurrentLayer {
    /// `[width, gates * width]`.
    weight_ih: Param<Tensor<2>>,
    /// `[width, gates * width]`.
    weight_hh: Param<Tensor<2>>,
    bias_ih: Param<Tensor<1>>,
    bias_hh: Param<Tensor<1>>,
    #[module(skip)]
    cell: Cell,
}

impl RecurrentLayer {
    /// PyTorch's weights: uniform within 1 / sqrt(width).
    fn new(cell: Cell, init: &Initializer, index: usize, width: usize) -> Self {
        let columns = width
            * match cell {
                Cell::Lstm => 4,
                Cell::Gru => 3,
            };
        let start = Start::kaiming(width);
        let name = |field: &str| format!("rnn.{field}_l{index}");
        Self {
            weight_ih: init.matrix(&name("weight_ih"), [width, columns], start),
            weight_hh: init.matrix(&name("weight_hh"), [width, columns], start),
            bias_ih: init.parameter(&name("bias_ih"), [columns], start),
            bias_hh: init.parameter(&name("bias_hh"), [columns], start),
            cell,
        }
    }

    /// `[context * batch, width]`, time first, to the same.
    fn forward(
        &self,
        x: Tensor<2>,
        [context, batch]: [usize; 2],
        memory: &mut Memory,
        present: Option<&Tensor<2>>,
        pass: &Pass,
    ) -> Tensor<2> {
        let Some(input) = pass.keep(&x) else {
            return self.states(x, [context, batch], memory, present, None);
        };
        let [columns] = self.bias_hh.dims();
        let leaf = || leaf([context * batch, columns], &input.device());
        let (below, before) = (leaf(), leaf());
        let leaves = Some([&below, &before]);
        let states = self.states(x, [context, batch], memory, present, leaves);
        // What each step began with: nothing, then the state after the step before it.
        let after = states.clone().without_autodiff();
        let [_, width] = after.dims();
        let nothing = Tensor::zeros([batch, width], &after.device());
        let earlier = Tensor::cat(vec![nothing, after], 0).narrow(0, 0, context * batch);
        for (input, leaf) in [(input, below), (earlier, before)] {
            let layer = Layer::Linear { input, bias: true };
            pass.record(layer, Order::Time, leaf);
        }
        states
    }

    /// The hidden state after each step. `leaves` are added to what comes from below, and to what
    /// comes from the step before.
    fn states(
        &self,
        x: Tensor<2>,
        [context, batch]: [usize; 2],
        memory: &mut Memory,
        present: Option<&Tensor<2>>,
        leaves: Option<[&Tensor<2>; 2]>,
    ) -> Tensor<2> {
        if present.is_none() {
            let weights = RecurrentWeights {
                weight_ih: self.weight_ih.val(),
                weight_hh: self.weight_hh.val(),
                bias_ih: self.bias_ih.val(),
                bias_hh: self.bias_hh.val(),
            };
            if let Some(hidden) = host::recurrent(self.cell, &x, &weights, batch, leaves) {
                return hidden;
            }
        }
        // What comes from below does not depend on the state: one product for all of time.
        let from_below = module::linear(x, self.weight_ih.val(), Some(self.bias_ih.val()));
        let from_below = match leaves {
            Some([below, _]) => from_below + below.clone(),
            None => from_below,
        };
        let steps = (0..context).map(|time| {
            let input = from_below.clone().narrow(0, time * batch, batch);
            let before = memory.clone();
            let leaf = leaves.map(|[_, leaf]| leaf.clone().narrow(0, time * batch, batch));
            *memory = self.step(input, before, leaf);
            if let Some(present) = present {
                memory.keep_where(present.clone().narrow(1, time, 1));
            }
            memory.hidden.clone()
        });
        Tensor::cat(steps.flatten().collect(), 0)
    }

    /// One step: `input` and `leaf` are `[batch, gates * width]`.
    fn step(&self, input: Tensor<2>, before: Memory, leaf: Option<Tensor<2>>) -> Memory {
        let [batch, columns] = input.dims();
        let device = input.device().without_autodiff();
        let weight = self.weight_hh.val();
        let [width, _] = weight.dims();
        let zeros = || Tensor::zeros([batch, width], &device);
        let hidden = before.hidden.unwrap_or_else(zeros);
        let from_before = module::linear(hidden.clone(), weight, Some(self.bias_hh.val()));
        let from_before = match leaf {
            Some(leaf) => from_before + leaf,
            None => from_before,
        };
        let part = |gates: &Tensor<2>, index: usize| gates.clone().narrow(1, index * width, width);
        debug_assert_eq!(columns % width, 0);
        match self.cell {
            Cell::Lstm => {
                let gates = input + from_before;
                let input_gate = activation::sigmoid(part(&gates, 0));
                let forget_gate = activation::sigmoid(part(&gates, 1));
                let candidate = part(&gates, 2).tanh();
                let output_gate = activation::sigmoid(part(&gates, 3));
                let kept = before.cell.map(|cell| forget_gate * cell);
                let new = input_gate * candidate;
                let cell = match kept {
                    Some(kept) => kept + new,
                    None => new,
                };
                Memory {
                    hidden: Some(output_gate * cell.clone().tanh()),
                    cell: Some(cell),
                }
            }
            Cell::Gru => {
                let reset = activation::sigmoid(part(&input, 0) + part(&from_before, 0));
                let update = activation::sigmoid(part(&input, 1) + part(&from_before, 1));
                let candidate = (part(&input, 2) + reset * part(&from_before, 2)).tanh();
                Memory {
                    hidden: Some(candidate.clone() + update * (hidden - candidate)),
                    cell: None,
                }
            }
        }
    }
}

impl Memory {
    /// Zeroes the rows where `present`, `[batch, 1]`, is 0.
    fn keep_where(&mut self, present: Tensor<2>) {
        for part in [&mut self.hidden, &mut self.cell] {
            *part = part.take().map(|values| values * present.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use burn::optim::GradientsParams;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    /// Told which tokens are present, the layer is made of Burn's operations; else it is our own.
    #[test]
    fn both_ways_give_the_same_numbers_and_gradients() {
        let device = Device::flex();
        let width = 6;
        for cell in [Cell::Lstm, Cell::Gru] {
            for (context, batch) in [(1, 3), (7, 2)] {
                let init = Initializer::new(1, device.clone().autodiff());
                let layer = RecurrentLayer::new(cell, &init, 0, width);
                let shape = [context * batch, width];
                let x = Tensor::<2>::random(shape, Distribution::Default, &device) * 3.0;
                let x = x.autodiff().require_grad();
                let weights = Tensor::random(shape, Distribution::Default, &device);
                let present = Tensor::ones([batch, context], &device);
                let [found, expected] = [None, Some(&present)].map(|present| {
                    let memory = &mut Memory::default();
                    let output = layer.states(x.clone(), [context, batch], memory, present, None);
                    let gradients = (output.clone() * weights.clone()).sum().backward();
                    let of_x = x.grad(&gradients).unwrap().into_data();
                    let of = GradientsParams::from_grads(gradients, &layer);
                    let zeros = || Tensor::zeros([width, layer.bias_hh.dims()[0]], &device);
                    vec![
                        output.inner().into_data(),
                        of_x,
                        of.get::<2>(layer.weight_ih.id).unwrap().into_data(),
                        of.get::<2>(layer.weight_hh.id)
                            .unwrap_or_else(zeros)
                            .into_data(),
                        of.get::<1>(layer.bias_ih.id).unwrap().into_data(),
                        of.get::<1>(layer.bias_hh.id).unwrap().into_data(),
                    ]
                });
                for (found, expected) in found.iter().zip(&expected) {
                    found.assert_approx_eq::<f32>(expected, Tolerance::rel_abs(1e-4, 1e-5));
                }
            }
        }
    }
}
