//! A quantity with its unit in the type, and one formatter for each.
//!
//! Made wherever a figure is read or measured; used by every stage that shows or stores one.

use std::fmt;
use std::time::Duration;

/// A span of time in whole nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// A count of floating-point operations; a fused multiply-add counts as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flops(pub u64);

impl Nanos {
    /// From milliseconds, rounded to the nearest nanosecond; negative and non-finite values become zero.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of u64 first")]
    pub fn from_millis_f64(millis: f64) -> Self {
        let nanos = (millis * 1e6).round();
        Self(if nanos.is_finite() { nanos.clamp(0.0, u64::MAX as f64) as u64 } else { 0 })
    }

    /// In milliseconds.
    #[must_use]
    pub fn millis(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Nanos {
    /// Three significant digits in the largest fitting unit: `12.3 ms`, `1.20 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0 as f64, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
    }
}

impl fmt::Display for Bytes {
    /// Three significant digits in binary units: `64.0 MiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0 as f64, &[(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")])
    }
}

impl fmt::Display for Flops {
    /// Three significant digits in decimal units: `1.70 GFLOP`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scaled(f, self.0 as f64, &[(1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1.0, "FLOP")])
    }
}

/// Writes `value` in the first of `units` (largest first) that it reaches.
fn scaled(f: &mut fmt::Formatter<'_>, value: f64, units: &[(f64, &str)]) -> fmt::Result {
    let &(size, name) = units.iter().find(|(size, _)| value >= *size).or(units.last()).unwrap_or(&(1.0, ""));
    write!(f, "{} {name}", significant(value / size, 3))
}

/// `value` as a decimal with `digits` significant digits and no exponent.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the exponent of an f64 lies within ±330")]
pub fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let places = (digits - 1 - value.abs().log10().floor() as i32).max(0);
    format!("{value:.0$}", places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_and_their_unit() {
        assert_eq!(Nanos(12_345_678).to_string(), "12.3 ms");
        assert_eq!(Nanos(0).to_string(), "0 ns");
        assert_eq!(Nanos(1_200_000_000).to_string(), "1.20 s");
        assert_eq!(Bytes(64 << 20).to_string(), "64.0 MiB");
        assert_eq!(Flops(1_704_000_000).to_string(), "1.70 GFLOP");
        assert_eq!(significant(1234.5, 3), "1234");
    }
}
