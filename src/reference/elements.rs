//! Comparing elements with what they should be: one rule for all references.
//!
//! An element is right when it is as far from its expected value as is allowed, or not finite in the same way: a NaN
//! where a NaN is expected, the same infinity.

use rayon::prelude::*;

/// An element: what it is, what it should be, and how far it may be off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// As the page computed it.
    pub(crate) got: f64,
    /// As the reference says.
    pub(crate) expected: f64,
    /// Largest allowed |got - expected|.
    pub(crate) allowed: f64,
}

/// What comparing all elements of a tensor found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// Largest |got - expected| of finite elements.
    pub(crate) max_abs: f64,
    /// Largest |expected| of finite elements.
    scale: f64,
    /// How many are wrong.
    pub(crate) wrong: usize,
    /// How many are not finite, as they should be.
    pub(crate) not_finite: usize,
    /// The one that is furthest beyond what is allowed.
    worst: Option<(f64, usize)>,
}

impl Found {
    /// Compares `len` elements.
    pub(crate) fn of(len: usize, element: impl Fn(usize) -> Compared + Sync) -> Self {
        (0..len).into_par_iter().map(|at| Self::one(at, element(at))).reduce(Self::default, Self::with)
    }

    fn one(at: usize, Compared { got, expected, allowed }: Compared) -> Self {
        let mut found = Self::default();
        if expected.is_finite() {
            found.scale = expected.abs();
        }
        if (got.is_nan() && expected.is_nan()) || (got.is_infinite() && got.to_bits() == expected.to_bits()) {
            found.not_finite = 1;
            return found;
        }
        let error = (got - expected).abs();
        if error.is_finite() {
            found.max_abs = error;
        }
        // Written so that a NaN in what is allowed counts as wrong, and that nothing is right by an infinite tolerance.
        if !(error <= allowed && error.is_finite() && allowed.is_finite()) {
            found.wrong = 1;
            let excess = error / allowed;
            found.worst = Some((if excess.is_finite() { excess } else { f64::MAX }, at));
        }
        found
    }

    fn with(self, other: Self) -> Self {
        // Of two that are as bad, the first.
        let worst = match (self.worst, other.worst) {
            (Some(one), Some(two)) if two.0 > one.0 || (two.0.total_cmp(&one.0).is_eq() && two.1 < one.1) => Some(two),
            (one, two) => one.or(two),
        };
        Self {
            max_abs: self.max_abs.max(other.max_abs),
            scale: self.scale.max(other.scale),
            wrong: self.wrong + other.wrong,
            not_finite: self.not_finite + other.not_finite,
            worst,
        }
    }

    /// Largest error as a share of the largest expected element.
    pub(crate) fn max_rel(&self) -> f64 {
        if self.max_abs == 0.0 { 0.0 } else { self.max_abs / self.scale.max(f64::MIN_POSITIVE) }
    }

    /// The position of the element that is furthest beyond what is allowed; `None` where none is wrong.
    pub(crate) fn worst(&self) -> Option<usize> {
        self.worst.map(|(_, at)| at)
    }
}

/// The root mean square of the finite elements: the scale of a tensor.
pub(crate) fn root_mean_square(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|value| value.is_finite());
    let (sum, len) = finite.fold((0.0, 0_usize), |(sum, len), value| (sum + value * value, len + 1));
    (sum / len.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_right_by_a_tolerance_without_end() {
        // The squares of such values are infinite, and so is their mean.
        let expected = [1e200, 1.0];
        let rms = root_mean_square(&expected);
        assert!(rms.is_infinite());
        for got in [1.0, f64::INFINITY, f64::NAN] {
            let found = Found::of(2, |at| Compared { got, expected: expected[at], allowed: 1e-5 * rms });
            assert_eq!(found.wrong, 2, "{got}");
        }
        let found = Found::of(1, |_| Compared { got: f64::NAN, expected: f64::NAN, allowed: 0.0 });
        assert_eq!((found.wrong, found.not_finite), (0, 1));
    }
}
