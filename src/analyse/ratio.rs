//! The ratio of two jobs' times, with its interval, and the chance that it is 1.
//!
//! Samples of one round are taken within moments of each other and share whatever the machine was doing: they are one
//! observation, not many. So the unit here is the round: its median, as a logarithm, so that ratios are differences.
//!
//! - Jobs that were interleaved are paired by round: Student's t interval of the mean difference. What slows a whole
//!   round slows both and cancels.
//! - Jobs of different runs are not: Welch's t interval of the difference of the means (B. L. Welch, "The generalization
//!   of 'Student's' problem when several different population variances are involved", Biometrika 34, 1947).
//! - Below [`FEWEST_ROUNDS`] rounds there are no degrees of freedom to speak of: the samples themselves are resampled
//!   (percentile bootstrap of the ratio of medians; Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, §13),
//!   which trusts them to be independent and says so in [`Method`].

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::measure::stats::quantile;

/// Rounds from which on they are the unit.
pub const FEWEST_ROUNDS: usize = 3;

/// Resamples of the bootstrap; the 2.5 % tail then holds 50 of them.
const RESAMPLES: usize = 2000;

/// How a ratio was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Rounds in which both were measured.
    PairedRounds,
    /// Rounds of different runs.
    UnpairedRounds,
    /// Samples as if each were independent.
    Bootstrap,
}

impl Method {
    /// As written in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PairedRounds => "paired rounds",
            Self::UnpairedRounds => "unpaired rounds",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// How many times as long the new one takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// New time by base time.
    pub ratio: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p-value of the ratio being 1.
    pub p: f64,
    /// How it was come by.
    pub method: Method,
}

/// Compares times (any unit, each above zero), one list a round; `paired` where round `i` of both was measured at the
/// same time. `None` where either has no sample.
#[must_use]
pub fn ratio(base: &[Vec<f64>], new: &[Vec<f64>], paired: bool) -> Option<Ratio> {
    let logs =
        |rounds: &[Vec<f64>]| -> Option<Vec<f64>> { rounds.iter().map(|round| median(round).map(f64::ln)).collect() };
    let (base_logs, new_logs) = (logs(base)?, logs(new)?);
    let fewest = base_logs.len().min(new_logs.len());
    if fewest >= FEWEST_ROUNDS {
        if paired && base_logs.len() == new_logs.len() {
            let differences: Vec<f64> = new_logs.iter().zip(&base_logs).map(|(new, base)| new - base).collect();
            return Some(student(
                mean(&differences),
                variance(&differences) / fewest as f64,
                fewest as f64 - 1.0,
                Method::PairedRounds,
            ));
        }
        let parts = [&base_logs, &new_logs].map(|logs| (variance(logs) / logs.len() as f64, logs.len() as f64 - 1.0));
        let error = parts[0].0 + parts[1].0;
        let freedom = error * error / parts.iter().map(|(part, freedom)| part * part / freedom).sum::<f64>();
        let freedom = if freedom.is_finite() { freedom } else { parts[0].1 };
        return Some(student(mean(&new_logs) - mean(&base_logs), error, freedom, Method::UnpairedRounds));
    }
    bootstrap(&base.concat(), &new.concat())
}

/// The ratio from a difference of logarithms and its squared standard error.
fn student(difference: f64, squared_error: f64, freedom: f64, method: Method) -> Ratio {
    let error = squared_error.sqrt();
    let Ok(t) = StudentsT::new(0.0, 1.0, freedom) else {
        // Not reached: the degrees of freedom are at least 1.
        return Ratio { ratio: difference.exp(), low: 0.0, high: f64::INFINITY, p: 1.0, method };
    };
    let reach = t.inverse_cdf(0.975) * error;
    // Equal to the last digit in every round: nothing to be uncertain of.
    let p = match (error > 0.0, difference == 0.0) {
        (true, _) => 2.0 * (1.0 - t.cdf((difference / error).abs())),
        (false, true) => 1.0,
        (false, false) => 0.0,
    };
    Ratio { ratio: difference.exp(), low: (difference - reach).exp(), high: (difference + reach).exp(), p, method }
}

