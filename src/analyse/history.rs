//! A history is what several runs say of the same jobs: for each job and machine a series of times, the runs from which on
//! it is slower or faster, and what else was new in those runs.
//!
//! Made from `record`'s runs, in the order in which they started; written by `report`. All types are serialisable as they
//! are shown.

use std::fmt::Write as _;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::change_points::{self, FEWEST_RUNS, Split};
use super::comparison::Rules;
use super::job_time::{self, by_gpu, refusal};
use super::machine::{MachineKey, NAME, Rows, hardware, with_names};
use super::pair::circumstances;
use super::ranks::ALPHA;
use super::ratio::holm;
use crate::record::read::{JobRecord, Run};
use crate::record::run_toml::RunToml;

/// A run with what its `run.toml` says.
#[derive(Debug, Clone, Copy)]
pub struct PastRun<'run> {
    /// Its `run.toml`.
    pub facts: &'run RunToml,
    /// Its rows.
    pub run: &'run Run,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// Which of the jobs' times.
    pub metric: String,
    /// The share within which times count as the same.
    pub same_within: f64,
    /// The level of the search, for all series together.
    pub alpha: f64,
    /// The runs, oldest first.
    pub runs: Vec<RunFacts>,
    /// The series, in the order in which their jobs first appear.
    pub series: Vec<Series>,
}

/// A run, as a history names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunFacts {
    /// The name of its folder.
    pub run: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// Of gpujobs.
    pub gpujobs_version: String,
    /// The first twelve digits of the SHA-256 of its manifest.
    pub manifest_digest: String,
}

/// A job on one machine over the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The `job_id`.
    pub job: String,
    /// What computed it, in words; jobs on unlike ones are series of their own.
    pub adapter: String,
    /// `hardware`, `software`, …; empty where no adapter is named.
    pub adapter_kind: String,
    /// Which clock timed all of it: `gpu` or `wall`.
    pub clock: &'static str,
    /// One for each run that has the job, oldest first.
    pub points: Vec<Point>,
    /// How far apart equal runs are: the standard deviation of a run's median about its level, as a share.
    pub spread: Option<f64>,
    /// The runs from which on it is slower or faster, oldest first.
    pub changes: Vec<Change>,
    /// What may be said of it as a whole.
    pub verdict: HistoryVerdict,
    /// The p-value of its first change after Holm's correction for all series.
    pub p_adjusted: Option<f64>,
}

/// A job in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The place of its run among the history's.
    pub run: usize,
    /// Its median, ms; none where it must not count.
    pub median_ms: Option<f64>,
    /// Lower end of the 95 % interval that the run gives it.
    pub low_ms: Option<f64>,
    /// Upper end.
    pub high_ms: Option<f64>,
    /// The row's status.
    pub status: String,
    /// Why it has no number; empty where it has one.
    pub reason: String,
    /// What was new since the row before.
    pub news: Vec<Difference>,
}

/// What was one thing in a run and another in a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// A column of `jobs.csv`, or `gpujobs_version` or `manifest_digest`.
    pub what: String,
    /// In the earlier run.
    pub before: String,
    /// In the later one.
    pub after: String,
}

/// A run from which on a job takes another time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The place of the first run that is different among the history's.
    pub run: usize,
    /// `slower` or `faster`.
    pub direction: HistoryVerdict,
    /// The level from here to the next change, by that before.
    pub ratio: f64,
    /// Lower end of its 95 % interval, as wide as the search among runs makes it.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The chance that a series which does not change has a change so clear, before it is corrected for many series.
    pub p: f64,
    /// What else was new since the last run that counted.
    pub news: Vec<Difference>,
    /// How load, clock, power or temperature differed from it.
    pub circumstances: String,
}

/// What may be said of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum HistoryVerdict {
    /// Its last change made it slower.
    Slower,
    /// Its last change made it faster.
    Faster,
    /// No change is certain.
    NoChange,
    /// Too few runs count.
    TooFew,
}

/// Columns whose news may be why a time changes.
const WATCHED: [&str; 17] = [
    "browser_version",
    "driver_version",
    "headless",
    "os",
    "cpu",
    "machine",
    "adapter_kind",
    "adapter_description",
    "adapter_backend",
    "adapter_driver",
    "runtime",
    "session_used",
    "threads",
    "backend_used",
    "tuning",
    "manifest",
    "shader_digest",
];

