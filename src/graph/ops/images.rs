//! Convolutions of images, as products of gathered rows.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::Op;
use super::activation::activate;
use super::complaint::{About, Checked, Complaint};
use super::dot::product;
use super::operands::{Expected, Operands, TensorView};
use super::parameters::{ACTIVATION, Kind, PADDING, Parameter, STRIDE};
use super::products::add;
use super::shapes::{StageShapes, count, ending};
use super::tolerance::{LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "conv2d",
        doc: "activation(conv(x) + bias): x [.., h, w, c], weight [rows, columns, c, n], bias [n] (optional) -> [.., h′, w′, n].",
        parameters: &[ACTIVATION, STRIDE, PADDING],
        shape: conv2d_shape,
        reference: conv2d,
    },
    Op {
        name: "patch_embed",
        doc: "Patches of `patch` × `patch` pixels as tokens: image [.., h, w, c], weight [patch·patch·c, n] -> [.., tokens, n], row by row from the top left; optional are bias [n], class [n] (one token more, the first) and position [tokens, n].",
        parameters: &[Parameter::new("patch", Kind::Whole { least: 1, default: None })],
        shape: patch_embed_shape,
        reference: patch_embed,
    },
];

/// out = activation(conv(x) + bias), with x [.., h, w, c] and weight [rows, columns, c, n] -> [.., h', w', n].
fn conv2d_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias"])?;
    let (stride, padding) = (v.whole("stride"), v.whole("padding"));
    let x = v.rank(0, 3)?;
    let weight = v.weight_rank("weight", 4)?;
    let (c, n) = (x[x.len() - 1], weight[3]);
    v.weight_is("weight", &[weight[0], weight[1], c, n])?;
    v.weight_is("bias", &[n])?;
    let steps = |extent: usize, taps: usize| {
        let room = (extent + 2 * padding).checked_sub(taps);
        room.map(|room| room / stride + 1).ok_or_else(|| {
            let message = format!("{taps} taps do not fit {extent} pixels padded by {padding} on each side");
            Complaint::new(About::Weight("weight".to_owned()), message, "more taps than there is room for")
        })
    };
    let (h, w) = (steps(x[x.len() - 3], weight[0])?, steps(x[x.len() - 2], weight[1])?);
    let out = ending(x, 3, &[h, w, n]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * (weight[0] * weight[1] * c) as u64)
}

/// Patches of `patch` x `patch` pixels as tokens: image [.., h, w, c] and weight [patch·patch·c, n] -> [.., tokens, n],
/// row by row from the top left, after `class` of n values where there is one; plus bias of n values and position `[tokens, n]`.
fn patch_embed_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias", "class", "position"])?;
    let patch = v.whole("patch");
    let image = v.rank(0, 3)?;
    let (h, w, c) = (image[image.len() - 3], image[image.len() - 2], image[image.len() - 1]);
    if h % patch != 0 || w % patch != 0 {
        let message = format!("patches of {patch} x {patch} pixels do not divide an image of {h} x {w}");
        return Err(Complaint::new(About::Value("patch".to_owned()), message, "does not divide it"));
    }
    let n = v.weight_rank("weight", 2)?[1];
    v.weight_is("weight", &[patch * patch * c, n])?;
    v.weight_is("bias", &[n])?;
    v.weight_is("class", &[n])?;
    let patches = (h / patch) * (w / patch);
    let tokens = patches + usize::from(v.stage.weights.contains_key("class"));
    v.weight_is("position", &[tokens, n])?;
    v.output_is(&ending(image, 3, &[tokens, n]))?;
    Ok(2 * count(image) * n as u64)
}

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
    fn fetch(&self, x: TensorView<'_>, row: usize, buffer: &mut [f32]) {
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
fn conv2d(args: &Operands<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let n = weight.extent(1);
    let rank = args.output.len();
    let window = Window {
        size: (weight.extent(4), weight.extent(3)),
        out: (args.output[rank - 3], args.output[rank - 2]),
        stride: args.whole("stride"),
        padding: args.whole("padding"),
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
fn patch_embed(args: &Operands<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (n, patch) = (weight.extent(1), args.whole("patch"));
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
