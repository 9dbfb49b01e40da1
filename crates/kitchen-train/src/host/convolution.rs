//! Convolution of 3x3 pixels and pooling of 2x2, on images whose pixels are rows: a matrix
//! `[batch * height * width, channels]`.
//!
//! With the channels of a pixel side by side, the three pixels that a patch takes from a line are
//! one piece of memory, and a convolution is a product of the matrix of patches with the matrix of
//! weights. Patches are made image by image, so that they stay in the cache, and made again for
//! the backward pass, so that nobody has to keep them.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::activation::shape_of;
use super::{Array, array, contiguous, floats, record, tracked};

/// The sides of a kernel.
const SIDE: usize = 3;

/// Each pixel with its eight neighbours, zeros beyond the edge, through `weight`,
/// `[outputs, channels, 3, 3]`, and `bias`: `[pixels, outputs]` from `[pixels, channels]`.
pub(crate) fn convolve(
    x: &Tensor<2>,
    weight: &Tensor<4>,
    bias: &Tensor<1>,
    [height, width]: [usize; 2],
) -> Option<Tensor<2>> {
    let needed = Needed {
        pixels: x.is_tracked(),
        weights: weight.is_tracked(),
    };
    let (weight, bias) = (tracked(weight)?, tracked(bias)?);
    let x = tracked(&x.clone().autodiff())?;
    let pixels = contiguous(&x);
    let [_, channels] = shape_of(&pixels)?;
    let image = Image {
        height,
        width,
        channels,
    };
    let kernel = Kernel::new(&contiguous(&weight), channels);
    let output = image.forward(&pixels, &kernel, floats(&contiguous(&bias)));
    Some(record([&x, &weight, &bias], output, move |gradient| {
        image.backward(&pixels, &kernel, gradient, needed)
    }))
}

/// The gradients that somebody asks for; all others stay zero or empty.
#[derive(Clone, Copy)]
struct Needed {
    /// Not those of the images themselves.
    pixels: bool,
    /// Not where examples are measured one by one.
    weights: bool,
}

#[derive(Clone, Copy)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
}

/// The weights as a matrix: a row for each place of a patch, line by line, pixel by pixel,
/// channel by channel; a column for each output.
struct Kernel {
    matrix: Array,
    channels: usize,
    outputs: usize,
}

impl Kernel {
    /// From `[outputs, channels, 3, 3]`.
    fn new(weight: &Array, channels: usize) -> Self {
        let values = floats(weight);
        let rows = SIDE * SIDE * channels;
        let outputs = values.len() / rows;
        let permuted = weight.permute(&[2, 3, 1, 0]).to_contiguous();
        Self {
            matrix: permuted.reshape([rows, outputs].into()),
            channels,
            outputs,
        }
    }

    /// A gradient of the matrix as one of the weights.
    fn unpack(&self, matrix: Vec<f32>) -> Array {
        let shape = [SIDE, SIDE, self.channels, self.outputs];
        array(matrix, shape).permute(&[3, 2, 0, 1]).to_contiguous()
    }
}

impl Image {
    fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Numbers in a patch.
    fn patch(self) -> usize {
        SIDE * SIDE * self.channels
    }

    fn forward(self, pixels: &Array, kernel: &Kernel, bias: &[f32]) -> Array {
        let pixels = floats(pixels);
        let images = pixels.len() / (self.pixels() * self.channels);
        let mut output = vec![0.0; images * self.pixels() * kernel.outputs];
        (output.par_chunks_mut(self.pixels() * kernel.outputs))
            .zip(pixels.par_chunks(self.pixels() * self.channels))
            .for_each(|(output, image)| {
                let product = Flex::float_matmul(self.patches(image), kernel.matrix.clone());
                let rows = output.chunks_mut(kernel.outputs);
                for (output, product) in rows.zip(floats(&product).chunks(kernel.outputs)) {
                    for ((output, product), bias) in output.iter_mut().zip(product).zip(bias) {
                        *output = product + bias;
                    }
                }
            });
        array(output, [images * self.pixels(), kernel.outputs])
    }

