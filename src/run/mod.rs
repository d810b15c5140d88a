//! The dispatcher runs a plan's jobs one after the other: on one machine only one job uses the GPU at a time.
//!
//! It opens browsers as jobs need them, tries again what was lost, walks the fallback chain, and tells what happens as
//! [`RunEvent`]s. It never writes and never prints.

pub mod event;
mod group;
mod job;

use std::collections::HashMap;
use std::io;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::browser::executor::{Executor, OpenError};
use crate::manifest::{Backend, BrowserSettings, Manifest, Measure};
use crate::plan::{Cache, Job, Plan};
use crate::render::page::{Page, PageError};

pub use event::{JobReport, PageReport, RunEvent, Status};

/// What the dispatcher needs besides the plan.
pub struct Dispatcher<'run, E, Open, Render>
where
    E: Executor,
    Open: FnMut(&BrowserSettings) -> E,
    Render: FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
{
    /// The jobs.
    pub plan: &'run Plan,
    /// Makes the executor of a browser; called once a browser.
    pub executor: Open,
    /// Makes a job's page, with its number in the run and the backend to try.
    pub render: Render,
    /// Becomes true when the user wants to stop.
    pub stop: watch::Receiver<bool>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// Jobs that ran to their end, well or not, or that are unsupported.
    pub ended: usize,
    /// Jobs that failed, timed out or were incorrect.
    pub failed: usize,
    /// Jobs that were skipped because their browser could not be started.
    pub skipped: usize,
}

/// The browsers of a run, by their names in the manifest.
type Seats<'run, E> = HashMap<&'run str, Seat<E>>;

/// A browser of this run.
struct Seat<E> {
    executor: E,
    /// Why it can't be opened at all: later jobs are skipped without another try.
    missing: Option<String>,
}

impl<'run, E, Open, Render> Dispatcher<'run, E, Open, Render>
where
    E: Executor,
    Open: FnMut(&BrowserSettings) -> E,
    Render: FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
{
    /// Runs every job for which `wanted` is true and hands what happens to `tell`, whose error ends the run.
    pub async fn run(
        mut self,
        mut wanted: impl FnMut(&Job) -> bool,
        tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let plan = self.plan;
        let mut outcome = Outcome::default();
        let mut seats: Seats<'run, E> = HashMap::new();
        let mut number = 0;
        let jobs: Vec<(usize, &Job)> = plan.jobs.iter().enumerate().filter(|(_, job)| wanted(job)).collect();
        let mut told = Ok(());
        for jobs in group::groups(plan, &jobs) {
            for (_, job) in jobs {
                seats.entry(&job.browser).or_insert_with(|| {
                    let executor = (self.executor)(&plan.manifest.browsers[&job.browser]);
                    Seat { executor, missing: None }
                });
            }
            let mut stop = self.stop.clone();
            let ran = tokio::select! {
                ran = group::run(&plan.manifest, &mut self.render, &mut number, &mut seats, jobs, &mut outcome, tell) => ran,
                () = stopped(&mut stop) => { outcome.interrupted = true; break }
            };
            if ran.is_err() {
                told = ran;
                break;
            }
        }
        for seat in seats.values_mut() {
            seat.executor.close().await;
        }
        told.map(|()| outcome)
    }
}

impl Outcome {
    /// Counts a job that has ended.
    fn count(&mut self, status: Status) {
        match status {
            Status::Skipped => self.skipped += 1,
            Status::Ok | Status::Unsupported => self.ended += 1,
            Status::Incorrect | Status::Failed | Status::TimedOut => {
                self.ended += 1;
                self.failed += 1;
            }
        }
    }
}

/// Resolves when the user wants to stop; never when nobody can say so any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Why a job ended that took too long.
fn too_late(measure: &Measure) -> String {
    let limit = humantime::format_duration(measure.timeout);
    format!("no result within {limit}: raise `timeout` under [measure] if the job is that long")
}

/// The report of a job of which nothing is known yet.
fn blank(job: &Job) -> JobReport {
    JobReport {
        job: job.clone(),
        status: Status::Skipped,
        reason: String::new(),
        attempts: 0,
        started_at: Timestamp::now(),
        session: None,
        backend_used: None,
        fallback_reason: String::new(),
        measurement: None,
        page: None,
        wrong: None,
    }
}

/// Tries a job by itself until it ends or its tries are used up, of which `used` are gone.
async fn attempts<'run, E: Executor>(
    manifest: &Manifest,
    render: &mut impl FnMut(&Job, u64, Backend) -> Result<Page, PageError>,
    number: &mut u64,
    seat: &mut Seat<E>,
    (job, used): (&'run Job, u32),
    tell: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
) -> io::Result<JobReport> {
    let mut report = blank(job);
    let measure = &manifest.measure;
    if let (Some(reason), []) = (&job.impossible, measure.fallback.as_slice()) {
        report.status = Status::Unsupported;
        report.reason.clone_from(reason);
        return Ok(report);
    }
    for attempt in used + 1..=measure.retries + 1 {
        if let Some(reason) = &seat.missing {
            report.reason.clone_from(reason);
            return Ok(report);
        }
        report.attempts = attempt;
        report.started_at = Timestamp::now();
        let opened = match seat.executor.open(job.cache == Cache::Cold).await {
            Ok(opened) => opened,
            Err(OpenError { message, missing }) => {
                report.status = if missing { Status::Skipped } else { Status::Failed };
                report.reason.clone_from(&message);
                if missing || attempt > measure.retries {
                    // A browser that did not start with all its tries will not start for the next job either.
                    seat.missing = Some(message);
                    seat.executor.close().await;
                    return Ok(report);
                }
                tell(RunEvent::Retrying { job, reason: message })?;
                continue;
            }
        };
        report.session = Some(opened);
        let ended = tokio::time::timeout(measure.timeout, job::once(manifest, render, number, seat, &mut report)).await;
        let lost = match ended {
            Ok(Ok(())) => return Ok(report),
            Ok(Err(lost)) => {
                report.status = Status::Failed;
                lost
            }
            Err(_) => {
                report.status = Status::TimedOut;
                too_late(measure)
            }
        };
        report.reason.clone_from(&lost);
        // Whatever is left of the session can't be trusted.
        seat.executor.close().await;
        if attempt <= measure.retries {
            tell(RunEvent::Retrying { job, reason: lost })?;
        }
    }
    Ok(report)
}
