//! The ratio of two jobs' times, with its interval, and the chance that it is 1.
//!
//! Samples of one round are taken within moments of each other and share whatever the machine was doing: they are one
//! observation, not many. So the unit here is the round: its median, as a logarithm, so that ratios are differences.
//!
//! - Rounds of one instance (one making-ready of a job) share what that has made of it. Where both jobs have
//!   [`FEWEST_ROUNDS`] instances the caller gives each as one round; with fewer see [`Ratio::of_one_instance`].
//! - Jobs that were interleaved are paired by round: what slows a whole round slows both and cancels. Others are not.
//! - Rounds have heavy tails, for now and then something else takes the machine, so what counts is their ranks (see
//!   `ranks`): one slow round decides nothing and hides nothing.
//! - Ranks of few rounds can't be significant: six pairs that all agree have p = 3.1 %. Below [`FEWEST_RANKED`] rounds,
//!   and where the correction for many comparisons asks for more than the ranks can give, it is Student's t interval of
//!   the mean difference, or Welch's where rounds are not paired (B. L. Welch, "The generalization of 'Student's' problem
//!   when several different population variances are involved", Biometrika 34, 1947). Which of the two is a matter of the
//!   counts alone, never of the times.
//! - Below [`FEWEST_ROUNDS`] rounds there are no degrees of freedom to speak of: the samples themselves are resampled
//!   (percentile bootstrap of the ratio of medians; Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, §13),
//!   which trusts them to be independent and says so in [`Method`].

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::ranks::{self, ALPHA, Shift};
use crate::measure::stats::{mean, median, quantile, variance};

/// Rounds from which on they are the unit.
pub const FEWEST_ROUNDS: usize = 3;

/// Rounds from which on their ranks count.
pub const FEWEST_RANKED: usize = 6;

/// Standard errors from the middle of a normal distribution to the ends of the interval that holds 95 % of it.
const Z_95: f64 = 1.959_964;

/// Resamples of the bootstrap; the 2.5 % tail then holds 50 of them.
const RESAMPLES: usize = 2000;

/// How a ratio was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Method {
    /// Ranks of rounds in which both were measured.
    #[strum(serialize = "paired rounds, signed-rank")]
    SignedRank,
    /// Ranks of rounds that are not paired.
    #[strum(serialize = "unpaired rounds, rank-sum")]
    RankSum,
    /// Means of rounds in which both were measured.
    #[strum(serialize = "paired rounds, t")]
    PairedT,
    /// Means of rounds that are not paired.
    #[strum(serialize = "unpaired rounds, t")]
    WelchT,
    /// Samples as if each were independent.
    #[strum(serialize = "samples, bootstrap")]
    Bootstrap,
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
    /// How it was computed.
    pub method: Method,
    /// The spread between instances where it had to be assumed, see [`Ratio::of_one_instance`].
    pub assumed_spread: Option<f64>,
}

impl Ratio {
    /// What may be said where each job was made ready once or twice: the spread between instances, which the rounds do not
    /// show, is added to theirs (independent errors add as squares; T. Kalibera & R. Jones, "Rigorous Benchmarking in
    /// Reasonable Time", ISMM 2013, §6, has the variance of each level estimated from its own repetitions).
    #[must_use]
    pub fn of_one_instance(self, spread: f64) -> Self {
        let (estimate, low, high) = (self.ratio.ln(), self.low.ln(), self.high.ln());
        let reach = |end: f64| (end - estimate).hypot(spread);
        let (below, above) = (reach(low), reach(high));
        // The share of 1.96 standard errors, as the interval has it.
        let error = if estimate > 0.0 { below } else { above } / Z_95;
        let least_p = Normal::standard().cdf(-(estimate / error).abs()) * 2.0;
        Self {
            low: (estimate - below).exp(),
            high: (estimate + above).exp(),
            p: self.p.max(least_p),
            assumed_spread: Some(spread),
            ..self
        }
    }

    /// How it was computed, in words.
    #[must_use]
    pub fn method_in_words(&self) -> String {
        let assumed = |spread: f64| format!(", ±{} % assumed between instances", spread * 100.0);
        format!("{}{}", self.method, self.assumed_spread.map(assumed).unwrap_or_default())
    }

    /// From the shift of logarithms.
    fn of(shift: Shift, method: Method) -> Self {
        let Shift { estimate, low, high, p } = shift;
        Self { ratio: estimate.exp(), low: low.exp(), high: high.exp(), p, method, assumed_spread: None }
    }
}

