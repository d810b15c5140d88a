//! A group is jobs whose samples are interleaved: in each round every one of them has its turn, in shuffled order, so
//! that what the machine does meanwhile hits all alike.
//!
//! Its jobs are brought to their first results one after the other and stay ready, each with its own device, until the
//! last round. They have as many rounds and as many inferences in a sample as each other, so that round by round they
//! can be compared. A job that loses its browser leaves the group, takes the others of that browser with it, and each of
//! them is tried again as a group of one.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::io;

use super::gpu_state::{self, GpuWatch};
use super::lanes::{Next, NodeTurn, Place};
use super::load::Load;
use super::member::{ActiveJob, End, RoundShare};
use super::pages::PageMaker;
use super::rounds::{Renewals, further, settle_iterations, shuffled};
use super::{Attempt, BrowserSlot, GiveUp, JobReport, Outcome, RunEvent, Status, blank};
use crate::harness::executor::{Executor, OpenError};
use crate::manifest::Measure;
use crate::measure::{drift, sampling};
use crate::plan::Job;
use crate::render::page::{Page, PageError, PageRequest};

/// Runs the groups of a lane, one after the other.
pub(super) struct GroupRunner<'a, 'run, E, Render> {
    pub(super) pages: PageMaker<'a, 'run, Render>,
    pub(super) slots: &'a mut HashMap<String, BrowserSlot<E>>,
    pub(super) give_up: Option<GiveUp>,
    pub(super) outcome: &'a Cell<Outcome>,
    pub(super) on_event: &'a dyn Fn(RunEvent<'run>) -> io::Result<()>,
    /// Where they run.
    pub(super) place: &'a Place<'run>,
    /// The node whose turn this lane has, until its group has ended.
    pub(super) turn: Option<NodeTurn>,
}

/// The jobs of a group.
#[derive(Default)]
struct Group<'run> {
    /// Those that are ready.
    active: Vec<ActiveJob<'run>>,
    /// Those that are to be tried again, each by itself.
    again: Vec<Attempt<'run>>,
    /// Whether time ran out before each had the samples that it was to have.
    cut_short: bool,
    /// Reads the state of the GPU that they run on.
    gpu: Option<GpuWatch>,
}

impl Group<'_> {
    /// The positions of its jobs in the plan.
    fn indices(&self) -> Vec<usize> {
        self.active.iter().map(|job| job.origin.index).collect()
    }
}

/// A job's next turn.
#[derive(Clone, Copy)]
enum Step {
    Pilot,
    SecondChance,
    WarmUp,
    Samples(RoundShare),
    Renew { round: u32 },
    Profile,
}

