//! Normalisations over the last dimension: layer norm and softmax.

use rayon::prelude::*;

use super::tolerance::{self, LAMBDA, U};
use super::{Args, Expected};

/// (s - mean) / sqrt(variance + eps) · weight + bias, where s is x, or x + residual.
pub(super) fn layer_norm(args: &Args<'_>) -> Expected {
    let x = args.inputs[0];
    let d = x.extent(1);
    let (weight, bias) = (args.needed("weight").values, args.needed("bias").values);
    let eps = args.float("eps", 1e-5);
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

/// exp(x - max) / Σ exp(x - max); with `causal`, over a row's first elements, and zeros after them.
pub(super) fn softmax(args: &Args<'_>) -> Expected {
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
