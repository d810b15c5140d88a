//! Whether samples fall into two clusters, as they do when a clock, a core or a cache state changes while they are taken: a
//! median of such samples is that of the larger cluster.

use super::stats::quantile;

/// Each cluster holds at least one sample of so many; fewer are outliers.
const ONE_IN: usize = 5;
/// And at least so many.
const FEWEST: usize = 4;
/// Clusters nearer than this share of the smaller one don't matter.
const NEAREST: f64 = 0.03;
/// The clusters' distance in their own spread. Ashman's D above 2 is a clean separation of two mixed normal distributions
/// (K. M. Ashman, C. M. Bird and S. E. Zepf, "Detecting bimodality in astronomical datasets", AJ 108, 1994); a single
/// distribution that is cut in two already has 2.7 (normal) to 3.5 (uniform), by the cut.
const LEAST_DISTANCE: f64 = 6.0;

/// Two clusters of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Modes {
    /// Median of the lower cluster.
    pub low: f64,
    /// Median of the upper cluster.
    pub high: f64,
    /// Share of the samples in the upper cluster, 0 to 1.
    pub share_high: f64,
}

/// The two clusters of the samples, where there are two: cut where the spread within both is least (N. Otsu, "A threshold
/// selection method from gray-level histograms", 1979).
#[must_use]
pub fn two(samples: &[f64]) -> Option<Modes> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let least = FEWEST.max(sorted.len().div_ceil(ONE_IN));
    let cut = (least..=sorted.len().checked_sub(least)?)
        .min_by(|a, b| within(&sorted, *a).total_cmp(&within(&sorted, *b)))?;
    let (low, high) = sorted.split_at(cut);
    let distance = (mean(high) - mean(low)) / f64::midpoint(variance(low), variance(high)).sqrt();
    let modes = Modes {
        low: quantile(low, 0.5)?,
        high: quantile(high, 0.5)?,
        share_high: high.len() as f64 / sorted.len() as f64,
    };
    (distance > LEAST_DISTANCE && modes.high > modes.low * (1.0 + NEAREST)).then_some(modes)
}

fn within(sorted: &[f64], cut: usize) -> f64 {
    let (low, high) = sorted.split_at(cut);
    variance(low) * low.len() as f64 + variance(high) * high.len() as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn two_heaps_are_seen_and_outliers_are_none() {
        let mut samples: Vec<f64> = (0..20).map(|at| 1.0 + 0.002 * f64::from(at % 5)).collect();
        assert_eq!(two(&samples), None);
        samples.extend([2.0, 2.1]);
        assert_eq!(two(&samples), None, "two outliers");
        samples.extend((0..10).map(|at| 1.5 + 0.002 * f64::from(at % 4)));
        let modes = two(&samples[..20].iter().chain(&samples[22..]).copied().collect::<Vec<_>>()).unwrap();
        assert!((modes.low - 1.004).abs() < 0.01 && (modes.high - 1.503).abs() < 0.01, "{modes:?}");
        assert!((modes.share_high - 1.0 / 3.0).abs() < 1e-9);
        // Two readings of a coarse clock are not two states of the machine.
        assert_eq!(two(&[1.0, 1.005].repeat(10)), None);
        assert_eq!(two(&[1.0; 3]), None);
        assert_eq!(two(&[]), None);
    }

    #[test]
    fn one_heap_of_any_shape_is_rarely_taken_for_two() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut uniform = || rng.random_range(0.0..1.0_f64);
        for shape in ["uniform", "normal", "exponential"] {
            let mut seen = 0;
            for trial in 0..2000 {
                let samples: Vec<f64> = (0..[8, 10, 20, 50][trial % 4])
                    .map(|_| match shape {
                        "uniform" => 1.0 + uniform(),
                        "normal" => 10.0 + (0..12).map(|_| uniform()).sum::<f64>() - 6.0,
                        _ => 1.0 - uniform().max(1e-12).ln(),
                    })
                    .collect();
                seen += u32::from(two(&samples).is_some());
            }
            assert!(seen <= 40, "{shape}: {seen} of 2000");
        }
    }
}
