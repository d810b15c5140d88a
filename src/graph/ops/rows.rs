//! Normalisations over the last dimension: layer norm and softmax.

use rayon::prelude::*;

use super::Op;
use super::complaint::{About, Checked, Complaint};
use super::operands::{Expected, Operands};
use super::parameters::{CAUSAL, Kind, Parameter};
use super::shapes::{StageShapes, count, divides};
use super::tolerance::{self, LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "layer_norm",
        doc: "(s - mean) / √(variance + eps) · weight + bias over the last dimension, where s is x, or x + a second input: weight [d], bias [d].",
        parameters: &[Parameter::new("eps", Kind::NotNegative { default: 1e-5 })],
        shape: layer_norm_shape,
        reference: layer_norm,
    },
    Op {
        name: "max",
        doc: "The largest of each run of consecutive elements; the output's length divides the input's.",
        parameters: &[],
        shape: reduction_shape,
        reference: max,
    },
    Op {
        name: "rms_norm",
        doc: "s / √(mean(s²) + eps) · weight over the last dimension, where s is x, or x + a second input: weight [d].",
        parameters: &[Parameter::new("eps", Kind::NotNegative { default: 1e-6 })],
        shape: rms_norm_shape,
        reference: rms_norm,
    },
    Op {
        name: "softmax",
        doc: "exp(x - max) / Σ exp(x - max) over the last dimension; `causal`: row i of [.., t, t] sees its elements 0 to i, and the others become zero.",
        parameters: &[CAUSAL],
        shape: softmax_shape,
        reference: softmax,
    },
    Op {
        name: "sum",
        doc: "The sum of each run of consecutive elements; the output's length divides the input's.",
        parameters: &[],
        shape: reduction_shape,
        reference: sum,
    },
];

/// Over the last dimension of s = x, or of s = x + residual: (s - mean) / sqrt(variance + eps) · weight + bias.
fn layer_norm_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=2, &["weight", "bias"], &[])?;
    let x = v.rank(0, 1)?;
    v.weight_is("weight", &x[x.len() - 1..])?;
    v.weight_is("bias", &x[x.len() - 1..])?;
    v.output_is(x)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, x)?;
    }
    // Per element: two sums, a square, and four to normalise; one more where a residual is added.
    Ok((7 + v.stage.inputs.len() as u64) * count(x))
}

/// Over the last dimension of s = x, or of s = x + residual: s / sqrt(mean(s²) + eps) · weight (Zhang & Sennrich, *Root Mean
/// Square Layer Normalization*, `NeurIPS` 2019).
fn rms_norm_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=2, &["weight"], &[])?;
    let x = v.rank(0, 1)?;
    v.weight_is("weight", &x[x.len() - 1..])?;
    v.output_is(x)?;
    if v.stage.inputs.len() == 2 {
        v.input_is(1, x)?;
    }
    // Per element: a square and its sum, two products; one sum more where a residual is added.
    Ok((3 + v.stage.inputs.len() as u64) * count(x))
}

/// Over the last dimension; with `causal`, row i of [.., t, t] sees its elements 0 to i, and the others become zero.
fn softmax_shape(v: &StageShapes<'_>) -> Checked {
    let elements = v.same(1)?;
    if v.switch("causal") {
        let x = v.rank(0, 2)?;
        let (t, s) = (x[x.len() - 2], x[x.len() - 1]);
        if t != s {
            return Err(Complaint::not_square(s, t));
        }
    }
    // Per element: maximum, subtraction, exponential, sum, division.
    Ok(5 * elements)
}

/// One value of each run of consecutive elements; the output's length divides the input's.
fn reduction_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &[], &[])?;
    divides(v, About::Output, v.stage.outputs[0])?;
    Ok(count(v.input(0)))
}

/// (s - mean) / sqrt(variance + eps) · weight + bias, where s is x, or x + residual.
fn layer_norm(args: &Operands<'_>) -> Expected {
    let x = args.inputs[0];
    let d = x.extent(1);
    let (weight, bias) = (args.needed("weight").values, args.needed("bias").values);
    let eps = args.real("eps");
    let n = d as f64;
    let residual = args.inputs.get(1).map(|view| view.values);
    let mut expected = Expected::zeros(x.values.len());
    let rows = expected.value.par_chunks_mut(d).zip(expected.tolerance.par_chunks_mut(d));
    rows.zip(x.values.par_chunks(d)).enumerate().for_each(|(row, ((values, tolerances), x))| {
        let mut x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        for (x, residual) in x.iter_mut().zip(residual.into_iter().flat_map(|all| &all[row * d..][..d])) {
            *x += f64::from(*residual);
        }
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let deviation = (variance + eps).sqrt();
        // The mean of n values is off by λ√n·u·Σ|x|/n, and Σ|x| ≤ √n·‖x‖.
        let rms = (variance + mean * mean).sqrt();
        let mean_error = LAMBDA * U * n.sqrt() * rms;
        // Relative: half the variance's (a sum of n squares, each with the mean's error squared), and inverseSqrt's.
        let mut scale_error = LAMBDA * U * (0.5 * n.sqrt() + 2.0) + (mean_error / deviation).powi(2);
        if residual.is_some() {
            // Each sum of two is rounded, which moves the deviation by no more than the length of those errors.
            scale_error += LAMBDA * U * rms / deviation;
        }
        let columns = weight.iter().zip(bias).map(|(weight, bias)| (f64::from(*weight), f64::from(*bias)));
        for (((value, tolerance), x), (weight, bias)) in values.iter_mut().zip(tolerances).zip(&x).zip(columns) {
            let centred = x - mean;
            let scaled = centred / deviation * weight;
            *value = scaled + bias;
            *tolerance = (mean_error + LAMBDA * U * (x.abs() + mean.abs())) / deviation * weight.abs()
                + scaled.abs() * scale_error
                + LAMBDA * U * (scaled.abs() + bias.abs());
        }
    });
    expected
}

