//! How far an f32 result may be from its f64 reference, and why.
//!
//! - A sum of n products in f32, in any order, is off by at most γₙ·Σ|xᵢwᵢ| with γₙ ≈ n·u (Higham, *Accuracy and
//!   Stability of Numerical Algorithms*, 2nd ed., §3.1, eq. 3.5), and with overwhelming probability by at most
//!   λ·√n·u·Σ|xᵢwᵢ| (Higham & Mary, *A New Approach to Probabilistic Rounding Error Analysis*, SIAM J. Sci. Comput.
//!   41(5), 2019, theorem 2.4: failure probability at most 2n·exp(-λ²/2)). Σ|xᵢwᵢ| ≤ ‖x‖₂‖w‖₂ by Cauchy–Schwarz,
//!   which costs two norms instead of a second product.
//! - WGSL's own bounds (W3C, *WebGPU Shading Language*, §15.7.4 "Floating Point Accuracy"): division 2.5 ULP;
//!   `exp(x)` 3 + 2·|x| ULP; `log2(x)` 2⁻²¹ absolute in [0.5, 2], else 3 ULP; `inverseSqrt` 2 ULP; `sqrt(x)` as
//!   `1 / inverseSqrt(x)`. Subnormals may be flushed to zero.
//!
//! An ULP is at most 2u relative to the value.

/// Unit roundoff of f32: 2⁻²⁴.
pub const U: f64 = 1.0 / 16_777_216.0;

/// λ of Higham & Mary. The theorem's probability is a worst case over data; measured errors of random data stay below λ = 1.
pub const LAMBDA: f64 = 4.0;

/// Where subnormals are flushed, an element may be off by the smallest normal f32 and its neighbours.
pub const FLUSHED: f64 = 1e-37;

/// Largest error of `erf` by Abramowitz & Stegun, *Handbook of Mathematical Functions*, 7.1.26, which the shaders use.
pub const ERF: f64 = 1.5e-7;

/// The bound of a dot product of `n` terms from the product of its vectors' norms, and of the roundings after it.
#[must_use]
pub fn dot(n: usize, norms: f64, value: f64) -> f64 {
    LAMBDA * U * ((n as f64).sqrt() * norms + value.abs())
}

/// Unit roundoff of f16: 2⁻¹¹.
pub const U16: f64 = 1.0 / 2048.0;

/// The bound of a dot product of `n` terms that is summed in f16, from a bound of Σ(xᵢwᵢ)², which is ‖x²‖₂‖w²‖₂.
///
/// γₙ and its probabilistic form have Σ|xᵢwᵢ| in them, and with u = 2⁻¹¹ they allow more than the result itself: zeros
/// would pass. So this takes the errors for what they are, u·δᵢ·sᵢ of each partial sum sᵢ with independent δᵢ (Higham & Mary, model
/// 2.1), and the terms' signs for mixed: then E(sᵢ²) ≤ Σ(xᵢwᵢ)² beside a share of the result itself. It holds for operands
/// whose mean is near 0, as seeded ones are. What is below the smallest normal f16 may be flushed.
#[must_use]
pub fn half_dot(n: usize, squares: f64, value: f64) -> f64 {
    LAMBDA * U16 * (n as f64).sqrt() * (squares.sqrt() + value.abs()) + 2.0_f64.powi(-14)
}

/// Relative error of WGSL's `exp(x)`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    (3.0 + 2.0 * x.abs()) * 2.0 * U
}

/// Absolute error of `log2(x) * log10(2)` in WGSL at a value y = log10(x): both cases of the specification, added.
#[must_use]
pub fn log10(y: f64) -> f64 {
    std::f64::consts::LOG10_2 * 2.0_f64.powi(-21) + LAMBDA * 2.0 * U * y.abs()
}
