//! Which of several jobs that do the same work is the best, and which can't be told from it.

/// A median with its interval, in one unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Time {
    /// The median.
    pub median: f64,
    /// Its 95 % interval; `None` where there are too few samples.
    pub interval: Option<(f64, f64)>,
}

/// The times of a job that competes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contender {
    /// By the GPU's clock.
    pub gpu: Option<Time>,
    /// By the wall's clock.
    pub wall: Option<Time>,
}

/// What a job is among those that do the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Its median is the lowest.
    Best,
    /// It is not the lowest, but its interval overlaps that of the best.
    NearBest,
}

/// Whether jobs are compared by GPU time: where all of them have it.
#[must_use]
pub fn by_gpu(contenders: &[Contender]) -> bool {
    contenders.iter().all(|contender| contender.gpu.is_some())
}

/// The rank of each contender that has one. Without an interval of the fastest, or without a rival, nothing is best.
#[must_use]
pub fn ranks(contenders: &[Contender]) -> Vec<Option<Rank>> {
    let mut ranks = vec![None; contenders.len()];
    let by_gpu = by_gpu(contenders);
    let time = |contender: &Contender| if by_gpu { contender.gpu } else { contender.wall };
    let timed = contenders.iter().enumerate().filter_map(|(place, contender)| Some((place, time(contender)?)));
    let fastest = timed.min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    let Some((best, Some((_, high)))) = fastest.map(|(place, time)| (place, time.interval)) else { return ranks };
    if contenders.len() < 2 {
        return ranks;
    }
    for (place, contender) in contenders.iter().enumerate() {
        let overlaps = time(contender).is_some_and(|time| time.interval.is_some_and(|(low, _)| low <= high));
        if place == best {
            ranks[place] = Some(Rank::Best);
        } else if overlaps {
            ranks[place] = Some(Rank::NearBest);
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(median: f64, interval: Option<(f64, f64)>) -> Contender {
        Contender { gpu: None, wall: Some(Time { median, interval }) }
    }

    #[test]
    fn what_overlaps_the_best_is_near_it() {
        let near = [wall(1.0, Some((0.9, 1.1))), wall(1.2, Some((1.05, 1.3))), wall(2.0, Some((1.9, 2.1)))];
        assert_eq!(ranks(&near), [Some(Rank::Best), Some(Rank::NearBest), None]);
        assert_eq!(ranks(&near[..1]), [None]);
        assert_eq!(ranks(&[wall(1.0, None), near[2]]), [None, None]);
    }

    #[test]
    fn the_clock_is_one_that_all_have() {
        let time = |median| Some(Time { median, interval: Some((median, median)) });
        let both = |gpu, wall| Contender { gpu, wall };
        // By GPU time the first, by wall time the second.
        let mut contenders = [both(time(1.0), time(5.0)), both(time(2.0), time(4.0))];
        assert_eq!(ranks(&contenders), [Some(Rank::Best), None]);
        contenders[0].gpu = None;
        assert_eq!(ranks(&contenders), [None, Some(Rank::Best)]);
    }
}
