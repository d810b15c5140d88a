//! Whether times grow or shrink while a job, or a group of jobs, is measured: heat, clock droop, load that comes and goes.

use super::stats::quantile;

/// Fewer values than this show no trend.
const FEWEST: usize = 8;
/// 99 % on each side of the normal distribution: a run has many jobs, and each is asked.
const Z: f64 = 2.326;

/// How many times as long the last third takes as the first, where the Mann-Kendall test (H. B. Mann, "Nonparametric
/// tests against trend", Econometrica 13, 1945; M. G. Kendall, "Rank Correlation Methods", 1975) finds a trend at all.
#[must_use]
pub fn trend(times: &[f64]) -> Option<f64> {
    let n = times.len();
    if n < FEWEST {
        return None;
    }
    let mut score = 0.0;
    for (at, earlier) in times.iter().enumerate() {
        score += times[at + 1..]
            .iter()
            .map(|later| f64::from(i8::from(later > earlier) - i8::from(later < earlier)))
            .sum::<f64>();
    }
    let count = n as f64;
    let deviation = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    // The continuity correction is Kendall's.
    if (score.abs() - 1.0) / deviation <= Z {
        return None;
    }
    let third = n / 3;
    let median = |part: &[f64]| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, 0.5)
    };
    Some(median(&times[n - third..])? / median(&times[..third])?)
}

/// The trend of several jobs whose samples were taken in turn, the k-th of each at about the same time: what slows one of
/// them only is no trend of the machine.
#[must_use]
pub fn common_trend(jobs: &[Vec<f64>]) -> Option<f64> {
    let slots = jobs.iter().map(Vec::len).min()?;
    let relative = jobs.iter().map(|times| {
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5).unwrap_or(1.0);
        times[..slots].iter().map(move |time| time / median)
    });
    let relative: Vec<Vec<f64>> = relative.map(Iterator::collect).collect();
    let slot = |at: usize| {
        let mut all: Vec<f64> = relative.iter().map(|times| times[at]).collect();
        all.sort_by(f64::total_cmp);
        quantile(&all, 0.5)
    };
    trend(&(0..slots).map(slot).collect::<Option<Vec<f64>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of ±5 % without a trend, the same in every call.
    fn noise(count: usize) -> Vec<f64> {
        (0..count).map(|at| 1.0 + 0.05 * ((at * 7 % 11) as f64 / 5.0 - 1.0)).collect()
    }

    #[test]
    fn a_slow_climb_is_seen_through_noise_and_noise_is_not_a_climb() {
        let climbing: Vec<f64> =
            noise(30).iter().enumerate().map(|(at, time)| time * (1.0 + 0.01 * at as f64)).collect();
        assert!(trend(&climbing).is_some_and(|ratio| (1.15..1.30).contains(&ratio)), "{:?}", trend(&climbing));
        assert_eq!(trend(&noise(30)), None);
        assert_eq!(trend(&[1.0; 30]), None);
        assert_eq!(trend(&[1.0, 2.0, 3.0]), None, "too few to say");
        let mut one_slow = noise(30);
        one_slow[29] = 3.0;
        assert_eq!(trend(&one_slow), None);
        let falling: Vec<f64> = climbing.iter().rev().copied().collect();
        assert!(trend(&falling).is_some_and(|ratio| ratio < 0.9));
    }

    #[test]
    fn jobs_share_a_trend_or_it_is_not_the_machines() {
        let climb = |scale: f64| -> Vec<f64> { (0..20).map(|at| scale * (1.0 + 0.02 * f64::from(at))).collect() };
        assert!(common_trend(&[climb(1.0), climb(7.0), climb(0.1)]).is_some_and(|ratio| ratio > 1.2));
        assert_eq!(common_trend(&[climb(1.0), noise(20), noise(20)]), None);
        assert_eq!(common_trend(&[]), None);
    }
}
