//! Figures of a set of samples: the median, its 95 % interval, and the 95th percentile.

/// The distribution of one job's steady samples, in the unit of the samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many samples.
    pub count: usize,
    /// The middle value; the mean of the two middle ones of an even count.
    pub median: f64,
    /// The 95 % interval of the median; `None` below six samples, where no order statistics reach 95 %.
    pub interval: Option<(f64, f64)>,
    /// The 95th percentile.
    pub p95: f64,
}

impl Summary {
    /// Of at least one sample, in any order; `None` of none.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (median, p95) = (quantile(&sorted, 0.5)?, quantile(&sorted, 0.95)?);
        Some(Self { count: sorted.len(), median, interval: median_interval(&sorted, 0.95), p95 })
    }

    /// Half the interval's width as a share of the median.
    #[must_use]
    pub fn relative_half_width(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        (self.median > 0.0).then(|| (high - low) / 2.0 / self.median)
    }
}

/// Quantile `q` of sorted values by linear interpolation, R's and numpy's default (type 7 of Hyndman & Fan,
/// "Sample Quantiles in Statistical Packages", 1996).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the position lies within the slice")]
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64))
}

/// The middle of values in any order; `None` of none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// The mean of values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The unbiased variance of values.
#[must_use]
pub fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// The interval of the median of sorted values that holds it with `confidence` (0 to 1), whatever the distribution:
/// order statistics from both ends, interpolated (Hettmansperger & Sheather, "Confidence intervals based on
/// interpolated order statistics", Statistics & Probability Letters 4, 1986). Whole order statistics jump from 95.1 %
/// to 99.2 % between one count and the next; these stay within 1 % of what is asked. `None` where even the extremes
/// do not reach it.
#[must_use]
pub fn median_interval(sorted: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let n = sorted.len();
    let (depth, share) = interpolated_depth(n, confidence)?;
    let between = |outer: f64, inner: f64| outer + (inner - outer) * share;
    Some((between(sorted[depth - 1], sorted[depth]), between(sorted[n - depth], sorted[n - depth - 1])))
}

/// Between which order statistics the ends of the interval lie: the `d`-th from each end, counted from 1, and the share
/// of the way to the next one inwards.
///
/// The `d`-th from both ends enclose the median with `g(d) = 1 - 2 P(Binomial(n, 1/2) < d)`. With `I = (g(d) - g) /
/// (g(d) - g(d + 1))` for the wanted `g` between the two, the share is `(n - d) I / (d + (n - 2d) I)`: exact for
/// Laplace's distribution and near it for the others.
fn interpolated_depth(count: usize, confidence: f64) -> Option<(usize, f64)> {
    let n = count as f64;
    // Logarithms, since 2^-n leaves f64 at a thousand samples.
    let mut log_probability = -n * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut outer: Option<f64> = None;
    for depth in 1..=count {
        below += log_probability.exp();
        let enclosed = 1.0 - 2.0 * below;
        if enclosed < confidence {
            let (outer, d) = (outer?, depth as f64 - 1.0);
            let part = (outer - confidence) / (outer - enclosed);
            return Some((depth - 1, (n - d) * part / (d + (n - 2.0 * d) * part)));
        }
        outer = Some(enclosed);
        log_probability += ((n - depth as f64 + 1.0) / depth as f64).ln();
    }
    None
}

/// Noise for simulations, the same in every run.
#[cfg(test)]
pub(crate) mod noise {
    /// What a deviate is drawn from; each has the median 0 and a scale near 1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Shape {
        Normal,
        LogNormal,
        Exponential,
        Uniform,
        Laplace,
        /// Student's t with three degrees of freedom.
        T3,
    }

    impl Shape {
        pub(crate) const ALL: [Self; 6] =
            [Self::Normal, Self::LogNormal, Self::Exponential, Self::Uniform, Self::Laplace, Self::T3];
    }

    /// `SplitMix64` (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
    pub(crate) struct Noise(pub(crate) u64);

    impl Noise {
        /// Strictly between 0 and 1.
        pub(crate) fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        }

        /// Box & Muller's.
        pub(crate) fn normal(&mut self) -> f64 {
            (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
        }

        pub(crate) fn draw(&mut self, shape: Shape) -> f64 {
            match shape {
                Shape::Normal => self.normal(),
                Shape::LogNormal => self.normal().exp() - 1.0,
                Shape::Exponential => -self.uniform().ln() - std::f64::consts::LN_2,
                Shape::Uniform => self.uniform() - 0.5,
                Shape::Laplace => self.uniform().ln() * if self.uniform() < 0.5 { 1.0 } else { -1.0 },
                Shape::T3 => {
                    let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
                    self.normal() / (squares / 3.0).sqrt()
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::print_stdout, reason = "the figures are quoted")]
mod tests {
    use super::noise::{Noise, Shape};
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
    }

    #[test]
    fn depths_are_those_of_the_binomial_distribution() {
        assert_eq!(interpolated_depth(5, 0.95), None);
        // By hand: g(1) = 1 - 2/64 and g(2) = 1 - 14/64, so I = 0.1 and the share is 0.5 / 1.4.
        let (depth, share) = interpolated_depth(6, 0.95).unwrap();
        assert_eq!(depth, 1);
        near(share, 0.357_14);
        // g(2) = 1 - 22/1024, g(3) = 1 - 112/1024.
        let (depth, share) = interpolated_depth(10, 0.95).unwrap();
        assert_eq!(depth, 2);
        near(share, 0.657_66);
        // R: qbinom(.025, n, .5) is the depth of the outer one.
        for (count, outer) in [(20, 6), (100, 40), (10_000, 4902)] {
            assert_eq!(interpolated_depth(count, 0.95).unwrap().0, outer);
        }
        assert_eq!(interpolated_depth(9, 0.998), None);
        assert_eq!(interpolated_depth(10, 0.998).unwrap().0, 1);
        assert_eq!(interpolated_depth(0, 0.95), None);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 5.0, 9.0], 0.875), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_summary_takes_samples_in_any_order() {
        let summary = Summary::of(&[3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0]).unwrap();
        assert_eq!((summary.count, summary.median), (7, 4.0));
        let (low, high) = summary.interval.unwrap();
        near(low, 1.733_33);
        near(high, 6.266_67);
        near(summary.relative_half_width().unwrap(), 0.566_67);
        assert_eq!(Summary::of(&[1.0; 5]).unwrap().interval, None);
    }

    /// In 10,000 trials each the interval holds the true median in 93–97 %, from the fewest samples on.
    #[test]
    fn the_interval_covers_the_median_as_often_as_it_says() {
        println!("coverage in % {:?}", Shape::ALL);
        for count in [6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100] {
            let share = Shape::ALL.map(|shape| {
                let mut noise = Noise(3);
                let covered = (0..10_000).filter(|_| {
                    let mut samples: Vec<f64> = (0..count).map(|_| noise.draw(shape)).collect();
                    samples.sort_by(f64::total_cmp);
                    median_interval(&samples, 0.95).is_some_and(|(low, high)| low <= 0.0 && 0.0 <= high)
                });
                covered.count() as f64 / 100.0
            });
            println!("n = {count:3}: {share:.1?}");
            assert!(share.iter().all(|share| (93.0..=97.0).contains(share)), "n = {count}: {share:?}");
        }
    }
}
