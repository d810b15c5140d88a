//! When a job is warm enough to be measured.
//!
//! Repeating until successive windows of measurements agree is the way of A. Georges, D. Buytaert and L. Eeckhout,
//! "Statistically Rigorous Java Performance Evaluation", OOPSLA 2007, §5. Their threshold on the coefficient of variation
//! takes a noisy machine for a cold one, so windows are compared by rank here, whatever the noise.

use super::stats::median;

/// Warm-ups in a window.
const WINDOW: usize = 4;
/// A job that is not steady after this many will not be.
const MOST: usize = 40;
/// The search for the steady state takes no longer than this, in ms: slow jobs get few warm-ups, and need few.
const WITHIN_MS: f64 = 1000.0;

/// Whether the last window is like the one before it: its median lies within the other's range. `None` below two windows.
#[must_use]
pub fn steady(times: &[f64]) -> Option<bool> {
    let (earlier, last) = times.split_at(times.len().checked_sub(WINDOW)?);
    let earlier = &earlier[earlier.len().checked_sub(WINDOW)?..];
    let median = median(last)?;
    Some(earlier.iter().any(|time| *time <= median) && earlier.iter().any(|time| *time >= median))
}

/// How many more warm-ups to take after `times` (any unit), which took `took_ms`; 0 ends the warm-up. The first `least`
/// are taken in any case; `each_ms` is about what one costs.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and WINDOW")]
pub fn more(least: u32, times: &[f64], took_ms: f64, each_ms: f64) -> u32 {
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    if count < least {
        return least - count;
    }
    if steady(times) == Some(true) || times.len() >= MOST {
        return 0;
    }
    ((WITHIN_MS - took_ms) / each_ms.max(f64::MIN_POSITIVE)).clamp(0.0, WINDOW as f64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_not_steady_and_noise_is() {
        assert_eq!(steady(&[1.0; 7]), None);
        assert_eq!(steady(&[1.0; 8]), Some(true));
        assert_eq!(steady(&[9.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.2, 2.0]), Some(false));
        assert_eq!(steady(&[2.0, 2.1, 2.2, 2.3, 2.5, 2.6, 2.6, 2.8]), Some(false), "nor is a rise");
        assert_eq!(steady(&[9.0, 7.0, 1.0, 1.2, 0.9, 1.1, 1.0, 0.8, 1.3, 1.1]), Some(true));
    }

    #[test]
    fn it_ends_when_steady_or_late_and_takes_what_is_asked_for_in_any_case() {
        assert_eq!(more(3, &[], 0.0, 1.0), 3);
        assert_eq!(more(20, &[1.0; 8], 0.0, 1.0), 12);
        assert_eq!(more(0, &[1.0; 4], 4.0, 1.0), 4);
        assert_eq!(more(0, &[1.0; 8], 8.0, 1.0), 0);
        let falling: Vec<f64> = (0..40).map(|at| 100.0 - f64::from(at)).collect();
        assert_eq!(more(0, &falling[..12], 12.0, 1.0), 4);
        assert_eq!(more(0, &falling, 40.0, 1.0), 0, "not for ever");
        assert_eq!(more(1, &[500.0], 500.0, 500.0), 1, "one more fits");
        assert_eq!(more(1, &[500.0, 500.0], 1000.0, 500.0), 0);
        assert_eq!(more(1, &[5000.0], 5000.0, 5000.0), 0);
    }
}
