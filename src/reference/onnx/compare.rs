//! Comparing a model's outputs with the reference's, by a tolerance for the whole model.
//!
//! A model's error can't be bounded op by op from outside, so the tolerance is a share of the output's own size: its
//! root mean square, or the element itself where that is larger. Elements near zero are differences of larger ones and
//! carry those ones' errors; a purely relative rule would fail them, a purely absolute one would not know the scale.

use super::Tensor;
use crate::graph::ops::tolerance;
use crate::reference::{Failure, Verdict};

/// Largest error as a share of max(|expected|, root mean square of the expected output).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance(pub f64);

impl Tolerance {
    /// By a model's dtype as transformers.js names it; `None` for a name that it does not have.
    ///
    /// A rounding error of u an operator, independent from operator to operator, grows to u·√n over n operators (Higham
    /// & Mary, as in [`tolerance`]); a transformer of 12 to 24 layers has n ≈ 300 on its longest way, √n ≈ 17. An output
    /// has up to 10⁵ elements, whose furthest lies at about 5 standard deviations. Hence 85·u, and:
    ///
    /// - `fp32`, 1e-4: 85·2⁻²⁴ is 5e-6; sums of a thousand terms and WGSL's `exp` and `tanh`, which may be off by many
    ///   ULP, each cost a factor up to 5. A wrong operator is off by more than 1e-2.
    /// - `fp16`, 2e-2: the reference is computed in f32, so all rounding is the page's: 85·2⁻¹¹ = 4e-2 if every operator
    ///   rounded in the main path; products sum in f32, and half of the operators only move elements.
    /// - `q8`, `int8`, `uint8`, 5e-2: both sides quantise activations to 255 steps of their range, ±4 root mean squares:
    ///   a value next to a boundary falls to either side, 3e-2 of its size, and few do.
    /// - `q4`, `q4f16`, `bnb4`, `q2`, `q2f16`, 5e-2: weights are the same few bits on both sides; the products may be
    ///   rounded to f16 and, in onnxruntime's `accuracy_level` 4, activations to 8 bits.
    #[must_use]
    pub fn of(dtype: &str) -> Option<Self> {
        match dtype {
            "fp32" => Some(Self(1e-4)),
            "fp16" => Some(Self(2e-2)),
            "q8" | "int8" | "uint8" | "q4" | "q4f16" | "bnb4" | "q2" | "q2f16" => Some(Self(5e-2)),
            _ => None,
        }
    }
}

/// Compares each tensor of `want` with the tensor of its name in `got`; what `got` has beyond them is ignored.
///
/// - A floating element may be off by the tolerance; infinities must be equal. A tensor may have another floating type
///   than the reference's.
/// - Integers and bools must be equal. Two near equal scores can so fail an `ArgMax` on rounding alone: there is no
///   exception, as nothing here tells that from an error.
/// - An element that the reference can't compute either (NaN on both sides) is no error, but then `verified` is `None`.
///
/// A [`Failure`]'s `stage` and `tensor` are the output's name; the caller may put its session's for the stage.
#[must_use]
pub fn compare(got: &[Tensor], want: &[Tensor], tolerance: Tolerance) -> Verdict {
    let mut verdict = Verdict { verified: Some(true), max_abs_error: 0.0, max_rel_error: 0.0, failure: None };
    for want in want {
        let found = got.iter().find(|got| got.name() == want.name());
        let outcome = match found {
            None => Err(whole(want, "was not returned".to_owned())),
            Some(got) => same_form(got, want).and_then(|()| elements(got, want, tolerance, &mut verdict)),
        };
        if let Err(failure) = outcome {
            verdict.verified = Some(false);
            verdict.failure = Some(*failure);
            return verdict;
        }
    }
    verdict
}

