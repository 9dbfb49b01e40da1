//! One layer of an LSTM (Hochreiter and Schmidhuber 1997) or a GRU (Cho et al. 2014) over all
//! steps of time, with PyTorch's equations, and backpropagation through time.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Tensor;
use kitchen_types::config::Cell;

use super::activation::shape_of;
use super::{Array, array, contiguous, floats, math, record, tracked};

/// The weights of a layer: matrices `[width, gates * width]`, biases `[gates * width]`.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) weight_ih: Tensor<2>,
    pub(crate) weight_hh: Tensor<2>,
    pub(crate) bias_ih: Tensor<1>,
    pub(crate) bias_hh: Tensor<1>,
}

/// The hidden states of all steps, `[context * batch, width]`, from `x` of the same shape, time
/// first; the state before the first step is zero.
///
/// `probes` are leaves of zeros, `[context * batch, gates * width]`, that count as added to what
/// comes from below and to what comes from the step before: only their gradients are of interest.
pub(crate) fn recurrent(
    cell: Cell,
    x: &Tensor<2>,
    weights: &Weights,
    batch: usize,
    probes: Option<[&Tensor<2>; 2]>,
) -> Option<Tensor<2>> {
    let inputs = [
        tracked(x)?,
        tracked(&weights.weight_ih)?,
        tracked(&weights.weight_hh)?,
        tracked(&weights.bias_ih)?,
        tracked(&weights.bias_hh)?,
    ];
    let [x, weight_ih, weight_hh, bias_ih, bias_hh] = inputs.each_ref().map(contiguous);
    let [_, width] = shape_of(&x)?;
    let layer = Layer { cell, width, batch };
    let tape = layer.forward(&x, [&weight_ih, &weight_hh], [&bias_ih, &bias_hh]);
    let output = tape.hidden.clone();
    let backward =
        move |gradient: &Array| layer.backward(&tape, gradient, &x, [&weight_ih, &weight_hh]);
    let [x, weight_ih, weight_hh, bias_ih, bias_hh] = &inputs;
    Some(match probes {
        None => record(inputs.each_ref(), output, move |gradient| {
            let (of_inputs, _) = backward(gradient);
            of_inputs
        }),
        Some([below, before]) => {
            let (below, before) = (tracked(below)?, tracked(before)?);
            let inputs = [x, weight_ih, weight_hh, bias_ih, bias_hh, &below, &before];
            record(inputs, output, move |gradient| {
                let ([x, ih, hh, bias_ih, bias_hh], [below, before]) = backward(gradient);
                [x, ih, hh, bias_ih, bias_hh, below, before]
            })
        }
    })
}

#[derive(Clone, Copy, Debug)]
struct Layer {
    cell: Cell,
    width: usize,
    batch: usize,
}

/// What the forward pass keeps: a row for each step and example.
struct Tape {
    /// The gates after their non-linearity, side by side: input, forget, candidate, output; or
    /// reset, update, candidate.
    gates: Vec<f32>,
    /// The cell state of an LSTM; for a GRU, what the reset gate scales.
    inner: Vec<f32>,
    /// The hidden state after each step, `[context * batch, width]`.
    hidden: Array,
}

impl Layer {
    /// Columns of the gates.
    fn columns(self) -> usize {
        match self.cell {
            Cell::Lstm => 4 * self.width,
            Cell::Gru => 3 * self.width,
        }
    }

    fn forward(self, x: &Array, weights: [&Array; 2], biases: [&Array; 2]) -> Tape {
        let (width, columns) = (self.width, self.columns());
        let [weight_ih, weight_hh] = weights;
        let [bias_ih, bias_hh] = biases.map(floats);
        // What comes from below does not depend on the state: one product for all of time.
        let mut gates = Flex::float_matmul(x.clone(), weight_ih.clone());
        let gates = gates.storage_mut::<f32>();
        for row in gates.chunks_mut(columns) {
            add(row, bias_ih);
        }

        let rows = gates.len() / columns;
        let mut inner = vec![0.0; rows * width];
        let mut hidden: Vec<f32> = Vec::with_capacity(rows * width);
        let mut before = vec![0.0; self.batch * width];
        let mut cells = vec![0.0; self.batch * width];
        let steps =
            (gates.chunks_mut(self.batch * columns)).zip(inner.chunks_mut(self.batch * width));
        for (gates, inner) in steps {
            let state = array(before.clone(), [self.batch, width]);
            let from_before = Flex::float_matmul(state, weight_hh.clone());
            let rows = gates
                .chunks_mut(columns)
                .zip(floats(&from_before).chunks(columns));
            let memory = inner.chunks_mut(width).zip(cells.chunks_mut(width));
            let memory = memory.zip(before.chunks_mut(width));
            for ((gates, from_before), ((inner, cell), hidden)) in rows.zip(memory) {
                let mut from_before = from_before.to_vec();
                add(&mut from_before, bias_hh);
                match self.cell {
                    Cell::Lstm => {
                        add(gates, &from_before);
                        lstm(gates, cell, hidden);
                        inner.copy_from_slice(cell);
                    }
                    Cell::Gru => gru(gates, &from_before, inner, hidden),
                }
            }
            hidden.extend_from_slice(&before);
        }
        Tape {
            gates: gates.to_vec(),
            inner,
            hidden: array(hidden, [rows, width]),
        }
    }

