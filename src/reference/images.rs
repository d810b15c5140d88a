//! Convolutions of images, as products of gathered rows.

use super::activation::activate;
use super::dot::product;
use super::linear::add;
use super::tolerance::{LAMBDA, U};
use super::{Args, Expected, View};

/// Where a convolution looks.
struct Window {
    /// Of the kernel.
    size: (usize, usize),
    /// Of the result.
    out: (usize, usize),
    stride: usize,
    padding: usize,
}

impl Window {
    /// Writes the pixels under the kernel at a position of the result, zeros beyond the image.
    fn fetch(&self, x: View<'_>, row: usize, buffer: &mut [f32]) {
        let (h, w, c) = (x.extent(3), x.extent(2), x.extent(1));
        let (image, place) = (row / (self.out.0 * self.out.1), row % (self.out.0 * self.out.1));
        let (top, left) = (place / self.out.1 * self.stride, place % self.out.1 * self.stride);
        for (tap, pixel) in buffer.chunks_exact_mut(c).enumerate() {
            let line = (top + tap / self.size.1).checked_sub(self.padding).filter(|line| *line < h);
            let column = (left + tap % self.size.1).checked_sub(self.padding).filter(|column| *column < w);
            match line.zip(column) {
                Some((line, column)) => {
                    pixel.copy_from_slice(&x.values[((image * h + line) * w + column) * c..][..c]);
                }
                None => pixel.fill(0.0),
            }
        }
    }
}

/// activation(conv(x) + bias).
pub(super) fn conv2d(args: &Args<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let n = weight.extent(1);
    let rank = args.output.len();
    let window = Window {
        size: (weight.extent(4), weight.extent(3)),
        out: (args.output[rank - 3], args.output[rank - 2]),
        stride: args.int("stride", 1),
        padding: args.int("padding", 0),
    };
    let bias = args.weight("bias").map(|view| view.values);
    let activation = args.activation();
    let size = (args.output_len() / n, weight.values.len() / n, n);
    let fetch = |row: usize, buffer: &mut [f32]| window.fetch(x, row, buffer);
    product(size, weight.values, fetch, |_, values, tolerances| {
        add(values, tolerances, bias);
        activate(values, tolerances, activation);
    })
}

/// Patches times weight, plus bias and position, after the class token.
pub(super) fn patch_embed(args: &Args<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (n, patch) = (weight.extent(1), args.int("patch", 1));
    let out = (x.extent(3) / patch, x.extent(2) / patch);
    let patches = out.0 * out.1;
    let window = Window { size: (patch, patch), out, stride: patch, padding: 0 };
    let [bias, class, position] = ["bias", "class", "position"].map(|key| args.weight(key).map(|view| view.values));
    let first = usize::from(class.is_some());
    let place = |token: usize| position.map(|all| &all[token * n..][..n]);
    let images = x.values.len() / (patches * weight.values.len() / n);
    let fetch = |row: usize, buffer: &mut [f32]| window.fetch(x, row, buffer);
    let size = (images * patches, weight.values.len() / n, n);
    let rows = product(size, weight.values, fetch, |row, values, tolerances| {
        add(values, tolerances, bias);
        add(values, tolerances, place(row % patches + first));
    });
    let Some(class) = class else { return rows };
    let start: Vec<f64> = (0..n).map(|i| f64::from(class[i]) + f64::from(place(0).map_or(0.0, |p| p[i]))).collect();
    let mut expected = Expected::zeros(0);
    for (values, tolerances) in rows.value.chunks(patches * n).zip(rows.tolerance.chunks(patches * n)) {
        expected.value.extend(start.iter().chain(values));
        // A class without a position is copied; with one, it is one sum.
        expected.tolerance.extend(start.iter().map(|value| LAMBDA * U * value.abs()));
        expected.tolerance.extend(tolerances);
    }
    expected
}
