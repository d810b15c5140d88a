//! How far two sets of numbers are shifted against each other, by their ranks: nothing is assumed of the noise but that
//! it is alike on both sides, so one wild value weighs no more than any other.
//!
//! - Pairs: Wilcoxon's signed-rank test of the differences; the shift is the median of their Walsh averages, the means
//!   of every two of them and of each with itself (Hodges & Lehmann, "Estimates of location based on rank tests", Ann.
//!   Math. Statist. 34, 1963).
//! - Two samples: the rank-sum test of Wilcoxon, Mann and Whitney; the shift is the median of all differences between
//!   one of each.
//!
//! The intervals lie between two of those averages or differences, counted from both ends (Hollander & Wolfe,
//! "Nonparametric Statistical Methods", §3.3 and §4.3). Test and interval count the same values, so that they can't
//! disagree. A value of exactly 0 (coarse clocks bring many) is counted against a difference, to whichever side:
//! identical jobs have p = 1, and ties make the test cautious, never bold.

/// The level of the tests; the intervals hold the shift with 1 - `ALPHA`.
pub const ALPHA: f64 = 0.05;

/// Up to so many pairs the null distribution is computed exactly; the normal approximation is then right to 0.003, and near
/// 5 % to 0.001.
const EXACT_PAIRS: usize = 60;

/// The same for two samples, in products of their sizes.
const EXACT_PRODUCT: usize = 900;

/// A shift of the second against the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Hodges & Lehmann's estimate.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p-value of there being none.
    pub p: f64,
}

/// The shift of differences of pairs; `None` of none.
#[must_use]
pub fn signed_rank(differences: &[f64]) -> Option<Shift> {
    let mut sorted = differences.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let averages = CountedValues {
        total: n * (n + 1) / 2,
        least: *sorted.first()?,
        greatest: *sorted.last()?,
        // For each value the partners from itself up to the last whose average is small enough; as the values grow the
        // last moves down, so that one pass counts all.
        at_most: |bound: f64| {
            let mut end = n;
            let mut count = 0;
            for (place, value) in sorted.iter().enumerate() {
                while end > place && f64::midpoint(*value, sorted[end - 1]) > bound {
                    end -= 1;
                }
                if end <= place {
                    break;
                }
                count += end - place;
            }
            count
        },
    };
    Some(averages.shift(&Null::of_pairs(n)))
}

