//! The dispatcher runs a plan's jobs one after the other on each machine: only one job uses a GPU at a time. Where browsers run on
//! several machines, these work side by side.
//!
//! It opens browsers as jobs need them, tries again what was lost, walks the fallback chain, and tells what happens as
//! [`RunEvent`]s. It never writes and never prints.

pub mod event;
mod gpu_state;
mod group;
mod groups;
mod lanes;
mod load;
mod member;
mod pages;
mod rounds;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;

use futures_util::future::try_join_all;
use indexmap::IndexMap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::harness::executor::Executor;
use crate::plan::{Job, Plan};
use crate::render::page::{Page, PageError, PageRequest};
use crate::webdriver::BrowserSettings;

use group::GroupRunner;
use pages::PageMaker;

pub use event::{Circumstances, GpuState, JobReport, PageReport, RunEvent, Status};
pub use groups::blocks;
pub use lanes::Nodes;

/// What the dispatcher needs besides the plan.
pub struct Dispatcher<'run, E, Open, Render>
where
    E: Executor,
    Open: FnMut(&BrowserSettings) -> E,
    Render: FnMut(&PageRequest<'_>) -> Result<Page, PageError>,
{
    /// The jobs.
    pub plan: &'run Plan,
    /// Makes the executor of a browser; called once a browser and lane.
    pub executor: Open,
    /// Makes a job's page.
    pub render: Render,
    /// When a job leaves its group before its samples are taken; `None` keeps all.
    pub give_up: Option<GiveUp>,
    /// How many nodes behind an endpoint have a browser, where there are several.
    pub nodes: &'run Nodes,
    /// Becomes true when the user wants to stop.
    pub stop: watch::Receiver<bool>,
}

/// A job is given up when an inference takes longer than `times` the fastest job's, also when it is asked twice: of its
/// group, or `best_ms` where that is less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GiveUp {
    /// Above 1.
    pub times: f64,
    /// The best inference known from elsewhere, in ms.
    pub best_ms: Option<f64>,
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
    /// Jobs that were skipped, or failed, because their browser could not be started.
    pub skipped: usize,
}

/// The browsers of one run or of several, and how many pages they have had.
///
/// They are opened as jobs need them and stay open until [`Browsers::close`].
#[derive(Debug)]
pub struct Browsers<E> {
    /// Of each lane, by its place and its number there, by their names in the manifest.
    lanes: IndexMap<(Option<String>, usize), HashMap<String, BrowserSlot<E>>>,
    /// How many pages were made for them.
    pages: Cell<u64>,
}

impl<E> Default for Browsers<E> {
    fn default() -> Self {
        Self { lanes: IndexMap::new(), pages: Cell::new(0) }
    }
}

impl<E: Executor> Browsers<E> {
    /// Closes all that are open.
    pub async fn close(&mut self) {
        for slot in self.lanes.values_mut().flat_map(HashMap::values_mut) {
            slot.executor.close().await;
        }
    }
}

/// A browser.
#[derive(Debug)]
struct BrowserSlot<E> {
    executor: E,
    /// Why it can't be opened at all: later jobs are skipped without another try.
    missing: Option<String>,
    /// Whether it has been open.
    has_started: bool,
}

/// A try of a job, to be made.
#[derive(Clone, Copy)]
struct Attempt<'run> {
    /// Its position in the plan.
    index: usize,
    job: &'run Job,
    /// Tries that are used up.
    used: u32,
    /// Whether its start was announced.
    announced: bool,
}

impl<'run, E, Open, Render> Dispatcher<'run, E, Open, Render>
where
    E: Executor,
    Open: FnMut(&BrowserSettings) -> E,
    Render: FnMut(&PageRequest<'_>) -> Result<Page, PageError>,
{
    /// Runs every job for which `includes` is true and hands what happens to `on_event`, whose error ends the run.
    pub async fn run(
        self,
        includes: impl FnMut(&Job) -> bool,
        on_event: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let mut browsers = Browsers::default();
        let ended = self.run_in(&mut browsers, includes, on_event).await;
        browsers.close().await;
        ended
    }

    /// As [`run`](Self::run), in browsers that other plans have used and will use; their settings must be the same.
    pub async fn run_in(
        self,
        browsers: &mut Browsers<E>,
        mut includes: impl FnMut(&Job) -> bool,
        on_event: &mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let Self { plan, mut executor, render, give_up, nodes, mut stop } = self;
        let jobs: Vec<(usize, &Job)> = plan.jobs.iter().enumerate().filter(|(_, job)| includes(job)).collect();
        let places = lanes::places(plan, &jobs, nodes);
        for place in &places {
            for lane in 0..place.lanes {
                let slots = browsers.lanes.entry((place.name.clone(), lane)).or_default();
                for browser in &place.browsers {
                    slots.entry(browser.clone()).or_insert_with(|| {
                        let executor = executor(&plan.manifest.browsers[browser]);
                        BrowserSlot { executor, missing: None, has_started: false }
                    });
                }
            }
        }
        let (render, outcome, on_event) = (RefCell::new(render), Cell::new(Outcome::default()), RefCell::new(on_event));
        let on_event = |event: RunEvent<'run>| (on_event.borrow_mut())(event);
        let Browsers { lanes, pages } = browsers;
        let mut running = Vec::new();
        for ((name, lane), slots) in lanes {
            let Some(place) = places.iter().find(|place| place.name == *name && *lane < place.lanes) else {
                continue;
            };
            let pages = PageMaker { manifest: &plan.manifest, render: &render, count: pages };
            let (outcome, on_event) = (&outcome, &on_event);
            let runner = GroupRunner { pages, slots, give_up, outcome, on_event, place, turn: None };
            running.push(Box::pin(runner.run_lane()));
        }
        let ran = tokio::select! {
            ran = try_join_all(running) => Some(ran),
            () = stopped(&mut stop) => None,
        };
        let interrupted = ran.is_none();
        ran.transpose()?;
        Ok(Outcome { interrupted, ..outcome.get() })
    }
}

impl Outcome {
    /// Counts a job that has ended; `unstarted` says whether that was because its browser never started.
    fn count(&mut self, status: Status, unstarted: bool) {
        match status {
            Status::Skipped => self.skipped += 1,
            Status::Failed if unstarted => self.skipped += 1,
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
        circumstances: Circumstances::default(),
    }
}
