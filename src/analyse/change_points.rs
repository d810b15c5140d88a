//! Where a series of numbers changes its level, and whether that may be chance.
//!
//! A number here is one run's: noise between runs (the machine, its heat, where memory came to lie) is larger than inside
//! them, so that a run's own interval says too little, and only the runs beside it say how far apart equal ones are.
//!
//! - Every split that leaves [`FEWEST_RUNS`] on both sides is looked at. The one whose means differ most, by Student's t with
//!   the variance of both sides pooled, is the estimate (the likelihood ratio of one change of a normal mean: K. J. Worsley,
//!   "On the Likelihood Ratio Test for a Shift in Location of Normal Populations", JASA 74, 1979).
//! - Its p-value is that of the greatest t among all orders of the same numbers, by random permutations, which supposes
//!   nothing but that their order means nothing (as in D. Matteson & N. James, "A Nonparametric Approach for Multiple Change
//!   Point Analysis of Multivariate Data", JASA 109, 2014, whose E-divisive finds regressions at `MongoDB`: D. Daly et al., ICPE
//!   2020). Few runs have few orders: where none of them could survive the correction for all series, it is that of Student's
//!   t, as often as splits were looked at (Bonferroni's bound, which Worsley has). M. Fleming et al., "Hunter: Using Change
//!   Point Detection to Hunt for Performance Regressions", ICPE 2023, put t in the place of permutations for the same reason.
//!   Which of the two it is, is a matter of the counts alone, never of the numbers.
//! - A series that has changed is split there, and both parts are looked at again, at twice the price each time.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::ranks::{ALPHA, least_p_of_samples};
use super::ratio::below;
use crate::measure::stats::mean;

/// Runs on each side of a change: with fewer one odd run beside another would be one.
pub(super) const FEWEST_RUNS: usize = 3;

/// Random orders; the least p-value is then 1 / 10,000.
const PERMUTATIONS: usize = 9999;

/// The split of a series whose sides differ most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The place of the first number that belongs to the second side.
    pub(super) at: usize,
    /// The chance that a series which does not change has one so clear.
    pub(super) p: f64,
}

/// A difference of means with the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// Mean after the change less that before.
    pub(super) estimate: f64,
    /// Lower end.
    pub(super) low: f64,
    /// Upper end.
    pub(super) high: f64,
}

/// How many splits of so many numbers are looked at.
pub(super) fn splits(count: usize) -> usize {
    (count + 1).saturating_sub(2 * FEWEST_RUNS)
}

/// The clearest split, as one of `family` series that are looked at together; `None` where there are too few numbers.
pub(super) fn clearest(numbers: &[f64], family: usize) -> Option<Split> {
    let count = numbers.len();
    if splits(count) == 0 {
        return None;
    }
    let (at, found) = greatest(numbers);
    // The least p-value must survive the correction, wherever the change is.
    let least = least_p_of_samples(FEWEST_RUNS, count - FEWEST_RUNS).max(1.0 / (PERMUTATIONS + 1) as f64);
    let decisive = least * (family.max(1) as f64) < ALPHA;
    let p = if decisive { by_permutation(numbers, found) } else { by_student(found, count) };
    Some(Split { at, p })
}

/// All changes of a series whose first split is significant: their places in order, each with its p-value, which holds for
/// all looks at this series. Those behind the first are looked for in the parts, `family` as in [`clearest`].
pub(super) fn all(numbers: &[f64], first: Split, family: usize) -> Vec<Split> {
    let mut found = vec![first];
    let mut parts = vec![(0..first.at, first.p, 1), (first.at..numbers.len(), first.p, 1)];
    while let Some((part, parent, depth)) = parts.pop() {
        let looks = 2_usize.saturating_pow(depth);
        let Some(split) = clearest(&numbers[part.clone()], family.saturating_mul(looks)) else { continue };
        let p = (split.p * looks as f64).max(parent);
        if p * (family as f64) < ALPHA {
            let at = part.start + split.at;
            found.push(Split { at, p });
            parts.extend([(part.start..at, p, depth + 1), (at..part.end, p, depth + 1)]);
        }
    }
    found.sort_by_key(|split| split.at);
    found
}

/// How far the level after a change is from that before, with an interval as wide as the search among `looks` splits makes
/// it; each side has [`FEWEST_RUNS`] at least.
pub(super) fn step(before: &[f64], after: &[f64], looks: usize) -> Step {
    let freedom = (before.len() + after.len()) as f64 - 2.0;
    let estimate = mean(after) - mean(before);
    let squares = spread(before) + spread(after);
    let error = (squares / freedom * (1.0 / before.len() as f64 + 1.0 / after.len() as f64)).sqrt();
    let level = 1.0 - ALPHA / 2.0 / looks.max(1) as f64;
    let t = StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(level));
    // Equal numbers leave nothing to be uncertain of.
    let reach = if error > 0.0 { t * error } else { 0.0 };
    Step { estimate, low: estimate - reach, high: estimate + reach }
}

/// The squared distances of numbers from their mean, summed.
pub(super) fn spread(numbers: &[f64]) -> f64 {
    let middle = mean(numbers);
    numbers.iter().map(|number| (number - middle).powi(2)).sum()
}

