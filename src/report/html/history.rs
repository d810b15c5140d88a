//! The history: each job on one machine over the runs, where it became slower or faster, and what else was new then. What
//! belongs together and what a change is says `analyse::history`.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::analyse::comparison::Rules;
use crate::analyse::history::{self, FEWEST, History, HistoryVerdict, PastRun, Point, Series};
use crate::record::csv::original;
use crate::report::history::news;

use super::panel::{Panel, PanelCell, PanelColumn, PanelTable, explained, numbers, words};
use super::source::{RunSource, is_software_kind};

/// Runs of a job from which on they are a history: what two of them say, their comparison says better.
const FEWEST_SHOWN: usize = 3;

/// The columns of what was new in a run, each with what it tells of; the last one has all the rest.
const NEWS: [(&str, &[&str]); 6] = [
    ("new_browser", &["browser_version", "driver_version"]),
    ("new_gpu_driver", &["adapter_driver"]),
    ("new_library", &["runtime"]),
    ("new_gpujobs", &["gpujobs_version"]),
    ("new_manifest", &["manifest", "manifest_digest"]),
    ("new_other", &[]),
];

/// `None` where no job has so many runs.
pub(super) fn panel(sources: &[RunSource]) -> Option<Panel> {
    let runs = sources.iter().filter(|source| !source.run.jobs.is_empty());
    let runs: Vec<PastRun> = runs.map(|source| PastRun { facts: &source.toml, run: &source.run }).collect();
    if runs.len() < FEWEST_SHOWN {
        return None;
    }
    let history = history::of(&runs, &Rules::default());
    // A job that ran on another machine once is a series of its own, and belongs here as well.
    let mut jobs: IndexMap<&str, BTreeSet<usize>> = IndexMap::new();
    for series in &history.series {
        jobs.entry(&series.job).or_default().extend(series.points.iter().map(|point| point.run));
    }
    let mut series: Vec<&Series> = history.series.iter().filter(|series| jobs[series.job.as_str()].len() > 1).collect();
    if jobs.values().all(|runs| runs.len() < FEWEST_SHOWN) {
        return None;
    }
    // A page that is cut keeps the first rows.
    series.sort_by(|a, b| farthest(b).total_cmp(&farthest(a)));
    let software = series.iter().filter(|series| is_software_kind(&series.adapter_kind));
    let software: IndexMap<String, String> = software
        .map(|series| (original(&series.job).to_owned(), format!("{}: {}", series.adapter_kind, series.adapter)))
        .collect();
    let rows = series.iter().flat_map(|series| series.points.iter().map(|point| cells(&history, series, point)));
    let rows = rows.collect();
    Some(Panel {
        title: "History".to_owned(),
        note: note(&series),
        charts: vec!["over_runs"],
        software,
        table: PanelTable::new(columns(), rows),
        ..Panel::default()
    })
}

/// How many runs have the job on this machine.
fn runs_of(series: &Series) -> usize {
    series.points.iter().map(|point| point.run).collect::<BTreeSet<_>>().len()
}

/// How far its largest change is from none.
fn farthest(series: &Series) -> f64 {
    series.changes.iter().map(|change| change.ratio.ln().abs()).fold(0.0, f64::max)
}

fn note(series: &[&Series]) -> String {
    let none = series.iter().all(|series| series.verdict == HistoryVerdict::TooFew);
    let too_few = if none { " No job has so many here, so no change can be found yet." } else { "" };
    format!(
        "The median time of an inference of each job, on one machine, over the runs, oldest first, with the 95 % interval that \
         its run gives it. Triangles stand at the run from which on a job is slower (▲) or faster (▼), with the ratio of the \
         levels after and before and its 95 % interval; a change is named only where it stays significant after the correction \
         for all jobs and runs that were looked at, as in gpujobs history. It needs at least {half} runs that count on each \
         side.{too_few} Runs differ more from each other than the bars say. Marks on the lower edge say what was new in a run. \
         A job that only one run has is not here.",
        half = FEWEST / 2
    )
}

