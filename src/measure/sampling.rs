//! When enough samples are enough.

use super::stats::Summary;
use crate::manifest::Samples;

/// Samples asked of the page at a time once the least number is there: a message costs about 1 ms.
const STEP: u32 = 5;

/// How many more samples to take after those in `taken` (milliseconds, of all rounds so far); 0 ends the job.
///
/// At least `min`, at most `max`; between them it goes on while the 95 % interval of the median reaches further than
/// `precision` of it to either side, on average.
#[must_use]
pub fn more(wanted: &Samples, taken: &[f64]) -> u32 {
    let count = u32::try_from(taken.len()).unwrap_or(u32::MAX);
    if count < wanted.min {
        return wanted.min - count;
    }
    let left = wanted.max.saturating_sub(count);
    let precise = match (wanted.precision, Summary::of(taken).and_then(|summary| summary.relative_half_width())) {
        (None, _) => true,
        (Some(precision), Some(width)) => width <= precision,
        (Some(_), None) => false,
    };
    if precise { 0 } else { left.min(STEP) }
}

/// How many of `min` samples a round takes: together the rounds take exactly `min`, each its equal share or one more.
#[must_use]
pub fn share(min: u32, round: u32, rounds: u32) -> u32 {
    let until = |round: u32| u64::from(min) * u64::from(round) / u64::from(rounds.max(1));
    u32::try_from(until(round + 1) - until(round)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Samples = Samples { min: 6, max: 12, precision: Some(0.02) };

    #[test]
    fn the_least_number_comes_first() {
        assert_eq!(more(&WANTED, &[]), 6);
        assert_eq!(more(&WANTED, &[1.0; 4]), 2);
    }

    #[test]
    fn equal_samples_are_enough_and_scattered_ones_are_not() {
        assert_eq!(more(&WANTED, &[1.0; 6]), 0);
        assert_eq!(more(&WANTED, &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]), 5);
        assert_eq!(more(&WANTED, &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]), 1);
        assert_eq!(more(&WANTED, &[1.0, 2.0].repeat(6)), 0);
    }

    #[test]
    fn a_plain_number_is_taken_as_it_is() {
        let wanted = Samples { min: 3, max: 3, precision: None };
        assert_eq!(more(&wanted, &[]), 3);
        assert_eq!(more(&wanted, &[1.0, 9.0, 5.0]), 0);
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