/// Compares times (any unit, each finite and above zero), one list a round; `paired` where round `i` of both was measured
/// at the same time. `family` is how many comparisons are made together, whose p-values [`holm`] will correct. `None`
/// where either has no sample.
#[must_use]
pub fn ratio(base: &[Vec<f64>], new: &[Vec<f64>], paired: bool, family: usize) -> Option<Ratio> {
    let log = |round: &Vec<f64>| median(round).map(f64::ln);
    // The least p-value must survive Holm's factor.
    let decisive = |least_p: f64| least_p * (family.max(1) as f64) < ALPHA;
    if paired {
        let pairs = base.iter().zip(new).filter_map(|(base, new)| Some(log(new)? - log(base)?));
        let differences: Vec<f64> = pairs.collect();
        let count = differences.len();
        if count >= FEWEST_RANKED && decisive(ranks::least_p_of_pairs(count)) {
            return ranks::signed_rank(&differences).map(|shift| Ratio::of(shift, Method::SignedRank));
        }
        if count >= FEWEST_ROUNDS {
            let error = variance(&differences) / count as f64;
            let shift = student(mean(&differences), error, count as f64 - 1.0);
            return Some(Ratio::of(shift, Method::PairedT));
        }
    }
    let [base_logs, new_logs] = [base, new].map(|rounds| rounds.iter().filter_map(log).collect::<Vec<f64>>());
    let fewest = base_logs.len().min(new_logs.len());
    if fewest >= FEWEST_RANKED && decisive(ranks::least_p_of_samples(base_logs.len(), new_logs.len())) {
        return ranks::rank_sum(&base_logs, &new_logs).map(|shift| Ratio::of(shift, Method::RankSum));
    }
    if fewest >= FEWEST_ROUNDS {
        let parts = [&base_logs, &new_logs].map(|logs| (variance(logs) / logs.len() as f64, logs.len() as f64 - 1.0));
        let error = parts[0].0 + parts[1].0;
        let freedom = error * error / parts.iter().map(|(part, freedom)| part * part / freedom).sum::<f64>();
        let freedom = if freedom.is_finite() { freedom } else { parts[0].1 };
        let shift = student(mean(&new_logs) - mean(&base_logs), error, freedom);
        return Some(Ratio::of(shift, Method::WelchT));
    }
    bootstrap(&base.concat(), &new.concat())
}

/// The shift from a difference of means and its squared standard error.
pub(super) fn student(estimate: f64, squared_error: f64, freedom: f64) -> Shift {
    let error = squared_error.sqrt();
    let Ok(t) = StudentsT::new(0.0, 1.0, freedom) else {
        // Not reached: the degrees of freedom are at least 1.
        return Shift { estimate, low: f64::NEG_INFINITY, high: f64::INFINITY, p: 1.0 };
    };
    let reach = t.inverse_cdf(1.0 - ALPHA / 2.0) * error;
    // Equal to the last digit in every round: nothing to be uncertain of.
    let p = match (error > 0.0, estimate == 0.0) {
        (true, _) => 2.0 * (1.0 - t.cdf((estimate / error).abs())),
        (false, true) => 1.0,
        (false, false) => 0.0,
    };
    Shift { estimate, low: estimate - reach, high: estimate + reach, p }
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
    Some(Ratio { ratio: estimate, low, high, p, method: Method::Bootstrap, assumed_spread: None })
}

