//! What a layer may apply to its sums, and what its rounding adds to their errors.

use strum::{Display, EnumString, IntoStaticStr, VariantNames};

use super::tolerance::{self, ERF, LAMBDA, U};

/// A function of one number; `activation` names it in a stage's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Activation {
    /// x.
    None,
    /// x · Φ(x), exactly (Hendrycks & Gimpel, *Gaussian Error Linear Units*, 2016).
    Gelu,
    /// x · sigmoid(1.702 x), the approximation of the same paper that CLIP uses.
    QuickGelu,
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
}

/// Applies it to a row, and carries the row's tolerances through it.
pub(super) fn activate(values: &mut [f64], tolerances: &mut [f64], activation: Activation) {
    if activation == Activation::None {
        return;
    }
    for (value, tolerance) in values.iter_mut().zip(tolerances) {
        let x = *value;
        // The largest slope of the function, and what computing it adds.
        let (y, slope, own) = match activation {
            Activation::None => (x, 1.0, 0.0),
            // Eight roundings cover the polynomial, exp, the division and the products: the growth of exp's bound with
            // x² is outrun by the tail that it multiplies.
            Activation::Gelu => (x * phi(x), 1.13, x.abs() * (ERF + 8.0 * U)),
            Activation::QuickGelu => quick_gelu(x),
            Activation::Tanh => tanh(x),
            Activation::Relu => (x.max(0.0), 1.0, 0.0),
        };
        *value = y;
        *tolerance = slope * *tolerance + own;
    }
}

/// x · sigmoid(z) with z = 1.702 x; the shader has e = exp(-|z|), and e or 1 over 1 + e.
fn quick_gelu(x: f64) -> (f64, f64, f64) {
    let z = f64::from(1.702_f32) * x;
    let e = (-z.abs()).exp();
    let y = x * if x < 0.0 { e } else { 1.0 } / (1.0 + e);
    // An exponential's relative error reaches 1 / (1 + e) by e / (1 + e), and e / (1 + e) by no more than itself.
    let share = if x < 0.0 { 1.0 } else { e / (1.0 + e) };
    let relative = share * (tolerance::exp(z) + LAMBDA * U * z.abs()) + LAMBDA * 2.5 * U;
    // Where e is subnormal it may be zero, times x.
    (y, 1.1, y.abs() * relative + x.abs() * f64::from(f32::MIN_POSITIVE))
}

/// The shader has e = exp(-2|x|), and (1 - e) / (1 + e) with the sign of x.
fn tanh(x: f64) -> (f64, f64, f64) {
    let e = (-2.0 * x.abs()).exp();
    // Near zero 1 - e cancels: what is left of e's error is absolute.
    let of_e = e * (tolerance::exp(2.0 * x) + LAMBDA * U);
    (x.tanh(), 1.0, 2.0 * of_e + LAMBDA * 2.5 * U * x.tanh().abs() + U)
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
