//! The grid shows how each job ended in each browser, at one glance: a row for the jobs that differ in nothing but the browser.

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use crate::analyse::best::Rank;
use crate::record::read::JobRecord;
use crate::units::significant;

use super::findings::ranks;
use super::source::{RunSource, adapter, deciding, label, text};

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
    reason: String,
}

impl Grid {
    /// `None` of a folder without jobs.
    pub(super) fn of(source: &RunSource) -> Option<Self> {
        let jobs = &source.run.jobs;
        let browsers: IndexSet<&str> = jobs.iter().map(|job| text(job, "browser")).collect();
        let mut rows: IndexMap<String, Vec<Option<GridCell>>> = IndexMap::new();
        for (job, rank) in jobs.iter().zip(ranks(source)) {
            let row = rows.entry(label(job, &["browser"])).or_insert_with(|| vec![None; browsers.len()]);
            if let Some(cell) = browsers.get_index_of(text(job, "browser")).and_then(|place| row.get_mut(place)) {
                *cell = Some(GridCell::of(job, rank));
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
    fn of(job: &JobRecord, rank: Option<Rank>) -> Self {
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
        let time = deciding(job).filter(|_| text(job, "status") == "ok");
        let three = |value: f64| significant(value, 3);
        let interval = time.and_then(|(time, _)| time.interval);
        let software = !["hardware", "none", ""].contains(&text(job, "adapter_kind"));
        Self {
            job: text(job, "job_id").to_owned(),
            verdict,
            symbol,
            figure: time.map_or_else(
                || text(job, "status").replace('_', " "),
                |(time, clock)| format!("{} ms {}", three(time.median), if clock == "gpu" { "GPU" } else { "wall" }),
            ),
            interval: interval.map(|(low, high)| format!("{}–{}", three(low), three(high))).unwrap_or_default(),
            software: if software { adapter(job) } else { String::new() },
            reason: text(job, "reason").to_owned(),
        }
    }
}
