//! A group is jobs whose samples are interleaved: in each round every one of them has its turn, in shuffled order, so
//! that what the machine does meanwhile hits all alike.
//!
//! Its jobs are brought to their first results one after the other and stay ready, each with its own device, until the
//! last round. They have as many rounds and as many inferences in a sample as each other, so that round by round they
//! can be compared. A job that loses its browser leaves the group, takes the others of that browser with it, and each of
//! them is tried again as a group of one.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use indexmap::{IndexMap, IndexSet};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::load::Load;
use super::member::{ActiveJob, End};
use super::{Attempt, Browsers, JobReport, Outcome, RunEvent, Status, blank};
use crate::graph::{Graph, JobVars, Memory};
use crate::harness::executor::{Executor, OpenError};
use crate::manifest::{Backend, GiveUp, Manifest, Measure};
use crate::measure::{drift, sampling};
use crate::plan::{Cache, Job, Plan, select};
use crate::render::page::{Page, PageError};
use crate::render::target::AdapterHint;
use crate::store::model_files;

/// Jobs that are ready at the same time, each with a device of its own.
const LARGEST: usize = 12;
/// What the tensors of a group's jobs may take together, in bytes.
const HEAVIEST: u64 = 2 << 30;
/// A sample of the slowest job that is longer than this is not worth an equal number of inferences for all.
const LONGEST_SAMPLE: Duration = Duration::from_millis(500);

/// Jobs with their positions in the plan.
type Group<'run> = Vec<(usize, &'run Job)>;

/// Divides jobs, with their positions in the plan, into groups: of one model, none of them cold, where there are rounds
/// to interleave at all. Jobs that differ only in their browser stay together, since that is what is compared first.
pub(super) fn groups<'run>(plan: &Plan, jobs: &[(usize, &'run Job)]) -> Vec<Group<'run>> {
    if plan.manifest.measure.rounds < 2 {
        return jobs.iter().map(|job| vec![*job]).collect();
    }
    // By model, then by everything but the browser; both in the order of the plan.
    let mut alike: IndexMap<String, IndexMap<&str, Group>> = IndexMap::new();
    for (index, job) in jobs {
        let key = if job.axes.cache == Cache::Warm { job.axes.model.clone() } else { format!("{index}: cold") };
        let rest = job.id.0.split_once('/').map_or("", |(_, rest)| rest);
        alike.entry(key).or_default().entry(rest).or_default().push((*index, job));
    }
    let mut groups: Vec<Group> = Vec::new();
    for sets in alike.into_values() {
        let (mut group, mut weight) = (Group::new(), 0_u64);
        for set in sets.into_values() {
            let heavy: u64 = set.iter().map(|(_, job)| bytes(plan, job)).sum();
            if !group.is_empty() && (group.len() + set.len() > LARGEST || weight.saturating_add(heavy) > HEAVIEST) {
                groups.push(std::mem::take(&mut group));
                weight = 0;
            }
            group.extend(set);
            weight = weight.saturating_add(heavy);
        }
        groups.push(group);
    }
    groups
}

/// What the buffers of a job's tensors take on the GPU; nothing where it can't run. A model of ONNX is taken to need room for its files
/// twice, and for its runtime.
fn bytes(plan: &Plan, job: &Job) -> u64 {
    const RUNTIME: u64 = 100 << 20;
    let Some(model) = plan.manifest.models.get(&job.axes.model) else { return 0 };
    if model.needs_libraries() {
        return RUNTIME + 2 * model_files::loaded_bytes(&plan.manifest, job).unwrap_or(0);
    }
    let graph = Graph::of(model, &JobVars::of(job));
    graph.map_or(0, |graph| Memory::of(&graph).bytes())
}

/// What all groups of a run share.
pub(super) struct GroupRunner<'a, 'run, E, Render> {
    pub(super) manifest: &'run Manifest,
    pub(super) render: &'a mut Render,
    pub(super) browsers: &'a mut Browsers<E>,
    pub(super) outcome: &'a mut Outcome,
    pub(super) tell: &'a mut dyn FnMut(RunEvent<'run>) -> io::Result<()>,
}

/// A member's next turn.
#[derive(Clone, Copy)]
enum Step {
    Pilot,
    SecondChance,
    WarmUp,
    Samples { round: u32, count: u32, interleaved: bool },
    Renew { round: u32 },
    Profile,
}