    /// The gradients of x, both matrices and both biases; and of what comes from below and from
    /// the step before.
    fn backward(
        self,
        tape: &Tape,
        gradient: &Array,
        x: &Array,
        [weight_ih, weight_hh]: [&Array; 2],
    ) -> ([Array; 5], [Array; 2]) {
        let (batch, width, columns) = (self.batch, self.width, self.columns());
        let rows = tape.gates.len() / columns;
        let none = vec![0.0; batch * width];
        // Gradients of what comes from below and from before; they differ only in a GRU.
        let mut below = vec![0.0; rows * columns];
        let mut before = vec![0.0; rows * columns];
        let mut of_hidden = none.clone();
        let mut of_cell = none.clone();
        let hidden = floats(&tape.hidden);
        for step in (0..rows / batch).rev() {
            add(&mut of_hidden, part(floats(gradient), step, batch * width));
            let earlier = |values| match step {
                0 => none.as_slice(),
                _ => part(values, step - 1, batch * width),
            };
            let (below, before) = (
                part_mut(&mut below, step, batch * columns),
                part_mut(&mut before, step, batch * columns),
            );
            let gates = part(&tape.gates, step, batch * columns).chunks(columns);
            let inner = part(&tape.inner, step, batch * width).chunks(width);
            let earlier_inner = earlier(&tape.inner).chunks(width);
            let earlier_hidden = earlier(hidden).chunks(width);
            let targets = (below.chunks_mut(columns).zip(before.chunks_mut(columns)))
                .zip(of_hidden.chunks_mut(width).zip(of_cell.chunks_mut(width)));
            let values = gates.zip(inner).zip(earlier_inner.zip(earlier_hidden));
            for (((below, before), (of_hidden, of_cell)), ((gates, inner), (cell, hidden))) in
                targets.zip(values)
            {
                match self.cell {
                    Cell::Lstm => {
                        lstm_backward(below, of_hidden, of_cell, gates, inner, cell);
                        before.copy_from_slice(below);
                    }
                    Cell::Gru => gru_backward(below, before, of_hidden, gates, inner, hidden),
                }
            }
            let gates = array(before.to_vec(), [batch, columns]);
            let through = Flex::float_matmul(gates, weight_hh.transpose(0, 1));
            add(&mut of_hidden, floats(&through));
        }

        let biases = [&below, &before].map(|gates| {
            let mut sum = vec![0.0; columns];
            gates.chunks(columns).for_each(|row| add(&mut sum, row));
            array(sum, [columns])
        });
        let [below, before] = [below, before].map(|gates| array(gates, [rows, columns]));
        let of_weight_hh = if rows > batch {
            // The state before each step but the first, which was zero.
            let before = before.narrow(0, batch, rows - batch);
            let states = tape.hidden.narrow(0, 0, rows - batch);
            Flex::float_matmul(states.transpose(0, 1), before)
        } else {
            array(vec![0.0; width * columns], [width, columns])
        };
        let of_weight_ih = Flex::float_matmul(x.transpose(0, 1), below.clone());
        let of_x = Flex::float_matmul(below.clone(), weight_ih.transpose(0, 1));
        let [bias_ih, bias_hh] = biases;
        let of_inputs = [of_x, of_weight_ih, of_weight_hh, bias_ih, bias_hh];
        (of_inputs, [below, before])
    }
}

/// One example, one step. `gates` come in as sums, and stay as gates.
fn lstm(gates: &mut [f32], cell: &mut [f32], hidden: &mut [f32]) {
    let width = hidden.len();
    let (input_forget, candidate_output) = gates.split_at_mut(2 * width);
    let (candidate, output) = candidate_output.split_at_mut(width);
    input_forget
        .iter_mut()
        .chain(output)
        .for_each(|gate| *gate = math::sigmoid(*gate));
    candidate
        .iter_mut()
        .for_each(|gate| *gate = math::tanh(*gate));
    let [input, forget, candidate, output] = quarters(gates, width);
    let gates = input.iter().zip(forget).zip(candidate.iter().zip(output));
    for ((cell, hidden), ((input, forget), (candidate, output))) in
        cell.iter_mut().zip(hidden).zip(gates)
    {
        *cell = forget * *cell + input * candidate;
        *hidden = output * math::tanh(*cell);
    }
}

