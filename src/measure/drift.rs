//! The drift of times while a job, or a group of jobs, is measured: do they grow with heat or a drooping clock, and are
//! there moments at which everything was slow?

use super::stats::median;

/// Fewer values than this show no trend.
const FEWEST: usize = 8;
/// 99 % on each side of the normal distribution: a run has many jobs, and each is asked.
const Z: f64 = 2.326;
/// A moment is slow from this many times the median on …
const SLOW: f64 = 1.3;
/// … and this many standard deviations, as the median absolute deviation estimates them, above it.
const FAR: f64 = 6.0;
/// A normal distribution's standard deviation by its median absolute deviation.
const DEVIATIONS: f64 = 1.4826;

/// How times changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// How many times as long the last third took as the first, where there is a trend at all.
    pub trend: Option<f64>,
    /// Moments of which there are times.
    pub moments: usize,
    /// Of these, the slow ones.
    pub slow: usize,
    /// How many times as long as the median the slowest moment took.
    pub worst: f64,
}

/// The common drift of jobs whose samples were taken in turn, the k-th of each at about the same moment: what slows only
/// one of several is not caused by the machine. `None` without a time.
#[must_use]
pub fn common(jobs: &[Vec<f64>]) -> Option<Drift> {
    let moments = jobs.iter().map(Vec::len).min().filter(|moments| *moments > 0)?;
    let medians: Vec<f64> = jobs.iter().map(|times| median(times)).collect::<Option<_>>()?;
    let relative = |at: usize| -> Option<f64> {
        median(&jobs.iter().zip(&medians).map(|(times, median)| times[at] / median).collect::<Vec<_>>())
    };
    let times: Vec<f64> = (0..moments).map(relative).collect::<Option<_>>()?;
    let middle = median(&times)?;
    let deviation = DEVIATIONS * median(&times.iter().map(|time| (time - middle).abs()).collect::<Vec<_>>())?;
    let is_slow = |time: &&f64| **time > middle * SLOW && **time > middle + FAR * deviation;
    let worst = times.iter().copied().fold(0.0, f64::max) / middle;
    Some(Drift { trend: trend(&times), moments, slow: times.iter().filter(is_slow).count(), worst })
}

/// How many times as long the last third takes as the first, where the Mann-Kendall test (H. B. Mann, "Nonparametric
/// tests against trend", Econometrica 13, 1945; M. G. Kendall, "Rank Correlation Methods", 1975) finds a trend at all.
fn trend(times: &[f64]) -> Option<f64> {
    let n = times.len();
    if n < FEWEST {
        return None;
    }
    let sign = |earlier: f64, later: f64| f64::from(i8::from(later > earlier) - i8::from(later < earlier));
    let pairs =
        times.iter().enumerate().flat_map(|(at, earlier)| times[at + 1..].iter().map(move |later| (earlier, later)));
    let score: f64 = pairs.map(|(earlier, later)| sign(*earlier, *later)).sum();
    let count = n as f64;
    let deviation = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    // The continuity correction is Kendall's.
    if (score.abs() - 1.0) / deviation <= Z {
        return None;
    }
    let third = n / 3;
    Some(median(&times[n - third..])? / median(&times[..third])?)
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
        let of = |jobs: &[Vec<f64>]| common(jobs).and_then(|drift| drift.trend);
        assert!(of(&[climb(1.0), climb(7.0), climb(0.1)]).is_some_and(|ratio| ratio > 1.2));
        assert_eq!(of(&[climb(1.0), noise(20), noise(20)]), None);
        assert_eq!((common(&[]), common(&[Vec::new()])), (None, None));
    }

    #[test]
    fn a_slow_moment_is_one_that_all_jobs_share() {
        let slow = |scale: f64, factor: f64| -> Vec<f64> {
            noise(20).iter().enumerate().map(|(at, time)| scale * time * if at == 7 { factor } else { 1.0 }).collect()
        };
        let shared = common(&[slow(1.0, 3.0), slow(5.0, 3.0), slow(2.0, 3.0)]).unwrap();
        assert_eq!((shared.slow, shared.moments, shared.trend), (1, 20, None));
        assert!((2.5..3.5).contains(&shared.worst), "{shared:?}");
        let one = common(&[slow(1.0, 3.0), slow(5.0, 1.0), slow(2.0, 1.0)]).unwrap();
        assert_eq!(one.slow, 0, "{one:?}");
        assert_eq!(common(&[slow(1.0, 3.0)]).unwrap().slow, 1);
        assert_eq!(common(&[slow(1.0, 1.2)]).unwrap().slow, 0);
    }
}
