//! Carrying out a task: batches of configurations are run until the search is over, then the best ones meet the default
//! in the finals.
//!
//! A batch is a group of jobs with few samples, from which those leave early that are far behind; the finals are a
//! group that is measured as the manifest's runs are. Where all were tried, `replay` tells what a search would have found. It
//! runs no job itself: whoever calls it hands over how.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::replay::{Replay, replays};
use super::search::{Phase, Search};
use super::tasks::TuneTask;
use crate::manifest::tune::Tune;
use crate::manifest::{Measure, Samples};
use crate::measure::Summary;
use crate::plan::{Job, JobId};
use crate::render::kernels::KernelOverride;
use crate::render::target::AdapterHint;
use crate::run::{GiveUp, JobReport, Outcome, Status};

/// Samples of a configuration before the finals.
const SAMPLES: u32 = 4;
/// A configuration that takes so many times as long as the best one is not measured any further.
const HOPELESS: f64 = 1.5;
/// The best ones that meet the default in the finals.
const FINALISTS: usize = 4;

/// A configuration that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Why.
    pub phase: Phase,
    /// Its place in the space.
    pub point: usize,
    /// How it ended.
    pub status: Status,
    /// Whether its output was checked and right.
    pub verified: Option<bool>,
    /// Of one inference in ms, the GPU's own time where there is one; of one that was given up the least of its warm-ups.
    pub time: Option<Summary>,
    /// Samples that were taken of it.
    pub samples: usize,
    /// The adapter that it was given to; `None` where no browser opened.
    pub adapter_hint: Option<AdapterHint>,
    /// Why it has none, or did not end well.
    pub reason: String,
}

impl Evaluation {
    fn of(phase: Phase, point: usize, report: &JobReport) -> Self {
        let measurement = report.measurement.as_ref();
        let steady = measurement.map(crate::measure::Measurement::deciding_ms).unwrap_or_default();
        let given_up = || Summary::of(&[measurement?.least_warmup_ms()?]);
        let time = Summary::of(&steady).or_else(given_up);
        let verified = match report.status {
            Status::Incorrect => Some(false),
            _ => measurement.and_then(|measurement| measurement.check.verdict.verified),
        };
        let adapter_hint = report.session.as_ref().map(|session| session.adapter_hint.clone());
        let reason = report.reason.clone();
        Self { phase, point, status: report.status, verified, time, samples: steady.len(), adapter_hint, reason }
    }

    /// Whether it ran and is right; what makes no claim may not win.
    fn is_right(&self) -> bool {
        self.status == Status::Ok && self.verified == Some(true)
    }

    fn median(&self) -> Option<f64> {
        self.time.filter(|_| self.is_right()).map(|time| time.median)
    }
}

/// What came of a task.
#[derive(Debug, Clone, Default)]
pub struct TaskResult {
    /// Every configuration in the order in which it was tried, the finals last.
    pub tried: Vec<Evaluation>,
    /// Distinct configurations that were tried.
    pub evaluations: usize,
    /// What trying them took, without the finals.
    pub searched: Duration,
    /// The default in the finals.
    pub default: Option<Evaluation>,
    /// The winner, which may be the default; `None` where nothing ran and was right.
    pub winner: Option<Evaluation>,
    /// The adapter that computed.
    pub adapter_hint: AdapterHint,
    /// How the jobs ended.
    pub outcome: Outcome,
    /// What searches would have found, where the whole space was tried.
    pub replays: Vec<Replay>,
}

/// Jobs that are to be run together.
#[derive(Debug)]
pub struct Batch {
    /// Why.
    pub phase: Phase,
    /// Their places in the space.
    pub points: Vec<usize>,
    /// One for each point, with an id of its own.
    pub jobs: Vec<Job>,
    /// The configurations that make each job's page, by the job's id.
    pub overrides: HashMap<JobId, Vec<KernelOverride>>,
    /// How they are measured.
    pub measure: Measure,
    /// When a job is not measured any further.
    pub give_up: Option<GiveUp>,
}

impl Batch {
    /// What came of its jobs, from their reports in any order, which may be fewer where a run was interrupted.
    #[must_use]
    pub fn tried(&self, reports: &[JobReport]) -> Vec<Evaluation> {
        let report = |job: &Job| reports.iter().find(|report| report.job.id == job.id);
        let pairs = self.points.iter().zip(&self.jobs);
        pairs.filter_map(|(point, job)| Some(Evaluation::of(self.phase, *point, report(job)?))).collect()
    }
}

/// What is searched, and how.
#[derive(Debug, Clone, Copy)]
pub struct TuneRequest<'a> {
    /// What is searched.
    pub task: &'a TuneTask,
    /// `[tune]` of the manifest.
    pub tune: &'a Tune,
    /// `[measure]` of the manifest: how the finals are measured.
    pub measure: &'a Measure,
    /// What the job's other kernels are to be.
    pub settled: &'a [KernelOverride],
    /// Whether the whole space is tried, and searches of it are replayed.
    pub exhaustive: bool,
}

/// Searches a task's space and holds the finals; `run` runs a batch and gives [`Batch::tried`].
pub async fn drive<E>(
    request: TuneRequest<'_>,
    run: impl AsyncFnMut(Batch) -> Result<(Vec<Evaluation>, Outcome), E>,
) -> Result<TaskResult, E> {
    let TuneRequest { task, tune, exhaustive, .. } = request;
    let limit = tune.limit(task.space.points.len());
    let mut search =
        if exhaustive { Search::exhaustive(task.places()) } else { Search::new(task.places(), limit, tune.seed) };
    let mut drive = Drive { request, run, result: TaskResult::default() };
    if !drive.search(&mut search).await? {
        return Ok(drive.result);
    }
    if exhaustive {
        drive.result.replays = replays(&task.places(), &search, limit, tune.seed);
    }
    drive.finals(&search).await?;
    Ok(drive.result)
}

