//! Causal self-attention (Vaswani et al. 2017), from the queries, keys and values of one matrix.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::activation::shape_of;
use super::{Array, array, contiguous, floats, math, record, tracked};

/// How the columns of `qkv` are divided: first all queries, then keys, then values, each head
/// `width` columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// Sequences.
    pub(crate) batch: usize,
    /// Tokens in each.
    pub(crate) context: usize,
    /// Heads of queries.
    pub(crate) queries: usize,
    /// Heads of keys and of values; each serves `queries / shared` heads of queries.
    pub(crate) shared: usize,
    /// Columns of a head.
    pub(crate) width: usize,
}

/// What every token gathers from those up to itself: `[batch * context, queries * width]` from
/// `qkv`, `[batch * context, (queries + 2 shared) * width]`.
///
/// `rotary` holds the cosines and sines of rotary positions, each `[1, context, width / 2]`.
pub(crate) fn attention(
    qkv: &Tensor<2>,
    heads: Heads,
    rotary: Option<[&Tensor<3>; 2]>,
) -> Option<Tensor<2>> {
    let qkv = tracked(qkv)?;
    let rotation = match rotary {
        Some(tables) => Some(Rotation::new(tables)?),
        None => None,
    };
    let mut inputs = contiguous(&qkv);
    shape_of(&inputs)?;
    if let Some(rotation) = &rotation {
        inputs = rotation.apply(&inputs, heads, Direction::Forward);
    }
    let [queries, keys, values] = heads.split(&inputs);
    let scores = Flex::float_matmul(queries, keys.transpose(2, 3));
    let shares = heads.softmax(scores);
    let gathered = Flex::float_matmul(shares.clone(), values);
    let output = heads.rows_of(&gathered);
    Some(record([&qkv], output, move |gradient| {
        let gradient = heads.backward(&inputs, &shares, gradient);
        [match &rotation {
            Some(rotation) => rotation.apply(&gradient, heads, Direction::Back),
            None => gradient,
        }]
    }))
}

impl Heads {
    /// Columns of `qkv`.
    fn columns(self) -> usize {
        (self.queries + 2 * self.shared) * self.width
    }

    /// Queries, keys and values, each `[batch, queries, context, width]`: views without a copy,
    /// but for keys and values that serve several heads of queries.
    fn split(self, qkv: &Array) -> [Array; 3] {
        let heads = self.queries + 2 * self.shared;
        let all = qkv.reshape([self.batch, self.context, heads, self.width].into());
        let all = all.permute(&[0, 2, 1, 3]);
        [
            all.narrow(1, 0, self.queries),
            self.repeat(all.narrow(1, self.queries, self.shared)),
            self.repeat(all.narrow(1, self.queries + self.shared, self.shared)),
        ]
    }

    /// Each head as often as it serves one of queries.
    fn repeat(self, part: Array) -> Array {
        let group = self.queries / self.shared;
        if group == 1 {
            return part;
        }
        let heads = (0..self.queries).map(|head| part.narrow(1, head / group, 1));
        Flex::float_cat(heads.collect(), 1)
    }

    /// The softmax over what each token may see, of scores divided by the root of the width.
    fn softmax(self, mut scores: Array) -> Array {
        let context = self.context.max(1);
        let scale = 1.0 / (self.width as f32).sqrt();
        scores
            .storage_mut::<f32>()
            .par_chunks_mut(context * context)
            .for_each(|head| {
                for (row, scores) in head.chunks_mut(context).enumerate() {
                    let (seen, unseen) = scores.split_at_mut((row + 1).min(context));
                    let highest = math::max(seen);
                    for score in seen.iter_mut() {
                        *score = math::exp((*score - highest) * scale);
                    }
                    let share = 1.0 / math::sum(seen);
                    seen.iter_mut().for_each(|score| *score *= share);
                    unseen.fill(0.0);
                }
            });
        scores
    }

    /// The gradient of the scores from that of the shares, in its place.
    fn softmax_backward(self, shares: &Array, mut gradient: Array) -> Array {
        let context = self.context.max(1);
        let scale = 1.0 / (self.width as f32).sqrt();
        (gradient
            .storage_mut::<f32>()
            .par_chunks_mut(context * context))
        .zip(floats(shares).par_chunks(context * context))
        .for_each(|(gradient, shares)| {
            let rows = gradient.chunks_mut(context).zip(shares.chunks(context));
            for (gradient, shares) in rows {
                let mean = math::dot(gradient, shares);
                for (gradient, share) in gradient.iter_mut().zip(shares) {
                    *gradient = share * (*gradient - mean) * scale;
                }
            }
        });
        gradient
    }

