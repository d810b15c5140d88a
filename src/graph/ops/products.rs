//! Products with what follows them: matrix products, linear layer, 1-D convolution.

#![expect(clippy::many_single_char_names, reason = "extents and tensors have their names of the literature")]

use super::Op;
use super::activation::activate;
use super::complaint::{About, Checked, Complaint};
use super::dot::product;
use super::operands::{Expected, Operands};
use super::parameters::{ACTIVATION, Kind, PADDING, Parameter, STRIDE};
use super::shapes::{StageShapes, count, ending};
use super::tolerance::{self, LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "batch_matmul",
        doc: "[.., m, k] × [.., k, n] (`transpose_b`: × [.., n, k] transposed) -> [.., m, n], a matrix at a time.",
        parameters: &[Parameter::new("transpose_b", Kind::Switch)],
        shape: batch_matmul_shape,
        reference: batch_matmul,
    },
    Op {
        name: "conv1d",
        doc: "activation(conv(x) + bias) + position: x [.., t, c], weight [taps, c, n]; optional are bias [n] and position [t′, n] -> [.., t′, n].",
        parameters: &[ACTIVATION, STRIDE, PADDING],
        shape: conv1d_shape,
        reference: conv1d,
    },
    Op {
        name: "linear",
        doc: "activation(x · weight + bias) + residual: x [.., k], weight [k, n], bias [n] (optional), residual as the output (a second input, optional) -> [.., n].",
        parameters: &[ACTIVATION],
        shape: linear_shape,
        reference: linear,
    },
    Op {
        name: "matmul",
        doc: "[.., m, k] × [k, n] -> [.., m, n], with sums of `accumulate` bits.",
        parameters: &[Parameter::new(
            "accumulate",
            Kind::OneOf { values: &[32, 16], says: "32 (sums in f32) or 16 (in f16)" },
        )],
        shape: matmul_shape,
        reference: matmul,
    },
];

/// [.., m, k] × [k, n] -> [.., m, n], with sums of `accumulate` bits.
fn matmul_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    let (a, b) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let (k, n) = (a[a.len() - 1], b[b.len() - 1]);
    v.input_is(1, &[k, n])?;
    v.output_is(&ending(a, 1, &[n]))?;
    Ok(2 * count(a) * n as u64)
}

/// [.., m, k] × [.., k, n], or × [.., n, k] transposed with `transpose_b` -> [.., m, n], a matrix at a time.
fn batch_matmul_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    let (a, b) = (v.rank(0, 2)?, v.rank(1, 2)?);
    let k = a[a.len() - 1];
    let n = b[b.len() - if v.switch("transpose_b") { 2 } else { 1 }];
    v.input_is(1, &ending(a, 2, &if v.switch("transpose_b") { [n, k] } else { [k, n] }))?;
    v.output_is(&ending(a, 1, &[n]))?;
    Ok(2 * count(a) * n as u64)
}

/// out = activation(x · weight + bias) + residual, with x [.., k] and weight [k, n].
fn linear_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=2, &["weight"], &["bias"])?;
    let x = v.rank(0, 1)?;
    let n = v.weight_rank("weight", 2)?[1];
    v.weight_is("weight", &[x[x.len() - 1], n])?;
    v.weight_is("bias", &[n])?;
    let out = ending(x, 1, &[n]);
    v.output_is(&out)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, &out)?;
    }
    Ok(2 * count(x) * n as u64)
}

/// out = activation(conv(x) + bias) + position, with x [.., t, c] and weight [taps, c, n].
fn conv1d_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["weight"], &["bias", "position"])?;
    let (stride, padding) = (v.whole("stride"), v.whole("padding"));
    let x = v.rank(0, 2)?;
    let (t, c) = (x[x.len() - 2], x[x.len() - 1]);
    let weight = v.weight_rank("weight", 3)?;
    let (taps, n) = (weight[0], weight[2]);
    v.weight_is("weight", &[taps, c, n])?;
    v.weight_is("bias", &[n])?;
    let Some(room) = (t + 2 * padding).checked_sub(taps) else {
        let message = format!("{taps} taps do not fit {t} steps padded by {padding} on each side");
        return Err(Complaint::new(About::Weight("weight".to_owned()), message, "more taps than there is room for"));
    };
    let t_out = room / stride + 1;
    v.weight_is("position", &[t_out, n])?;
    let out = ending(x, 2, &[t_out, n]);
    v.output_is(&out)?;
    Ok(2 * count(&out) * (taps * c) as u64)
}