fn bootstrap(base: &[f64], new: &[f64]) -> Option<Ratio> {
    let estimate = median(new)? / median(base)?;
    // The same samples give the same interval on every machine and at every look.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |from: &[f64], into: &mut Vec<f64>| {
        into.clear();
        into.extend((0..from.len()).map(|_| from[below(&mut state, from.len())]));
        into.sort_by(f64::total_cmp);
        quantile(into, 0.5).unwrap_or(f64::NAN)
    };
    let mut scratch = Vec::new();
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| draw(new, &mut scratch) / draw(base, &mut scratch)).collect();
    ratios.sort_by(f64::total_cmp);
    let side =
        ratios.iter().filter(|ratio| **ratio <= 1.0).count().min(ratios.iter().filter(|ratio| **ratio >= 1.0).count());
    let p = (2.0 * (side as f64 + 1.0) / (RESAMPLES as f64 + 1.0)).min(1.0);
    // A sample alone has no spread to draw from.
    let (low, high) = if base.len().min(new.len()) < 2 {
        (0.0, f64::INFINITY)
    } else {
        (quantile(&ratios, 0.025)?, quantile(&ratios, 0.975)?)
    };
    let p = if base.len().min(new.len()) < 2 { 1.0 } else { p };
    Some(Ratio { ratio: estimate, low, high, p, method: Method::Bootstrap })
}

/// A whole number below `end` from the `SplitMix64` sequence (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
fn below(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    usize::try_from((u128::from(z) * end as u128) >> 64).unwrap_or(0)
}

/// The p-values of several comparisons made at once, each as large as it has to be for a decision at any level to hold
/// for all of them (S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6, 1979).
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The unbiased one.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A normal deviate from the sum of twelve uniform ones.
    fn normal(state: &mut u64) -> f64 {
        (0..12).map(|_| below(state, 1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0
    }

    /// Rounds of five samples with noise of the round, shared where paired, and of the sample.
    fn rounds(state: &mut u64, count: usize, shared: &[f64], scale: f64) -> Vec<Vec<f64>> {
        (0..count).map(|round| (0..5).map(|_| scale * (1.0 + shared[round] + 0.02 * normal(state))).collect()).collect()
    }

    /// The share of 2,000 trials in which the interval holds the true ratio lies within 93–97 %.
    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say() {
        let mut state = 7;
        for (count, paired) in [(5, true), (10, true), (20, true), (5, false), (10, false)] {
            let trials = 2000;
            let mut covered = 0;
            for _ in 0..trials {
                let noise: Vec<f64> = (0..count).map(|_| 0.05 * normal(&mut state)).collect();
                let other: Vec<f64> =
                    if paired { noise.clone() } else { (0..count).map(|_| 0.05 * normal(&mut state)).collect() };
                let base = rounds(&mut state, count, &noise, 3.0);
                let new = rounds(&mut state, count, &other, 3.3);
                let found = ratio(&base, &new, paired).unwrap();
                covered += usize::from(found.low <= 1.1 && 1.1 <= found.high);
            }
            let share = f64::from(u32::try_from(covered).unwrap()) / f64::from(trials);
            assert!((0.93..=0.97).contains(&share), "{count} rounds, paired: {paired}: {share}");
        }
    }

    #[test]
    fn equal_jobs_are_rarely_called_different() {
        let mut state = 11;
        let different = (0..1000)
            .filter(|_| {
                let noise: Vec<f64> = (0..8).map(|_| 0.1 * normal(&mut state)).collect();
                let base = rounds(&mut state, 8, &noise, 1.0);
                let new = rounds(&mut state, 8, &noise, 1.0);
                ratio(&base, &new, true).unwrap().p < 0.05
            })
            .count();
        assert!((30..=75).contains(&different), "{different} of 1000");
    }

    #[test]
    fn one_slow_round_decides_nothing() {
        let base = vec![vec![1.0, 1.01, 0.99]; 8];
        let mut new = base.clone();
        new[3] = vec![2.0, 2.1, 1.9];
        let found = ratio(&base, &new, true).unwrap();
        assert!(found.p > 0.05 && found.low < 1.0 && found.high > 1.0, "{found:?}");
    }

    #[test]
    fn few_rounds_fall_back_to_the_samples() {
        let base = vec![vec![1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.01, 0.99]];
        let new = vec![base[0].iter().map(|time| 1.1 * time).collect::<Vec<f64>>()];
        let found = ratio(&base, &new, true).unwrap();
        assert_eq!(found.method, Method::Bootstrap);
        assert!(found.low > 1.05 && found.high < 1.15 && found.p < 0.01, "{found:?}");
        let alone = ratio(&[vec![1.0]], &[vec![2.0]], true).unwrap();
        assert!(alone.p > 0.99 && alone.high.is_infinite(), "{alone:?}");
        assert!(ratio(&[], &[vec![1.0]], true).is_none_or(|found| found.p >= 0.99));
    }

    #[test]
    fn holm_is_that_of_the_paper() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