/// A whole number below `end` from the `SplitMix64` sequence (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
pub(super) fn below(state: &mut u64, end: usize) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::instances::SPREAD_OF_HARDWARE;

    fn rounds(times: &[f64]) -> Vec<Vec<f64>> {
        times.iter().map(|time| vec![*time, time * 1.01, time * 0.99]).collect()
    }

    #[test]
    fn counts_choose_the_method() {
        let times: Vec<f64> = (0..12).map(|round| 1.0 + 0.01 * f64::from(round * 7 % 5)).collect();
        let method = |base: usize, new: usize, paired, family| {
            ratio(&rounds(&times[..base]), &rounds(&times[..new]), paired, family).unwrap().method
        };
        assert_eq!(method(6, 6, true, 1), Method::SignedRank);
        assert_eq!(method(6, 6, true, 2), Method::PairedT, "2 * 3.1 % is never below 5 %");
        assert_eq!(method(10, 10, true, 20), Method::SignedRank);
        assert_eq!(method(9, 9, true, 20), Method::PairedT);
        assert_eq!(method(5, 5, true, 1), Method::PairedT);
        assert_eq!(method(6, 7, false, 20), Method::RankSum);
        assert_eq!(method(6, 6, false, 30), Method::WelchT);
        assert_eq!(method(5, 12, false, 1), Method::WelchT);
        assert_eq!(method(2, 12, false, 1), Method::Bootstrap);
        assert_eq!(method(2, 2, true, 1), Method::Bootstrap);
    }

    #[test]
    fn one_slow_round_decides_nothing_and_hides_nothing() {
        for count in [4, 8, 12] {
            let base = rounds(&(0..count).map(|round| 1.0 + 0.002 * f64::from(round * 3 % 5)).collect::<Vec<_>>());
            let mut new = rounds(&(0..count).map(|round| 1.0 + 0.002 * f64::from(round * 2 % 5)).collect::<Vec<_>>());
            new[3] = vec![2.0, 2.1, 1.9];
            for paired in [true, false] {
                let found = ratio(&base, &new, paired, 1).unwrap();
                assert!(found.p > 0.05 && found.low < 1.0 && found.high > 1.0, "{count}, {paired}: {found:?}");
            }
            let slower: Vec<Vec<f64>> = new.iter().map(|round| round.iter().map(|time| 1.8 * time).collect()).collect();
            let found = ratio(&base, &slower, true, 1).unwrap();
            if count >= 8 {
                assert!(found.p < 0.05 && (found.ratio - 1.8).abs() < 0.02, "{found:?}");
            }
        }
    }

    #[test]
    fn identical_jobs_are_identical() {
        for count in [1, 2, 3, 5, 6, 12, 100] {
            let base = rounds(&(0..count).map(|round| 1.0 + 0.01 * f64::from(round % 5)).collect::<Vec<_>>());
            let found = ratio(&base, &base, true, 1).unwrap();
            assert!((found.ratio - 1.0).abs() < 1e-12 && found.p > 0.99, "{count}: {found:?}");
            let unpaired = ratio(&base, &base, false, 1).unwrap();
            assert!((unpaired.ratio - 1.0).abs() < 1e-12 && unpaired.p > 0.8, "{count}: {unpaired:?}");
        }
    }

    #[test]
    fn rounds_without_samples_are_left_out() {
        let mut base = rounds(&[1.0, 1.1, 1.0, 1.1, 1.0, 1.1, 1.0]);
        let new = rounds(&[1.2, 1.3, 1.2, 1.3, 1.2, 1.3, 1.2]);
        base[2].clear();
        let found = ratio(&base, &new, true, 1).unwrap();
        assert!(found.method == Method::SignedRank && found.p < 0.05, "{found:?}");
        let none = vec![Vec::new(); 7];
        assert_eq!(ratio(&none, &new, true, 1), None);
        assert_eq!(ratio(&base, &none, false, 1), None);
        assert_eq!(ratio(&[], &[], true, 1), None);
    }

    #[test]
    fn few_rounds_fall_back_to_the_samples() {
        let base = vec![vec![1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.01, 0.99]];
        let new = vec![base[0].iter().map(|time| 1.1 * time).collect::<Vec<f64>>()];
        let found = ratio(&base, &new, true, 1).unwrap();
        assert_eq!(found.method, Method::Bootstrap);
        assert!(found.low > 1.05 && found.high < 1.15 && found.p < 0.01, "{found:?}");
        let alone = ratio(&[vec![1.0]], &[vec![2.0]], true, 1).unwrap();
        assert!(alone.p > 0.99 && alone.high.is_infinite(), "{alone:?}");
        assert_eq!(ratio(&[], &[vec![1.0]], true, 1), None);
    }

    #[test]
    fn what_one_instance_can_not_know_is_in_its_interval() {
        let base = rounds(&(0..40).map(|round| 1.0 + 0.001 * f64::from(round % 5)).collect::<Vec<_>>());
        let times = |factor: f64| base.iter().map(|round| round.iter().map(|time| factor * time).collect()).collect();
        let new: Vec<Vec<f64>> = times(1.002);
        let found = ratio(&base, &new, true, 1).unwrap();
        assert!(found.low > 1.0 && found.p < 1e-6, "{found:?}");
        let widened = found.of_one_instance(SPREAD_OF_HARDWARE);
        assert!(widened.low < 1.0 && widened.high > 1.0045 && widened.p > 0.05, "{widened:?}");
        assert!(widened.method_in_words().ends_with("signed-rank, ±0.6 % assumed between instances"), "{widened:?}");
        // Two per cent are found all the same.
        let slower: Vec<Vec<f64>> = times(1.02);
        let found = ratio(&base, &slower, true, 1).unwrap().of_one_instance(SPREAD_OF_HARDWARE);
        assert!(found.low > 1.013 && found.p < 1e-6, "{found:?}");
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