/// [.., m, k] × [k, n], summed in f32, or in f16 with `accumulate = 16`.
fn matmul(args: &Operands<'_>) -> Expected {
    let (a, b) = (args.inputs[0], args.inputs[1]);
    let (k, n) = (a.extent(1), b.extent(1));
    let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&a.values[row * k..][..k]);
    if args.whole("accumulate") == 32 {
        return product((a.values.len() / k, k, n), b.values, fetch, |_, _, _| {});
    }
    let columns = fourth_powers(b.values.chunks_exact(n), n);
    product((a.values.len() / k, k, n), b.values, fetch, |row, values, tolerances| {
        let x: f64 = a.values[row * k..][..k].iter().map(|x| f64::from(*x).powi(4)).sum();
        for ((tolerance, value), w) in tolerances.iter_mut().zip(values.iter()).zip(&columns) {
            *tolerance = tolerance::half_dot(k, (x * w).sqrt(), *value);
        }
    })
}

/// Σ w⁴ of each column.
fn fourth_powers<'a>(rows: impl Iterator<Item = &'a [f32]>, n: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n];
    for row in rows {
        for (sum, w) in sums.iter_mut().zip(row) {
            *sum += f64::from(*w).powi(4);
        }
    }
    sums
}

/// [.., m, k] × [.., k, n], or [.., n, k] transposed, a matrix at a time.
fn batch_matmul(args: &Operands<'_>) -> Expected {
    let (a, b) = (args.inputs[0], args.inputs[1]);
    let (m, k, n) = (a.extent(2), a.extent(1), args.output[args.output.len() - 1]);
    let transposed = args.switch("transpose_b");
    let mut expected = Expected::zeros(0);
    for (a, b) in a.values.chunks(m * k).zip(b.values.chunks(k * n)) {
        let flipped: Vec<f32>;
        let b = if transposed {
            flipped = (0..k * n).map(|at| b[at % n * k + at / n]).collect();
            &flipped
        } else {
            b
        };
        let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&a[row * k..][..k]);
        let one = product((m, k, n), b, fetch, |_, _, _| {});
        expected.value.extend(one.value);
        expected.tolerance.extend(one.tolerance);
    }
    expected
}

/// activation(x · weight + bias) + residual.
fn linear(args: &Operands<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (k, n) = (x.extent(1), weight.extent(1));
    let bias = args.weight("bias").map(|view| view.values);
    let residual = args.inputs.get(1).map(|view| view.values);
    let activation = args.activation();
    let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&x.values[row * k..][..k]);
    product((x.values.len() / k, k, n), weight.values, fetch, |row, values, tolerances| {
        add(values, tolerances, bias);
        activate(values, tolerances, activation);
        add(values, tolerances, residual.map(|residual| &residual[row * n..][..n]));
    })
}

/// activation(conv(x) + bias) + position, as a product of gathered rows: `taps · c` values of x a step.
fn conv1d(args: &Operands<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (t, c) = (x.extent(2), x.extent(1));
    let (taps, n) = (weight.extent(3), weight.extent(1));
    let t_out = args.output[args.output.len() - 2];
    let (stride, padding) = (args.whole("stride"), args.whole("padding"));
    let bias = args.weight("bias").map(|view| view.values);
    let position = args.weight("position").map(|view| view.values);
    let activation = args.activation();
    let fetch = |row: usize, buffer: &mut [f32]| {
        let (batch, step) = (row / t_out, row % t_out);
        for (tap, part) in buffer.chunks_exact_mut(c).enumerate() {
            match (step * stride + tap).checked_sub(padding).filter(|source| *source < t) {
                Some(source) => part.copy_from_slice(&x.values[(batch * t + source) * c..][..c]),
                None => part.fill(0.0),
            }
        }
    };
    product((args.output_len() / n, taps * c, n), weight.values, fetch, |row, values, tolerances| {
        add(values, tolerances, bias);
        activate(values, tolerances, activation);
        add(values, tolerances, position.map(|position| &position[row % t_out * n..][..n]));
    })
}

/// Adds values that are as long as the row, if there are any.
pub(super) fn add(values: &mut [f64], tolerances: &mut [f64], addend: Option<&[f32]>) {
    let Some(addend) = addend else { return };
    for ((value, tolerance), addend) in values.iter_mut().zip(tolerances).zip(addend) {
        *value += f64::from(*addend);
        *tolerance += LAMBDA * U * (f64::from(*addend).abs() + value.abs());
    }
}