/// Writes the gradient of the sums; `of_hidden` is used up, `of_cell` goes on to the step before.
fn lstm_backward(
    sums: &mut [f32],
    of_hidden: &mut [f32],
    of_cell: &mut [f32],
    gates: &[f32],
    cell: &[f32],
    cell_before: &[f32],
) {
    let width = cell.len();
    let [input, forget, candidate, output] = quarters(gates, width);
    let (of_input, rest) = sums.split_at_mut(width);
    let (of_forget, rest) = rest.split_at_mut(width);
    let (of_candidate, of_output) = rest.split_at_mut(width);
    let sums = of_input
        .iter_mut()
        .zip(of_forget)
        .zip(of_candidate.iter_mut().zip(of_output));
    let gates = input.iter().zip(forget).zip(candidate.iter().zip(output));
    let state = of_hidden
        .iter_mut()
        .zip(of_cell)
        .zip(cell.iter().zip(cell_before));
    for ((sums, gates), ((of_hidden, of_cell), (cell, before))) in sums.zip(gates).zip(state) {
        let ((of_input, of_forget), (of_candidate, of_output)) = sums;
        let ((i, f), (g, o)) = gates;
        let squashed = math::tanh(*cell);
        let of_this = *of_cell + *of_hidden * o * (1.0 - squashed * squashed);
        *of_output = *of_hidden * squashed * o * (1.0 - o);
        *of_input = of_this * g * i * (1.0 - i);
        *of_candidate = of_this * i * (1.0 - g * g);
        *of_forget = of_this * before * f * (1.0 - f);
        *of_cell = of_this * f;
        *of_hidden = 0.0;
    }
}

/// One example, one step. `gates` come in as sums from below, and stay as gates.
fn gru(gates: &mut [f32], from_before: &[f32], inner: &mut [f32], hidden: &mut [f32]) {
    let width = hidden.len();
    let (reset_update, candidate) = gates.split_at_mut(2 * width);
    let (before_reset_update, before_candidate) = from_before.split_at(2 * width);
    for (gate, before) in reset_update.iter_mut().zip(before_reset_update) {
        *gate = math::sigmoid(*gate + before);
    }
    inner.copy_from_slice(before_candidate);
    let (reset, update) = reset_update.split_at(width);
    let state = candidate.iter_mut().zip(hidden).zip(inner);
    for (((candidate, hidden), inner), (reset, update)) in state.zip(reset.iter().zip(update)) {
        *candidate = math::tanh(*candidate + reset * *inner);
        *hidden = *candidate + update * (*hidden - *candidate);
    }
}

/// Writes the gradients of the sums from below and from before; what is left in `of_hidden` goes
/// on to the step before.
fn gru_backward(
    below: &mut [f32],
    before: &mut [f32],
    of_hidden: &mut [f32],
    gates: &[f32],
    inner: &[f32],
    hidden_before: &[f32],
) {
    let width = inner.len();
    let (reset, rest) = gates.split_at(width);
    let (update, candidate) = rest.split_at(width);
    let (of_reset, rest) = below.split_at_mut(width);
    let (of_update, of_candidate) = rest.split_at_mut(width);
    let sums = of_reset.iter_mut().zip(of_update).zip(of_candidate);
    let gates = reset.iter().zip(update).zip(candidate);
    let state = of_hidden.iter_mut().zip(inner.iter().zip(hidden_before));
    let scaled = before.iter_mut().skip(2 * width);
    for (((sums, gates), (of_hidden, (inner, hidden))), scaled) in
        sums.zip(gates).zip(state).zip(scaled)
    {
        let ((of_reset, of_update), of_candidate) = sums;
        let ((r, z), n) = gates;
        *of_update = *of_hidden * (hidden - n) * z * (1.0 - z);
        *of_candidate = *of_hidden * (1.0 - z) * (1.0 - n * n);
        *of_reset = *of_candidate * inner * r * (1.0 - r);
        *scaled = *of_candidate * r;
        *of_hidden *= z;
    }
    for (before, below) in before.iter_mut().zip(below).take(2 * width) {
        *before = *below;
    }
}

fn quarters(gates: &[f32], width: usize) -> [&[f32]; 4] {
    [0, 1, 2, 3].map(|place| part(gates, place, width))
}

/// The `place`-th part of `length` numbers.
fn part(values: &[f32], place: usize, length: usize) -> &[f32] {
    values
        .get(place * length..(place + 1) * length)
        .unwrap_or_default()
}

fn part_mut(values: &mut [f32], place: usize, length: usize) -> &mut [f32] {
    values
        .get_mut(place * length..(place + 1) * length)
        .unwrap_or_default()
}

fn add(sum: &mut [f32], term: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}