/// A series that is being made.
struct Draft<'run> {
    series: Series,
    rows: Rows<'run>,
    /// The rows that count, and the logarithms of their medians.
    counted: Vec<(usize, &'run JobRecord, f64)>,
}

/// The history of these runs, in whatever order they come.
#[must_use]
pub fn of(runs: &[PastRun<'_>], rules: &Rules) -> History {
    let mut ordered = runs.to_vec();
    ordered.sort_by_key(|run| (began(run.facts), run.run.folder.clone()));
    let facts: Vec<RunFacts> = ordered.iter().map(facts).collect();
    let mut drafts = drafts(&ordered, rules);
    for draft in &mut drafts {
        draft.observe(&facts, rules);
    }
    judge(&mut drafts, &facts, rules);
    History {
        metric: rules.metric.to_string(),
        same_within: rules.same_within,
        alpha: ALPHA,
        runs: facts,
        series: drafts.into_iter().map(|draft| draft.series).collect(),
    }
}

/// When a run began, by which runs are in order; none where its `run.toml` has no time there.
#[must_use]
pub fn began(facts: &RunToml) -> Option<Timestamp> {
    facts.started_at.parse().ok()
}

/// The series whose last change made them slower, and by more than the share.
pub fn regressions(history: &History, above: f64) -> impl Iterator<Item = (&Series, &Change)> {
    let last = history.series.iter().filter_map(|series| Some((series, series.changes.last()?)));
    last.filter(move |(_, change)| change.ratio > 1.0 + above)
}

fn facts(run: &PastRun<'_>) -> RunFacts {
    let digest = Sha256::digest(run.facts.manifest.as_bytes());
    let hex = digest.iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    RunFacts {
        run: run.run.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        started_at: run.facts.started_at.clone(),
        gpujobs_version: run.facts.gpujobs_version.clone(),
        manifest_digest: hex,
    }
}

/// The rows of each job by what computed them. Those that do not say it stand in each series of their job, or in one of
/// their own.
fn drafts<'run>(runs: &[PastRun<'run>], rules: &Rules) -> Vec<Draft<'run>> {
    let mut jobs: IndexMap<&str, IndexMap<MachineKey, Rows<'run>>> = IndexMap::new();
    let mut unnamed: IndexMap<&str, Rows<'run>> = IndexMap::new();
    for (place, run) in runs.iter().enumerate() {
        for job in &run.run.jobs {
            let series = jobs.entry(job.cell("job_id")).or_default();
            match hardware(job) {
                Some(_) if rules.across_machines => {
                    series.entry(MachineKey::default()).or_default().push((place, job));
                }
                Some(hardware) => {
                    let (kind, name) = (job.cell("adapter_kind").to_owned(), job.cell(NAME).to_owned());
                    series.entry(MachineKey { kind, hardware, name }).or_default().push((place, job));
                }
                None => unnamed.entry(job.cell("job_id")).or_default().push((place, job)),
            }
        }
    }
    let mut drafts = Vec::new();
    for (id, mut series) in jobs {
        let others = unnamed.swap_remove(id).unwrap_or_default();
        if series.is_empty() {
            series.insert(MachineKey::default(), Vec::new());
        }
        for (key, mut rows) in with_names(series) {
            rows.extend(&others);
            rows.sort_by_key(|(place, _)| *place);
            let MachineKey { kind, hardware, name } = key;
            let adapter = if name.is_empty() { hardware } else { format!("{name}: {hardware}") };
            drafts.push(Draft { series: blank(id, kind, adapter), rows, counted: Vec::new() });
        }
    }
    drafts
}

fn blank(job: &str, adapter_kind: String, adapter: String) -> Series {
    Series {
        job: job.to_owned(),
        adapter,
        adapter_kind,
        clock: "wall",
        points: Vec::new(),
        spread: None,
        changes: Vec::new(),
        verdict: HistoryVerdict::TooFew,
        p_adjusted: None,
    }
}

