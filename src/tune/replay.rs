//! A replay is a search through times that are known already: of a space that was tried in full it tells how near a search
//! would have come to the best, and with how many evaluations.
//!
//! Made by `drive` after an exhaustive tuning, for several seeds; `report` and `files` tell them. Nothing is measured again.

use super::search::{Candidate, Search};

/// Searches that are replayed: one for the manifest's seed, and for those after it.
const SEEDS: u64 = 20;

/// What a search found among known times.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Of its random choices.
    pub seed: u64,
    /// Distinct configurations that it tried.
    pub evaluations: usize,
    /// The fastest of them, a place in the space.
    pub found: usize,
    /// What that took when the space was tried, in ms.
    pub found_ms: f64,
    /// What the fastest of all took, in ms.
    pub best_ms: f64,
}

impl Replay {
    /// By what part of the best time the found one is slower: 0 where it is the best.
    #[must_use]
    pub fn slower(&self) -> f64 {
        self.found_ms / self.best_ms - 1.0
    }
}

/// Replays searches with at most `limit` evaluations among the times of `all`, in ms; none where nothing ran.
#[must_use]
pub fn replays(places: &[Candidate], all: &Search, limit: usize, seed: u64) -> Vec<Replay> {
    let replay = |seed| {
        let mut search = Search::new(places.to_vec(), limit, seed);
        while let Some((_, batch)) = search.batch() {
            search.tell(&batch.iter().map(|place| (*place, all.time(*place))).collect::<Vec<_>>());
        }
        let found = *search.best(1).first()?;
        let best_ms = all.time(*all.best(1).first()?)?;
        Some(Replay { seed, evaluations: search.evaluations(), found, found_ms: all.time(found)?, best_ms })
    };
    (seed..seed.saturating_add(SEEDS)).filter_map(replay).collect()
}

/// Replays in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplaySummary {
    /// How many there are.
    pub replays: usize,
    /// How many of them came within 2 % of the best.
    pub within_2_percent: usize,
    /// The most evaluations that one of them took.
    pub evaluations: usize,
    /// By how many percent the median one is slower than the best.
    pub median_percent: f64,
    /// By how many percent the worst one is.
    pub worst_percent: f64,
}

impl ReplaySummary {
    /// `None` of none.
    #[must_use]
    pub fn of(replays: &[Replay]) -> Option<Self> {
        let mut slower: Vec<f64> = replays.iter().map(|replay| 100.0 * replay.slower()).collect();
        slower.sort_by(f64::total_cmp);
        Some(Self {
            replays: replays.len(),
            within_2_percent: slower.iter().filter(|percent| **percent <= 2.0).count(),
            evaluations: replays.iter().map(|replay| replay.evaluations).max()?,
            // Of an even number the worse of the two in the middle: no better than it is.
            median_percent: *slower.get(slower.len() / 2)?,
            worst_percent: *slower.last()?,
        })
    }
}
