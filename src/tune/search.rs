//! A search decides which configurations to try, batch by batch, from what those before them took.
//!
//! It knows places and times, no browser: made for each space by `tasks`, asked and told by `drive`. First come what runs
//! without a search and a sample that is spread over the space; then those of which a `GaussianProcess` guess of all times expects the
//! greatest improvement, the last of them among the neighbours of the best one, until none is better or the evaluations are
//! used up.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::gaussian_process::GaussianProcess;

/// Configurations that are tried together, at most.
pub const BATCH: usize = 12;
/// Configurations that a guess needs to begin with.
const SAMPLE: usize = 6;
/// The best ones whose neighbours are looked at.
const CENTRES: usize = 3;
/// Places that a guess is made for in full, beside the neighbours.
const POOL: usize = 100;
/// Times that are enough to guess from.
const ENOUGH: usize = 64;
/// One in so many evaluations, the last ones, is kept for the neighbours of the best place.
const REFINEMENT: usize = 5;
/// A batch has to be better than the best so far by this much to be progress: times scatter by as much.
const PROGRESS: f64 = 0.005;
/// So many configurations without progress end a search whose best ones have no untried neighbours.
const PATIENCE: usize = 24;

/// A configuration as a search sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its value on each axis; places that differ on one axis are neighbours.
    pub on: Vec<usize>,
    /// The same as numbers that are near each other where the values are alike, about 0 to 1.
    pub at: Vec<f64>,
}

/// Why a configuration is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Phase {
    /// To see the space.
    Sample,
    /// Because it may be better.
    Search,
    /// Against the other best ones.
    Final,
}

/// What is known of a place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum PointState {
    Untried,
    /// It can't run, or is wrong.
    Bad,
    /// Its time.
    Took(f64),
}

/// A search through places.
#[derive(Debug)]
pub struct Search {
    places: Vec<Candidate>,
    /// What is known of each.
    known: Vec<PointState>,
    limit: usize,
    exhaustive: bool,
    random: StdRng,
    best: Option<f64>,
    stale: usize,
}

impl Search {
    /// Through places, the first of which is tried in any case, with at most `limit` of them tried.
    #[must_use]
    pub fn new(places: Vec<Candidate>, limit: usize, seed: u64) -> Self {
        let known = vec![PointState::Untried; places.len()];
        let limit = limit.min(places.len());
        let random = StdRng::seed_from_u64(seed);
        Self { places, known, limit, exhaustive: false, random, best: None, stale: 0 }
    }

    /// Through all places, in their order.
    #[must_use]
    pub fn exhaustive(places: Vec<Candidate>) -> Self {
        let limit = places.len();
        Self { exhaustive: true, ..Self::new(places, limit, 0) }
    }