    /// The gradients of pixels, weights and bias.
    fn backward(
        self,
        pixels: &Array,
        kernel: &Kernel,
        gradient: &Array,
        needed: Needed,
    ) -> [Array; 3] {
        let outputs = kernel.outputs;
        let (size, gradient_size) = (self.pixels() * self.channels, self.pixels() * outputs);
        let pixels = floats(pixels);
        let mut of_pixels = vec![0.0; if needed.pixels { pixels.len() } else { 0 }];
        let mut spread: Vec<Option<&mut [f32]>> = of_pixels.chunks_mut(size).map(Some).collect();
        spread.resize_with(pixels.len() / size, || None);

        let images = spread.into_par_iter().zip(pixels.par_chunks(size));
        let parts: Vec<(Option<Array>, Vec<f32>)> = images
            .zip(floats(gradient).par_chunks(gradient_size))
            .map(|((of_image, image), gradient)| {
                let mut bias = vec![0.0; outputs];
                gradient.chunks(outputs).for_each(|row| add(&mut bias, row));
                let gradient = array(gradient.to_vec(), [self.pixels(), outputs]);
                let matrix = needed.weights.then(|| {
                    let patches = self.patches(image).transpose(0, 1);
                    Flex::float_matmul(patches, gradient.clone())
                });
                if let Some(of_image) = of_image {
                    let of_patches = Flex::float_matmul(gradient, kernel.matrix.transpose(0, 1));
                    self.spread(floats(&of_patches), of_image);
                }
                (matrix, bias)
            })
            .collect();
        let mut matrix = vec![0.0; self.patch() * outputs];
        let mut bias = vec![0.0; outputs];
        for (of_matrix, of_bias) in &parts {
            if let Some(of_matrix) = of_matrix {
                add(&mut matrix, floats(of_matrix));
            }
            add(&mut bias, of_bias);
        }
        let rows = of_pixels.len() / self.channels;
        let of_pixels = array(of_pixels, [rows, self.channels]);
        [of_pixels, kernel.unpack(matrix), array(bias, [outputs])]
    }

    /// The patch around each pixel of one image, `[pixels, patch]`.
    fn patches(self, image: &[f32]) -> Array {
        let mut patches = vec![0.0; self.pixels() * self.patch()];
        self.each_line(|place, from| {
            if let (Some(patch), Some(line)) = (patches.get_mut(place), image.get(from)) {
                patch.copy_from_slice(line);
            }
        });
        array(patches, [self.pixels(), self.patch()])
    }

    /// The reverse: adds each patch to the pixels it was made from.
    fn spread(self, patches: &[f32], image: &mut [f32]) {
        self.each_line(|place, from| {
            if let (Some(patch), Some(line)) = (patches.get(place), image.get_mut(from)) {
                add(line, patch);
            }
        });
    }

    /// Where each line of each patch lies, in the patches and in the image; what lies beyond the
    /// edge is left out.
    fn each_line(self, mut visit: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
        let Self {
            height,
            width,
            channels,
        } = self;
        for y in 0..height {
            for x in 0..width {
                // Pixels x - 1 to x + 1, as far as they are there.
                let missing = usize::from(x == 0);
                let first = x + missing - 1;
                let count = SIDE - missing - usize::from(x + 1 == width);
                for line in 0..SIDE {
                    let Some(source) = (y + line).checked_sub(1).filter(|&y| y < height) else {
                        continue;
                    };
                    let place = (y * width + x) * self.patch() + (line * SIDE + missing) * channels;
                    let from = (source * width + first) * channels;
                    visit(
                        place..place + count * channels,
                        from..from + count * channels,
                    );
                }
            }
        }
    }
}