fn columns() -> Vec<PanelColumn> {
    let before = [
        words("job_id"),
        explained(words("run"), "The run's folder."),
        explained(numbers("median_ms"), "Time of an inference in this run; empty where it must not count."),
        explained(numbers("low_ms"), "The 95 % interval that the run gives it, its lower end."),
        explained(numbers("high_ms"), "Its upper end."),
        explained(words("change"), "What the job is from this run on: slower or faster."),
        explained(numbers("ratio"), "The level from this run on by that before."),
        explained(numbers("ratio_low"), "The 95 % interval of the ratio, its lower end."),
        explained(numbers("ratio_high"), "Its upper end."),
        explained(words("change_with"), "What was new since the last run that counted."),
        words("circumstances"),
        words("status"),
        explained(words("reason"), "Why it has no number."),
    ];
    let news = NEWS.iter().map(|(name, columns)| {
        let of = if columns.is_empty() { "the rest that is watched".to_owned() } else { columns.join(", ") };
        explained(words(name), &format!("What was new since the run before that has the job: {of}."))
    });
    let after = [
        explained(words("verdict"), "Of the job over all runs: its last change, no-change, or too-few."),
        explained(numbers("p_adjusted"), "The p-value of its first change after Holm's correction for all jobs."),
        explained(
            numbers("between_runs_percent"),
            "How far apart equal runs are: the standard deviation about their level.",
        ),
        explained(numbers("runs"), "How many runs have the job on this machine."),
        explained(numbers("run_number"), "The run's place among those of this page that have jobs, oldest first."),
        explained(words("started_at"), "When it began."),
        explained(words("clock"), "Which clock timed the job, in all runs."),
        words("adapter_kind"),
        explained(words("adapter"), "What computed it: a job on unlike ones has a history for each."),
    ];
    before.into_iter().chain(news).chain(after).collect()
}

fn cells(history: &History, series: &Series, point: &Point) -> Vec<PanelCell> {
    let run = &history.runs[point.run];
    // Of several rows of the job in one run the change is the first one's that counts.
    let first = series.points.iter().find(|other| other.run == point.run && other.median_ms.is_some());
    let change = series.changes.iter().find(|change| change.run == point.run);
    let change = change.filter(|_| first.is_some_and(|first| std::ptr::eq(first, point)));
    let before: [PanelCell; 13] = [
        original(&series.job).into(),
        run.run.as_str().into(),
        point.median_ms.into(),
        point.low_ms.into(),
        point.high_ms.into(),
        change.map(|change| change.direction.to_string()).unwrap_or_default().into(),
        change.map(|change| change.ratio).into(),
        change.map(|change| change.low).into(),
        change.map(|change| change.high).into(),
        change.map(|change| news(&change.news)).unwrap_or_default().into(),
        change.map(|change| change.circumstances.as_str()).unwrap_or_default().into(),
        point.status.as_str().into(),
        original(&point.reason).into(),
    ];
    let new = (0..NEWS.len()).map(|kind| {
        let own = point.news.iter().filter(|difference| kind_of(&difference.what) == kind);
        news(own).into()
    });
    let after: [PanelCell; 9] = [
        series.verdict.to_string().into(),
        series.p_adjusted.into(),
        series.spread.map(|spread| 100.0 * spread).into(),
        (runs_of(series) as f64).into(),
        (point.run as f64 + 1.0).into(),
        run.started_at.as_str().into(),
        series.clock.into(),
        series.adapter_kind.as_str().into(),
        series.adapter.as_str().into(),
    ];
    before.into_iter().chain(new).chain(after).collect()
}

/// The place among [`NEWS`] of what was new.
fn kind_of(what: &str) -> usize {
    NEWS.iter().position(|(_, columns)| columns.contains(&what)).unwrap_or(NEWS.len() - 1)
}