impl<'run, E, Render> GroupRunner<'_, 'run, E, Render>
where
    E: Executor,
    Render: FnMut(&PageRequest<'_>) -> Result<Page, PageError>,
{
    /// Runs groups of its place until none is left for it.
    pub(super) async fn run_lane(mut self) -> io::Result<()> {
        let (place, mut open) = (self.place, None);
        loop {
            let changed = place.changed();
            match place.next(&mut open) {
                Next::Run(jobs) => {
                    self.run(&jobs).await?;
                    let is_missing =
                        |browser: &String| self.slots.get(browser).is_some_and(|slot| slot.missing.is_some());
                    if open.as_ref().is_some_and(|browser| is_missing(browser) && place.may_leave(browser)) {
                        self.close().await;
                        place.closed(&mut open);
                        return Ok(());
                    }
                }
                Next::Close => {
                    self.close().await;
                    place.closed(&mut open);
                }
                Next::Wait => changed.await,
                Next::End => {
                    // Who waits has nothing to wait for any more.
                    place.closed(&mut open);
                    return Ok(());
                }
            }
        }
    }

    /// Runs a group and tells how each of its jobs ended.
    async fn run(&mut self, jobs: &[(usize, &'run Job)]) -> io::Result<()> {
        let attempts = jobs.iter().map(|(index, job)| Attempt { index: *index, job, used: 0, announced: false });
        let mut groups = VecDeque::from([attempts.collect::<Vec<_>>()]);
        while let Some(attempts) = groups.pop_front() {
            // Large: what a group holds while it waits.
            let mut again = Box::pin(self.together(attempts)).await?;
            again.sort_by_key(|one| one.index);
            groups.extend(again.into_iter().map(|one| vec![one]));
        }
        self.turn = None;
        Ok(())
    }

    /// Runs jobs as one group and gives those that are to be tried again.
    async fn together(&mut self, attempts: Vec<Attempt<'run>>) -> io::Result<Vec<Attempt<'run>>> {
        let mut group = Group::default();
        let number = attempts.first().map(|one| one.job.number);
        for mut one in attempts {
            if !one.announced {
                (self.on_event)(RunEvent::JobStarted { job: one.job, index: one.index })?;
                one.announced = true;
            }
            self.make_ready(one, &mut group).await?;
        }
        let load = Load::begin(self.pages.manifest);
        group.gpu = GpuWatch::begin(self.pages.manifest, group.active.iter().map(|job| &job.measurement));
        self.in_order(Step::Pilot, &mut group).await?;
        self.give_up(&mut group).await?;
        let uneven = self.measure().iterations.is_none() && settle_iterations(&mut group.active);
        self.in_order(Step::WarmUp, &mut group).await?;
        self.rounds(&mut group).await?;
        if self.measure().profile {
            self.in_order(Step::Profile, &mut group).await?;
        }
        let others = load.end();
        let Group { mut active, again, cut_short, gpu: _ } = group;
        let times: Vec<Vec<f64>> = active.iter().map(|job| job.measurement.deciding_ms()).collect();
        let drift = drift::common(&times);
        let shared = active.len() > 1;
        active.sort_by_key(|job| job.origin.index);
        for mut job in active {
            if let Some(beside) =
                self.slots.get(&job.origin.job.axes.browser).and_then(|slot| slot.executor.beside(job.number))
            {
                // It is said why there is no reference.
                let unverified = &mut job.measurement.check.unverified;
                *unverified = format!("{unverified}; {beside}");
            }
            let heap = self.weigh(&job).await;
            self.release(&job).await;
            let circumstances = &mut job.report.circumstances;
            circumstances.heap = heap;
            circumstances.group = number.filter(|_| shared);
            (circumstances.drift, circumstances.others) = (drift, others);
            (circumstances.uneven, circumstances.cut_short) = (uneven, cut_short);
            circumstances.resident = job.resident;
            circumstances.gpu = gpu_state::state(job.measurement.adapter.as_ref(), &job.readings);
            self.finish(job.well())?;
        }
        Ok(again)
    }

    /// Closes all browsers of the lane.
    async fn close(&mut self) {
        for slot in self.slots.values_mut() {
            slot.executor.close().await;
        }
    }

    fn measure(&self) -> &'run Measure {
        &self.pages.manifest.measure
    }

    /// Ends the jobs that are too slow to be of interest, with their warm-ups and no sample. A pilot may have been held up,
    /// so each has a second chance.
    async fn give_up(&mut self, group: &mut Group<'run>) -> io::Result<()> {
        let Some(GiveUp { times, best_ms }) = self.give_up else { return Ok(()) };
        let least = |job: &ActiveJob<'run>| job.measurement.least_warmup_ms();
        let limit = |jobs: &[ActiveJob<'run>]| {
            let fastest = jobs.iter().filter_map(least).chain(best_ms).min_by(f64::total_cmp);
            fastest.map_or(f64::INFINITY, |fastest| times * fastest)
        };
        let is_slow = |job: &ActiveJob<'run>, limit: f64| least(job).is_some_and(|time| time > limit);
        let first = limit(&group.active);
        let slow = group.active.iter().filter(|job| is_slow(job, first));
        for index in slow.map(|job| job.origin.index).collect::<Vec<_>>() {
            self.turn(Step::SecondChance, index, group).await?;
        }
        let limit = limit(&group.active);
        for job in group.active.extract_if(.., |job| is_slow(job, limit)).collect::<Vec<_>>() {
            self.release(&job).await;
            let reason = format!("given up: it took more than {times} times as long as the fastest one");
            self.finish(JobReport { reason, ..job.well() })?;
        }
        Ok(())
    }

    /// Brings a job to its first result, or to its end.
    async fn make_ready(&mut self, one: Attempt<'run>, group: &mut Group<'run>) -> io::Result<()> {
        let measure = self.measure();
        let mut report = blank(one.job);
        if let (Some(reason), []) = (&one.job.unsupported_reason, measure.fallback.as_slice()) {
            (report.status, report.reason) = (Status::Unsupported, reason.clone());
            return self.finish(report);
        }
        let Some(slot) = self.slots.get_mut(one.job.axes.browser.as_str()) else { return Ok(()) };
        report.attempts = one.used;
        if let Some(reason) = &slot.missing {
            report.reason.clone_from(reason);
            return self.finish(report);
        }
        report.attempts += 1;
        match slot.executor.open(one.job.axes.cache).await {
            Ok(opened) => {
                self.place.take_turn(&opened, &mut self.turn).await;
                report.session = Some(opened);
                slot.has_started = true;
            }
            Err(OpenError { message, missing }) => {
                report.status = if missing { Status::Skipped } else { Status::Failed };
                report.reason.clone_from(&message);
                if missing || one.used == measure.retries {
                    // A browser that did not start with all its tries will not start for the next job either.
                    slot.missing = Some(message);
                }
                return self.lost(report, one, missing, group).await;
            }
        }
        match ActiveJob::first_result(&self.pages, slot, one, report).await {
            Ok(job) => group.active.push(job),
            Err((report, End::Reported)) => self.finish(report)?,
            Err((mut report, End::Lost(status, reason))) => {
                (report.status, report.reason) = (status, reason);
                self.lost(report, one, false, group).await?;
            }
        }
        Ok(())
    }

    /// Takes the jobs' samples, round by round, until each of them has enough: what one of them needs all get, so that
    /// their rounds stay in pairs.
    async fn rounds(&mut self, group: &mut Group<'run>) -> io::Result<()> {
        let measure = self.measure();
        let interleaved = group.active.len() > 1;
        let planned = (0..measure.rounds).map(|round| sampling::share(measure.samples.min, round, measure.rounds));
        let mut counts: VecDeque<u32> = planned.collect();
        let size = measure.samples.min.div_ceil(measure.rounds).max(1);
        let renewals = Renewals::of(measure, &group.active);
        for round in 0_u32.. {
            if counts.is_empty() {
                let more = further(measure, &group.active);
                counts.extend((0..more).step_by(size as usize).map(|from| size.min(more - from)));
            }
            let Some(count) = counts.pop_front() else { return Ok(()) };
            // Each round anew: samples may come to cost more than those that the look was planned by.
            if !group.active.iter().all(|job| job.has_time_for(count, measure)) {
                group.cut_short = true;
                return Ok(());
            }
            let order = shuffled(self.pages.manifest, &group.active, round);
            let asked = measure.instances.is_some();
            if renewals.begin(round) && (asked || group.active.iter().all(|job| job.has_time_to_renew(measure))) {
                for index in &order {
                    self.turn(Step::Renew { round }, *index, group).await?;
                }
            }
            // Where there are fewer samples than rounds some have none; who is made ready anew in them has its first result.
            if count == 0 {
                continue;
            }
            for index in order {
                self.turn(Step::Samples(RoundShare { round, count, interleaved }), index, group).await?;
            }
        }
        Ok(())
    }

    /// Gives every job the same turn.
    async fn in_order(&mut self, step: Step, group: &mut Group<'run>) -> io::Result<()> {
        for index in group.indices() {
            self.turn(step, index, group).await?;
        }
        Ok(())
    }

    /// One turn of the job with this position in the plan, if it is still ready.
    async fn turn(&mut self, step: Step, index: usize, group: &mut Group<'run>) -> io::Result<()> {
        let measure = self.measure();
        let Some(place) = group.active.iter().position(|job| job.origin.index == index) else { return Ok(()) };
        let job = &mut group.active[place];
        let Some(slot) = self.slots.get_mut(job.origin.job.axes.browser.as_str()) else { return Ok(()) };
        let ended = match step {
            Step::Pilot => job.pilot(slot, measure).await,
            Step::SecondChance => job.once_more(slot, measure).await,
            Step::WarmUp => job.warm_up(slot, measure, 0, job.measurement.warmups()).await,
            Step::Samples(share) => job.samples(slot, measure, share, group.gpu.as_ref()).await,
            Step::Renew { round } => job.renew(&self.pages, slot, round).await,
            Step::Profile => job.profile(slot, measure).await,
        };
        let Err(end) = ended else { return Ok(()) };
        let mut job = group.active.remove(place);
        match end {
            End::Reported => {
                self.release(&job).await;
                self.finish(job.report)
            }
            End::Lost(status, reason) => {
                (job.report.status, job.report.reason) = (status, reason);
                self.lost(job.report, job.origin, false, group).await
            }
        }
    }

    /// An attempt has lost its browser: it is closed, every other job that was ready in it is tried again by itself, and
    /// so is this one if it has an attempt left and is not `hopeless`.
    async fn lost(
        &mut self,
        report: JobReport,
        one: Attempt<'run>,
        hopeless: bool,
        group: &mut Group<'run>,
    ) -> io::Result<()> {
        let browser = one.job.axes.browser.as_str();
        if let Some(slot) = self.slots.get_mut(browser) {
            // Whatever is left of the session can't be trusted.
            slot.executor.close().await;
        }
        let others = group.active.extract_if(.., |job| job.origin.job.axes.browser == browser);
        group.again.extend(others.map(|job| job.origin));
        if hopeless || one.used >= self.measure().retries {
            return self.finish(report);
        }
        (self.on_event)(RunEvent::Retrying { job: one.job, reason: report.reason })?;
        group.again.push(Attempt { used: one.used + 1, ..one });
        Ok(())
    }

    /// What the job's document holds of the JS heap.
    async fn weigh(&mut self, job: &ActiveJob<'run>) -> Option<u64> {
        self.slots.get_mut(job.origin.job.axes.browser.as_str())?.executor.weigh(job.number).await
    }

    async fn release(&mut self, job: &ActiveJob<'run>) {
        if let Some(slot) = self.slots.get_mut(job.origin.job.axes.browser.as_str()) {
            slot.executor.release(job.number).await;
        }
    }

    fn finish(&mut self, report: JobReport) -> io::Result<()> {
        let slot = self.slots.get(report.job.axes.browser.as_str());
        let unstarted = report.session.is_none() && slot.is_some_and(|slot| !slot.has_started);
        let mut outcome = self.outcome.get();
        outcome.count(report.status, unstarted);
        self.outcome.set(outcome);
        (self.on_event)(RunEvent::JobFinished(Box::new(report)))
    }
}