/// s / sqrt(mean(s²) + eps) · weight, where s is x, or x + residual.
fn rms_norm(args: &Operands<'_>) -> Expected {
    let x = args.inputs[0];
    let d = x.extent(1);
    let weight = args.needed("weight").values;
    let eps = args.real("eps");
    let residual = args.inputs.get(1).map(|view| view.values);
    // The sum of n squares, none negative, is off by λ√n·u of itself; its root by half of that, and inverseSqrt by 2 ULP.
    // Three more roundings: of a residual's sum and of the two products.
    let relative = LAMBDA * U * (0.5 * (d as f64).sqrt() + 5.0);
    let mut expected = Expected::zeros(x.values.len());
    let rows = expected.value.par_chunks_mut(d).zip(expected.tolerance.par_chunks_mut(d));
    rows.zip(x.values.par_chunks(d)).enumerate().for_each(|(row, ((values, tolerances), x))| {
        let mut s: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        for (s, residual) in s.iter_mut().zip(residual.into_iter().flat_map(|all| &all[row * d..][..d])) {
            *s += f64::from(*residual);
        }
        let root = (s.iter().map(|s| s * s).sum::<f64>() / d as f64 + eps).sqrt();
        for (((value, tolerance), s), weight) in values.iter_mut().zip(tolerances).zip(&s).zip(weight) {
            *value = s / root * f64::from(*weight);
            *tolerance = value.abs() * relative;
        }
    });
    expected
}

/// exp(x - max) / Σ exp(x - max); with `causal`, over a row's first elements, and zeros after them.
fn softmax(args: &Operands<'_>) -> Expected {
    let x = args.inputs[0];
    let d = x.extent(1);
    let mut expected = Expected::zeros(x.values.len());
    let rows = expected.value.par_chunks_mut(d).zip(expected.tolerance.par_chunks_mut(d));
    let causal = args.switch("causal");
    rows.zip(x.values.par_chunks(d)).enumerate().for_each(|(row, ((values, tolerances), x))| {
        let seen = if causal { row % d + 1 } else { d };
        let x = &x[..seen];
        let peak = f64::from(x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let mut sum = 0.0;
        // What the errors of the exponentials add to the sum.
        let mut sum_error = 0.0;
        for (value, x) in values.iter_mut().zip(x) {
            *value = (f64::from(*x) - peak).exp();
            sum += *value;
            sum_error += *value * exponential(f64::from(*x), peak);
        }
        let shared = sum_error / sum + LAMBDA * U * ((seen as f64).sqrt() + 2.5);
        for ((value, tolerance), x) in values.iter_mut().zip(tolerances).zip(x) {
            *value /= sum;
            *tolerance = *value * (exponential(f64::from(*x), peak) + shared);
        }
    });
    expected
}

/// Relative error of exp(x - peak): the subtraction's rounding and exp's own.
fn exponential(x: f64, peak: f64) -> f64 {
    tolerance::exp(x - peak) + U * (x - peak).abs()
}

/// The largest of each run of consecutive elements: exact.
fn max(args: &Operands<'_>) -> Expected {
    let run = args.inputs[0].values.len() / args.output_len();
    let runs = args.inputs[0].values.par_chunks(run);
    Expected::from_elements(runs.map(|run| (f64::from(run.iter().copied().fold(f32::NEG_INFINITY, f32::max)), 0.0)))
}

/// The sum of each run of consecutive elements.
fn sum(args: &Operands<'_>) -> Expected {
    let run = args.inputs[0].values.len() / args.output_len();
    Expected::from_elements(args.inputs[0].values.par_chunks(run).map(|run| {
        let sum: f64 = run.iter().map(|x| f64::from(*x)).sum();
        let sizes: f64 = run.iter().map(|x| f64::from(x.abs())).sum();
        (sum, LAMBDA * U * (run.len() as f64).sqrt() * sizes)
    }))
}
