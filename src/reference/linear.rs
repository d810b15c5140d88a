//! Products with what follows them: matrix product, linear layer, 1-D convolution; and the exact GELU.

use super::dot::product;
use super::tolerance::{ERF, LAMBDA, U};
use super::{Args, Expected};

/// [.., m, k] × [k, n].
pub(super) fn matmul(args: &Args<'_>) -> Expected {
    let (a, b) = (args.inputs[0], args.inputs[1]);
    let (k, n) = (a.extent(1), b.extent(1));
    let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&a.values[row * k..][..k]);
    product((a.values.len() / k, k, n), b.values, fetch, |_, _, _| {})
}

/// activation(x · weight + bias) + residual.
pub(super) fn linear(args: &Args<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (k, n) = (x.extent(1), weight.extent(1));
    let bias = args.weight("bias").map(|view| view.values);
    let residual = args.inputs.get(1).map(|view| view.values);
    let gelu = args.gelu();
    let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&x.values[row * k..][..k]);
    product((x.values.len() / k, k, n), weight.values, fetch, |row, values, tolerances| {
        activate(values, tolerances, bias, gelu);
        add(values, tolerances, residual.map(|residual| &residual[row * n..][..n]));
    })
}

/// activation(conv(x) + bias) + position, as a product of gathered rows: `taps · c` values of x a step.
pub(super) fn conv1d(args: &Args<'_>) -> Expected {
    let (x, weight) = (args.inputs[0], args.needed("weight"));
    let (t, c) = (x.extent(2), x.extent(1));
    let (taps, n) = (weight.extent(3), weight.extent(1));
    let t_out = args.output[args.output.len() - 2];
    let (stride, padding) = (args.int("stride", 1), args.int("padding", 0));
    let bias = args.weight("bias").map(|view| view.values);
    let position = args.weight("position").map(|view| view.values);
    let gelu = args.gelu();
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
        activate(values, tolerances, bias, gelu);
        add(values, tolerances, position.map(|position| &position[row % t_out * n..][..n]));
    })
}

fn activate(values: &mut [f64], tolerances: &mut [f64], bias: Option<&[f32]>, gelu: bool) {
    add(values, tolerances, bias);
    if gelu {
        for (value, tolerance) in values.iter_mut().zip(tolerances) {
            let x = *value;
            *value = x * phi(x);
            // |gelu'| is at most 1.129. Eight roundings cover the polynomial, exp, the division and the products: the
            // growth of exp's bound with x² is outrun by the tail that it multiplies.
            *tolerance = 1.13 * *tolerance + x.abs() * (ERF + 8.0 * U);
        }
    }
}

fn add(values: &mut [f64], tolerances: &mut [f64], addend: Option<&[f32]>) {
    let Some(addend) = addend else { return };
    for ((value, tolerance), addend) in values.iter_mut().zip(tolerances).zip(addend) {
        *value += f64::from(*addend);
        *tolerance += LAMBDA * U * (f64::from(*addend).abs() + value.abs());
    }
}

/// The normal distribution's cumulative probability, to about 1e-15: GELU(x) = x · phi(x).
fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let tail = if z < 3.0 { 0.5 - 0.5 * erf_series(z) } else { 0.5 * erfc_fraction(z) };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Abramowitz & Stegun 7.1.6: all terms positive, so nothing cancels; for z below 3.
fn erf_series(z: f64) -> f64 {
    let (mut term, mut sum) = (z, z);
    let mut odd = 1.0;
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= 2.0 * z * z / odd;
        sum += term;
    }
    sum * (-z * z).exp() * std::f64::consts::FRAC_2_SQRT_PI
}

/// Abramowitz & Stegun 7.1.14, from the inside out; 60 steps are enough for z of 3 and above.
fn erfc_fraction(z: f64) -> f64 {
    let fraction = (1..=60).rev().fold(z, |inner, step| z + f64::from(step) / 2.0 / inner);
    (-z * z).exp() / fraction * std::f64::consts::FRAC_2_SQRT_PI / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phi_matches_tables() {
        // scipy.special.ndtr
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-2.5, 0.006_209_665_325_776_132),
            (-5.0, 2.866_515_718_791_939e-7),
            (4.0, 0.999_968_328_758_166_9),
        ] {
            assert!((phi(x) - expected).abs() < 1e-15 + 1e-12 * expected, "phi({x}) = {}", phi(x));
        }
    }
}
