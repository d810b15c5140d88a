//! When enough samples are enough.
//!
//! A rule that looks at an interval after every few samples and stops at the first narrow one stops where it is narrow by
//! chance: the true median then lies outside more often than the interval says. So there are few looks, each planned
//! by the one before (C. Stein, "A two-sample test for a linear hypothesis whose power is independent of the
//! variance", Ann. Math. Statist. 16, 1945; P. Hall, "Asymptotic theory of triple sampling for sequential estimation
//! of a mean", Ann. Statist. 9, 1981): with `n` samples and an interval `w` times as wide as it may be, `n w²` should
//! do, since widths shrink as 1/√n. And a look stops only where even the 99.8 % interval is inside the precision: with
//! the 95 % interval itself the rule covers 90 % in the worst case (evenly spread samples), with this one above 93 %
//! everywhere; see the simulations below. In return a job of moderate noise takes about 2.5 times the samples.

use super::stats::{median_interval, quantile};
use crate::manifest::Samples;

/// The interval that has to be inside the precision for a look to stop the job.
const CONFIDENCE: f64 = 0.998;

/// The fewest samples whose extremes enclose the median with [`CONFIDENCE`]: 1 - 2/2^10 = 99.8 %.
const FEWEST: u32 = 10;

/// How many more samples to take after those in `taken` (milliseconds, of all rounds so far); 0 ends the job.
///
/// At least `min`, at most `max`; between them sampling continues until the 99.8 % interval of the median, and the 95 % interval
/// with it, reaches no further than `precision` of it to either side, on average. To be asked again only when all that
/// it asked for has been taken: each call is a look. A look asks for half as many samples as there are at least, so there
/// are at most six between 10 and 100 samples, and for twice as many at most, since the width of a few is a poor guess.
#[must_use]
pub fn more(goal: &Samples, taken: &[f64]) -> u32 {
    let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
    if count < goal.min {
        return goal.min - count;
    }
    let Some(precision) = goal.precision else { return 0 };
    let (least, most) = (count.div_ceil(2), count.saturating_mul(2));
    let asked = match excess(taken, precision) {
        Some(excess) if excess <= 1.0 => 0,
        // Saturates at the largest number.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above 0, and bounded below")]
        Some(excess) => ((f64::from(count) * (excess * excess - 1.0)).ceil() as u32).clamp(least, most),
        None if count < FEWEST => FEWEST - count,
        None => least,
    };
    asked.min(goal.max.saturating_sub(count))
}

/// How many times as wide as it may be the interval that decides is; `None` where there are too few samples for one, or
/// the median is no time.
fn excess(taken: &[f64], precision: f64) -> Option<f64> {
    let mut sorted = taken.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = median_interval(&sorted, CONFIDENCE)?;
    let allowed = 2.0 * precision * quantile(&sorted, 0.5).filter(|median| *median > 0.0)?;
    // No width at all is inside any precision, even none.
    Some(if high > low { (high - low) / allowed } else { 0.0 })
}

