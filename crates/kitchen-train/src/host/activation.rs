//! Non-linearities whose derivative comes almost for free with their value.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{Array, array, contiguous, floats, math, record, tracked};

/// Numbers in a block.
const BLOCK: usize = 16 * 1024;
/// Rows in a block.
const ROWS: usize = 64;

/// x Phi(x), exact (Hendrycks and Gimpel 2016).
pub(crate) fn gelu<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
    let shape = x.dims();
    let x = tracked(x)?;
    let input = contiguous(&x);
    let input = floats(&input);
    let mut output = vec![0.0; input.len()];
    let mut slope = vec![0.0; input.len()];
    (output
        .par_chunks_mut(BLOCK)
        .zip(slope.par_chunks_mut(BLOCK)))
    .zip(input.par_chunks(BLOCK))
    .for_each(|((output, slope), input)| {
        for ((output, slope), &x) in output.iter_mut().zip(slope).zip(input) {
            let (cumulative, density) = math::normal(x);
            *output = x * cumulative;
            *slope = cumulative + x * density;
        }
    });
    let backward = move |gradient: &Array| {
        let mut input = vec![0.0; slope.len()];
        (input.par_chunks_mut(BLOCK).zip(slope.par_chunks(BLOCK)))
            .zip(floats(gradient).par_chunks(BLOCK))
            .for_each(|((input, slope), gradient)| {
                for ((input, slope), gradient) in input.iter_mut().zip(slope).zip(gradient) {
                    *input = slope * gradient;
                }
            });
        [array(input, shape)]
    };
    Some(record([&x], array(output, shape), backward))
}

/// silu(gate) up, where `x` is `[rows, 2 width]`: the gate's columns, then the others
/// (Shazeer 2020). Gives `[rows, width]`.
pub(crate) fn swiglu(x: &Tensor<2>) -> Option<Tensor<2>> {
    let x = tracked(x)?;
    let input = contiguous(&x);
    let [rows, both] = shape_of(&input)?;
    let width = both / 2;
    let mut output = vec![0.0; rows * width];
    (output
        .par_chunks_mut(width.max(1))
        .zip(floats(&input).par_chunks(both.max(1))))
    .with_min_len(ROWS)
    .for_each(|(output, row)| {
        let (gate, up) = row.split_at(width);
        for ((output, &gate), &up) in output.iter_mut().zip(gate).zip(up) {
            *output = gate * math::sigmoid(gate) * up;
        }
    });
    let backward = move |gradient: &Array| {
        let mut slopes = vec![0.0; rows * both];
        (slopes
            .par_chunks_mut(both.max(1))
            .zip(floats(&input).par_chunks(both.max(1))))
        .zip(floats(gradient).par_chunks(width.max(1)))
        .with_min_len(ROWS)
        .for_each(|((slopes, row), gradient)| {
            let (gate, up) = row.split_at(width);
            let (gate_slopes, up_slopes) = slopes.split_at_mut(width);
            let slopes = gate_slopes.iter_mut().zip(up_slopes);
            let values = gate.iter().zip(up).zip(gradient);
            for ((gate_slope, up_slope), ((&gate, &up), &gradient)) in slopes.zip(values) {
                let open = math::sigmoid(gate);
                *up_slope = gradient * gate * open;
                *gate_slope = gradient * up * open * (1.0 + gate * (1.0 - open));
            }
        });
        [array(slopes, [rows, both])]
    };
    Some(record([&x], array(output, [rows, width]), backward))
}

/// The two dimensions of a matrix.
pub(super) fn shape_of(array: &Array) -> Option<[usize; 2]> {
    let shape: &[usize] = array.layout().shape();
    shape.try_into().ok()
}