impl<'run, E, Render> GroupRunner<'_, 'run, E, Render>
where
    E: Executor,
    Render: FnMut(&Job, u64, Backend, &AdapterHint) -> Result<Page, PageError>,
{
    /// Runs a group and tells how each of its jobs ended.
    pub(super) async fn run(&mut self, jobs: &[(usize, &'run Job)]) -> io::Result<()> {
        let tries = jobs.iter().map(|(index, job)| Attempt { index: *index, job, used: 0, told: false });
        let mut groups = VecDeque::from([tries.collect::<Vec<_>>()]);
        while let Some(group) = groups.pop_front() {
            let mut again = self.together(group).await?;
            again.sort_by_key(|one| one.index);
            groups.extend(again.into_iter().map(|one| vec![one]));
        }
        Ok(())
    }

    /// Runs jobs as one group and gives those that are to be tried again.
    async fn together(&mut self, group: Vec<Attempt<'run>>) -> io::Result<Vec<Attempt<'run>>> {
        let mut again = Vec::new();
        let mut members = Vec::new();
        let number = group.first().map(|one| one.index + 1);
        for mut one in group {
            if !one.told {
                (self.tell)(RunEvent::JobStarted { job: one.job, index: one.index })?;
                one.told = true;
            }
            self.make_ready(one, &mut members, &mut again).await?;
        }
        let load = Load::begin(self.manifest);
        self.in_order(Step::Pilot, &mut members, &mut again).await?;
        self.give_up(&mut members, &mut again).await?;
        let uneven = self.manifest.measure.iterations.is_none() && settle_iterations(&mut members);
        self.in_order(Step::WarmUp, &mut members, &mut again).await?;
        self.rounds(&mut members, &mut again).await?;
        if self.manifest.measure.profile {
            self.in_order(Step::Profile, &mut members, &mut again).await?;
        }
        let others = load.end();
        let times: Vec<Vec<f64>> = members.iter().map(|member| member.measurement.deciding_ms()).collect();
        let drift = drift::common(&times);
        let shared = members.len() > 1;
        members.sort_by_key(|member| member.origin.index);
        for mut member in members {
            self.release(&member).await;
            let circumstances = &mut member.report.circumstances;
            circumstances.group = number.filter(|_| shared);
            (circumstances.drift, circumstances.others, circumstances.uneven) = (drift, others, uneven);
            self.finish(member.well())?;
        }
        Ok(again)
    }

    /// Ends the jobs that are too slow to be of interest, with their warm-ups and no sample. A pilot may have been held up,
    /// so each has a second chance.
    async fn give_up(&mut self, members: &mut Vec<ActiveJob<'run>>, again: &mut Vec<Attempt<'run>>) -> io::Result<()> {
        let Some(GiveUp { times, best_ms }) = self.manifest.measure.give_up else { return Ok(()) };
        let least = |member: &ActiveJob<'run>| member.measurement.least_warmup_ms();
        let limit = |members: &[ActiveJob<'run>]| {
            let fastest = members.iter().filter_map(least).chain(best_ms).min_by(f64::total_cmp);
            fastest.map_or(f64::INFINITY, |fastest| times * fastest)
        };
        let is_slow = |member: &ActiveJob<'run>, limit: f64| least(member).is_some_and(|time| time > limit);
        let first = limit(members);
        let slow = members.iter().filter(|member| is_slow(member, first));
        for index in slow.map(|member| member.origin.index).collect::<Vec<_>>() {
            self.turn(Step::SecondChance, index, members, again).await?;
        }
        let limit = limit(members);
        for member in members.extract_if(.., |member| is_slow(member, limit)).collect::<Vec<_>>() {
            self.release(&member).await;
            let reason = format!("given up: it took more than {times} times as long as the fastest one");
            self.finish(JobReport { reason, ..member.well() })?;
        }
        Ok(())
    }

    /// Brings a job to its first result, or to its end.
    async fn make_ready(
        &mut self,
        one: Attempt<'run>,
        members: &mut Vec<ActiveJob<'run>>,
        again: &mut Vec<Attempt<'run>>,
    ) -> io::Result<()> {
        let measure = &self.manifest.measure;
        let mut report = blank(one.job);
        if let (Some(reason), []) = (&one.job.unsupported_reason, measure.fallback.as_slice()) {
            (report.status, report.reason) = (Status::Unsupported, reason.clone());
            return self.finish(report);
        }
        let Some(seat) = self.browsers.seats.get_mut(one.job.axes.browser.as_str()) else { return Ok(()) };
        report.attempts = one.used;
        if let Some(reason) = &seat.missing {
            report.reason.clone_from(reason);
            return self.finish(report);
        }
        report.attempts += 1;
        match seat.executor.open(one.job.axes.cache == Cache::Cold).await {
            Ok(opened) => report.session = Some(opened),
            Err(OpenError { message, missing }) => {
                report.status = if missing { Status::Skipped } else { Status::Failed };
                report.reason.clone_from(&message);
                if missing || one.used == measure.retries {
                    // A browser that did not start with all its tries will not start for the next job either.
                    seat.missing = Some(message);
                }
                return self.lost(report, one, missing, members, again).await;
            }
        }
        match ActiveJob::first_result(self.manifest, self.render, &mut self.browsers.pages, seat, one, report).await {
            Ok(member) => members.push(member),
            Err((report, End::Reported)) => self.finish(report)?,
            Err((mut report, End::Lost(status, reason))) => {
                (report.status, report.reason) = (status, reason);
                self.lost(report, one, false, members, again).await?;
            }
        }
        Ok(())
    }

    /// Takes the members' samples, round by round, until each of them has enough: what one of them needs all get, so
    /// that their rounds stay in pairs.
    async fn rounds(&mut self, members: &mut Vec<ActiveJob<'run>>, again: &mut Vec<Attempt<'run>>) -> io::Result<()> {
        let measure = &self.manifest.measure;
        let interleaved = members.len() > 1;
        let planned = (0..measure.rounds).map(|round| sampling::share(measure.samples.min, round, measure.rounds));
        let mut counts: VecDeque<u32> = planned.collect();
        let size = measure.samples.min.div_ceil(measure.rounds).max(1);
        // Exactly `instances` in the rounds that are planned, and as often in further ones.
        let instance = |round: u32| u64::from(round) * u64::from(measure.instances) / u64::from(measure.rounds.max(1));
        for round in 0_u32.. {
            if counts.is_empty() {
                let more = further(measure, members);
                counts.extend((0..more).step_by(size as usize).map(|from| size.min(more - from)));
            }
            let Some(count) = counts.pop_front() else { return Ok(()) };
            let order = shuffled(self.manifest, members, round);
            if round > 0 && instance(round) > instance(round - 1) {
                for index in &order {
                    self.turn(Step::Renew { round }, *index, members, again).await?;
                }
            }
            // Where there are fewer samples than rounds some have none; who is made ready anew in them has its first result.
            if count == 0 {
                continue;
            }
            for index in order {
                self.turn(Step::Samples { round, count, interleaved }, index, members, again).await?;
            }
        }
        Ok(())
    }

    /// Gives every member the same turn.
    async fn in_order(
        &mut self,
        turn: Step,
        members: &mut Vec<ActiveJob<'run>>,
        again: &mut Vec<Attempt<'run>>,
    ) -> io::Result<()> {
        let order: Vec<usize> = members.iter().map(|member| member.origin.index).collect();
        for index in order {
            self.turn(turn, index, members, again).await?;
        }
        Ok(())
    }

    /// One turn of the member with this position in the plan, if it is still there.
    async fn turn(
        &mut self,
        turn: Step,
        index: usize,
        members: &mut Vec<ActiveJob<'run>>,
        again: &mut Vec<Attempt<'run>>,
    ) -> io::Result<()> {
        let measure = &self.manifest.measure;
        let Some(place) = members.iter().position(|member| member.origin.index == index) else { return Ok(()) };
        let member = &mut members[place];
        let Some(seat) = self.browsers.seats.get_mut(member.origin.job.axes.browser.as_str()) else { return Ok(()) };
        let ended = match turn {
            Step::Pilot => member.pilot(seat, measure).await,
            Step::SecondChance => member.once_more(seat, measure).await,
            Step::WarmUp => member.warm_up(seat, measure).await,
            Step::Samples { round, count, interleaved } => {
                member.samples(seat, measure, round, count, interleaved).await
            }
            Step::Renew { round } => {
                member.renew(self.manifest, self.render, &mut self.browsers.pages, seat, round).await
            }
            Step::Profile => member.profile(seat, measure).await,
        };
        let Err(end) = ended else { return Ok(()) };
        let mut member = members.remove(place);
        match end {
            End::Reported => {
                self.release(&member).await;
                self.finish(member.report)
            }
            End::Lost(status, reason) => {
                (member.report.status, member.report.reason) = (status, reason);
                self.lost(member.report, member.origin, false, members, again).await
            }
        }
    }

    /// A try has lost its browser: it is closed, whoever else was ready in it tries again by itself, and so does this
    /// one if it has a try left.
    async fn lost(
        &mut self,
        report: JobReport,
        one: Attempt<'run>,
        hopeless: bool,
        members: &mut Vec<ActiveJob<'run>>,
        again: &mut Vec<Attempt<'run>>,
    ) -> io::Result<()> {
        let browser = one.job.axes.browser.as_str();
        if let Some(seat) = self.browsers.seats.get_mut(browser) {
            // Whatever is left of the session can't be trusted.
            seat.executor.close().await;
        }
        let others = members.extract_if(.., |member| member.origin.job.axes.browser == browser);
        again.extend(others.map(|member| member.origin));
        if hopeless || one.used >= self.manifest.measure.retries {
            return self.finish(report);
        }
        (self.tell)(RunEvent::Retrying { job: one.job, reason: report.reason })?;
        again.push(Attempt { used: one.used + 1, ..one });
        Ok(())
    }

    async fn release(&mut self, member: &ActiveJob<'run>) {
        if let Some(seat) = self.browsers.seats.get_mut(member.origin.job.axes.browser.as_str()) {
            seat.executor.release(member.number).await;
        }
    }

    fn finish(&mut self, report: JobReport) -> io::Result<()> {
        self.outcome.count(report.status);
        (self.tell)(RunEvent::JobFinished(Box::new(report)))
    }
}

/// The members' positions in the plan in the order of a round, which is the same in every run: the values of each axis
/// shuffled, and jobs sorted by them, the plan's first axis first. So jobs that differ in the last axis are neighbours in
/// time. What disturbs a machine comes and goes: on a shared processor, samples 12 ms apart differed by 9 %, samples a
/// second apart by 30 %.
fn shuffled(manifest: &Manifest, members: &[ActiveJob<'_>], round: u32) -> Vec<usize> {
    let mut random = StdRng::seed_from_u64(u64::from(round));
    let mut order: Vec<(Vec<usize>, usize)> = members.iter().map(|member| (Vec::new(), member.origin.index)).collect();
    for axis in &manifest.axes {
        let values: Vec<_> = members.iter().map(|member| select::value(member.origin.job, &axis.name)).collect();
        let mut distinct: Vec<_> = values.iter().collect::<IndexSet<_>>().into_iter().collect();
        distinct.shuffle(&mut random);
        for ((ranks, _), value) in order.iter_mut().zip(&values) {
            ranks.push(distinct.iter().position(|other| *other == value).unwrap_or(0));
        }
    }
    // Jobs that no axis tells apart, included outside the product, are shuffled as they are.
    for (ranks, _) in &mut order {
        ranks.push(random.random_range(0..usize::MAX));
    }
    order.sort();
    order.into_iter().map(|(_, index)| index).collect()
}

/// Gives all members the largest of their numbers of inferences, unless that would make the slowest one's samples too
/// long; then each keeps its own, and the answer is true.
fn settle_iterations(members: &mut [ActiveJob<'_>]) -> bool {
    let Some(most) = members.iter().map(|member| member.iterations).max() else { return false };
    let slowest = members.iter().map(|member| member.inference).max().unwrap_or_default();
    if slowest.saturating_mul(most) > LONGEST_SAMPLE {
        return members.iter().any(|member| member.iterations != most);
    }
    for member in members {
        member.iterations = most;
    }
    false
}

/// How many more samples every member takes: as many as the one that needs most, and as its time allows it.
fn further(measure: &Measure, members: &[ActiveJob<'_>]) -> u32 {
    let wanted = members.iter().map(|member| sampling::more(&measure.samples, &member.measurement.deciding_ms())).max();
    let affordable = members.iter().map(|member| member.affordable(measure)).min();
    wanted.unwrap_or(0).min(affordable.unwrap_or(0))
}