/// The split with the greatest t, and that t, squared.
fn greatest(numbers: &[f64]) -> (usize, f64) {
    let count = numbers.len();
    if numbers.iter().all(|number| number.total_cmp(&numbers[0]).is_eq()) {
        // The mean of equal numbers is off by rounding, which is no difference.
        return (FEWEST_RUNS, 0.0);
    }
    let middle = mean(numbers);
    let total = spread(numbers);
    let (mut sum, mut best) = (0.0, (FEWEST_RUNS, 0.0));
    for (place, number) in numbers.iter().enumerate().take(count - FEWEST_RUNS) {
        sum += number - middle;
        let first = place + 1;
        if first < FEWEST_RUNS {
            continue;
        }
        let between = sum * sum * (1.0 / first as f64 + 1.0 / (count - first) as f64);
        // What is left to the last digit is rounding.
        let within = if total - between > total * 1e-12 { total - between } else { 0.0 };
        let squared = if between > 0.0 { between * (count as f64 - 2.0) / within } else { 0.0 };
        if squared > best.1 {
            best = (first, squared);
        }
    }
    best
}

/// The share of orders whose greatest t is as great; the same numbers give the same share on every machine.
fn by_permutation(numbers: &[f64], found: f64) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut order = numbers.to_vec();
    let mut as_great = 1;
    for _ in 0..PERMUTATIONS {
        // Fisher & Yates.
        for place in (1..order.len()).rev() {
            order.swap(place, below(&mut state, place + 1));
        }
        // The same split of another order differs by rounding.
        as_great += usize::from(greatest(&order).1 >= found * (1.0 - 1e-9));
    }
    as_great as f64 / (PERMUTATIONS + 1) as f64
}

fn by_student(squared: f64, count: usize) -> f64 {
    let one = StudentsT::new(0.0, 1.0, count as f64 - 2.0).map_or(1.0, |t| 2.0 * t.cdf(-squared.sqrt()));
    (one * splits(count) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::ratio::holm;
    use crate::measure::stats::noise::{Noise, Shape};

    /// Runs whose logarithms scatter by 0.5 %; `step` is added from the seventh on. Some are up to twice as slow where
    /// `disturbed`.
    fn runs(noise: &mut Noise, count: usize, shape: Shape, disturbed: bool, step: f64) -> Vec<f64> {
        let mut one = |place: usize| {
            let slow = if disturbed && noise.uniform() < 0.1 { (1.0 + noise.uniform()).ln() } else { 0.0 };
            2.3 + slow + 0.005 * noise.draw(shape) + if place >= 6 { step } else { 0.0 }
        };
        (0..count).map(&mut one).collect()
    }

    /// The share of families of `family` series without a change of which one is found to have one.
    fn false_alarms(trials: u32, (count, family): (usize, usize), shape: Shape, disturbed: bool) -> f64 {
        let mut noise = Noise(u64::from(trials) + count as u64);
        let alarmed = (0..trials).filter(|_| {
            let series = (0..family).map(|_| runs(&mut noise, count, shape, disturbed, 0.0));
            let p: Vec<f64> = series.map(|series| clearest(&series, family).unwrap().p).collect();
            holm(&p).iter().any(|p| *p < ALPHA)
        });
        alarmed.count() as f64 / f64::from(trials)
    }

    /// Up to 5 %; the last term is three standard errors of the simulation.
    #[test]
    fn false_alarms_are_as_rare_as_stated() {
        for (trials, sizes) in [(2000, (6, 1)), (400, (10, 1)), (400, (10, 20)), (1500, (7, 4)), (40, (30, 8))] {
            for (shape, disturbed) in [(Shape::Normal, false), (Shape::T3, false), (Shape::Normal, true)] {
                let found = false_alarms(trials, sizes, shape, disturbed);
                let chance = 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(trials)).sqrt();
                assert!(found <= ALPHA + chance, "{sizes:?}, {shape:?}, {disturbed}: {found}");
            }
        }
    }

    #[test]
    fn a_regression_of_five_per_cent_at_the_seventh_run_is_found_there() {
        let mut noise = Noise(7);
        for family in [1, 20] {
            let found = (0..200).filter(|_| {
                let series = runs(&mut noise, 10, Shape::Normal, false, 1.05_f64.ln());
                let split = clearest(&series, family).unwrap();
                split.at == 6 && split.p * (family as f64) < ALPHA
            });
            assert!(found.count() >= 190, "{family}");
        }
    }

    #[test]
    fn two_changes_are_two() {
        let mut noise = Noise(3);
        let mut series = runs(&mut noise, 24, Shape::Normal, false, 0.1);
        series.iter_mut().skip(15).for_each(|run| *run -= 0.1);
        let first = clearest(&series, 1).unwrap();
        let places: Vec<usize> = all(&series, first, 1).iter().map(|split| split.at).collect();
        assert_eq!(places, [6, 15]);
        let step = step(&series[..6], &series[6..15], splits(24));
        assert!(step.low < 0.1 && step.high > 0.1 && step.low > 0.08 && step.high < 0.12, "{step:?}");
    }

    #[test]
    fn what_never_differs_never_changes() {
        assert!(clearest(&[1.0; 10], 1).unwrap().p > 0.999);
        for equal in [0.07_f64, 0.1, 0.29, 1.37] {
            assert!(clearest(&[equal.ln(); 7], 3).unwrap().p > 0.999, "{equal}");
        }
        assert_eq!(clearest(&[1.0; 5], 1), None);
        let steps = [[1.0; 3], [2.0; 3]].concat();
        let found = clearest(&steps, 5).unwrap();
        assert!(found.at == 3 && found.p < 1e-9, "{found:?}");
        assert_eq!(step(&steps[..3], &steps[3..], 1), Step { estimate: 1.0, low: 1.0, high: 1.0 });
    }

    /// Of six numbers there is one split, and t is the textbook's: R's `t.test(4:6 + .5, 1:3, var.equal = TRUE)`, t = 4.29.
    #[test]
    fn one_split_is_students_test() {
        let found = clearest(&[1.0, 2.0, 3.0, 4.5, 5.5, 6.5], 2).unwrap();
        assert!(found.at == 3 && (found.p - 0.012_770).abs() < 1e-4, "{found:?}");
    }
}