/// The largest of each square of 2x2 pixels, channel by channel:
/// `[pixels / 4, channels]` from `[pixels, channels]`. An odd line or column at the end is left
/// out. Of equals the first counts.
pub(crate) fn max_pool(x: &Tensor<2>, [height, width]: [usize; 2]) -> Option<Tensor<2>> {
    let x = tracked(x)?;
    let pixels = contiguous(&x);
    let [rows, channels] = shape_of(&pixels)?;
    let line = width * channels;
    let out_line = width / 2 * channels;
    let images = rows / (height * width);
    let mut output = vec![0.0; images * (height / 2) * out_line];
    let mut winners = vec![0u8; output.len()];
    let squares = (output.par_chunks_mut(height / 2 * out_line))
        .zip(winners.par_chunks_mut(height / 2 * out_line));
    (squares.zip(floats(&pixels).par_chunks(height * line))).for_each(
        |((output, winners), image)| {
            let lines = output
                .chunks_mut(out_line)
                .zip(winners.chunks_mut(out_line));
            for ((output, winners), pair) in lines.zip(image.chunks_exact(2 * line)) {
                let (upper, lower) = pair.split_at(line);
                let squares = output
                    .chunks_mut(channels)
                    .zip(winners.chunks_mut(channels));
                let pairs = upper
                    .chunks_exact(2 * channels)
                    .zip(lower.chunks_exact(2 * channels));
                for ((output, winners), (upper, lower)) in squares.zip(pairs) {
                    largest(output, winners, [upper, lower]);
                }
            }
        },
    );
    let shape = [output.len() / channels, channels];
    Some(record([&x], array(output, shape), move |gradient| {
        let mut slopes = vec![0.0; rows * channels];
        let squares = (floats(gradient).par_chunks(height / 2 * out_line))
            .zip(winners.par_chunks(height / 2 * out_line));
        (slopes.par_chunks_mut(height * line).zip(squares)).for_each(
            |(image, (gradient, winners))| {
                let lines = gradient.chunks(out_line).zip(winners.chunks(out_line));
                for ((gradient, winners), pair) in lines.zip(image.chunks_exact_mut(2 * line)) {
                    let (upper, lower) = pair.split_at_mut(line);
                    let squares = gradient.chunks(channels).zip(winners.chunks(channels));
                    let pairs = (upper.chunks_exact_mut(2 * channels))
                        .zip(lower.chunks_exact_mut(2 * channels));
                    for ((gradient, winners), (upper, lower)) in squares.zip(pairs) {
                        give_back(gradient, winners, [upper, lower]);
                    }
                }
            },
        );
        [array(slopes, [rows, channels])]
    }))
}

/// The largest of four pixels, and which it was, channel by channel.
fn largest(output: &mut [f32], winners: &mut [u8], [upper, lower]: [&[f32]; 2]) {
    let channels = output.len();
    let ((first, second), (third, fourth)) = (upper.split_at(channels), lower.split_at(channels));
    let pixels = first.iter().zip(second).zip(third.iter().zip(fourth));
    for ((output, winner), ((&first, &second), (&third, &fourth))) in
        output.iter_mut().zip(winners).zip(pixels)
    {
        // NaN wins, so that it is never hidden.
        let beats = |one: f32, other: f32| one > other || one.is_nan();
        let above = if beats(second, first) {
            (second, 1)
        } else {
            (first, 0)
        };
        let below = if beats(fourth, third) {
            (fourth, 3)
        } else {
            (third, 2)
        };
        (*output, *winner) = if beats(below.0, above.0) {
            below
        } else {
            above
        };
    }
}

/// Gives the gradient to the pixel that was the largest.
fn give_back(gradient: &[f32], winners: &[u8], [upper, lower]: [&mut [f32]; 2]) {
    let channels = gradient.len();
    let (first, second) = upper.split_at_mut(channels);
    let (third, fourth) = lower.split_at_mut(channels);
    let pixels = first
        .iter_mut()
        .zip(second)
        .zip(third.iter_mut().zip(fourth));
    for ((gradient, winner), ((first, second), (third, fourth))) in
        gradient.iter().zip(winners).zip(pixels)
    {
        for (place, pixel) in (0u8..).zip([first, second, third, fourth]) {
            *pixel = if *winner == place { *gradient } else { 0.0 };
        }
    }
}

fn add(sum: &mut [f32], term: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}
