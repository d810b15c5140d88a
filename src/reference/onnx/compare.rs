//! Comparing a model's outputs with the reference's, by a tolerance for the whole model.
//!
//! A model's error can't be bounded op by op from outside, so the tolerance is a share of the output's own size: its
//! root mean square, or the element itself where that is larger. Elements near zero are differences of larger ones and
//! carry those ones' errors; a purely relative rule would fail them, a purely absolute one would not know the scale.

use super::Tensor;
use crate::graph::ArrayFile;
use crate::graph::ops::tolerance::FLUSHED;
use crate::reference::elements::{Compared, Found, root_mean_square};
use crate::reference::{Failure, Verdict};

/// How far an element may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// As a share of max(|expected|, root mean square of the expected output).
    pub share: f64,
    /// Whatever the sizes.
    pub absolute: f64,
}

impl Tolerance {
    /// By a model's dtype as transformers.js names it; `None` for a name that it does not have.
    ///
    /// A rounding error of u an operator, independent from operator to operator, grows to u·√n over n operators (Higham
    /// & Mary, as in `graph::ops::tolerance`); a transformer of 12 to 24 layers has n ≈ 300 on its longest way, √n ≈ 17. An output
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
        let share = match dtype {
            "fp32" => 1e-4,
            "fp16" => 2e-2,
            "q8" | "int8" | "uint8" | "q4" | "q4f16" | "bnb4" | "q2" | "q2f16" => 5e-2,
            _ => return None,
        };
        Some(Self::of_share(share))
    }

    /// A share alone.
    #[must_use]
    pub fn of_share(share: f64) -> Self {
        Self { share, absolute: 0.0 }
    }
}

/// Compares each tensor of `want` with the tensor of its name in `got`; what `got` has beyond them is ignored.
///
/// - A floating element may be off by the tolerance; infinities must be equal, and a NaN be where the reference's is. A
///   tensor may have another floating type than the reference's.
/// - Integers and bools must be equal. Two near equal scores can so fail an `ArgMax` on rounding alone: there is no
///   exception, as nothing here tells that from an error.
///
/// A [`Failure`]'s `stage` and `tensor` are the output's name; the caller may put its session's for the stage.
#[must_use]
pub fn compare(got: &[Tensor], want: &[Tensor], tolerance: Tolerance) -> Verdict {
    let mut verdict = Verdict::default();
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

/// Compares tensors of one form and adds what it measured to the verdict.
fn elements(got: &Tensor, want: &Tensor, tolerance: Tolerance, verdict: &mut Verdict) -> Result<(), Box<Failure>> {
    let exact = !want.kind().is_float();
    let size = want.kind().size().unwrap_or(1);
    let (values, expected) = (got.values_f64(), want.values_f64());
    let rms = root_mean_square(&expected);
    let element = |at: usize| {
        let (got_at, expected) = (values[at], expected[at]);
        if exact {
            // 64-bit integers may differ where their f64 are equal.
            let allowed = if same_bytes(got, want, at * size, size) { 0.0 } else { -1.0 };
            return Compared { got: got_at, expected, allowed };
        }
        let allowed = tolerance.share * expected.abs().max(rms) + tolerance.absolute + FLUSHED;
        Compared { got: got_at, expected, allowed }
    };
    let found = Found::of(values.len(), element);
    verdict.measured(found.max_abs, found.max_rel(), found.not_finite);
    let Some(worst) = found.worst() else { return Ok(()) };
    let Compared { got, expected, allowed } = element(worst);
    let mut failure = whole(want, "differs from its reference".to_owned());
    failure.index = crate::reference::position::index(worst, want.shape());
    (failure.got, failure.expected, failure.tolerance) = (got, expected, allowed.max(0.0));
    failure.wrong = found.wrong;
    Err(failure)
}

fn same_bytes(got: &Tensor, want: &Tensor, at: usize, size: usize) -> bool {
    got.bytes()[at..][..size] == want.bytes()[at..][..size]
}

/// Compares an output with a file's numbers, which are taken for values of its type.
#[must_use]
pub fn compare_with_file(got: &Tensor, file: &ArrayFile, tolerance: Tolerance) -> Verdict {
    let expected = file.read().and_then(|numbers| {
        if !file.header.fits(got.shape()) {
            return Err(format!("it holds {}, and the output is {:?}", file.header.says(), got.shape()));
        }
        let (name, kind, shape) = (got.name().to_owned(), got.kind().clone(), got.shape().to_vec());
        Tensor::of_numbers(name, kind, shape, &numbers).map_err(|error| error.to_string())
    });
    match expected {
        Ok(expected) => compare(std::slice::from_ref(got), &[expected], tolerance),
        Err(message) => {
            let mut failure = whole(got, format!("can't be compared with {}: {message}", file.path.display()));
            failure.compared = false;
            Verdict { verified: Some(false), failure: Some(*failure), ..Verdict::default() }
        }
    }
}

/// A failure of the whole tensor.
fn whole(want: &Tensor, reason: String) -> Box<Failure> {
    Box::new(Failure {
        stage: want.name().to_owned(),
        tensor: want.name().to_owned(),
        reason,
        index: vec![0; want.shape().len()],
        got: f64::NAN,
        expected: f64::NAN,
        tolerance: 0.0,
        wrong: want.len(),
        of: want.len(),
        compared: true,
    })
}
