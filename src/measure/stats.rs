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
        let interval = median_ranks(sorted.len()).map(|(low, high)| (sorted[low], sorted[high]));
        let (median, p95) = (quantile(&sorted, 0.5)?, quantile(&sorted, 0.95)?);
        Some(Self { count: sorted.len(), median, interval, p95 })
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

/// Positions, from 0, of the order statistics that enclose the median with at least 95 % confidence, whatever the
/// distribution: the widest k with P(Binomial(n, 1/2) < k) <= 2.5 % on each side (Conover, "Practical Nonparametric
/// Statistics", §3.2). `None` below six samples.
fn median_ranks(count: usize) -> Option<(usize, usize)> {
    let n = count as f64;
    // Logarithms, since 2^-n leaves f64 at a thousand samples.
    let mut log_probability = -n * std::f64::consts::LN_2;
    let mut below = log_probability.exp();
    let mut rank = None;
    for k in 0..count {
        if below > 0.025 {
            break;
        }
        rank = Some(k);
        log_probability += ((n - k as f64) / (k as f64 + 1.0)).ln();
        below += log_probability.exp();
    }
    rank.map(|low| (low, count - 1 - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_published_tables() {
        // Conover's table A3, and R's `qbinom(.025, n, .5)`.
        assert_eq!(median_ranks(5), None);
        assert_eq!(median_ranks(6), Some((0, 5)));
        assert_eq!(median_ranks(10), Some((1, 8)));
        assert_eq!(median_ranks(20), Some((5, 14)));
        assert_eq!(median_ranks(100), Some((39, 60)));
        let (low, high) = median_ranks(10_000).unwrap();
        assert!((4900..=4902).contains(&low), "{low}");
        assert_eq!(high, 9_999 - low);
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
        assert_eq!((summary.count, summary.median, summary.interval), (7, 4.0, Some((1.0, 7.0))));
        assert_eq!(summary.relative_half_width(), Some(0.75));
    }
}
