//! An instance is one making-ready of a job: its device, its buffers, its compiled shaders. Where they come to lie is luck that
//! stays for as long as they do, so samples of one instance are alike in a way that samples of another are not.
//!
//! T. Kalibera & R. Jones, *Rigorous Benchmarking in Reasonable Time*, ISMM 2013: the variance of each level is estimated from
//! its own repetitions, and the highest level that was repeated is what an interval is made of.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::stats::{Summary, median, variance};

/// Instances from which on their own spread is known well enough to be used.
pub const FEWEST_INSTANCES: usize = 3;

/// How far apart two instances of one job may be in all their rounds, as a share: what making a job ready anew changes (where
/// its buffers lie, what its shaders were compiled to) no round averages out. In two runs on H100s the ratios of 24 pairs of the
/// same softmax of 0.05 ms were 0.29 % from 1, as root mean square, and at most 0.72 %; times Student's t of as many that
/// is 0.6 %. Of 12 pairs of a product of 0.4 ms the furthest was 0.05 % from it.
pub const SPREAD_OF_HARDWARE: f64 = 0.006;

/// The same where a processor computes: two makings of one job in Chromium's software adapter were up to this apart.
pub const SPREAD_OF_SOFTWARE: f64 = 0.02;

/// The spread that is assumed where there are too few instances to know it.
#[must_use]
pub fn assumed_spread(hardware: bool) -> f64 {
    if hardware { SPREAD_OF_HARDWARE } else { SPREAD_OF_SOFTWARE }
}

/// The instance that a round belongs to, by the round in which it was made ready; `begun` are all such rounds. Where none is
/// known there was one, from the first round on.
#[must_use]
pub fn instance_of(round: u32, begun: impl IntoIterator<Item = u32>) -> u32 {
    begun.into_iter().filter(|begun| *begun <= round).max().unwrap_or_default()
}

/// The summary of all samples, its interval that of another instance's median as well: from the instances' own medians by
/// Student's t, on logarithms, or with fewer than [`FEWEST_INSTANCES`] that of the samples widened by the `spread` assumed
/// (independent errors add as squares). Never narrower than that of the samples.
#[must_use]
pub fn with_interval_of_instances(summary: Summary, instances: &[Vec<f64>], spread: f64) -> Summary {
    let medians: Vec<f64> = instances.iter().filter_map(|times| median(times)).filter(|time| *time > 0.0).collect();
    let middle = summary.median;
    if middle <= 0.0 || middle.is_nan() {
        return summary;
    }
    let share = |end: f64| (end / middle).ln().abs();
    let reach = |own: f64| {
        if medians.len() < FEWEST_INSTANCES { own.hypot(spread) } else { own.max(half_width(&medians)) }
    };
    let own = match summary.interval {
        Some((low, high)) if low > 0.0 => Some((share(low), share(high))),
        Some(_) => return summary,
        // Too few samples for an interval of their own; the instances may have one.
        None => (medians.len() >= FEWEST_INSTANCES).then_some((0.0, 0.0)),
    };
    let interval = own.map(|(low, high)| (middle * (-reach(low)).exp(), middle * reach(high).exp()));
    Summary { interval, ..summary }
}

/// Half of the 95 % interval of the mean of logarithms.
fn half_width(times: &[f64]) -> f64 {
    let logs: Vec<f64> = times.iter().map(|time| time.ln()).collect();
    let count = logs.len() as f64;
    let t = StudentsT::new(0.0, 1.0, count - 1.0).map_or(f64::INFINITY, |t| t.inverse_cdf(0.975));
    t * (variance(&logs) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_instances_add_what_is_assumed_and_many_what_they_show() {
        let samples: Vec<f64> = (0..20).map(|at| 1.0 + 0.001 * f64::from(at % 5)).collect();
        let summary = Summary::of(&samples).unwrap();
        let width = |summary: &Summary| summary.relative_half_width().unwrap();
        assert!(width(&summary) < 0.002);
        for instances in [vec![samples.clone()], vec![samples[..10].to_vec(), samples[10..].to_vec()]] {
            let widened = with_interval_of_instances(summary, &instances, 0.02);
            assert!((0.0199..0.0205).contains(&width(&widened)), "{widened:?}");
            assert_eq!((widened.median, widened.count, widened.p95), (summary.median, summary.count, summary.p95));
        }
        // R: qt(0.975, 4) * sd(log(m)) / sqrt(5) for the medians m below is 0.01408.
        let medians = [0.99, 1.0, 1.01, 1.0, 1.02].map(|time| vec![time; 4]);
        let found = with_interval_of_instances(Summary::of(&medians.concat()).unwrap(), &medians, 0.5);
        let (low, high) = found.interval.unwrap();
        assert!(((high / low).ln() / 2.0 - 0.014_08).abs() < 1e-4, "{found:?}");
        // Too few samples for an interval, enough instances for one.
        let three = [vec![1.0], vec![1.01], vec![0.99]];
        assert!(with_interval_of_instances(Summary::of(&three.concat()).unwrap(), &three, 0.5).interval.is_some());
        assert!(
            with_interval_of_instances(Summary::of(&three[..2].concat()).unwrap(), &three[..2], 0.5).interval.is_none()
        );
    }
}