fn same_form(got: &Tensor, want: &Tensor) -> Result<(), Box<Failure>> {
    if got.shape() != want.shape() {
        return Err(whole(want, format!("has the shape {:?}, the reference {:?}", got.shape(), want.shape())));
    }
    if got.kind() != want.kind() && !(got.kind().is_float() && want.kind().is_float()) {
        return Err(whole(want, format!("is {}, the reference {}", got.kind(), want.kind())));
    }
    Ok(())
}

/// An element that is wrong, by how far beyond its tolerance.
struct Worst {
    at: usize,
    excess: f64,
    allowed: f64,
}

/// Compares tensors of one form and adds what it measured to the verdict.
fn elements(got: &Tensor, want: &Tensor, share: Tolerance, verdict: &mut Verdict) -> Result<(), Box<Failure>> {
    let exact = !want.kind().is_float();
    // 64-bit integers may differ where their f64 are equal.
    if exact && got.bytes() == want.bytes() {
        return Ok(());
    }
    let size = want.kind().size().unwrap_or(1);
    let (values, expected) = (got.values_f64(), want.values_f64());
    let rms = root_mean_square(&expected);
    let (mut wrong, mut worst) = (0, Worst { at: 0, excess: 0.0, allowed: 0.0 });
    let (mut max_abs, mut largest, mut unknown) = (0.0_f64, 0.0_f64, false);
    for (at, (value, expected)) in values.iter().zip(&expected).enumerate() {
        if value.is_nan() && expected.is_nan() {
            unknown = true;
            continue;
        }
        let equal = if exact { same_bytes(got, want, at * size, size) } else { value.to_bits() == expected.to_bits() };
        let error = if equal { 0.0 } else { (value - expected).abs() };
        let allowed = if exact { 0.0 } else { share.0 * expected.abs().max(rms) + tolerance::FLUSHED };
        // An infinity that is not the other's is wrong whatever its tolerance, which is then infinite itself.
        let within = equal || (!exact && error <= allowed && expected.is_finite());
        if error.is_finite() {
            max_abs = max_abs.max(error);
        }
        if expected.is_finite() {
            largest = largest.max(expected.abs());
        }
        if !within {
            wrong += 1;
            let excess = error / allowed;
            let excess = if excess.is_finite() { excess } else { f64::MAX };
            if wrong == 1 || excess > worst.excess {
                worst = Worst { at, excess, allowed };
            }
        }
    }
    verdict.max_abs_error = verdict.max_abs_error.max(max_abs);
    let max_rel = if max_abs == 0.0 { 0.0 } else { max_abs / largest.max(f64::MIN_POSITIVE) };
    verdict.max_rel_error = verdict.max_rel_error.max(max_rel);
    if unknown {
        verdict.verified = None;
    }
    if wrong == 0 {
        return Ok(());
    }
    let mut failure = whole(want, "differs from its reference".to_owned());
    failure.index = crate::reference::position::index(worst.at, want.shape());
    #[expect(clippy::cast_possible_truncation, reason = "for the message")]
    let value = values[worst.at] as f32;
    (failure.got, failure.expected, failure.tolerance) = (value, expected[worst.at], worst.allowed);
    failure.wrong = wrong;
    Err(failure)
}

fn same_bytes(got: &Tensor, want: &Tensor, at: usize, size: usize) -> bool {
    got.bytes()[at..][..size] == want.bytes()[at..][..size]
}

/// Of the finite elements.
fn root_mean_square(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|value| value.is_finite());
    let (sum, len) = finite.fold((0.0, 0_usize), |(sum, len), value| (sum + value * value, len + 1));
    (sum / len.max(1) as f64).sqrt()
}

/// A failure of the whole tensor.
fn whole(want: &Tensor, reason: String) -> Box<Failure> {
    Box::new(Failure {
        stage: want.name().to_owned(),
        tensor: want.name().to_owned(),
        reason,
        index: vec![0; want.shape().len()],
        got: f32::NAN,
        expected: f64::NAN,
        tolerance: 0.0,
        wrong: want.len(),
        of: want.len(),
    })
}