/// How many of `min` samples a round takes: together the rounds take exactly `min`, each its equal share or one more.
#[must_use]
pub fn share(min: u32, round: u32, rounds: u32) -> u32 {
    let until = |round: u32| u64::from(min) * u64::from(round) / u64::from(rounds.max(1));
    u32::try_from(until(round + 1) - until(round)).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::print_stdout, reason = "the figures are quoted")]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::measure::Summary;
    use crate::measure::stats::noise::{Noise, Shape};

    const GOAL: Samples = Samples { min: 6, max: 100, precision: Some(0.02) };

    #[test]
    fn the_least_number_comes_first() {
        assert_eq!(more(&GOAL, &[]), 6);
        assert_eq!(more(&GOAL, &[1.0; 4]), 2);
    }

    #[test]
    fn equal_samples_are_enough_as_soon_as_they_can_be() {
        assert_eq!(more(&GOAL, &[1.0; 6]), 4, "six give no 99.8 % interval");
        assert_eq!(more(&GOAL, &[1.0; 10]), 0);
        assert_eq!(more(&Samples { max: 8, ..GOAL }, &[1.0; 6]), 2);
        assert_eq!(more(&Samples { max: 8, ..GOAL }, &[1.0; 8]), 0);
        assert_eq!(more(&Samples { precision: Some(0.0), ..GOAL }, &[1.0; 10]), 0);
    }

    #[test]
    fn scattered_samples_ask_for_what_their_scatter_needs() {
        let spread = |step: f64| -> Vec<f64> { (0..10).map(|place| 1.0 + step * (f64::from(place) - 4.5)).collect() };
        // The extremes of ten at the precision, just beyond it, at 1.5 times, and far beyond.
        assert_eq!(more(&GOAL, &spread(0.04 / 9.0)), 0);
        assert_eq!(more(&GOAL, &spread(0.042 / 9.0)), 5);
        assert_eq!(more(&GOAL, &spread(0.06 / 9.0)), 13);
        assert_eq!(more(&GOAL, &spread(0.9 / 9.0)), 20);
        assert_eq!(more(&Samples { max: 12, ..GOAL }, &spread(0.9 / 9.0)), 2);
        assert_eq!(more(&Samples { max: 10, ..GOAL }, &spread(0.9 / 9.0)), 0);
        // Invalid times never get precise.
        assert_eq!(more(&GOAL, &[0.0; 50]), 25);
        assert_eq!(more(&GOAL, &[0.0; 100]), 0);
    }

    /// Takes samples about 1 until the rule has enough.
    fn sampled(goal: &Samples, noise: &mut Noise, shape: Shape, scale: f64) -> (Summary, u32) {
        let (mut samples, mut looks) = (Vec::new(), 0);
        loop {
            let asked = more(goal, &samples);
            if asked == 0 {
                return (Summary::of(&samples).unwrap(), looks);
            }
            samples.extend((0..asked).map(|_| 1.0 + scale * noise.draw(shape)));
            looks += 1;
        }
    }

    /// The 95 % interval at the stop holds the true median in 93–97 % of 3,000 trials each, from scatter that any number
    /// of samples is enough for to scatter that no number is, and for all in between.
    #[test]
    fn the_interval_covers_the_median_at_the_stop() {
        const TRIALS: u32 = 3000;
        println!("coverage in % (mean samples) with a scale of 0.3, 1, 2, 4, 6, 8, 14 %, precision 2 %");
        for shape in Shape::ALL {
            for min in [6, 20] {
                let goal = Samples { min, max: 100, precision: Some(0.02) };
                let mut shares = String::new();
                for times in [0.3, 1.0, 2.0, 4.0, 6.0, 8.0, 14.0] {
                    let mut noise = Noise(5);
                    let (mut covered, mut taken, mut most) = (0_u32, 0, 0);
                    for _ in 0..TRIALS {
                        let (summary, looks) = sampled(&goal, &mut noise, shape, 0.01 * times);
                        covered += u32::from(summary.interval.is_some_and(|(low, high)| low <= 1.0 && 1.0 <= high));
                        taken += summary.count;
                        most = most.max(looks);
                    }
                    let share = 100.0 * f64::from(covered) / f64::from(TRIALS);
                    let _ = write!(shares, " {share:.1} ({:.0})", taken as f64 / f64::from(TRIALS));
                    assert!((93.0..=97.0).contains(&share), "{shape:?}, {min}, {times}: {share}");
                    assert!(most <= 8, "{most} looks");
                }
                println!("{shape:?} from {min}:{shares}");
            }
        }
    }

    #[test]
    fn a_plain_number_is_taken_as_it_is() {
        let goal = Samples { min: 3, max: 3, precision: None };
        assert_eq!(more(&goal, &[]), 3);
        assert_eq!(more(&goal, &[1.0, 9.0, 5.0]), 0);
    }

    #[test]
    fn rounds_share_the_least_number_exactly() {
        for (min, rounds) in [(5, 3), (10, 3), (1, 3), (2, 3), (9, 1), (u32::MAX, 7), (0, 4)] {
            let shares: Vec<u32> = (0..rounds).map(|round| share(min, round, rounds)).collect();
            assert_eq!(shares.iter().map(|share| u64::from(*share)).sum::<u64>(), u64::from(min));
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 1, "{shares:?}");
        }
    }
}
