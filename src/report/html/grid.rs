//! The grid shows how each job ended in each browser, at one glance: a row for the jobs that differ in nothing but the browser.

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use crate::analyse::best::Rank;
use crate::record::read::JobRecord;
use crate::units::significant;

use super::source::{RunSource, adapter, deciding, elsewhere, gpu, id, is_software, label, text, wall};

/// A run's jobs by browser.
#[derive(Debug, Serialize)]
pub(super) struct Grid {
    run: String,
    browsers: Vec<String>,
    pub(super) rows: Vec<GridRow>,
    total: usize,
}

/// The jobs that differ in nothing but the browser.
#[derive(Debug, Serialize)]
pub(super) struct GridRow {
    label: String,
    /// One for each browser; `None` where there is no such job.
    cells: Vec<Option<GridCell>>,
}

/// A job.
#[derive(Debug, Clone, Serialize)]
struct GridCell {
    job: String,
    /// `best`, `near`, `ok`, `unverified`, or the status.
    verdict: &'static str,
    /// The verdict where there is no colour.
    symbol: &'static str,
    /// Its time, or the status.
    figure: String,
    interval: String,
    /// Not hardware: what computed it.
    software: String,
    /// Where it ran, if not on the backend that was asked for.
    elsewhere: String,
    reason: String,
}

impl Grid {
    /// `None` of a folder without jobs.
    pub(super) fn of(source: &RunSource) -> Option<Self> {
        let jobs = &source.run.jobs;
        let browsers: IndexSet<&str> = jobs.iter().map(|job| text(job, "browser")).collect();
        let mut rows: IndexMap<String, Vec<Option<GridCell>>> = IndexMap::new();
        for (job, ranked) in jobs.iter().zip(source.ranked()) {
            let row = rows.entry(label(job, &["browser"])).or_insert_with(|| vec![None; browsers.len()]);
            if let Some(cell) = browsers.get_index_of(text(job, "browser")).and_then(|place| row.get_mut(place)) {
                *cell = Some(GridCell::of(job, ranked));
            }
        }
        let rows: Vec<GridRow> = rows.into_iter().map(|(label, cells)| GridRow { label, cells }).collect();
        (!jobs.is_empty()).then(|| Self {
            run: source.name.clone(),
            browsers: browsers.into_iter().map(str::to_owned).collect(),
            total: rows.len(),
            rows,
        })
    }
}

impl GridCell {
    /// `ranked` is its rank and whether those who did the same work are ranked by the GPU's clock: their times are then all
    /// by that clock, or all by the wall's.
    fn of(job: &JobRecord, ranked: Option<(Option<Rank>, bool)>) -> Self {
        let rank = ranked.and_then(|(rank, _)| rank);
        let (verdict, symbol) = match (text(job, "status"), rank) {
            ("ok", Some(Rank::Best)) => ("best", "★"),
            ("ok", Some(Rank::NearBest)) => ("near", "≈"),
            ("ok", None) if text(job, "verified") != "true" => ("unverified", "?"),
            ("ok", None) => ("ok", "✓"),
            ("unsupported", _) => ("unsupported", "∅"),
            ("incorrect", _) => ("incorrect", "≠"),
            ("timed_out", _) => ("timed-out", "◷"),
            ("skipped", _) => ("skipped", "–"),
            _ => ("failed", "✗"),
        };
        let time = match ranked {
            Some((_, true)) => gpu(job).map(|time| (time, "gpu")),
            Some((_, false)) => wall(job).map(|time| (time, "wall")),
            None => deciding(job),
        };
        let time = time.filter(|_| text(job, "status") == "ok");
        let three = |value: f64| significant(value, 3);
        let interval = time.and_then(|(time, _)| time.interval);
        Self {
            job: id(job).to_owned(),
            verdict,
            symbol,
            figure: time.map_or_else(
                || text(job, "status").replace('_', " "),
                |(time, clock)| format!("{} ms {}", three(time.median), if clock == "gpu" { "GPU" } else { "wall" }),
            ),
            interval: interval.map(|(low, high)| format!("{}–{}", three(low), three(high))).unwrap_or_default(),
            software: if is_software(job) { adapter(job) } else { String::new() },
            elsewhere: elsewhere(job),
            reason: text(job, "reason").to_owned(),
        }
    }
}