impl Draft<'_> {
    /// Takes the times of its rows.
    fn observe(&mut self, facts: &[RunFacts], rules: &Rules) {
        // One clock for all of it, or its levels would be those of two clocks.
        let counted = self.rows.iter().map(|(_, job)| *job).filter(|job| refusal(job, rules).is_none());
        let gpu = by_gpu(rules.metric, counted);
        self.series.clock = if gpu { "gpu" } else { "wall" };
        let mut before: Option<(usize, &JobRecord)> = None;
        for (place, job) in &self.rows {
            let news = before.map(|(earlier, row)| differences(&facts[earlier], row, &facts[*place], job));
            let mut point = point(*place, job, rules, gpu);
            point.news = news.unwrap_or_default();
            if let Some(median) = point.median_ms {
                self.counted.push((*place, job, median.ln()));
            }
            self.series.points.push(point);
            before = Some((*place, job));
        }
    }

    fn logs(&self) -> Vec<f64> {
        self.counted.iter().map(|(_, _, log)| *log).collect()
    }

    /// What its splits say of it, and how far apart its runs are beside them.
    fn conclude(&mut self, splits: &[Split], facts: &[RunFacts], same_within: f64) {
        let logs = self.logs();
        let ends: Vec<usize> = [0].into_iter().chain(splits.iter().map(|split| split.at)).chain([logs.len()]).collect();
        let levels: Vec<&[f64]> = ends.windows(2).map(|ends| &logs[ends[0]..ends[1]]).collect();
        let freedom = logs.len() as f64 - levels.len() as f64;
        let squares: f64 = levels.iter().map(|level| change_points::spread(level)).sum();
        self.series.spread = (freedom >= 1.0).then(|| (squares / freedom).sqrt());
        let looks = change_points::splits(logs.len());
        for (split, sides) in splits.iter().zip(levels.windows(2)) {
            let step = change_points::step(sides[0], sides[1], looks);
            let (low, high) = (step.low.exp(), step.high.exp());
            if low >= 1.0 - same_within && high <= 1.0 + same_within {
                continue;
            }
            let ((earlier, row, _), (later, job, _)) = (self.counted[split.at - 1], self.counted[split.at]);
            self.series.changes.push(Change {
                run: later,
                direction: if step.estimate > 0.0 { HistoryVerdict::Slower } else { HistoryVerdict::Faster },
                ratio: step.estimate.exp(),
                low,
                high,
                p: split.p,
                news: differences(&facts[earlier], row, &facts[later], job),
                circumstances: circumstances(row, job),
            });
        }
        let last = self.series.changes.last().map(|change| change.direction);
        self.series.verdict = last.unwrap_or(HistoryVerdict::NoChange);
    }
}

/// Looks for changes in all series together.
fn judge(drafts: &mut [Draft<'_>], facts: &[RunFacts], rules: &Rules) {
    let mut tested: Vec<&mut Draft<'_>> =
        drafts.iter_mut().filter(|draft| change_points::splits(draft.counted.len()) > 0).collect();
    let family = tested.len();
    let splits: Vec<Split> = tested.iter().filter_map(|draft| change_points::clearest(&draft.logs(), family)).collect();
    let adjusted = holm(&splits.iter().map(|split| split.p).collect::<Vec<_>>());
    for ((draft, first), p) in tested.iter_mut().zip(splits).zip(adjusted) {
        draft.series.p_adjusted = Some(p);
        let found = if p < ALPHA { change_points::all(&draft.logs(), first, family) } else { Vec::new() };
        draft.conclude(&found, facts, rules.same_within);
    }
}

fn point(run: usize, job: &JobRecord, rules: &Rules, gpu: bool) -> Point {
    let time = job_time::of(job, rules, gpu);
    let (low_ms, high_ms) = time.as_ref().ok().and_then(|time| time.interval).unzip();
    Point {
        run,
        median_ms: time.as_ref().ok().map(|time| time.median),
        low_ms,
        high_ms,
        status: job.cell("status").to_owned(),
        reason: time.err().unwrap_or_default(),
        news: Vec::new(),
    }
}

/// What is new in a row and its run.
fn differences(earlier: &RunFacts, row: &JobRecord, later: &RunFacts, job: &JobRecord) -> Vec<Difference> {
    let of_rows = WATCHED.iter().map(|column| (*column, row.cell(column), job.cell(column)));
    // Rows of jobs that never ran say nothing of many things.
    let of_rows = of_rows.filter(|(_, before, after)| !before.is_empty() && !after.is_empty());
    let of_runs = [
        ("gpujobs_version", earlier.gpujobs_version.as_str(), later.gpujobs_version.as_str()),
        ("manifest_digest", earlier.manifest_digest.as_str(), later.manifest_digest.as_str()),
    ];
    let differing = of_rows.chain(of_runs).filter(|(_, before, after)| before != after);
    let difference = |(what, before, after): (&str, &str, &str)| Difference {
        what: what.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    differing.map(difference).collect()
}

/// How many runs must count before a change can be found.
pub const FEWEST: usize = 2 * FEWEST_RUNS;