    /// How many were tried.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.known.len() - self.untried().count()
    }

    /// The best `count` of those that were tried, the best first.
    #[must_use]
    pub fn best(&self, count: usize) -> Vec<usize> {
        let mut found: Vec<(usize, f64)> = self.times().collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        found.into_iter().take(count).map(|(place, _)| place).collect()
    }

    /// What a place took; `None` where it was not tried, can't run or is wrong.
    #[must_use]
    pub fn time(&self, place: usize) -> Option<f64> {
        match self.known[place] {
            PointState::Took(time) => Some(time),
            PointState::Untried | PointState::Bad => None,
        }
    }

    /// The places to try next, and why; `None` where the search is over. Each is to be told of.
    pub fn batch(&mut self) -> Option<(Phase, Vec<usize>)> {
        let (done, left) = (self.evaluations(), self.limit.saturating_sub(self.evaluations()));
        if left == 0 {
            return None;
        }
        if self.exhaustive {
            return Some((Phase::Sample, self.untried().take(BATCH).collect()));
        }
        // Few at a time where few are left to choose: each choice knows what those before it took.
        let count = left.min((self.limit / 8).clamp(2, BATCH));
        let sample = (self.limit / 4).max(SAMPLE).min(self.limit);
        if done < sample {
            return Some((Phase::Sample, self.spread(count.min(sample - done))));
        }
        let near = self.neighbours(CENTRES);
        if near.is_empty() && self.stale >= PATIENCE {
            return None;
        }
        Some((Phase::Search, self.promising(near, count)))
    }

    /// Takes what a batch took, in any unit that is the same for all; `None` for what can't run or is wrong.
    pub fn tell(&mut self, times: &[(usize, Option<f64>)]) {
        for (place, time) in times {
            self.known[*place] = time.map_or(PointState::Bad, PointState::Took);
        }
        let best = self.times().map(|(_, time)| time).min_by(f64::total_cmp);
        let progress = match (best, self.best) {
            (Some(now), Some(before)) => now < before * (1.0 - PROGRESS),
            (now, _) => now.is_some(),
        };
        self.stale = if progress { 0 } else { self.stale + times.len() };
        self.best = best;
    }

    fn times(&self) -> impl Iterator<Item = (usize, f64)> {
        (0..self.known.len()).filter_map(|place| Some((place, self.time(place)?)))
    }

    fn untried(&self) -> impl Iterator<Item = usize> {
        self.known.iter().enumerate().filter(|(_, known)| **known == PointState::Untried).map(|(place, _)| place)
    }

    /// Untried places, each as far as can be from those before it and from what was tried; the first place first.
    fn spread(&mut self, count: usize) -> Vec<usize> {
        let mut pool: Vec<usize> = self.untried().collect();
        let mut chosen: Vec<usize> = pool.iter().copied().filter(|place| *place == 0).collect();
        pool.retain(|place| *place != 0);
        pool.shuffle(&mut self.random);
        pool.truncate(POOL);
        let others: Vec<usize> =
            (0..self.places.len()).filter(|place| self.known[*place] != PointState::Untried).collect();
        while chosen.len() < count && !pool.is_empty() {
            let room = |place: &usize| {
                let far = others.iter().chain(&chosen).map(|other| self.distance(*place, *other));
                far.min_by(f64::total_cmp).unwrap_or(f64::INFINITY)
            };
            // Of some that chance offers, so that a sample is no grid of extremes.
            let offered = pool.len().min(8);
            let farthest = (0..offered).max_by(|a, b| room(&pool[*a]).total_cmp(&room(&pool[*b]))).unwrap_or(0);
            chosen.push(pool.remove(farthest));
        }
        chosen
    }

    fn distance(&self, one: usize, other: usize) -> f64 {
        self.places[one].at.iter().zip(&self.places[other].at).map(|(a, b)| (a - b).abs()).sum()
    }

    /// The untried places that differ on one axis from one of the best `centres`.
    fn neighbours(&self, centres: usize) -> Vec<usize> {
        let centres = self.best(centres);
        let near = |one: &[usize], other: &[usize]| one.iter().zip(other).filter(|(a, b)| a != b).count() == 1;
        let is_near =
            |place: &usize| centres.iter().any(|centre| near(&self.places[*centre].on, &self.places[*place].on));
        self.untried().filter(is_near).collect()
    }

    /// The most promising untried places, by a guess from all that were tried.
    fn promising(&mut self, near: Vec<usize>, count: usize) -> Vec<usize> {
        let mut others: Vec<usize> = self.untried().filter(|place| !near.contains(place)).collect();
        others.shuffle(&mut self.random);
        let best = self.best.map(f64::ln);
        let Some((gauss, best)) = self.guess().zip(best) else {
            return near.into_iter().chain(others).take(count).collect();
        };
        if others.len() > POOL {
            let expected = |place: &usize| gauss.expected(&self.places[*place].at);
            let mut ranked: Vec<(f64, usize)> = others.iter().map(|place| (expected(place), *place)).collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
            others = ranked.into_iter().take(POOL).map(|(_, place)| place).collect();
        }
        let mut pool: Vec<usize> = near.into_iter().chain(others).collect();
        if (self.limit - self.evaluations()) * REFINEMENT <= self.limit {
            let nearest = self.neighbours(1);
            if nearest.len() >= count {
                pool = nearest;
            }
        }
        let at: Vec<&[f64]> = pool.iter().map(|place| self.places[*place].at.as_slice()).collect();
        gauss.promising(&at, best, count).into_iter().map(|position| pool[position]).collect()
    }

    /// The logarithms of all times, guessed; what can't run counts as the slowest that can.
    fn guess(&mut self) -> Option<GaussianProcess> {
        let slowest = self.times().map(|(_, time)| time).max_by(f64::total_cmp)?;
        let seen = self.known.iter().enumerate().filter_map(|(place, known)| match known {
            PointState::Took(time) => Some((place, *time)),
            PointState::Bad => Some((place, slowest)),
            PointState::Untried => None,
        });
        let mut seen: Vec<(usize, f64)> = seen.collect();
        if seen.len() > ENOUGH {
            // The fastest ones, and as many of the others from all over.
            seen.sort_by(|a, b| a.1.total_cmp(&b.1));
            let others = seen.split_off(ENOUGH / 2);
            seen.extend(others.iter().step_by(others.len().div_ceil(ENOUGH / 2)));
        }
        let times: Vec<f64> = seen.iter().map(|(_, time)| time.max(f64::MIN_POSITIVE).ln()).collect();
        let places = seen.into_iter().map(|(place, _)| self.places[place].at.clone()).collect();
        GaussianProcess::of(places, &times, &mut self.random)
    }
}

#[cfg(test)]
#[path = "landscape.rs"]
mod landscape;