/// A task that is being carried out.
struct Drive<'a, Run> {
    request: TuneRequest<'a>,
    run: Run,
    result: TaskResult,
}

impl<Run, E> Drive<'_, Run>
where
    Run: AsyncFnMut(Batch) -> Result<(Vec<Evaluation>, Outcome), E>,
{
    /// Tries what a search asks for until it is over or the time is; false where the jobs can't go on: they were
    /// interrupted, or no browser opens.
    async fn search(&mut self, search: &mut Search) -> Result<bool, E> {
        let TuneRequest { tune, measure, exhaustive, .. } = self.request;
        let mut fastest: Option<f64> = None;
        let began = Instant::now();
        let in_time = || exhaustive || tune.budget.is_none_or(|budget| began.elapsed() < budget);
        while let Some((phase, points)) = search.batch() {
            let give_up = Some(GiveUp { times: HOPELESS, best_ms: fastest });
            let tried = self.try_out(phase, &points, brief(measure), give_up).await?;
            let time = |point: usize| tried.iter().find(|one| one.point == point).and_then(Evaluation::median);
            search.tell(&points.iter().map(|point| (*point, time(*point))).collect::<Vec<_>>());
            self.result.evaluations = search.evaluations();
            self.result.searched = began.elapsed();
            fastest = tried.iter().filter_map(Evaluation::median).chain(fastest).min_by(f64::total_cmp);
            if self.result.outcome.interrupted || tried.iter().all(|one| one.status == Status::Skipped) {
                return Ok(false);
            }
            if !in_time() {
                break;
            }
        }
        Ok(true)
    }

    /// Measures the best ones against the default. It meets them whatever it took: it is what the winner has to beat.
    async fn finals(&mut self, search: &Search) -> Result<(), E> {
        let TuneRequest { task, measure, .. } = self.request;
        let default = task.space.has_default.then_some(0);
        let measured = |point: &usize| self.result.tried.iter().any(|one| one.point == *point && one.samples > 0);
        let best = search.best(usize::MAX).into_iter().filter(|point| Some(*point) != default && measured(point));
        let finalists: Vec<usize> = best.take(FINALISTS).chain(default).collect();
        let measure = Measure { rounds: measure.rounds.max(2), ..measure.clone() };
        let finals = self.try_out(Phase::Final, &finalists, measure, None).await?;
        if !self.result.outcome.interrupted {
            (self.result.default, self.result.winner) = judge(&finals, default);
        }
        Ok(())
    }

    /// Runs points and keeps what came of them.
    async fn try_out(
        &mut self,
        phase: Phase,
        points: &[usize],
        measure: Measure,
        give_up: Option<GiveUp>,
    ) -> Result<Vec<Evaluation>, E> {
        let TuneRequest { task, settled, .. } = self.request;
        let jobs: Vec<Job> = points.iter().map(|point| task.job(*point)).collect();
        let configured = |point: &usize| settled.iter().cloned().chain([task.kernel_override(*point)]).collect();
        let overrides = jobs.iter().map(|job| job.id.clone()).zip(points.iter().map(configured)).collect();
        let batch = Batch { phase, points: points.to_vec(), jobs, overrides, measure, give_up };
        let (tried, outcome) = (self.run)(batch).await?;
        self.result.add(&tried, outcome);
        Ok(tried)
    }
}

impl TaskResult {
    /// Keeps what came of a batch.
    fn add(&mut self, tried: &[Evaluation], outcome: Outcome) {
        self.outcome.interrupted |= outcome.interrupted;
        self.outcome.ended += outcome.ended;
        self.outcome.failed += outcome.failed;
        self.outcome.skipped += outcome.skipped;
        if let Some(adapter_hint) = tried.iter().find_map(|one| one.adapter_hint.as_ref()) {
            self.adapter_hint.clone_from(adapter_hint);
        }
        self.tried.extend_from_slice(tried);
    }

    /// Distinct configurations whose output was wrong, or that failed.
    #[must_use]
    pub fn wrong(&self) -> usize {
        let bad = |one: &&Evaluation| matches!(one.status, Status::Incorrect | Status::Failed | Status::TimedOut);
        self.tried.iter().filter(bad).map(|one| one.point).collect::<std::collections::HashSet<_>>().len()
    }
}

/// How a batch is measured whose jobs only need to be ranked.
fn brief(measure: &Measure) -> Measure {
    Measure {
        // The pilot has warmed it up.
        warmup: 0,
        samples: Samples { min: SAMPLES, max: SAMPLES, precision: None },
        rounds: 2,
        instances: Some(1),
        latency: false,
        profile: false,
        ..measure.clone()
    }
}

/// The default and the winner of the finals: the fastest one that is right, if its interval lies below the default's.
fn judge(finals: &[Evaluation], default: Option<usize>) -> (Option<Evaluation>, Option<Evaluation>) {
    let default = finals.iter().find(|one| Some(one.point) == default);
    let right = finals.iter().filter_map(|one| Some((one.median()?, one)));
    let fastest = right.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, one)| one);
    let interval = |one: &Evaluation| one.time.and_then(|time| time.interval);
    let winner = match (default.filter(|default| default.is_right()), fastest) {
        (Some(default), Some(fastest)) => match (interval(default), interval(fastest)) {
            (Some((low, _)), Some((_, high))) if high < low => Some(fastest),
            _ => Some(default),
        },
        (_, fastest) => fastest,
    };
    (default.cloned(), winner.cloned())
}