/// The shift of `new` against `base`; `None` where either is empty.
#[must_use]
pub fn rank_sum(base: &[f64], new: &[f64]) -> Option<Shift> {
    let [base, new] = [base, new].map(|values| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    let differences = CountedValues {
        total: base.len() * new.len(),
        least: new.first()? - base.last()?,
        greatest: new.last()? - base.first()?,
        at_most: |bound: f64| {
            let mut end = 0;
            let mut count = 0;
            for value in &base {
                while end < new.len() && new[end] - value <= bound {
                    end += 1;
                }
                count += end;
            }
            count
        },
    };
    Some(differences.shift(&Null::of_samples(base.len(), new.len())))
}

/// The least p-value that so many pairs can have: all differences of one sign.
#[must_use]
pub fn least_p_of_pairs(pairs: usize) -> f64 {
    2.0 * (-(pairs as f64) * std::f64::consts::LN_2).exp()
}

/// The least p-value of two samples of these sizes: all of one above all of the other.
#[must_use]
pub fn least_p_of_samples(base: usize, new: usize) -> f64 {
    let orders = (1..=base).map(|k| (new + k) as f64 / k as f64).product::<f64>();
    2.0 / orders
}

/// Very many values that are not written down but counted: 5,000 pairs have 12.5 million Walsh averages.
struct CountedValues<F> {
    /// How many.
    total: usize,
    least: f64,
    greatest: f64,
    /// How many are no greater than a bound; takes a time proportional to what the values are made of.
    at_most: F,
}

impl<F: Fn(f64) -> usize> CountedValues<F> {
    /// The `rank`-th smallest, from 1, by bisection between the least and the greatest until no number lies between.
    fn ranked(&self, rank: usize) -> f64 {
        let (mut below, mut enough) = (order(self.least), order(self.greatest));
        while below < enough {
            let middle = below + (enough - below) / 2;
            if (self.at_most)(number(middle)) >= rank {
                enough = middle;
            } else {
                below = middle + 1;
            }
        }
        number(enough)
    }

    fn shift(&self, null: &Null) -> Shift {
        let not_above = (self.at_most)(0.0);
        let not_below = self.total - (self.at_most)(0.0_f64.next_down());
        let (low, high) = match null.critical() {
            Some(rank) => (self.ranked(rank + 1), self.ranked(self.total - rank)),
            None => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let middle = [self.total.div_ceil(2), self.total / 2 + 1].map(|rank| self.ranked(rank));
        Shift { estimate: f64::midpoint(middle[0], middle[1]), low, high, p: null.p(not_above.min(not_below)) }
    }
}

/// The place of a number among all numbers: IEEE 754 orders those of one sign as their bits.
fn order(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The inverse of [`order`].
fn number(order: u64) -> f64 {
    f64::from_bits(if order >> 63 == 1 { order & !(1 << 63) } else { !order })
}

/// How a rank statistic is distributed where there is no shift.
enum Null {
    /// The chance of each value up to half the greatest.
    Exact(Vec<f64>),
    /// Its mean and standard deviation.
    Normal(f64, f64),
}

impl Null {
    /// Of the sum of the positive ranks of `n` pairs.
    fn of_pairs(n: usize) -> Self {
        let greatest = n * (n + 1) / 2;
        if n > EXACT_PAIRS {
            let variance = (greatest * (2 * n + 1)) as f64 / 12.0;
            return Self::Normal(greatest as f64 / 2.0, variance.sqrt());
        }
        let mut chance = vec![0.0; greatest / 2 + 1];
        chance[0] = 1.0;
        // Each rank is positive or not, with equal chance.
        for rank in 1..=n {
            for sum in (0..chance.len()).rev() {
                let with = if sum >= rank { chance[sum - rank] } else { 0.0 };
                chance[sum] = f64::midpoint(chance[sum], with);
            }
        }
        Self::Exact(chance)
    }

    /// Of Mann and Whitney's count for samples of `m` and `n`.
    fn of_samples(m: usize, n: usize) -> Self {
        let product = m * n;
        if product > EXACT_PRODUCT {
            return Self::Normal(product as f64 / 2.0, ((product * (m + n + 1)) as f64 / 12.0).sqrt());
        }
        // The greatest of all is one of the m, above all n of the others, or it is one of the n and adds nothing.
        let length = product / 2 + 1;
        let start = || {
            let mut chance = vec![0.0; length];
            chance[0] = 1.0;
            chance
        };
        let mut row: Vec<Vec<f64>> = (0..=n).map(|_| start()).collect();
        for first in 1..=m {
            let mut next = vec![start()];
            for second in 1..=n {
                let share = first as f64 / (first + second) as f64;
                let (above, left) = (&row[second], &next[second - 1]);
                let with = |count: usize| if count >= second { above[count - second] } else { 0.0 };
                next.push((0..length).map(|count| share * with(count) + (1.0 - share) * left[count]).collect());
            }
            row = next;
        }
        Self::Exact(row.pop().unwrap_or_default())
    }

    /// The two-sided p-value of a statistic that is so small, or its counterpart so great.
    fn p(&self, statistic: usize) -> f64 {
        let tail = match self {
            Self::Exact(chance) => chance.iter().take(statistic.saturating_add(1)).sum::<f64>(),
            // Half a step towards the mean, since the statistic is whole.
            Self::Normal(mean, deviation) => {
                statrs::function::erf::erfc((mean - statistic as f64 - 0.5) / deviation / std::f64::consts::SQRT_2)
                    / 2.0
            }
        };
        (2.0 * tail).min(1.0)
    }

    /// The greatest statistic that is significant; `None` where none is.
    fn critical(&self) -> Option<usize> {
        let (mut significant, mut not) = (
            0,
            match self {
                Self::Exact(chance) => chance.len(),
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of counts")]
                Self::Normal(mean, _) => mean.ceil() as usize,
            },
        );
        // In front of `significant` all are, from `not` on none is.
        while significant < not {
            let middle = significant + (not - significant) / 2;
            if self.p(middle) < ALPHA {
                significant = middle + 1;
            } else {
                not = middle;
            }
        }
        significant.checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::stats::noise::{Noise, Shape};

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found}, not {expected}");
    }

    /// R: `2 * psignrank(w, n)`, and `qsignrank(.025, n) - 1` for the greatest significant sum, which are also those of
    /// Hollander & Wolfe's table A.4.
    #[test]
    fn signed_ranks_are_distributed_as_published() {
        near(Null::of_pairs(6).p(0), 0.03125);
        near(Null::of_pairs(8).p(3), 10.0 / 256.0);
        near(Null::of_pairs(10).p(8), 50.0 / 1024.0);
        near(Null::of_pairs(10).p(27), 1.0);
        for (pairs, greatest) in [(5, None), (6, Some(0)), (7, Some(2)), (8, Some(3)), (9, Some(5)), (10, Some(8))] {
            assert_eq!(Null::of_pairs(pairs).critical(), greatest, "{pairs}");
        }
        for (pairs, greatest) in [(12, 13), (15, 25), (20, 52), (25, 89), (30, 137), (40, 264), (50, 434)] {
            assert_eq!(Null::of_pairs(pairs).critical(), Some(greatest), "{pairs}");
        }
    }

    /// R: `2 * pwilcox(u, m, n)`, and the tables of Mann & Whitney's U at 5 %, two-sided.
    #[test]
    fn rank_sums_are_distributed_as_published() {
        near(Null::of_samples(5, 5).p(0), 2.0 / 252.0);
        near(Null::of_samples(5, 5).p(2), 8.0 / 252.0);
        near(Null::of_samples(3, 3).p(0), 0.1);
        for (m, n, greatest) in [(5, 5, 2), (6, 6, 5), (6, 8, 8), (8, 6, 8), (8, 8, 13), (10, 10, 23), (20, 20, 127)] {
            assert_eq!(Null::of_samples(m, n).critical(), Some(greatest), "{m}, {n}");
        }
        assert_eq!(Null::of_samples(3, 3).critical(), None);
    }

    #[test]
    fn the_normal_approximation_takes_over_without_a_step() {
        let n = EXACT_PAIRS;
        let total = (n * (n + 1) / 2) as f64;
        let normal = Null::Normal(total / 2.0, (total * (2 * n + 1) as f64 / 12.0).sqrt());
        let exact = Null::of_pairs(n);
        for statistic in [500, 600, 650, 700, 800] {
            assert!((normal.p(statistic) - exact.p(statistic)).abs() < 3e-3, "{statistic}");
        }
        let normal = Null::Normal(450.0, (900.0_f64 * 61.0 / 12.0).sqrt());
        let exact = Null::of_samples(30, 30);
        for statistic in [200, 280, 317, 350, 400] {
            assert!((normal.p(statistic) - exact.p(statistic)).abs() < 3e-3, "{statistic}");
        }
    }

    /// Hollander & Wolfe's example 3.1 (depression scale, 9 patients): R's `wilcox.test(y, x, paired = TRUE, conf.int =
    /// TRUE)` gives V = 5, p = 0.03906, estimate -0.46, interval -0.786 to -0.010.
    #[test]
    #[expect(clippy::approx_constant, reason = "a patient's score")]
    fn the_example_of_the_textbook_comes_out() {
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        let shift = signed_rank(&differences).unwrap();
        near(shift.p, 0.039_062_5);
        near(shift.estimate, -0.46);
        near(shift.low, -0.786);
        near(shift.high, -0.010);
    }

    /// Every value written down and sorted gives the same.
    #[test]
    fn counting_finds_what_sorting_finds() {
        let mut noise = Noise(3);
        for (m, n) in [(1, 1), (2, 3), (6, 6), (7, 12), (13, 13)] {
            let [a, b] = [m, n].map(|count| -> Vec<f64> { (0..count).map(|_| noise.draw(Shape::T3)).collect() });
            let check = |mut all: Vec<f64>, shift: Shift, rank: Option<usize>| {
                all.sort_by(f64::total_cmp);
                near(shift.estimate, f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]));
                if let Some(rank) = rank {
                    assert_eq!((shift.low, shift.high), (all[rank], all[all.len() - 1 - rank]));
                }
            };
            let averages = (0..n).flat_map(|i| (i..n).map(move |j| (i, j)));
            let averages = averages.map(|(i, j)| f64::midpoint(b[i], b[j])).collect();
            check(averages, signed_rank(&b).unwrap(), Null::of_pairs(n).critical());
            let differences = a.iter().flat_map(|a| b.iter().map(move |b| b - a)).collect();
            check(differences, rank_sum(&a, &b).unwrap(), Null::of_samples(m, n).critical());
        }
    }

    #[test]
    fn p_and_interval_agree_with_ties_too() {
        let mut noise = Noise(9);
        let mut found = [0; 2];
        for trial in 0..4000 {
            let (m, n) = (4 + trial % 7, 5 + trial % 11);
            // Coarse steps make zeros and ties.
            let mut coarse = |count: usize, shift: f64| -> Vec<f64> {
                (0..count).map(|_| ((noise.normal() + shift) * 3.0).round() / 3.0).collect()
            };
            let shift = f64::from(u32::try_from(trial % 5).unwrap()) / 4.0;
            for (which, shift) in
                [signed_rank(&coarse(n, shift)), rank_sum(&coarse(m, 0.0), &coarse(n, shift))].into_iter().enumerate()
            {
                let shift = shift.unwrap();
                assert_eq!(shift.p < ALPHA, shift.low > 0.0 || shift.high < 0.0, "{shift:?}");
                assert!(shift.low <= shift.estimate && shift.estimate <= shift.high);
                found[which] += usize::from(shift.p < ALPHA);
            }
        }
        assert!(found.iter().all(|found| (200..3800).contains(found)), "{found:?}");
        let same = signed_rank(&[0.0; 9]).unwrap();
        assert_eq!((same.estimate, same.low, same.high, same.p), (0.0, 0.0, 0.0, 1.0));
        let same = rank_sum(&[2.0; 9], &[2.0; 7]).unwrap();
        assert_eq!((same.estimate, same.low, same.high, same.p), (0.0, 0.0, 0.0, 1.0));
        assert_eq!(signed_rank(&[]), None);
        assert_eq!(rank_sum(&[], &[1.0]), None);
    }

    #[test]
    fn least_p_values_are_those_of_the_distributions() {
        near(least_p_of_pairs(6), Null::of_pairs(6).p(0));
        near(least_p_of_samples(5, 7), Null::of_samples(5, 7).p(0));
        assert!(least_p_of_samples(5000, 5000) < 1e-300);
    }
}