    /// The gradient of `qkv` from that of the output.
    fn backward(self, inputs: &Array, shares: &Array, gradient: &Array) -> Array {
        let [queries, keys, values] = self.split(inputs);
        let shape = [self.batch, self.context, self.queries, self.width];
        let of_output = gradient.reshape(shape.into()).permute(&[0, 2, 1, 3]);

        let of_shares = Flex::float_matmul(of_output.clone(), values.transpose(2, 3));
        let of_scores = self.softmax_backward(shares, of_shares);
        let of_values = Flex::float_matmul(shares.transpose(2, 3), of_output);
        let of_queries = Flex::float_matmul(of_scores.clone(), keys);
        let of_keys = Flex::float_matmul(of_scores.transpose(2, 3), queries);

        let group = self.queries / self.shared;
        let keys_from = self.queries * self.width;
        let values_from = keys_from + self.shared * self.width;
        let mut merged = vec![0.0; self.batch * self.context * self.columns()];
        self.merge(&mut merged, 0, 1, &of_queries);
        self.merge(&mut merged, keys_from, group, &of_keys);
        self.merge(&mut merged, values_from, group, &of_values);
        array(merged, [self.batch * self.context, self.columns()])
    }

    /// Adds `[batch, heads, context, width]` to the columns from `start` on, each `group` of
    /// heads to the same columns.
    fn merge(self, merged: &mut [f32], start: usize, group: usize, part: &Array) {
        let (context, width, columns) = (self.context, self.width, self.columns());
        let sequences = merged.par_chunks_mut(context * columns);
        let parts = floats(part).par_chunks(self.queries * context * width);
        sequences.zip(parts).for_each(|(rows, heads)| {
            for (head, values) in heads.chunks(context * width).enumerate() {
                let column = start + head / group * width;
                for (row, values) in rows.chunks_mut(columns).zip(values.chunks(width)) {
                    let target = row.iter_mut().skip(column);
                    target
                        .zip(values)
                        .for_each(|(target, value)| *target += value);
                }
            }
        });
    }

    /// `[batch, heads, context, width]` as `[batch * context, heads * width]`.
    fn rows_of(self, gathered: &Array) -> Array {
        let (context, width, columns) = (self.context, self.width, self.queries * self.width);
        let mut output = vec![0.0; self.batch * context * columns];
        let sequences = output.par_chunks_mut(context * columns);
        let parts = floats(gathered).par_chunks(columns * context);
        sequences.zip(parts).for_each(|(rows, heads)| {
            for (head, values) in heads.chunks(context * width).enumerate() {
                for (row, values) in rows.chunks_mut(columns).zip(values.chunks(width)) {
                    if let Some(target) = row.get_mut(head * width..(head + 1) * width) {
                        target.copy_from_slice(values);
                    }
                }
            }
        });
        array(output, [self.batch * context, columns])
    }
}

/// Rotary positions: each pair of columns, one from either half of a head, turned by an angle
/// that depends on the position.
struct Rotation {
    /// `[1, context, width / 2]`.
    cos: Array,
    sin: Array,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Forward,
    Back,
}

impl Rotation {
    fn new([cos, sin]: [&Tensor<3>; 2]) -> Option<Self> {
        let host = |table: &Tensor<3>| {
            let table = table.clone().try_into_primitive::<Flex>().ok()?;
            Some(table.to_contiguous())
        };
        Some(Self {
            cos: host(cos)?,
            sin: host(sin)?,
        })
    }

    /// Turns queries and keys of `[batch * context, columns]`, and leaves the values.
    fn apply(&self, qkv: &Array, heads: Heads, direction: Direction) -> Array {
        let (columns, half) = (heads.columns(), heads.width / 2);
        let turned = (heads.queries + heads.shared) * heads.width;
        let sign = if direction == Direction::Forward {
            1.0
        } else {
            -1.0
        };
        let mut values = floats(qkv).to_vec();
        values
            .par_chunks_mut(heads.context * columns)
            .for_each(|sequence| {
                let angles = floats(&self.cos)
                    .chunks(half)
                    .zip(floats(&self.sin).chunks(half));
                for (row, (cos, sin)) in sequence.chunks_mut(columns).zip(angles) {
                    for head in row.chunks_mut(heads.width).take(turned / heads.width) {
                        let (first, second) = head.split_at_mut(half);
                        let pairs = first.iter_mut().zip(second);
                        for ((first, second), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
                            let sin = sign * sin;
                            (*first, *second) =
                                (*first * cos - *second * sin, *second * cos + *first * sin);
                        }
                    }
                }
            });
        array(values, [heads.batch * heads.context, columns])
    }
}
